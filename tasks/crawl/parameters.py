"""Arguments of addresses that say who came from where, and nothing of the page."""

import re
from collections.abc import Callable, Iterable


def parameter_dropper(names: Iterable[str]) -> Callable[[str], str]:
    """A function that leaves arguments of these names out of an address and changes nothing else of it.

    Args:
        names: In any case; a `*` at the end stands for any rest.
    """
    patterns = [re.escape(name.removesuffix("*")) + (".*" if name.endswith("*") else "") for name in names]
    is_dropped = re.compile("|".join(patterns) or r"(?!)", re.IGNORECASE | re.DOTALL).fullmatch

    def drop(url: str) -> str:
        if "?" not in url:
            return url
        address, hash_sign, fragment = url.partition("#")
        path, mark, query = address.partition("?")
        arguments = query.split("&")
        kept = [argument for argument in arguments if not is_dropped(argument.partition("=")[0])]
        if len(kept) == len(arguments):
            return url
        return path + (mark + "&".join(kept) if kept else "") + hash_sign + fragment

    return drop
