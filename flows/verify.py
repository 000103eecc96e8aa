"""Every stored file against its manifest."""

from rich.console import Console

from tasks.contracts.errors import CorruptArtifactError, SchemaVersionError
from tasks.storage.store import Store


def verify_store(root: str) -> int:
    """Prints each damaged artifact with its cure.

    Returns:
        0 when all is well, 1 when something is damaged.
    """
    store, console = Store(root), Console()
    num_files = num_damaged = 0
    for kind, name, key in store.all_keys():
        try:
            manifest = store.find(kind, name, key)
            num_files += len(store.files(manifest.ref)) if manifest else 0
        except (CorruptArtifactError, SchemaVersionError) as error:
            num_damaged += 1
            console.print(f"[red]{kind}/{name}[/red]: {error}", soft_wrap=True)
    console.print(f"{num_files} files verified in {root}, {num_damaged} artifacts damaged")
    return 1 if num_damaged else 0
