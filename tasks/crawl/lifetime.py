"""A child process that never outlives its parent."""

import os
import sys
import threading

ORPHANED_EXIT_CODE = 3


def end_with_parent() -> None:
    """Ends this process at once when its standard input closes, as it does whenever the parent ends, killed or not.

    The parent keeps the other end of that pipe open and writes nothing to it. Unlike Linux's parent-death signal this
    does not fire when merely the thread that started the child ends, and it works on any system.
    """
    threading.Thread(target=_wait_for_end, name="parent-watch", daemon=True).start()


def _wait_for_end() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    os._exit(ORPHANED_EXIT_CODE)
