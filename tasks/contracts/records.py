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
        pa.field("title", pa.string()),  # where the source knows it: a feed, a catalogue
        pa.field("author", pa.string()),  # likewise; names in one line, never an address
        pa.field("published_at", _TIMESTAMP),  # likewise
    ]
)
"""One part of a source: what is new or has changed since the part before (`records-*`)."""

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
    "title",
    "author",
    "published_at",
)
"""What a raw row says; fetched_at, validators and the status code do not change the text."""

LISTING_SCHEMA = pa.schema(
    [
        pa.field("url", pa.string(), nullable=False),  # as it was asked for
        pa.field("doc_id", pa.binary(DOC_ID_BYTES), nullable=False),
        pa.field("final_url", pa.string(), nullable=False),
        pa.field("body_sha256", pa.string(), nullable=False),
        pa.field("etag", pa.string()),
        pa.field("last_modified", pa.string()),
    ]
)
"""All that a source holds at one time, part by part (`listing-*`): what the next crawl need not fetch again."""

GONE_SCHEMA = pa.schema(
    [
        pa.field("doc_id", pa.binary(DOC_ID_BYTES), nullable=False),
        pa.field("url", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
    ]
)
"""Documents of earlier parts that the source no longer holds (`gone-*`)."""

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
        pa.field("author", pa.string()),
        pa.field("published_at", _TIMESTAMP),
        pa.field("licence", pa.string(), nullable=False),
        pa.field("num_chars", pa.int32(), nullable=False),
        pa.field("num_words", pa.int32(), nullable=False),
    ]
)
"""`extracted/` adds one float64 column a quality metric, and the MinHash signature."""

CORPUS_SCHEMA = DOCUMENT_SCHEMA.append(pa.field("cluster_id", pa.binary(DOC_ID_BYTES), nullable=False))
"""`documents/`: the split is by `cluster_id`, which all near-duplicates of a text share, today's and earlier ones."""

DROPPED_SCHEMA = pa.schema(
    [
        *CORPUS_SCHEMA,
        pa.field("drop_reason", pa.string(), nullable=False),
        pa.field("drop_metric", pa.string()),  # the metric that decided, where a rule did
        pa.field("drop_value", pa.float64()),
        pa.field("drop_limit", pa.float64()),
        pa.field("duplicate_of", pa.binary(DOC_ID_BYTES)),  # the kept document, where a duplicate was dropped
    ]
)
"""Its sibling: what a part brought and the corpus did not take."""

TOMBSTONE_SCHEMA = pa.schema(
    [
        pa.field("doc_id", pa.binary(DOC_ID_BYTES), nullable=False),
        pa.field("text_digest", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),  # superseded, gone, taken_down, duplicate
    ]
)
"""Rows of earlier parts that the corpus no longer has."""

CLUSTER_SCHEMA = pa.schema(
    [
        pa.field("cluster_id", pa.binary(DOC_ID_BYTES), nullable=False),
        pa.field("doc_id", pa.binary(DOC_ID_BYTES), nullable=False),
        pa.field("url", pa.string(), nullable=False),
        pa.field("similarity", pa.float64(), nullable=False),  # to the representative, estimated; 1 for itself
        pa.field("is_representative", pa.bool_(), nullable=False),
    ]
)
"""Clusters of more than one document, all of the corpus's."""

LEAK_SCHEMA = pa.schema(
    [
        pa.field("doc_id", pa.binary(DOC_ID_BYTES), nullable=False),
        pa.field("text_digest", pa.string(), nullable=False),
        pa.field("url", pa.string(), nullable=False),
        pa.field("source_name", pa.string(), nullable=False),
        pa.field("evaluation_set", pa.string(), nullable=False),
        pa.field("item", pa.string(), nullable=False),
        pa.field("num_runs", pa.int32(), nullable=False),  # runs of words that both have
        pa.field("excerpt", pa.string(), nullable=False),  # the first of them as it stands in the document
    ]
)
"""What evaluation items a document holds: a row for each document and item (`leaks-*` of `documents/training`)."""

RECORDS, LISTING, GONE, FAILURES = "records", "listing", "gone", "failures"
"""Names of the files of `raw/`, before the shard's number."""
ROWS, QUARANTINE = "rows", "quarantine"
"""Names of the files of `extracted/`, which hands on `gone` too."""
KEPT, DROPPED, TOMBSTONES, CLUSTERS, LEAKS = "kept", "dropped", "tombstones", "clusters", "leaks"
"""Names of the files of `documents/`."""

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
