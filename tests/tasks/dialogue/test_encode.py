import hashlib
import json
from pathlib import Path

import datasets
import numpy as np
import pytest

from pipeline_config.dialogue import DialogueSource, DialogueTokensConfig
from pipeline_config.split import SplitConfig
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.dialogue import Message
from tasks.contracts.errors import BadInputError, EmptyInputError
from tasks.dialogue.encode import plan_encode_dialogues
from tasks.dialogue.import_corpus import plan_import_dialogue
from tasks.dialogue.report import report_tokens
from tasks.model.chat_template import CHAT_TEMPLATE, encode_conversation
from tasks.model.tokenizer import SPECIAL_TOKENS, load_tokenizer, save_tokenizer, tokenizer_digest, wrap_tokenizer
from tasks.storage.parquet_shards import read_rows
from tasks.storage.stage import StageCall, settle
from tasks.storage.store import Attempt, Built, Store
from tasks.storage.token_shards import TokenShard, open_token_shard
from tasks.text.split import split_of

_SPLIT = SplitConfig(validation_share=0.2, test_share=0.2)
_ALL_TRAIN = SplitConfig(validation_share=0.0, test_share=1e-9)


@pytest.fixture
def tokenizer(store: Store) -> ArtifactRef:
    """One token a byte, so that every length can be counted by hand."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    vocab = {t: i for i, t in enumerate([*SPECIAL_TOKENS, *sorted(pre_tokenizers.ByteLevel.alphabet())])}
    backend = Tokenizer(models.BPE(vocab, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()

    def build(attempt: Attempt) -> Built:
        save_tokenizer(wrap_tokenizer(backend, CHAT_TEMPLATE), attempt.folder)
        return Built()

    return settle(store, StageCall("tokenizers", "bytes", "test", 1, {}, {}, build)).manifest.ref


def _corpus(store: Store, folder: Path, conversations: list[list[str]], name: str = "talk") -> ArtifactRef:
    path = folder / f"{name}.jsonl"
    path.write_text(
        "\n".join(
            json.dumps(
                {"messages": [{"role": ("user", "assistant")[i % 2], "content": t} for i, t in enumerate(texts)]}
            )
            for texts in conversations
        )
    )
    source = DialogueSource(name=name, format="jsonl", path=str(path), lang="en")
    return settle(store, plan_import_dialogue(source)).manifest.ref


def _rows(shard: TokenShard) -> list[tuple[bytes, list[int], list[float]]]:
    assert shard.loss_weight is not None
    return [
        (doc_id, shard.ids[start:end].tolist(), shard.loss_weight[start:end].tolist())
        for doc_id, start, end in zip(shard.doc_ids, shard.offsets[:-1], shard.offsets[1:], strict=True)
    ]


def test_a_row_is_the_conversation_as_chatting_sees_it_and_an_end_of_text_of_no_weight(
    store: Store, tmp_path: Path, tokenizer: ArtifactRef
) -> None:
    corpus = _corpus(store, tmp_path, [[f"question {i}", "answer", "你好", f"嗨 {i}"] for i in range(60)])
    made = settle(store, plan_encode_dialogues((corpus,), tokenizer, _SPLIT, DialogueTokensConfig())).manifest
    loaded = load_tokenizer(store.folder(tokenizer))
    said = {r["conversation_id"]: r["messages"] for r in read_rows(store.files(corpus, "conversations-"))}
    for side in ("train", "validation"):
        rows = _rows(open_token_shard(store.files(made.ref, f"talk/{side}-")[0]))
        assert {row[0] for row in rows} == {i for i in said if split_of(i, _SPLIT) == side} != set()
        for conversation_id, ids, weights in rows:
            expected = encode_conversation(loaded, [Message.model_validate(m) for m in said[conversation_id]])
            assert (ids, weights) == ([*expected.ids, loaded.eos_token_id], [*expected.loss_weights, 0.0])
    num_test = sum(split_of(i, _SPLIT) == "test" for i in said)
    assert made.totals["talk/test/num_conversations"] == num_test > 0


def test_a_long_conversation_becomes_several_rows_and_no_row_is_all_masked(
    store: Store, tmp_path: Path, tokenizer: ArtifactRef
) -> None:
    long = [f"turn {i:02d}" for i in range(40)]  # nine ids a turn
    corpus = _corpus(store, tmp_path, [long, ["u" * 100, "short"], ["q", "r" * 70, "ok?", "yes"]])
    config = DialogueTokensConfig(max_tokens=64)
    made = settle(store, plan_encode_dialogues((corpus,), tokenizer, _ALL_TRAIN, config)).manifest
    rows = _rows(open_token_shard(store.files(made.ref, "talk/train-")[0]))
    # 18 ids an exchange: three fit beside the end of text, 20 exchanges are 7 rows
    assert [len(ids) for _, ids, _ in rows] == [55] * 6 + [37] + [64] + [11]
    assert all(sum(weights) > 0 for _, _, weights in rows)
    totals = made.totals
    assert (totals["talk/train/num_conversations"], totals["talk/train/num_rows"]) == (3, 9)
    assert (totals["talk/train/num_cut_contexts"], totals["talk/num_refused_replies"]) == (1, 1)
    assert totals["talk/train/num_tokens"] == 55 * 6 + 37 + 64 + 11
    assert totals["talk/train/num_reply_tokens"] == 20 * 8 + 6 + 4
    assert made.drops == {"talk/reply_longer_than_a_row": 1}
    (refused,) = read_rows(store.files(made.ref, "dropped-"))
    assert (refused["num_tokens"], refused["drop_reason"]) == (72, "reply_longer_than_a_row")
    assert "rrr" in refused["excerpt"]


def test_each_corpus_has_its_folder_and_datasets_opens_its_shards(
    store: Store, tmp_path: Path, tokenizer: ArtifactRef
) -> None:
    refs = tuple(_corpus(store, tmp_path, [["a", "b"], ["c", name]], name) for name in ("x", "y"))
    made = settle(store, plan_encode_dialogues(refs, tokenizer, _ALL_TRAIN, DialogueTokensConfig())).manifest
    assert [info.path for info in made.files] == [
        "dropped-00000.parquet",
        "x/train-00000.arrow",
        "x/validation-00000.arrow",
        "y/train-00000.arrow",
        "y/validation-00000.arrow",
    ]
    path = store.files(made.ref, "y/train-")[0]
    rows = datasets.Dataset.from_file(str(path))
    assert [(r["doc_id"], r["ids"], r["loss_weight"]) for r in rows] == _rows(open_token_shard(path))
    metadata = open_token_shard(path).metadata
    assert metadata == {"tokenizer_digest": tokenizer_digest(store.folder(tokenizer)), "end_of_text_id": "0"}
    (table,) = report_tokens(store, made.ref)
    assert [(row["source"], row["split"], row["rows"]) for row in table.rows] == [
        ("x", "train", 2),
        ("x", "validation", 0),
        ("y", "train", 2),
        ("y", "validation", 0),
    ]
    assert table.rows[0]["bytes_per_token_of_source"] == 1.0


def test_the_order_of_the_corpora_does_not_matter_and_a_rerun_is_cached(
    store: Store, tmp_path: Path, tokenizer: ArtifactRef
) -> None:
    refs = tuple(_corpus(store, tmp_path, [["a", "b"], ["c", name]], name) for name in ("x", "y"))
    call = plan_encode_dialogues(refs, tokenizer, _ALL_TRAIN, DialogueTokensConfig())
    made = settle(store, call).manifest
    assert settle(store, call).is_cached
    assert plan_encode_dialogues(refs[::-1], tokenizer, _ALL_TRAIN, DialogueTokensConfig()).key == call.key
    shards = [open_token_shard(path) for path in store.files(made.ref, "x/") + store.files(made.ref, "y/")]
    ids = np.concatenate([shard.ids for shard in shards]).astype("<u2")
    # Golden: another digest means that the same conversations give other rows; raise stage_version then.
    assert (
        hashlib.sha256(ids.tobytes()).hexdigest() == "12a8655c1f0d2ae394bc67e57cac6862acf514031760be5dfb45a777a68f94b6"
    )


def test_two_corpora_of_one_name_are_refused(store: Store, tmp_path: Path, tokenizer: ArtifactRef) -> None:
    ref = _corpus(store, tmp_path, [["a", "b"]])
    with pytest.raises(BadInputError, match="rename one"):
        plan_encode_dialogues((ref, ref), tokenizer, _SPLIT, DialogueTokensConfig())


def test_corpora_that_give_no_row_are_refused_with_the_cure(
    store: Store, tmp_path: Path, tokenizer: ArtifactRef
) -> None:
    corpus = _corpus(store, tmp_path, [["a", "far too long for eight tokens"]])
    call = plan_encode_dialogues((corpus,), tokenizer, _ALL_TRAIN, DialogueTokensConfig(max_tokens=8))
    with pytest.raises(EmptyInputError, match=r"1 replies are longer than max_tokens=8.*raise max_tokens"):
        settle(store, call)
