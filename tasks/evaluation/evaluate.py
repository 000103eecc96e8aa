"""A checkpoint and the frozen evaluation artifact become an EvalReport, with the figures of each example beside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from math import log
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline_config.evaluation import EvaluateConfig, EvaluateLaunch
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.dialogue import Message
from tasks.contracts.evaluation import REPORT_FILE, EvalReport
from tasks.contracts.reporting import Progress
from tasks.evaluation.choosing import hit_share
from tasks.evaluation.metrics import EXAMPLES_SCHEMA, Example, metrics_of
from tasks.evaluation.scoring import document_rows, nats_by_example, reply_rows
from tasks.model.chat_template import encode_prompt
from tasks.model.checkpoint import load_model
from tasks.model.generation import context_length_of, room_for_prompt, seeded_generator, stream_reply
from tasks.model.tokenizer import load_tokenizer
from tasks.storage.parquet_shards import read_rows, write_shards
from tasks.storage.stage import StageCall
from tasks.storage.store import Attempt, Built

if TYPE_CHECKING:
    from transformers import GPT2LMHeadModel, PreTrainedTokenizerFast

STAGE_VERSION = 1

REPLIES_FILE = "replies.jsonl"

_Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class _Subject:
    """What is measured."""

    model: GPT2LMHeadModel
    tokenizer: PreTrainedTokenizerFast
    batch_tokens: int


def plan_evaluate(
    checkpoint: ArtifactRef, evaluation: ArtifactRef, config: EvaluateConfig, launch: EvaluateLaunch
) -> StageCall:
    """The stage that measures a checkpoint; a base model is measured just as a dialogue model is.

    Files: `report.json` (EvalReport), `examples-00000.parquet` (the bits of each example, for paired comparisons) and
    `replies.jsonl` (what was generated for the guards).

    Args:
        checkpoint: A `checkpoints` artifact.
        evaluation: The frozen `evaluation` artifact.
        config: Intervals and sampling.
        launch: Speed and place.
    """

    def build(attempt: Attempt) -> Built:
        folder, files = attempt.store.folder(checkpoint), attempt.store.files
        with _torch_threads(launch.num_threads):
            subject = _Subject(load_model(folder, launch.device), load_tokenizer(folder), launch.batch_tokens)
            examples: list[Example] = []
            for i, (stem, measure) in enumerate(_PARTS.items()):
                attempt.report(Progress(done=i, total=len(_PARTS) + 1, unit="parts", message=stem.strip("-")))
                examples += measure(subject, list(read_rows(files(evaluation, stem))))
            generated = _generate(subject, list(read_rows(files(evaluation, "conversations-"))), config)
        report = EvalReport(
            checkpoint=checkpoint,
            evaluation=evaluation,
            metrics=metrics_of(examples, [line["reply"] for line in generated], config),
        )
        return _written(attempt.folder, report, examples, generated)

    return StageCall(
        kind="reports",
        name=checkpoint.name,
        stage="evaluate",
        stage_version=STAGE_VERSION,
        identity=config,
        inputs={"checkpoint": checkpoint, "evaluation": evaluation},
        build=build,
        environment={"torch": version("torch"), "transformers": version("transformers")},
    )


def _documents(subject: _Subject, rows: _Rows) -> list[Example]:
    texts = [row["text"] for row in rows]
    bits = _bits(subject, document_rows(subject.tokenizer, texts), len(texts))
    return [
        Example("bits_per_byte", row["doc_id"].hex(), row["source_kind"], row["lang"], b, len(row["text"].encode()))
        for row, b in zip(rows, bits, strict=True)
    ]


def _replies(subject: _Subject, rows: _Rows) -> list[Example]:
    conversations = [_messages(row["messages"]) for row in rows]
    scored = reply_rows(subject.tokenizer, conversations, context_length_of(subject.model))
    bits = _bits(subject, scored, len(rows))
    return [
        Example(
            "reply_bits_per_byte",
            row["conversation_id"].hex(),
            row["source_name"],
            row["lang"],
            b,
            sum(len(m.content.encode()) for m in messages if m.role == "assistant"),
        )
        for row, messages, b in zip(rows, conversations, bits, strict=True)
    ]


def _bits(subject: _Subject, rows: Sequence[Any], num_examples: int) -> list[float]:
    return [nats / log(2) for nats in nats_by_example(subject.model, rows, num_examples, subject.batch_tokens)]


def _choices(subject: _Subject, rows: _Rows) -> list[Example]:
    return [
        Example(
            metric,
            row["context_id"],
            row["source_name"],
            row["lang"],
            None,
            None,
            hit_share(
                subject.model, subject.tokenizer, _messages(row[column]), row["candidates"], row["true_position"]
            ),
        )
        for metric, column in (("hits_at_1", "context"), ("hits_at_1_shuffled_context", "control_context"))
        for row in rows
    ]


def _generate(subject: _Subject, rows: _Rows, config: EvaluateConfig) -> list[dict[str, Any]]:
    """Replies to the first turns of some conversations of each source and language."""
    lines: list[dict[str, Any]] = []
    room = room_for_prompt(subject.model, config.sampling)
    for row in _first_of_each_group(rows, config.num_prompts_per_source):
        messages = _messages(row["messages"])
        asked = next((i for i, message in enumerate(messages) if message.role == "user"), None)
        if asked is None:
            continue
        prompt_ids = encode_prompt(subject.tokenizer, messages[: asked + 1], room)
        generator = seeded_generator(config.sampling.seed, row["conversation_id"].hex())
        reply = "".join(stream_reply(subject.model, subject.tokenizer, prompt_ids, config.sampling, generator))
        lines.append({"lang": row["lang"], "prompt": messages[asked].content, "reply": reply})
    return lines


def _first_of_each_group(rows: _Rows, num_rows: int) -> Iterator[dict[str, Any]]:
    taken: dict[tuple[str, str], int] = {}
    for row in rows:
        group = row["source_name"], row["lang"]
        taken[group] = taken.get(group, 0) + 1
        if taken[group] <= num_rows:
            yield row


_PARTS: dict[str, Callable[[_Subject, _Rows], list[Example]]] = {
    "documents-": _documents,
    "conversations-": _replies,
    "candidates-": _choices,
}


def _messages(stored: list[dict[str, str]]) -> list[Message]:
    return [Message.model_validate(message) for message in stored]


def _written(folder: Path, report: EvalReport, examples: list[Example], generated: list[dict[str, Any]]) -> Built:
    (folder / REPORT_FILE).write_text(report.model_dump_json(indent=1), encoding="utf-8")
    lines = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in generated)
    (folder / REPLIES_FILE).write_text(lines, encoding="utf-8")
    num_rows = write_shards(
        folder, "examples", (example.row() for example in examples), EXAMPLES_SCHEMA, max(1, len(examples))
    )
    return Built(totals={m.name: m.value for m in report.metrics if "/" not in m.name}, num_rows=num_rows)


@contextmanager
def _torch_threads(num_threads: int | None) -> Iterator[None]:
    """Lets torch use so many CPU threads inside the block."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(num_threads or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
