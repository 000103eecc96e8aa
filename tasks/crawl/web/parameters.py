"""Arguments of addresses, behind `?` or `;`, that say who came from where, and nothing of the page."""

import re
from collections.abc import Callable, Iterable

_PATH_PARAMETER = re.compile(r";([^;=/]*)(?:=[^;/]*)?")
"""Source: RFC 3986, section 3.3; Java's and PHP's servers keep a session's id there where a browser takes no cookie."""


def parameter_dropper(names: Iterable[str]) -> Callable[[str], str]:
    """A function that leaves arguments of these names out of an address and changes nothing else of it.

    Args:
        names: In any case; a `*` at the end stands for any rest.
    """
    patterns = [re.escape(name.removesuffix("*")) + (".*" if name.endswith("*") else "") for name in names]
    is_dropped = re.compile("|".join(patterns) or r"(?!)", re.IGNORECASE | re.DOTALL).fullmatch

    def drop(url: str) -> str:
        if "?" not in url and ";" not in url:
            return url
        address, hash_sign, fragment = url.partition("#")
        path, mark, query = address.partition("?")
        plain = _PATH_PARAMETER.sub(lambda found: "" if is_dropped(found[1]) else found[0], path)
        arguments = query.split("&") if mark else []
        kept = [argument for argument in arguments if not is_dropped(argument.partition("=")[0])]
        if len(kept) == len(arguments) and plain == path:
            return url
        return plain + (mark + "&".join(kept) if kept else "") + hash_sign + fragment

    return drop
