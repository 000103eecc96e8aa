"""A row of token shards: items one after the other, a new file once one is full."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tasks.storage.token_shards import TokenDtype, TokenizedItem, write_token_shard


@dataclass(frozen=True)
class ShardForm:
    """What all shards of a series have in common."""

    token_dtype: TokenDtype
    is_dialogue: bool
    tokens_per_shard: int
    metadata: Mapping[str, str]


class TokenSeries:
    """Writes `<stem>-00000.arrow`, … and always at least one file, be it empty; call `close` at the end."""

    def __init__(self, folder: Path, stem: str, form: ShardForm) -> None:
        """Starts a series.

        Args:
            folder: The artifact's folder.
            stem: May hold `/`: `book/train`.
            form: See there.
        """
        self.num_rows: dict[str, int] = {}
        """Items by relative file name."""
        self.num_items = 0
        self.num_tokens = 0
        self._folder, self._stem, self._form = folder, stem, form
        self._held: list[TokenizedItem] = []
        self._num_held_tokens = 0

    def add(self, items: Iterable[TokenizedItem]) -> None:
        """Appends items; a full shard is written at once."""
        for item in items:
            self._held.append(item)
            self._num_held_tokens += len(item.ids)
            if self._num_held_tokens >= self._form.tokens_per_shard:
                self._write()

    def close(self) -> None:
        """Writes what is left."""
        if self._held or not self.num_rows:
            self._write()

    def _write(self) -> None:
        name = f"{self._stem}-{len(self.num_rows):05d}.arrow"
        form = self._form
        self.num_tokens += write_token_shard(
            self._folder / name,
            self._held,
            token_dtype=form.token_dtype,
            is_dialogue=form.is_dialogue,
            metadata=form.metadata,
        )
        self.num_rows[name] = len(self._held)
        self.num_items += len(self._held)
        self._held, self._num_held_tokens = [], 0
