"""Bad input among good: bounded, counted, set aside with a reason; the run goes on to a corpus of all that is good."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from flows.memory import PeakMemory
from flows.refresh_flow import refresh
from flows.runner import RunSummary
from flows.summary import print_summary
from tasks.contracts.artifacts import Manifest
from tasks.contracts.errors import BadInputError, EmptyInputError
from tasks.contracts.records import FAILURES, QUARANTINE
from tasks.storage.corpus import corpus_rows
from tasks.storage.parquet_shards import read_rows
from tasks.storage.store import Store
from tests.flows.bad_input import INFLATED_MIB, LATE, NEWS, PACKED, PAGES, Site, feed, fill, pack, serve, shelve
from tests.flows.test_cli import chatmill

FETCH = "{delay_s: 0, timeout_s: 2, retries: 0, max_redirects: 3, max_body_bytes: 1048576}"
PROFILE = """
crawl:
  snapshot_id: night-1
  sources: [{sources}]
  fetch: {fetch}
  launch: {{per_host_concurrency: 16}}
dialogues: [{{name: zh, format: chatterbot, path: "package:chatterbot_corpus/data/chinese", lang: zh}}]
"""
SITE = """{{form: web, name: site, seeds: ["{base}/", "{base}/inside", "http://localhost:{port}/"],
  follow: {{max_depth: 1}}, allow_private: [127.0.0.1]}}"""
FEEDS = """{{form: feed, name: news, allow_private: [127.0.0.1],
  feeds: [{base}/feed, {base}/page-0, {base}/hangs, {base}/laughs]}}"""
NO_FEED = "{{form: feed, name: no-feed, feeds: [{base}/late], allow_private: [127.0.0.1]}}"
NO_HOST = "{form: web, name: no-host, seeds: ['http://127.0.0.1:9/'], allow_private: [127.0.0.1]}"
SHELF = "{{form: texts, name: books, source_kind: book, folder: '{folder}', catalogue: list.csv}}"
PACKS = "{{form: archive, name: packs, folder: '{folder}'}}"
BROKEN = "{{form: texts, name: broken, source_kind: book, folder: '{folder}', glob: 'broken/*.epub'}}"


@dataclass(frozen=True)
class Night:
    """A run over good and bad input."""

    root: str
    profile: str
    site: Site
    summary: RunSummary
    took_s: float
    before_mib: float
    """Resident memory of this process and its children, Prefect's server among them, before the run."""

    def manifest(self, task: str, name: str) -> Manifest:
        (ref,) = {step.ref for step in self.summary.steps if (step.task, step.ref.name) == (task, name)}
        return Store(self.root).manifest(ref)

    def set_aside(self, task: str, name: str, stem: str) -> dict[str, set[str]]:
        """Addresses by reason, without the server's own."""
        found: dict[str, set[str]] = {}
        for row in read_rows(Store(self.root).files(self.manifest(task, name).ref, f"{stem}-")):
            found.setdefault(row["reason"], set()).add(row["url"].removeprefix(self.site.base))
        return found


