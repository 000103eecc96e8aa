"""From a body's bytes to text, whatever its labels claim.

Labels lie often: pages are stored in another encoding than the one that their head names. UTF-8 cannot be met by
accident, so a body that is UTF-8 is read as such; else the order of the standard: byte order mark, HTTP header, `meta`,
and last what the bytes look like. Source: https://encoding.spec.whatwg.org and HTML, section 13.2.3.2.
"""

import re
from collections.abc import Iterable

from resiliparse.parse.encoding import detect_encoding

from tasks.clean.unusable import UnusableDocumentError
from tasks.text.encoding import BYTE_ORDER_MARKS, codec_of

_META_CHARSET = re.compile(rb"<meta[^>]{0,500}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.+-]{2,40})", re.IGNORECASE)
_META_WITHIN_BYTES = 4_096
_HEADER_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.+-]{2,40})", re.IGNORECASE)
_UNDECODABLE = "\ufffd"
_CONTROLS = bytes([*range(0x09), *range(0x0E, 0x20), 0x7F])
"""All but tab, line ends and form feed."""
_NON_ASCII = re.compile("[^\x00-\x7f]")
_UTF16 = frozenset({"utf-16-le", "utf-16-be"})
_NOT_TO_BE_TAKEN_FOR_UTF8 = _UTF16 | {"iso2022_jp"}  # their bytes are all ASCII
_PADDING_SHARE = 0.25
"""Most NUL bytes of a body that is not UTF-16, whose Latin letters bring one NUL each."""
_UTF8_BROKEN_SHARE = 0.1
"""Most broken sequences among the non-ASCII characters of a body that still passes for damaged UTF-8."""


def decode_body(body: bytes, content_type: str | None, max_undecodable_share: float) -> str:
    """The text of a body.

    Args:
        body: As it came from the source.
        content_type: The header's value, with its charset where it names one.
        max_undecodable_share: Of all characters, 0 to 1.

    Raises:
        UnusableDocumentError: `undecodable`: no encoding turns the body into text.
    """
    for mark, codec in BYTE_ORDER_MARKS:
        if body.startswith(mark):
            return _checked(body[len(mark) :].decode(codec, "replace"), codec, max_undecodable_share)
    header = _HEADER_CHARSET.search(content_type or "")
    meta = _META_CHARSET.search(body[:_META_WITHIN_BYTES])
    header_codec = codec_of(header.group(1)) if header else None
    if header_codec in _UTF16 and 0 not in body:
        header_codec = None  # spaces alone would bring NULs
    if header_codec not in _UTF16 and body.count(0) <= _PADDING_SHARE * len(body):
        body = body.replace(b"\0", b"")  # padding between blocks of a page; browsers skip it, too
    if _is_utf8(body) and header_codec not in _NOT_TO_BE_TAKEN_FOR_UTF8:
        return _checked(body.decode("utf-8", "replace"), "utf-8", max_undecodable_share)
    meta_codec = codec_of(meta.group(1).decode("ascii")) if meta else None
    if meta_codec in _UTF16:
        meta_codec = None  # a `meta` that can be read as ASCII is not UTF-16
    candidates = [codec for codec in (header_codec, meta_codec, codec_of(detect_encoding(body))) if codec]
    text, codec = _best_decoding(body, candidates or ["utf-8"])
    return _checked(text, codec, max_undecodable_share)


def _is_utf8(body: bytes) -> bool:
    text = body.decode("utf-8", "replace")
    num_broken = text.count("\ufffd")
    return num_broken == 0 or num_broken <= _UTF8_BROKEN_SHARE * len(_NON_ASCII.findall(text))


def _best_decoding(body: bytes, codecs_in_order: Iterable[str]) -> tuple[str, str]:
    """The first decoding with the fewest bad characters."""
    decoded = [(body.decode(codec, "replace"), codec) for codec in dict.fromkeys(codecs_in_order)]
    return min(decoded, key=lambda item: _num_bad(item[0]))


def _checked(text: str, codec: str, max_undecodable_share: float) -> str:
    num_bad = _num_bad(text)
    if num_bad > max_undecodable_share * len(text):
        raise UnusableDocumentError(
            "undecodable", f"{num_bad} of {len(text)} characters are undecodable or controls, read as {codec}"
        )
    return text


def _num_bad(text: str) -> int:
    """Characters that are undecodable or controls."""
    data = text.encode("utf-8", "surrogatepass")
    return text.count(_UNDECODABLE) + len(data) - len(data.translate(None, _CONTROLS))
