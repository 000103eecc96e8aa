"""A disk that fills up under each stage that reads and cleans: said, nothing stored is lost, the same call ends well.

The disk is real and small; beside a finished part it has room for nothing, for half of what the stage makes, and for
nearly all of it.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline_config.archive_source import ArchiveSource
from pipeline_config.clean import ExtractConfig, ExtractLaunch, ParagraphDedupConfig, SelectConfig
from pipeline_config.crawl import CrawlLaunch, FetchConfig, FollowConfig, WebSource
from tasks.clean.extract import plan_extract
from tasks.clean.selection import plan_select
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import StorageFullError
from tasks.crawl.archives.read import plan_read_archive
from tasks.crawl.web.crawl import plan_crawl_web
from tasks.storage.stage import StageCall, settle
from tasks.storage.store import Store
from tests.flows.bad_input import HTML, Site, serve
from tests.flows.test_nightly import article
from tests.small_disk import SmallDisk
from tests.tasks.crawl.archives.made_archives import answer, packed, record

ON_SITE, MORE_ON_SITE, IN_ARCHIVE, MORE_IN_ARCHIVE = range(5), range(5, 40), range(40, 45), range(45, 80)
SHARES = (0.0, 0.5, 0.95)
PLANTED = (
    "This paragraph of more than thirty words stands in one page of the site and in one page of the archive, so that "
    "the selection takes it out of the later one and has a shortened document to write."
)


@dataclass(frozen=True)
class Step:
    """One stage's work on a second night, and what it made undisturbed."""

    call: StageCall
    before: Path
    """The store without it."""
    digest: str
    size_bytes: int


def serve_pages(site: Site, numbers: range) -> None:
    links = "".join(f"<p><a href='/{n}'>A page of the mill</a>" for n in range(numbers.stop))
    pages = {f"/{n}": (200, HTML, article(n, ending=PLANTED if n == 1 else "").encode()) for n in numbers}
    site.pages |= {"/": (200, HTML, links.encode()), **pages}


def pack_pages(path: Path, numbers: range) -> None:
    planted = numbers.stop - 1
    path.write_bytes(
        packed(
            record(f"http://a.example/{n}", answer(article(n, ending=PLANTED if n == planted else "").encode()))
            for n in numbers
        )
    )


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Step]]:
    folder = tmp_path_factory.mktemp("whole")
    store, archives, site = Store(str(folder / "store")), folder / "archives", Site()
    archives.mkdir()
    server = serve(site)
    web = WebSource(name="site", seeds=(f"{site.base}/",), follow=FollowConfig(), allow_private=("127.0.0.1",))
    packs = ArchiveSource(name="packs", folder=str(archives))
    fetch, launch = FetchConfig(delay_s=0.0, retries=0), CrawlLaunch(per_host_concurrency=8)
    config, alone = SelectConfig(paragraph_dedup=ParagraphDedupConfig()), ExtractLaunch(num_workers=1)
    made: dict[str, Step] = {}

    def make(call: StageCall, name: str = "") -> ArtifactRef:
        before = folder / (name or "first")
        if name:
            shutil.copytree(store.root, before)
        manifest = settle(store, call).manifest
        if name:
            made[name] = Step(call, before, manifest.content_digest, sum(file.size_bytes for file in manifest.files))
        return manifest.ref

    serve_pages(site, ON_SITE)
    pack_pages(archives / "a.warc.gz", IN_ARCHIVE)
    crawled = make(plan_crawl_web(web, "night-1", fetch, launch))
    read = make(plan_read_archive(packs, fetch.user_agent))
    corpus = make(plan_select((make(plan_extract(crawled, ExtractConfig(), alone)),), config))
    serve_pages(site, MORE_ON_SITE)
    pack_pages(archives / "b.warc.gz", MORE_IN_ARCHIVE)
    make(plan_crawl_web(web, "night-2", fetch, launch, crawled), "crawl")
    read = make(plan_read_archive(packs, fetch.user_agent, read), "archive")
    part = make(plan_extract(read, ExtractConfig(), alone), "extract")
    corpus = make(plan_select((part,), config, previous=corpus), "select")
    assert store.manifest(corpus).totals["num_shortened_documents"] == 1
    yield made
    site.ended.set()
    server.shutdown()
    server.server_close()


def verified(root: Path) -> dict[tuple[str, str, str], str]:
    """The digests of all that is finished, each file of it read against its own."""
    store = Store(str(root))
    found = {}
    for key in store.all_keys():
        manifest = store.find(*key)
        assert manifest is not None
        assert store.files(manifest.ref)
        found[key] = manifest.content_digest
    return found


@pytest.mark.parametrize("stage", ["crawl", "archive", "extract", "select"])
def test_a_disk_that_fills_up_loses_nothing_and_the_same_call_goes_on_when_there_is_room(
    stage: str, small_disk: SmallDisk, steps: dict[str, Step]
) -> None:
    step = steps[stage]
    root = shutil.copytree(step.before, small_disk.folder / "store")
    earlier = verified(root)
    assert {kind for kind, *_ in earlier} >= {"raw", "extracted", "documents"}
    for share in SHARES:
        small_disk.leave(int(share * step.size_bytes))
        with pytest.raises(StorageFullError) as error:
            settle(Store(str(root)), step.call)
        said = str(error.value)
        assert said.startswith(f"no space left while writing {root}/"), share
        assert "free some space or choose another --root, then run the same command again" in said
        assert verified(root) == earlier
        assert len(list((root / "attempts").iterdir())) == len(earlier)
    small_disk.free()
    ref = settle(Store(str(root)), step.call).manifest.ref
    assert ref.content_digest == step.digest
    assert verified(root) == {**earlier, (ref.kind, ref.name, ref.key): step.digest}