def profile(folder: Path, *sources: str) -> str:
    path = folder / "mine.yaml"
    path.write_text(PROFILE.format(sources=", ".join(sources), fetch=FETCH), encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def night(prefect_server: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    folder = tmp_path_factory.mktemp("bad")
    shelf = folder / "shelf"
    shelve(shelf)
    pack(folder / "packs")
    site = Site()
    server = serve(site)
    fill(site)
    port = site.base.rpartition(":")[2]
    sources = [source.format(base=site.base, port=port, folder=shelf) for source in (SITE, FEEDS, NO_FEED, SHELF)]
    sources.append(PACKS.format(folder=folder / "packs"))
    path = profile(folder, *sources, NO_HOST, BROKEN.format(folder=shelf))
    with PeakMemory() as before:
        pass
    started = time.monotonic()
    summary = refresh(path, str(folder / "mill"), "1")
    yield Night(str(folder / "mill"), path, site, summary, time.monotonic() - started, before.peak_mib)
    site.ended.set()
    server.shutdown()
    server.server_close()


def test_every_bad_address_is_counted_and_kept_with_its_reason(night: Night) -> None:
    port = night.site.base.rpartition(":")[2]
    expected = {
        "too_large": {"/bomb", "/large", "/bomb.xml.gz"},
        "redirect_limit": {"/loop"},
        "timeout": {"/hangs"},
        "connection_lost": {"/reset"},
        "http_410": {"/gone"},
        "content_type": {"/picture"},
        "binary_body": {"/picture.html"},
        "private_address": {"/inside", f"http://localhost:{port}/"},
        "sitemap_too_deep": {f"/maps-{a}{b}{c}" for a in "ab" for b in "ab" for c in "ab"},
    }
    assert night.set_aside("crawl web", "site", FAILURES) == expected
    drops = night.manifest("crawl web", "site").drops
    assert drops == {reason: len(addresses) for reason, addresses in expected.items()}
    assert night.site.asked["/secret"] == 0


def test_every_bad_page_is_counted_and_kept_with_its_reason(night: Night) -> None:
    expected = {"too_deep": {"/deep"}, "undecodable": {"/half-characters"}}
    assert night.set_aside("extract", "site", QUARANTINE) == expected
    assert night.manifest("extract", "site").drops == dict.fromkeys(sorted(expected), 1)


def test_one_feed_of_a_source_may_be_no_feed_and_another_hang(night: Night) -> None:
    assert night.set_aside("crawl web", "news", FAILURES) == {
        "not_a_feed": {"/page-0"},
        "timeout": {"/hangs"},
        "http_404": {"/&l9"},  # the one link of /laughs: its entity stays as it was written
    }
    assert night.manifest("crawl web", "news").totals["num_records"] == len(NEWS)


def test_every_bad_file_is_counted_and_kept_with_its_reason(night: Night) -> None:
    assert night.set_aside("read texts", "books", FAILURES) == {
        "empty_body": {"folder:books/empty.txt"},
        "unknown_encoding": {"folder:books/latin.txt"},
        "outside_folder": {"folder:books/../secret.txt"},
        "missing_file": {"folder:books/missing.txt"},
    }
    expected = {
        "epub_not_zip": {"folder:books/no-zip.epub"},
        "epub_path_outside": {"folder:books/outside.epub"},
        "epub_too_large": {"folder:books/bomb.epub"},
        "epub_broken": {"folder:books/laughs.epub"},
    }
    assert night.set_aside("extract", "books", QUARANTINE) == expected
    assert night.manifest("extract", "books").drops == dict.fromkeys(sorted(expected), 1)


def test_of_an_archive_that_breaks_off_the_whole_pages_are_kept(night: Night) -> None:
    manifest = night.manifest("read archive", "packs")
    assert (manifest.drops, manifest.totals["num_records"]) == ({"damaged_record": 1}, len(PACKED) - 1)
    last = {f"http://packed.example/{PACKED[-1]}"}
    assert night.set_aside("read archive", "packs", FAILURES) == {"damaged_record": last}


def test_a_folder_of_broken_books_alone_gives_an_empty_part(night: Night) -> None:
    manifest = night.manifest("extract", "broken")
    assert manifest.drops == {"epub_broken": 1, "epub_not_zip": 1}
    assert manifest.totals["num_documents"] == 0


def test_all_that_is_good_is_in_the_corpus(night: Night) -> None:
    assert addresses(night.root, night.summary) == {
        *(f"{night.site.base}/page-{number}" for number in PAGES),
        *(f"{night.site.base}/news-{number}" for number in NEWS),
        *(f"folder:books/{name}" for name in ("18.txt", "19.txt", "good.epub")),
        *(f"http://packed.example/{number}" for number in PACKED[:-1]),
    }


def test_time_and_memory_stay_bounded(night: Night) -> None:
    # two rounds that wait 2 s for a page that hangs, four crawling processes and the tasks: some 15 s on two cores
    assert night.took_s < 60
    peak_mib = max(step.peak_mib for step in night.summary.steps)
    assert peak_mib - night.before_mib < INFLATED_MIB


def test_sources_that_give_nothing_at_all_are_left_out_and_named(
    night: Night, capsys: pytest.CaptureFixture[str]
) -> None:
    silent = night.summary.silent
    assert silent.keys() == {"no-feed", "no-host"}
    assert "not_a_feed (1)" in silent["no-feed"]
    assert "http://127.0.0.1:9/" in silent["no-host"]
    assert not [step for step in night.summary.steps if step.ref.name in silent]
    assert night.site.asked["/late"] == 1
    print_summary(night.summary, night.root)
    said = " ".join(capsys.readouterr().out.split())
    assert "Nothing new from source 'no-feed': found 0 pages at 1 addresses" in said


@pytest.mark.slow
def test_a_silent_source_is_asked_again_and_one_that_falls_silent_when_it_is_to_be_taken_anew_stays(
    night: Night, tmp_path: Path
) -> None:
    changed = Path(night.profile).read_text(encoding="utf-8").replace("name: news,", "name: news, licence: CC0-1.0,")
    (tmp_path / "changed.yaml").write_text(changed, encoding="utf-8")
    fed = night.site.pages.pop("/feed")
    night.site.pages["/late"] = feed(night.site, LATE)
    again = refresh(str(tmp_path / "changed.yaml"), night.root, "1")
    night.site.pages["/feed"] = fed
    assert again.silent.keys() == {"no-host", "news"}
    made = {(step.task, step.ref.name) for step in again.steps if not step.is_cached}
    assert made == {
        ("crawl web", "no-feed"),
        ("extract", "no-feed"),
        ("select", "corpus"),
        ("count metrics", "metrics"),
        ("write page", "page"),
    }
    late = {f"{night.site.base}/news-{number}" for number in LATE}
    assert addresses(night.root, again) == addresses(night.root, night.summary) | late


@pytest.mark.slow
def test_where_no_source_gives_anything_the_run_is_refused_with_each_reason(night: Night, tmp_path: Path) -> None:
    with pytest.raises(EmptyInputError, match=r"in any source\n.*'no-host': found 0 pages at 1 addresses"):
        refresh(profile(tmp_path, NO_HOST), str(tmp_path / "mill"), "1")
    broken = profile(tmp_path, BROKEN.format(folder=Path(night.profile).parent / "shelf"))
    with pytest.raises(EmptyInputError, match=r"in 1 parts \(epub_broken 1, epub_not_zip 1\).*check content types"):
        refresh(broken, str(tmp_path / "mill"), "1")


def test_two_sources_of_one_name_are_refused_with_both_lines_before_anything_is_asked(tmp_path: Path) -> None:
    path = profile(tmp_path, f"\n    {NO_HOST}", f"\n    {NO_HOST}")
    done = chatmill("refresh", "--profile", path, root=tmp_path)
    assert done.returncode == 2
    said = " ".join(done.stderr.split())
    assert "mine.yaml:5 and" in said
    assert "mine.yaml:6: found 2 sources named 'no-host'" in said
    assert not (tmp_path / "chatmill-data").exists()


def test_a_folder_that_is_not_there_or_has_no_such_file_is_a_mistake_and_refused(tmp_path: Path) -> None:
    (tmp_path / "shelf").mkdir()
    for folder, said in (("shelf", "correct folder or glob"), ("no-shelf", "no-shelf")):
        path = profile(tmp_path, BROKEN.format(folder=tmp_path / folder), NO_HOST)
        with pytest.raises((EmptyInputError, BadInputError), match=said):
            refresh(path, str(tmp_path / "mill"), "1")


def addresses(root: str, summary: RunSummary) -> set[str]:
    """What the corpus holds; the home page is too short for it."""
    (documents,) = {step.ref for step in summary.steps if step.task == "select"}
    return {row["url"] for row in corpus_rows(Store(root), documents, ["url"])}
