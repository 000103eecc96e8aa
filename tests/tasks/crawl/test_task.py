from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from pipeline_config.archive_source import ArchiveSource
from pipeline_config.crawl import FeedSource, FetchConfig, Source, TextFolderSource, WebSource
from pipeline_config.data_source import CodeSource, DatasetSource, TableSource, WikiSource
from pipeline_config.run import CrawlConfig
from tasks.crawl.task import reading_of
from tasks.storage.stage import settle
from tasks.storage.store import Store
from tests.tasks.crawl.archives.made_archives import packed, page

READ_BY: list[tuple[Source, str]] = [
    (WebSource(name="a", seeds=("http://a.example/",)), "crawl web"),
    (FeedSource(name="a", feeds=("http://a.example/",)), "crawl web"),
    (TextFolderSource(name="a", folder="a", source_kind="book"), "read texts"),
    (ArchiveSource(name="a", folder="a"), "read archive"),
    (TableSource(name="a", folder="a"), "read table"),
    (DatasetSource(name="a", folder="a"), "read dataset"),
    (WikiSource(name="a", folder="a"), "read wiki"),
    (CodeSource(name="a", folder="a"), "read code"),
]


def test_every_form_of_source_has_a_reader() -> None:
    union, _ = get_args(Source)
    assert {type(source) for source, _ in READ_BY} == set(get_args(union))


@pytest.mark.parametrize(("source", "task"), READ_BY)
def test_each_source_is_read_by_the_task_of_its_form(source: Source, task: str) -> None:
    reader, read, *_ = reading_of(source, CrawlConfig())
    assert (reader.name, read) == (task, source)


def test_archives_are_asked_for_in_the_crawls_name(tmp_path: Path, serve: Callable[..., Any]) -> None:
    site = serve({"/a.warc.gz": (200, {}, packed([page("1")]))})
    crawl = CrawlConfig(fetch=FetchConfig(user_agent="mill/2 (+https://mill.example/)"))
    task, *arguments = reading_of(ArchiveSource(name="a", urls=(f"{site.base}/a.warc.gz",)), crawl)
    settle(Store(str(tmp_path)), task.plan(*arguments))
    assert {headers["User-Agent"] for _, headers in site.asked} == {"mill/2 (+https://mill.example/)"}
