"""dialogues/ become tokens/: rows of ids with a loss weight each, a folder a corpus, a file a split.

A row ends with end-of-text of weight 0: it divides packed rows, and is never learnt as an answer, since a reply's
generation stops at the token that ends a turn. The test split is never written.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from pipeline_config.dialogue import DialogueTokensConfig
from pipeline_config.split import SplitConfig
from tasks.contracts.artifacts import ArtifactRef, Scalar
from tasks.contracts.dialogue import Message
from tasks.contracts.errors import BadInputError, EmptyInputError
from tasks.contracts.records import DOC_ID_BYTES
from tasks.contracts.reporting import Progress
from tasks.dialogue.windows import windows_of
from tasks.model.chat_template import EncodedConversation, encode_turns
from tasks.model.tokenizer import END_OF_TEXT, load_tokenizer, token_id, tokenizer_digest, vocab_size_of
from tasks.storage.parquet_shards import read_rows, write_shards
from tasks.storage.stage import StageCall
from tasks.storage.store import Attempt, Built
from tasks.storage.token_series import ShardForm, TokenSeries
from tasks.storage.token_shards import TokenizedItem, token_dtype_for
from tasks.text.split import split_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


REFUSED_SCHEMA = pa.schema(
    [
        pa.field("conversation_id", pa.binary(DOC_ID_BYTES), nullable=False),
        pa.field("source_name", pa.string(), nullable=False),
        pa.field("drop_reason", pa.string(), nullable=False),
        pa.field("num_tokens", pa.int32(), nullable=False),
        pa.field("excerpt", pa.string(), nullable=False),
    ]
)
_CONVERSATIONS_PER_BATCH = 500
_EXCERPT_CHARS = 500


@dataclass
class _Corpus:
    """One corpus while it is encoded."""

    name: str
    series: dict[str, TokenSeries]
    counts: Counter[str] = field(default_factory=Counter)
    """By `<split>/<what>`."""
    refused: list[dict[str, Any]] = field(default_factory=list)


def plan_encode_dialogues(
    dialogues: tuple[ArtifactRef, ...], tokenizer: ArtifactRef, split: SplitConfig, config: DialogueTokensConfig
) -> StageCall:
    """The work of making `tokens/dialogue`: `<source_name>/<split>-00000.arrow`, split train or validation.

    Raises:
        BadInputError: Two corpora have one name.
    """
    names = [ref.name for ref in dialogues]
    if len(set(names)) < len(names):
        raise BadInputError(
            f"dialogue corpora {names}: two have one name, expected a name of its own for each; rename one"
        )

    def build(attempt: Attempt) -> Built:
        return _encode(attempt, dialogues, tokenizer, split, config)

    return StageCall(
        kind="tokens",
        name="dialogue",
        stage="encode_dialogues",
        stage_version=1,
        identity={**config.model_dump(mode="json"), "split": split.model_dump(mode="json")},
        inputs={"tokenizer": tokenizer, **{f"dialogues/{ref.name}": ref for ref in dialogues}},
        build=build,
    )


def _encode(
    attempt: Attempt,
    dialogues: tuple[ArtifactRef, ...],
    tokenizer_ref: ArtifactRef,
    split: SplitConfig,
    config: DialogueTokensConfig,
) -> Built:
    folder = attempt.store.folder(tokenizer_ref)
    tokenizer = load_tokenizer(folder)
    form = ShardForm(
        token_dtype=token_dtype_for(vocab_size_of(tokenizer)),
        is_dialogue=True,
        tokens_per_shard=config.tokens_per_shard,
        metadata={
            "tokenizer_digest": tokenizer_digest(folder),
            "end_of_text_id": str(token_id(tokenizer, END_OF_TEXT)),
        },
    )
    corpora = []
    for num_done, ref in enumerate(sorted(dialogues, key=lambda ref: ref.name)):
        series = {s: TokenSeries(attempt.folder, f"{ref.name}/{s}", form) for s in ("train", "validation")}
        corpus = _Corpus(ref.name, series)
        for rows in _batches(read_rows(attempt.store.files(ref, "conversations-"))):
            _add(corpus, rows, tokenizer, split, config)
            message = f"{ref.name}: {corpus.counts.total()} rows and replies"
            attempt.report(Progress(done=num_done, total=len(dialogues), unit="corpora", message=message))
        for one in series.values():
            one.close()
        corpora.append(corpus)
    if not any(corpus.counts["train/num_rows"] for corpus in corpora):
        raise EmptyInputError(
            f"{len(dialogues)} dialogue corpora gave no row to train on "
            f"({sum(len(c.refused) for c in corpora)} replies are longer than max_tokens={config.max_tokens}), "
            "expected some; add conversations, raise max_tokens or lower split.test_share"
        )
    return _built(attempt, corpora)


def _batches(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while batch := list(islice(rows, _CONVERSATIONS_PER_BATCH)):
        yield batch


def _add(
    corpus: _Corpus,
    rows: list[dict[str, Any]],
    tokenizer: "PreTrainedTokenizerFast",
    split: SplitConfig,
    config: DialogueTokensConfig,
) -> None:
    """Encodes a batch of conversations and hands their rows to the series of their split."""
    sides = [split_of(row["conversation_id"], split) for row in rows]
    corpus.counts["test/num_conversations"] += sides.count("test")
    written = [(row, side) for row, side in zip(rows, sides, strict=True) if side != "test"]
    messages = [[Message.model_validate(m) for m in row["messages"]] for row, _ in written]
    end_id = token_id(tokenizer, END_OF_TEXT)
    for (row, side), said, turns in zip(written, messages, encode_turns(tokenizer, messages), strict=True):
        windows = windows_of(turns, has_system=said[0].role == "system", max_tokens=config.max_tokens - 1)
        corpus.series[side].add(_item(row["conversation_id"], window, end_id) for window in windows.rows)
        corpus.refused += [_refused(row, reply, tokenizer) for reply in windows.refused]
        corpus.counts += Counter(
            {
                f"{side}/num_conversations": 1,
                f"{side}/num_rows": len(windows.rows),
                f"{side}/num_reply_tokens": sum(int(sum(window.loss_weights)) for window in windows.rows),
                f"{side}/num_cut_contexts": windows.num_cut_contexts,
                "num_text_bytes": sum(len(message.content.encode()) for message in said),
                "num_text_tokens": sum(len(turn.ids) - 2 for turn in turns),
            }
        )


def _item(conversation_id: bytes, window: EncodedConversation, end_id: int) -> TokenizedItem:
    return TokenizedItem(
        doc_id=conversation_id,
        ids=np.array([*window.ids, end_id], dtype=np.uint32),
        loss_weight=np.array([*window.loss_weights, 0.0], dtype=np.float32),
    )


def _refused(row: dict[str, Any], reply: EncodedConversation, tokenizer: "PreTrainedTokenizerFast") -> dict[str, Any]:
    return {
        "conversation_id": row["conversation_id"],
        "source_name": row["source_name"],
        "drop_reason": "reply_longer_than_a_row",
        "num_tokens": len(reply.ids),
        "excerpt": tokenizer.decode(reply.ids)[:_EXCERPT_CHARS],
    }


def _built(attempt: Attempt, corpora: list[_Corpus]) -> Built:
    refused = [row for corpus in corpora for row in corpus.refused]
    num_rows = write_shards(attempt.folder, "dropped", refused, REFUSED_SCHEMA)
    totals: dict[str, Scalar] = {}
    for corpus in corpora:
        counts = corpus.counts
        for side, series in corpus.series.items():
            num_rows |= series.num_rows
            for name in ("num_conversations", "num_rows", "num_reply_tokens", "num_cut_contexts"):
                totals[f"{corpus.name}/{side}/{name}"] = counts[f"{side}/{name}"]
            totals[f"{corpus.name}/{side}/num_tokens"] = series.num_tokens
        totals[f"{corpus.name}/test/num_conversations"] = counts["test/num_conversations"]
        totals[f"{corpus.name}/num_refused_replies"] = len(corpus.refused)
        totals[f"{corpus.name}/bytes_per_token"] = (
            round(counts["num_text_bytes"] / counts["num_text_tokens"], 4) if counts["num_text_tokens"] else None
        )
    drops = Counter(f"{row['source_name']}/{row['drop_reason']}" for row in refused)
    return Built(
        totals=totals,
        drops=dict(sorted(drops.items())),
        num_rows=num_rows,
        volatile=tuple(name for name in num_rows if name.startswith("dropped-")),
    )
