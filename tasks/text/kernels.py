"""Compiled functions whose machine code is kept, and thrown away when anything that went into it changes.

numba keeps code beside the file of a function and looks at that file alone for its age. But what the function calls in
other files, and every constant of its module, is compiled into it: after a change there it would silently go on with
what was.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit

Compiled = TypeVar("Compiled", bound=Callable[..., Any])


def kernel(function: Compiled) -> Compiled:
    """`function` compiled when it is first called, or taken from the disk; it runs without the interpreter's lock."""
    dispatcher = njit(nogil=True, cache=True)(function)
    file = dispatcher._cache._cache_file  # numba has no public name for what it compares
    file._source_stamp = (file._source_stamp, _digest(function))
    return cast(Compiled, dispatcher)


def inner(function: Compiled) -> Compiled:
    """`function` compiled into the kernels that call it."""
    return cast(Compiled, njit(nogil=True)(function))


def _digest(function: Callable[..., Any]) -> str:
    """Of a function's code, the values of the globals that it names, and all functions that it calls."""
    code = function.__code__
    parts = [code.co_code, repr(code.co_consts).encode()]
    for name in code.co_names:
        value = function.__globals__.get(name)
        if (called := getattr(value, "py_func", None)) is not None:
            parts.append(_digest(called).encode())
        elif isinstance(value, np.ndarray):
            parts.append(value.dtype.str.encode() + value.tobytes())
        else:
            parts.append(repr(value).encode() if isinstance(value, int | float | np.generic) else b"")
    return sha256(b"\0".join(parts)).hexdigest()
