"""Whether the process that was last at some work died on the way, without a word: killed, out of memory, crashed."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tasks.contracts.errors import BusyError
from tasks.storage.store import Attempt
from tasks.storage.unfinished import unfinished_work

_MARK = "began"


@contextmanager
def ended_suddenly(attempt: Attempt, kind: str, name: str) -> Iterator[bool]:
    """True where the last try at the same key ended so; that of this block is known to the next one.

    An error, also Ctrl-C, is no sudden end. Of two processes at the same work at once the second learns nothing.

    Args:
        attempt: The try.
        kind: Of the artifact that is made.
        name: Likewise.
    """
    with ExitStack() as held:
        try:
            folder = held.enter_context(unfinished_work(attempt.store, kind, name, attempt.key))
        except BusyError:
            folder = attempt.folder
        mark = folder / _MARK
        has_ended = mark.exists()
        mark.touch()
        held.callback(mark.unlink, missing_ok=True)
        yield has_ended
