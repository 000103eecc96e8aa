"""Where the command `chatmill` begins: it makes sure that the packages behind it are its own.

`tasks`, `flows` and `deployments` are names that others use too, and Python takes whichever stands first on its path.
"""

import importlib.util
import sys
from pathlib import Path

PACKAGES = ("pipeline_config", "tasks", "flows", "deployments")
_EXIT_REFUSED = 2


def name_clash() -> str | None:
    """What stands in the place of one of our packages, and the cure; None where all are ours. Imports none of them."""
    home = Path(__file__).resolve().parent
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        found = None if spec is None else spec.origin or next(iter(spec.submodule_search_locations or ()), None)
        if found is None or Path(found).resolve() != home / name / "__init__.py":
            return (
                f"found the package {name!r} at {found or 'no place'}, expected chatmill's in {home}; take the other "
                "one off PYTHONPATH, or install chatmill into a virtual environment of its own"
            )
    return None


def main() -> None:
    """Runs the command line, or refuses with exit code 2 where another's package would answer for one of ours."""
    clash = name_clash()
    if clash is not None:
        sys.stderr.write(f"chatmill: {clash}\n")
        sys.exit(_EXIT_REFUSED)
    from flows.cli import main as run

    run()


if __name__ == "__main__":
    main()
