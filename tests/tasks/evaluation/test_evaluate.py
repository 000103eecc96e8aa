"""A checkpoint's report, and two models compared on the same examples."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch

from pipeline_config.evaluation import CompareConfig, EvaluateConfig, EvaluateLaunch, EvaluationSetConfig
from pipeline_config.interaction import SamplingConfig
from pipeline_config.split import SplitConfig
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import ComparisonError, DeviceError
from tasks.contracts.evaluation import REPORT_FILE, EvalReport
from tasks.evaluation.compare import compare, plan_compare
from tasks.evaluation.evaluate import plan_evaluate
from tasks.evaluation.evaluation_set import plan_evaluation_set
from tasks.evaluation.report import report_comparison, report_evaluation
from tasks.storage.parquet_shards import read_rows
from tasks.storage.stage import settle
from tasks.storage.store import Store

MEASURE = EvaluateConfig(num_resamples=200, num_prompts_per_source=2, sampling=SamplingConfig(max_new_tokens=10))
LAUNCH = EvaluateLaunch(batch_tokens=1_024, num_threads=1)
BY_REPLIES = CompareConfig(metric="reply_bits_per_byte", num_resamples=500)

PutCheckpoint = Callable[..., ArtifactRef]


@pytest.fixture
def evaluation(store: Store, corpus: tuple[ArtifactRef, ArtifactRef]) -> ArtifactRef:
    config = EvaluationSetConfig(max_documents_per_source=10, max_conversations_per_source=24)
    call = plan_evaluation_set(corpus[0], (corpus[1],), SplitConfig(test_share=0.5), config)
    return settle(store, call).manifest.ref


@pytest.fixture
def measure(store: Store, put_checkpoint: PutCheckpoint, evaluation: ArtifactRef) -> Callable[[Any], ArtifactRef]:
    def measured(model: Any) -> ArtifactRef:
        return settle(store, plan_evaluate(put_checkpoint(model), evaluation, MEASURE, LAUNCH)).manifest.ref

    return measured


def read_report(store: Store, ref: ArtifactRef) -> EvalReport:
    return EvalReport.model_validate_json(store.files(ref, REPORT_FILE)[0].read_text())


def test_a_report_has_each_metric_with_its_interval(
    store: Store, measure: Callable[[Any], ArtifactRef], trained_model: Callable[[float, int], Any]
) -> None:
    ref = measure(trained_model(0.0, 0))
    report = read_report(store, ref)
    for name, num_examples in (("bits_per_byte", 20), ("reply_bits_per_byte", 24), ("hits_at_1", 24)):
        metric = report.metric(name)
        assert metric.num_examples == num_examples
        assert metric.ci_low is not None
        assert metric.ci_high is not None
        assert metric.ci_low <= metric.value <= metric.ci_high
    assert report.metric("bits_per_byte/source/web").num_examples == 10
    assert report.metric("reply_bits_per_byte/lang/en").value == report.metric("reply_bits_per_byte").value
    assert report.metric("hits_at_1").value > report.metric("hits_at_1_shuffled_context").value
    assert report.metric("distinct_2").num_examples == 2
    assert 0.0 <= report.metric("repetition").value <= 1.0


def test_the_sums_over_examples_give_the_metric(
    store: Store, measure: Callable[[Any], ArtifactRef], evaluation: ArtifactRef, tiny_model: Callable[[int], Any]
) -> None:
    ref = measure(tiny_model(1))
    rows = list(read_rows(store.files(ref, "examples-")))
    texts = {row["doc_id"].hex(): row["text"] for row in read_rows(store.files(evaluation, "documents-"))}
    documents = [row for row in rows if row["metric"] == "bits_per_byte"]
    assert {row["example_id"]: row["num_bytes"] for row in documents} == {k: len(t.encode()) for k, t in texts.items()}
    total = sum(row["bits"] for row in documents) / sum(row["num_bytes"] for row in documents)
    assert read_report(store, ref).metric("bits_per_byte").value == pytest.approx(total, rel=1e-12)
    replies = [row for row in rows if row["metric"] == "reply_bits_per_byte"]
    messages = {
        row["conversation_id"].hex(): row["messages"] for row in read_rows(store.files(evaluation, "conversations-"))
    }
    assert {row["example_id"]: row["num_bytes"] for row in replies} == {
        k: sum(len(m["content"].encode()) for m in ms if m["role"] == "assistant") for k, ms in messages.items()
    }


def test_a_uniform_models_figures_are_those_by_hand(
    store: Store,
    measure: Callable[[Any], ArtifactRef],
    tiny_model: Callable[[int], Any],
    tiny_tokenizer: Any,
    evaluation: ArtifactRef,
) -> None:
    """log2(V) bits a token, hits@1 of 1 in 10: golden without a stored number."""
    model = tiny_model(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    report = read_report(store, measure(model))
    texts = [row["text"] for row in read_rows(store.files(evaluation, "documents-"))]
    tokens, num_bytes = sum(len(tiny_tokenizer(t).input_ids) for t in texts), sum(len(t.encode()) for t in texts)
    bits = float(torch.tensor(len(tiny_tokenizer)).double().log2())
    assert report.metric("bits_per_byte").value == pytest.approx(tokens * bits / num_bytes, rel=1e-6)
    assert report.metric("hits_at_1").value == pytest.approx(0.1)
    assert report.metric("hits_at_1_shuffled_context").value == pytest.approx(0.1)


def test_a_second_evaluation_is_cached_and_an_uncached_one_gives_the_same(
    store: Store, put_checkpoint: PutCheckpoint, evaluation: ArtifactRef, tiny_model: Callable[[int], Any]
) -> None:
    checkpoint = put_checkpoint(tiny_model(1))
    threads = torch.get_num_threads()
    call = plan_evaluate(checkpoint, evaluation, MEASURE, EvaluateLaunch(batch_tokens=200, num_threads=1))
    first = settle(store, call)
    assert torch.get_num_threads() == threads
    assert settle(store, plan_evaluate(checkpoint, evaluation, MEASURE, LAUNCH)).is_cached
    again = plan_evaluate(checkpoint, evaluation, MEASURE.model_copy(update={"num_resamples": 201}), LAUNCH)
    examples = [
        list(read_rows(store.files(ref, "examples-")))
        for ref in (first.manifest.ref, settle(store, again).manifest.ref)
    ]
    assert [row["value"] for row in examples[0]] == pytest.approx([row["value"] for row in examples[1]], rel=1e-5)


def test_people_see_the_metrics_and_the_replies(
    store: Store, measure: Callable[[Any], ArtifactRef], trained_model: Callable[[float, int], Any]
) -> None:
    table, replies = report_evaluation(store, measure(trained_model(0.0, 0)))
    assert "reply_bits_per_byte" in str(table)
    assert "What colour is the" in str(replies)


def test_noise_on_the_weights_is_found_worse_and_the_same_model_is_not(
    store: Store, measure: Callable[[Any], ArtifactRef], trained_model: Callable[[float, int], Any]
) -> None:
    good, noisy = measure(trained_model(0.0, 0)), measure(trained_model(0.5, 1))
    found = compare(store, noisy, good, BY_REPLIES)
    assert found.ci_low > 0.0
    assert found.difference == pytest.approx(found.challenger_value - found.champion_value)
    assert found.num_examples == 24
    back = compare(store, good, noisy, BY_REPLIES)
    assert (back.difference, back.ci_low, back.ci_high) == pytest.approx(
        (-found.difference, -found.ci_high, -found.ci_low)
    )
    same = compare(store, good, good, BY_REPLIES)
    assert (same.difference, same.ci_low, same.ci_high) == (0.0, 0.0, 0.0)


def test_a_comparison_is_kept_and_shown(
    store: Store, measure: Callable[[Any], ArtifactRef], tiny_model: Callable[[int], Any]
) -> None:
    call = plan_compare(measure(tiny_model(1)), measure(tiny_model(2)), BY_REPLIES)
    ref = settle(store, call).manifest.ref
    assert settle(store, call).is_cached
    (table,) = report_comparison(store, ref)
    assert "'examples': 24" in str(table)


def test_reports_on_other_evaluation_artifacts_are_refused(
    store: Store,
    corpus: tuple[ArtifactRef, ArtifactRef],
    put_checkpoint: PutCheckpoint,
    measure: Callable[[Any], ArtifactRef],
    tiny_model: Callable[[int], Any],
) -> None:
    smaller = plan_evaluation_set(corpus[0], (), SplitConfig(test_share=0.5), EvaluationSetConfig())
    other = settle(store, smaller).manifest.ref
    model = tiny_model(1)
    report = settle(store, plan_evaluate(put_checkpoint(model), other, MEASURE, LAUNCH)).manifest.ref
    with pytest.raises(ComparisonError, match="evaluate both on the frozen one again"):
        compare(store, report, measure(model), BY_REPLIES)
    with pytest.raises(ComparisonError, match="has texts for this metric"):
        compare(store, report, report, BY_REPLIES)


def test_generated_replies_are_kept_beside_their_prompts(
    store: Store, measure: Callable[[Any], ArtifactRef], trained_model: Callable[[float, int], Any]
) -> None:
    text = store.files(measure(trained_model(0.0, 0)), "replies.jsonl")[0].read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["prompt"][:15] for line in lines] == ["What colour is "] * 2
    assert all(line["reply"].startswith("I see a") for line in lines)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_missing_gpu_is_said(
    store: Store, put_checkpoint: PutCheckpoint, evaluation: ArtifactRef, tiny_model: Callable[[int], Any]
) -> None:
    call = plan_evaluate(put_checkpoint(tiny_model(1)), evaluation, MEASURE, EvaluateLaunch(device="cuda"))
    with pytest.raises(DeviceError, match="set device to cpu"):
        settle(store, call)
