"""Every kind of artifact that a run's page reads, small and with texts that mean harm."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.evaluation import COMPARISON_FILE, REPORT_FILE, Comparison, EvalReport, Metric
from tasks.contracts.records import (
    CLUSTER_SCHEMA,
    CORPUS_SCHEMA,
    DROPPED_SCHEMA,
    GONE_SCHEMA,
    LISTING_SCHEMA,
    RAW_SCHEMA,
    TOMBSTONE_SCHEMA,
)
from tasks.contracts.takedown import Takedown
from tasks.storage.corpus import PREVIOUS
from tasks.storage.fingerprint import doc_id_of, sha256_hex
from tasks.storage.parquet_shards import write_shards
from tasks.storage.stage import StageCall, settle
from tasks.storage.store import Attempt, Built, Store

HOSTILE = '</style></script><script>alert("1")</script><img src="https://evil.example/x.png">'
FAILURE_SCHEMA = pa.schema([(name, pa.string()) for name in ("url", "reason", "detail")])

Row = dict[str, Any]
Tables = Mapping[str, tuple[list[Row], pa.Schema]]


def make_document(name: str, text: str = "", **columns: Any) -> Row:
    """A row of the corpus, or with the columns of a drop one of what was dropped."""
    text = text or f"The text of {name} is about nothing but itself. " * 3
    doc_id = doc_id_of("web", name)
    return {
        "doc_id": doc_id, "text": text, "text_digest": sha256_hex(text.encode()), "title": f"Title of {name}",
        "url": f"http://a.example/{name}", "source_kind": "web", "source_name": "pages", "lang": "en",
        "lang_score": 0.9, "published_at": datetime(1998, 1, 5, tzinfo=UTC), "licence": "CC0-1.0",
        "num_chars": len(text), "num_words": len(text.split()), "cluster_id": doc_id, "drop_metric": None,
        "drop_value": None, "drop_limit": None, "duplicate_of": None, **columns,
    }  # fmt: skip


class Shelf:
    """Puts artifacts into a store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def put(
        self,
        kind: str,
        name: str,
        *,
        tables: Tables | None = None,
        files: Mapping[str, str] | None = None,
        inputs: Mapping[str, ArtifactRef] | None = None,
        totals: Mapping[str, Any] | None = None,
        identity: Mapping[str, Any] | None = None,
        stage: str = "test",
    ) -> ArtifactRef:
        def build(attempt: Attempt) -> Built:
            rows: dict[str, int] = {}
            for stem, (found, schema) in (tables or {}).items():
                ordered = sorted(found, key=lambda row: row.get("doc_id", b""))
                rows |= write_shards(attempt.folder, stem, ordered, schema)
            for path, text in (files or {}).items():
                target: Path = attempt.folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text, encoding="utf-8")
            return Built(totals=totals or {}, num_rows=rows)

        call = StageCall(kind, name, stage, 1, identity or {}, inputs or {}, build)
        return settle(self.store, call).manifest.ref

    def raw(self) -> ArtifactRef:
        record = {
            "doc_id": doc_id_of("web", "1"), "url": "http://a.example/1", "final_url": "http://a.example/1",
            "source_kind": "web", "source_name": "pages", "fetched_at": datetime(2026, 1, 1, tzinfo=UTC),
            "http_status": 200, "content_type": "text/html", "body": b"x", "body_sha256": "0", "is_truncated": False,
            "etag": None, "last_modified": None, "licence": "CC0-1.0", "title": None, "published_at": None,
        }  # fmt: skip
        listing = {name: record.get(name) for name in LISTING_SCHEMA.names}
        failures = [{"url": "http://a.example/no", "reason": "http_404", "detail": HOSTILE}] * 3
        return self.put(
            "raw",
            "pages",
            tables={
                "records": ([record], RAW_SCHEMA),
                "listing": ([listing] * 5, LISTING_SCHEMA),
                "gone": ([], GONE_SCHEMA),
                "failures": (failures, FAILURE_SCHEMA),
            },
            identity={"source": {"name": "pages"}, "occasion": {"snapshot_id": "2026-11-23"}},
        )

    def extracted(self, raw: ArtifactRef) -> ArtifactRef:
        quarantined = [{"url": "http://a.example/bad", "reason": "no_text", "detail": "0 bytes"}]
        return self.put(
            "extracted",
            "pages",
            tables={
                "rows": ([make_document("1")], CORPUS_SCHEMA),
                "quarantine": (quarantined, FAILURE_SCHEMA),
                "gone": ([], GONE_SCHEMA),
            },
            inputs={"raw": raw},
            identity={"word_rule": "characters"},
        )

    def snapshot(
        self,
        kept: list[Row],
        dropped: list[Row],
        *,
        ended: list[Row] | None = None,
        clusters: list[Row] | None = None,
        takedowns: tuple[Takedown, ...] = (),
        **inputs: ArtifactRef,
    ) -> ArtifactRef:
        return self.put(
            "documents",
            "corpus",
            tables={
                "kept": (kept, CORPUS_SCHEMA),
                "dropped": (dropped, DROPPED_SCHEMA),
                "tombstones": (ended or [], TOMBSTONE_SCHEMA),
                "clusters": (clusters or [], CLUSTER_SCHEMA),
            },
            inputs=inputs,
            totals={
                "num_documents": len(kept),
                "num_words": 12_345,
                "num_added": len(kept),
                "num_ended": len(ended or []),
            },
            identity={"select": {}, "takedowns": [order.model_dump() for order in takedowns]},
        )

    def evaluation(self, checkpoint: ArtifactRef, bits: float) -> ArtifactRef:
        metrics = (
            Metric(name="bits_per_byte", value=bits, unit="bits per UTF-8 byte", ci_low=bits - 0.1, ci_high=bits + 0.1,
                   num_examples=30, higher_is_better=False),
            Metric(name="hits_at_1", value=0.3, unit="share", ci_low=0.2, ci_high=0.4, num_examples=20,
                   higher_is_better=True),
            Metric(name="hits_at_1_shuffled_context", value=0.1, unit="share", ci_low=0.0, ci_high=0.2,
                   num_examples=20, higher_is_better=True),
        )  # fmt: skip
        report = EvalReport(checkpoint=checkpoint, evaluation=checkpoint, metrics=metrics)
        inputs = {"checkpoint": checkpoint}
        return self.put("reports", checkpoint.name, files={REPORT_FILE: report.model_dump_json()}, inputs=inputs)

    def checkpoint(self, name: str, seed: int = 1) -> ArtifactRef:
        events: list[Row] = [{"event": "validation", "step": 0, "loss_nats": 6.0}]
        events += [
            {"event": "step", "step": step, "loss_nats": 6.0 - step / 100, "lr": 0.001, "tokens_per_s": 900.0 + seed}
            for step in range(1, 301)
        ]
        events.append({"event": "validation", "step": 300, "loss_nats": 3.1})
        lines = "\n".join(map(json.dumps, events))
        totals = {"num_steps": 300, "best_step": 300, "is_stopped_early": False, "tokens_per_s": 900.5}
        return self.put(
            "checkpoints", name, files={"trainer/events.jsonl": lines}, totals=totals, identity={"seed": seed}
        )


