"""Keys and content digests: hashes of canonical JSON, the same on every machine and in every run."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

KEY_HEX_DIGITS = 32
_READ_BYTES = 1 << 20
_ENCODER = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def canonical_json(value: Any) -> str:
    """`value` as JSON with sorted keys, no spaces and no NaN: equal values give equal text.

    Raises:
        TypeError: `value` holds something JSON has no stable form for (a set, an object, bytes).
    """
    return _ENCODER.encode(value)


def sha256_hex(data: bytes) -> str:
    """sha256 of `data`, 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def key_of(preimage: Mapping[str, Any]) -> str:
    """The first 128 bits of sha256 over canonical JSON: an artifact's key."""
    return sha256_hex(canonical_json(preimage).encode())[:KEY_HEX_DIGITS]


def file_sha256(path: Path) -> str:
    """sha256 of a file's bytes, read in pieces of 1 MiB."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_READ_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def rows_digest(rows: Iterable[Mapping[str, Any]]) -> str:
    """sha256 over the sorted hashes of rows: the order and the shards they lie in do not matter.

    Args:
        rows: Values that JSON can hold; bytes are taken as hexadecimal digits, times in ISO 8601.
    """
    return digest_of_rows(b"".join(sorted(row_digest(row) for row in rows)))


def row_digest(row: Mapping[str, Any]) -> bytes:
    """sha256 of one row, 32 bytes; see `rows_digest`."""
    return hashlib.sha256(canonical_json({name: _json_safe(value) for name, value in row.items()}).encode()).digest()


def digest_of_rows(row_digests: bytes) -> str:
    """What `rows_digest` says of rows whose digests are given, ascending, one after the other."""
    return hashlib.sha256(row_digests).hexdigest()


def _json_safe(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    return value.isoformat() if isinstance(value, datetime) else value


def doc_id_of(source_kind: str, catalogue_id: str) -> bytes:
    """The 16-byte identity of a document: stable when its text is edited.

    Args:
        source_kind: web, book, news, code or dataset.
        catalogue_id: The canonical URL, or the id in the source's own catalogue.
    """
    return hashlib.sha256(canonical_json([source_kind, catalogue_id]).encode()).digest()[:16]
