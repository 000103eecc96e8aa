"""Becomes another program that is told to end when this one's parent dies: `python -m tasks.processes.guard PID CMD…`.

The request survives exec. Asking for it between fork and exec (preexec_fn) can deadlock in a parent with threads.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def end_with_parent(number: signal.Signals) -> None:
    """Makes the kernel send this process that signal when its parent dies; on Linux, elsewhere nothing happens."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)


def main() -> None:
    """Asks for SIGTERM at the parent's death, then replaces this program by the given one."""
    parent, *command = sys.argv[1:]
    end_with_parent(signal.SIGTERM)
    if os.getppid() != int(parent):
        sys.exit(f"the parent {parent} was gone before its child began")
    os.execv(command[0], command)  # noqa: S606 - the command is the launcher's own


if __name__ == "__main__":
    main()
