"""What training processes log, and how they end when their parent is asked to end."""

import logging
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline_config.training import LaunchConfig
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import BadInputError
from tasks.contracts.reporting import Progress
from tasks.storage.stage import settle
from tasks.storage.store import Store
from tasks.storage.token_shards import write_token_shard
from tasks.training.pretrain import plan_pretrain

Found = list[tuple[str, int, str]]


def launch_of(num_processes: int) -> LaunchConfig:
    return LaunchConfig(num_processes=num_processes, num_threads=1, device="cpu", checkpoint_interval_steps=3)


@pytest.fixture
def found(caplog: pytest.LogCaptureFixture) -> Callable[[], Found]:
    caplog.set_level(logging.INFO, "tasks")
    return lambda: [(r.name, r.levelno, r.getMessage()) for r in caplog.records if r.name.startswith("tasks.training")]


@pytest.fixture
def tokens_without_some_held_out_text(
    store: Store, seal: Any, write_documents: Any, tokenizer_folder: Any
) -> ArtifactRef:
    """Tokens whose source `book` has a validation shard with nothing in it, which the worker warns of."""
    from tasks.model.tokenizer import tokenizer_digest

    def write(folder: Any) -> None:
        write_documents(folder)
        empty = folder / "book" / "validation-00000.arrow"
        empty.unlink()
        metadata = {"tokenizer_digest": tokenizer_digest(tokenizer_folder)}
        write_token_shard(empty, [], token_dtype="uint16", is_dialogue=False, metadata=metadata)

    ref: ArtifactRef = seal(store, "tokens", "documents", write)
    return ref


def test_what_a_worker_logs_arrives_here_in_order_and_while_it_runs(
    store: Store,
    kit: SimpleNamespace,
    tokens_without_some_held_out_text: ArtifactRef,
    tokenizer_ref: ArtifactRef,
    found: Callable[[], Found],
) -> None:
    during: list[tuple[float, int]] = []

    def note(progress: Progress) -> None:
        during.append((progress.done, len(found())))

    config = kit.pretrain(num_steps=300, validation_interval=100)
    call = plan_pretrain(tokens_without_some_held_out_text, tokenizer_ref, None, config, launch_of(1))
    settle(store, call, note)
    worker = [(level, message) for name, level, message in found() if name == "tasks.training.worker"]
    assert worker == [
        (logging.WARNING, "source 'book' has no held-out text: it is trained on but not measured"),
        (logging.INFO, "training base from step 0 to 300, processes: 1, on cpu"),
    ]
    loop = [(level, message) for name, level, message in found() if name == "tasks.training.loop"]
    assert {level for level, _ in loop} == {logging.INFO}
    measured = [message.partition(":")[0] for _, message in loop if "validation" in message]
    assert measured == ["step 0/300", "step 100/300", "step 200/300", "step 300/300"]
    assert sum(message.startswith("saved step ") for _, message in loop) > 5
    assert [message for _, _, message in found()].index(worker[0][1]) == 0
    done, num_records = during[0]
    assert (done < 300, num_records >= 2) == (True, True)


def test_of_several_processes_one_tells_what_all_do_and_each_is_named_when_it_warns(
    store: Store,
    kit: SimpleNamespace,
    tokens_without_some_held_out_text: ArtifactRef,
    tokenizer_ref: ArtifactRef,
    found: Callable[[], Found],
) -> None:
    config = kit.pretrain(num_steps=4, validation_interval=2)
    settle(store, plan_pretrain(tokens_without_some_held_out_text, tokenizer_ref, None, config, launch_of(2)))
    warnings = sorted(message for _, level, message in found() if level == logging.WARNING)
    text = "source 'book' has no held-out text: it is trained on but not measured"
    assert warnings == [f"rank 0: {text}", f"rank 1: {text}"]
    steps = [message for name, _, message in found() if name == "tasks.training.loop"]
    assert [message.partition(" validation")[0] for message in steps if "validation" in message] == [
        "rank 0: step 0/4:",
        "rank 0: step 2/4:",
        "rank 0: step 4/4:",
    ]
    assert all(message.startswith("rank 0: ") for message in steps)
    assert any(message == "rank 0: training base from step 0 to 4, processes: 2, on cpu" for _, _, message in found())


def test_a_refusal_is_one_error_without_a_traceback(
    store: Store,
    kit: SimpleNamespace,
    document_tokens: ArtifactRef,
    tokenizer_ref: ArtifactRef,
    put_checkpoint: Callable[..., ArtifactRef],
    tiny_model: Callable[[int], Any],
    found: Callable[[], Found],
) -> None:
    other_shape = put_checkpoint(tiny_model(1), "base")
    with pytest.raises(BadInputError, match="set model to that shape") as refusal:
        settle(store, plan_pretrain(document_tokens, tokenizer_ref, other_shape, kit.pretrain(), launch_of(1)))
    assert found() == [("tasks.training.worker", logging.ERROR, str(refusal.value))]
