"""Which lines may belong to a site instead of a page, one line at a time."""

import re

_MAX_CHARS = 300
_CODE = re.compile(
    r"[{};=\\]|[\w\])]\(|^(?:#|//|\$ |>>>|@)|^(?:import|from|return|def|class|else|elif|try|end|fi|done)\b"
)


def may_recur(line: str) -> bool:
    """Whether a line has a letter, is not too long, and does not look like code."""
    return len(line) <= _MAX_CHARS and any(map(str.isalpha, line)) and _CODE.search(line) is None