@pytest.fixture
def document() -> Callable[..., Row]:
    return make_document


@pytest.fixture
def shelf(store: Store) -> Shelf:
    return Shelf(store)


@pytest.fixture
def run(shelf: Shelf) -> dict[str, ArtifactRef]:
    """What a night leaves, by step."""
    raw = shelf.raw()
    extracted = shelf.extracted(raw)
    original = make_document("original", "the quick brown fox jumps over the lazy dog by the river bank " * 2)
    copy = make_document(
        "copy", original["text"].replace("fox", "<b>cat</b>", 1), title=HOSTILE, drop_reason="near_duplicate",
        duplicate_of=original["doc_id"],
    )  # fmt: skip
    short = make_document(
        "short", "短", lang="zh", drop_reason="gopher_too_few_words", drop_metric="num_words", drop_value=1.0,
        drop_limit=50.0,
    )  # fmt: skip
    old = make_document("old")
    first = shelf.snapshot([old], [])
    members = [
        {"cluster_id": original["doc_id"], "doc_id": row["doc_id"], "url": row["url"], "similarity": similarity,
         "is_representative": row is original}
        for row, similarity in ((original, 1.0), (copy, 0.87))
    ]  # fmt: skip
    corpus = shelf.snapshot(
        [original, make_document("chinese", "中文" * 30, lang="zh")],
        [copy, short],
        ended=[{"doc_id": old["doc_id"], "text_digest": old["text_digest"], "reason": "gone"}],
        clusters=members,
        **{PREVIOUS: first, "part-0000": extracted},
    )
    champion, challenger = shelf.checkpoint("base", 1), shelf.checkpoint("base", 2)
    champion_report, report = shelf.evaluation(champion, 2.0), shelf.evaluation(challenger, 1.5)
    comparison = Comparison(
        challenger=challenger, champion=champion, evaluation=champion, metric="bits_per_byte",
        unit="bits per UTF-8 byte", challenger_value=1.5, champion_value=2.0, difference=-0.5, ci_low=-0.6,
        ci_high=-0.4, num_examples=30,
    )  # fmt: skip
    messages = [{"role": "user", "content": HOSTILE}, {"role": "assistant", "content": "</body>你好\u202e\x00"}]
    return {
        "crawl web/pages": raw,
        "extract/pages": extracted,
        "select/corpus": corpus,
        "import dialogue/talk": shelf.put(
            "dialogues", "talk", totals={"lang": "en", "num_conversations": 9, "num_turns": 18},
            identity={"licence": "CC0-1.0"},
        ),
        "encode documents/documents": shelf.put(
            "tokens", "documents",
            totals={"web/train/num_documents": 2, "web/train/num_tokens": 1234, "web/bytes_per_token": 3.5},
        ),
        "pretrain/base": challenger,
        "evaluate/base": report,
        "compare/base-comparison": shelf.put(
            "reports", "base-comparison", files={COMPARISON_FILE: comparison.model_dump_json()},
            inputs={"challenger": report, "champion": champion_report},
        ),
        "answer prompts/transcript": shelf.put(
            "reports", "transcript", files={"transcript.jsonl": json.dumps({"messages": messages}) + "\n"}
        ),
    }  # fmt: skip
