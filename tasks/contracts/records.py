"""Arrow schemas of the tables that stages hand on. `doc_id` is always 16 bytes."""

import pyarrow as pa

DOC_ID_BYTES = 16

_TIMESTAMP = pa.timestamp("us", tz="UTC")

RAW_SCHEMA = pa.schema(
    [
        pa.field("doc_id", pa.binary(DOC_ID_BYTES), nullable=False),
        pa.field("url", pa.string(), nullable=False),
        pa.field("final_url", pa.string(), nullable=False),
        pa.field("source_kind", pa.string(), nullable=False),  # web, book, news, code, dataset
        pa.field("source_name", pa.string(), nullable=False),
        pa.field("fetched_at", _TIMESTAMP, nullable=False),
        pa.field("http_status", pa.int16()),  # null where nothing was fetched over HTTP
        pa.field("content_type", pa.string()),
        pa.field("body", pa.binary(), nullable=False),
        pa.field("body_sha256", pa.string(), nullable=False),
        pa.field("is_truncated", pa.bool_(), nullable=False),
        pa.field("etag", pa.string()),
        pa.field("last_modified", pa.string()),
        pa.field("licence", pa.string(), nullable=False),  # of the text; `unknown` where unknown
    ]
)

RAW_DIGEST_COLUMNS = (
    "doc_id",
    "url",
    "final_url",
    "source_kind",
    "source_name",
    "content_type",
    "body_sha256",
    "is_truncated",
    "licence",
)
"""What a raw row says; fetched_at, validators and the status code do not change the text."""

DOCUMENT_SCHEMA = pa.schema(
    [
        pa.field("doc_id", pa.binary(DOC_ID_BYTES), nullable=False),
        pa.field("text", pa.string(), nullable=False),  # NFC
        pa.field("text_digest", pa.string(), nullable=False),  # sha256 of the UTF-8 text
        pa.field("title", pa.string()),
        pa.field("url", pa.string(), nullable=False),
        pa.field("source_kind", pa.string(), nullable=False),
        pa.field("source_name", pa.string(), nullable=False),
        pa.field("lang", pa.string(), nullable=False),  # BCP 47; `und` where undetermined
        pa.field("lang_score", pa.float32(), nullable=False),  # 0 to 1
        pa.field("published_at", _TIMESTAMP),
        pa.field("licence", pa.string(), nullable=False),
        pa.field("num_chars", pa.int32(), nullable=False),
        pa.field("num_words", pa.int32(), nullable=False),
    ]
)
"""`documents/`; `extracted/` adds one float64 column a quality metric, the dropped sibling adds `drop_reason`."""

CONVERSATION_SCHEMA = pa.schema(
    [
        pa.field("conversation_id", pa.binary(DOC_ID_BYTES), nullable=False),
        pa.field("source_name", pa.string(), nullable=False),
        pa.field("lang", pa.string(), nullable=False),
        pa.field("licence", pa.string(), nullable=False),
        pa.field(
            "messages",
            pa.list_(pa.struct([pa.field("role", pa.string()), pa.field("content", pa.string())])),
            nullable=False,
        ),
    ]
)
