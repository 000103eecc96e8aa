"""The second pass of extraction: texts become documents with language, metrics and signature, a batch at a time."""

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline_config.clean import ExtractConfig
from tasks.clean.engine.measure import measure_texts
from tasks.clean.metrics import METRIC_NAMES
from tasks.clean.recurring_lines import without_recurring_lines
from tasks.contracts.records import DOCUMENT_SCHEMA
from tasks.storage.fingerprint import row_digest, sha256_hex
from tasks.text.language import NO_LANGUAGE, detect_language
from tasks.text.minhash import minhash_texts, signature_column
from tasks.text.redact import redact

EXTRACTED_SCHEMA = pa.schema(
    [
        *DOCUMENT_SCHEMA,
        *(pa.field(name, pa.float64(), nullable=False) for name in METRIC_NAMES),
        pa.field("minhash", pa.binary(), nullable=False),
    ]
)


class Finished(NamedTuple):
    """Documents of one batch."""

    rows: pa.Table
    """EXTRACTED_SCHEMA."""
    row_digests: list[bytes]
    """Of each row but for its text, whose own digest is one of the columns."""
    redacted: Counter[str]
    """How many of each kind of personal data gave way to placeholders."""


def finish_documents(read: pa.RecordBatch, config: ExtractConfig, recurring: Path | None) -> Finished:
    """The documents of a batch, each by itself: what other texts are in the batch changes nothing.

    Args:
        read: READ_SCHEMA.
        config: What is taken out of texts, how languages are told, words counted and signatures made.
        recurring: Holds the keys of the lines that recur on their hosts; None: such lines stay.
    """
    texts, redacted = _without_unwanted(read, config, recurring)
    column = pa.array(texts, pa.string())
    measured = measure_texts(column, config)
    languages = [
        NO_LANGUAGE if kind == "code" else detect_language(text, config.language_chars)
        for text, kind in zip(texts, read["source_kind"].to_pylist(), strict=True)
    ]
    columns = {name: read[name] for name in read.schema.names} | measured
    columns |= {
        "text": column,
        "text_digest": pa.array([sha256_hex(text.encode()) for text in texts], pa.string()),
        "lang": pa.array([lang for lang, _ in languages], pa.string()),
        "lang_score": pa.array([score for _, score in languages], pa.float32()),
        "num_chars": measured["num_chars"].astype(np.int32),
        "num_words": measured["num_words"].astype(np.int32),
        "minhash": signature_column(minhash_texts(column, config.word_rule, config.minhash)),
    }
    rows = pa.table([columns[name] for name in EXTRACTED_SCHEMA.names], schema=EXTRACTED_SCHEMA)
    return Finished(rows, [row_digest(row) for row in rows.drop_columns(["text"]).to_pylist()], redacted)


def _without_unwanted(
    read: pa.RecordBatch, config: ExtractConfig, recurring: Path | None
) -> tuple[Sequence[str], Counter[str]]:
    """The texts without their sites' lines and without personal data, and how much there was of that."""
    texts: list[str] = read["text"].to_pylist()
    if recurring is not None:
        texts = without_recurring_lines(
            texts, read["host"].to_pylist(), read["code_lines"].to_pylist(), _keys(recurring)
        )
    redacted = Counter[str]()
    if config.redact is not None:
        answers = [redact(text, config.redact) for text in texts]
        texts = [text for text, _ in answers]
        redacted = sum((counted for _, counted in answers), redacted)
    return texts, redacted


@lru_cache(maxsize=1)
def _keys(path: Path) -> NDArray[np.uint64]:
    keys: NDArray[np.uint64] = np.load(path, mmap_mode="r")
    return keys
