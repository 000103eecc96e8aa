"""What a corpus does not say of itself: its form, its name and its language."""

import json
import re
import tempfile
import unicodedata
from collections.abc import Sequence
from itertools import chain, islice
from pathlib import Path
from typing import get_args

from pipeline_config.dialogue import DialogueFormat
from tasks.contracts.errors import BadInputError
from tasks.dialogue.entries import Lines
from tasks.dialogue.question_answer import columns_of
from tasks.dialogue.readers import READERS, SUFFIXES
from tasks.storage.fingerprint import sha256_hex
from tasks.text.encoding import detect_text_encoding
from tasks.text.language import UNDETERMINED, detect_language

FORMATS: tuple[DialogueFormat, ...] = get_args(DialogueFormat)
_HEAD_BYTES = 1 << 16
_MAX_NAME_CHARS = 48
_DIGEST_CHARS = 8
_SAMPLE_CONVERSATIONS = 500
_SAMPLE_CHARS = 20_000
_MIN_SCORE = 0.65
"""As documents need. Source: FineWeb, Penedo et al. 2024, arXiv:2406.17557, section 3.3."""


def guess_format(path: Path) -> DialogueFormat:
    """The form that a corpus's name and beginning agree on.

    Args:
        path: A file, or a folder of files of one form.

    Raises:
        BadInputError: They do not say, or contradict each other.
    """
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.suffix.lower() in _BY_SUFFIX)
    if not files:
        raise _unclear(path, "no file whose name ends in " + ", ".join(_BY_SUFFIX))
    suffixes = sorted({file.suffix.lower() for file in files})
    if len({_BY_SUFFIX.get(suffix) for suffix in suffixes}) > 1:
        raise _unclear(path, f"files that end in {' and '.join(suffixes)}")
    return _format_of_file(files[0])


def name_from(path: Path) -> str:
    """A legal name made of a file's: `Café Talks (2).csv` gives `cafe-talks-2`.

    Letters without a Latin form are lost, so a digest of the whole name follows then: `客服.csv` has another name than
    `订单.csv`, and the same one each time.
    """
    stem = unicodedata.normalize("NFC", path.name if path.is_dir() else path.stem)
    plain = unicodedata.normalize("NFKD", stem).casefold()
    base = re.sub(r"[^a-z0-9_]+", "-", plain.encode("ascii", "ignore").decode()).strip("-_")[:_MAX_NAME_CHARS]
    is_whole = all(char.isascii() or unicodedata.combining(char) or not char.isalnum() for char in plain)
    return base if is_whole and base else f"{base or 'corpus'}-{sha256_hex(stem.encode())[:_DIGEST_CHARS]}"


def guess_language(files: Sequence[Path], format_: DialogueFormat) -> str:
    """BCP 47 tag of the language that the first conversations are in; `und` where that is not clear.

    Raises:
        BadInputError: The files cannot be read in that form.
    """
    with tempfile.TemporaryDirectory() as scratch:
        entries = chain.from_iterable(READERS[format_](file, Path(scratch)) for file in files)
        first = list(islice(entries, _SAMPLE_CONVERSATIONS))
    said = (text for entry in first if isinstance(entry, Lines) for _, text in entry.lines)
    text = "\n".join(said).encode(errors="ignore").decode()  # half a surrogate pair has no UTF-8 form
    lang, score = detect_language(unicodedata.normalize("NFC", text), _SAMPLE_CHARS)
    return lang if score >= _MIN_SCORE else UNDETERMINED[0]


_BY_SUFFIX = {suffix: format_ for format_, suffixes in SUFFIXES.items() for suffix in suffixes}


def _format_of_file(path: Path) -> DialogueFormat:
    suffix, line = path.suffix.lower(), _first_line(path)
    by_name = _BY_SUFFIX.get(suffix)
    by_text = _format_of_line(line)
    if by_name == "chitchat" and by_text == "jsonl":
        return "jsonl"  # both are JSON, and both are named .json
    if by_name == "chitchat" and not line.startswith("{"):
        raise _unclear(path, f"JSON that begins with {line[:20]!r}")
    if by_name in (None, "gpt2-chitchat") and by_text is not None:
        if by_name is not None:
            raise _unclear(path, f"the ending {suffix} of {by_name}, and a first line as of {by_text}")
        return by_text
    if by_name is None:
        raise _unclear(path, f"the ending {suffix!r} and the first line {line[:60]!r}")
    return by_name


def _format_of_line(line: str) -> DialogueFormat | None:
    """The form that a file's first line gives away."""
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None if isinstance(columns_of(line), str) else "csv"
    return "jsonl" if isinstance(entry, dict) and isinstance(entry.get("messages"), list) else None


def _first_line(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    codec = "utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else _codec_of_head(head)
    return next((line.strip() for line in head.decode(codec, errors="replace").splitlines() if line.strip()), "")


def _codec_of_head(head: bytes) -> str:
    (line, *_) = head.splitlines() or [b""]
    found = detect_text_encoding(line)
    return "utf-8-sig" if found in (None, "utf-8") else str(found)


def _unclear(path: Path, found: str) -> BadInputError:
    return BadInputError(
        f"{path}: found {found}, expected a corpus whose form can be told from its name and beginning; say which it is "
        f"({', '.join(FORMATS)}) with --format, or with `format: …` in a file {path.name}.yaml beside it in an inbox"
    )
