"""Whether a body is one that was asked for, whatever its server says of it."""

from collections.abc import Container

_HEAD_BYTES = 1445
"""Looked at. Source: WHATWG MIME Sniffing Standard, section 5.2, «resource header»."""
_BINARY = bytes([*range(9), 0x0B, *range(0x0E, 0x1B), *range(0x1C, 0x20)])
"""Source: ibid., section 3, «binary data byte»."""
_MAX_BINARY_FRAC = 0.02
"""Here we differ: there one such byte is enough, and pages that people wrote have some."""
_MAGIC = (b"%PDF-", b"%!PS-Adobe-", b"GIF8", b"\x89PNG", b"\xff\xd8\xff", b"PK\x03\x04", b"\x1f\x8b\x08", b"Rar!")
"""How formats begin whose heads may be all text. Source: ibid., sections 6 and 7.1."""
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")
_WIDE = ("utf-16", "utf-32")
"""Of their bytes half and more are zero."""


def reason_to_refuse(
    body: bytes, media_type: str, encoding: str, content_types: Container[str]
) -> tuple[str, str] | None:
    """Why a body is not kept, with what a person would like to know beside it; None where it is kept.

    Args:
        body: As it was fetched, uncompressed.
        media_type: As its server says, in lower case without parameters.
        encoding: That of the text, as it was declared or found.
        content_types: Media types that are kept.
    """
    if media_type not in content_types:
        return "content_type", media_type or "none given"
    if not body:
        return "empty_body", "0 bytes"
    if body.startswith(_MAGIC):
        return "binary_body", f"found a body that begins with {body[:8]!r}, expected the text that {media_type} is"
    head = body[:_HEAD_BYTES]
    num_binary = len(head) - len(head.translate(None, _BINARY))
    is_wide = head.startswith(_WIDE_MARKS) or encoding.lower().startswith(_WIDE)
    if not is_wide and num_binary > _MAX_BINARY_FRAC * len(head):
        return "binary_body", f"found {num_binary} control characters in {len(head)} bytes, expected {media_type}"
    return None
