"""Crawling as Prefect tasks."""

from collections.abc import Mapping
from typing import Any

from pipeline_config.archive_source import ArchiveSource
from pipeline_config.crawl import HttpSource, Source
from pipeline_config.run import CrawlConfig
from tasks.contracts.errors import BadInputError, EmptyInputError
from tasks.crawl.archives.read import plan_read_archive
from tasks.crawl.data.code import plan_read_code
from tasks.crawl.data.dataset import plan_read_dataset
from tasks.crawl.data.tables import plan_read_table
from tasks.crawl.data.texts import plan_read_texts
from tasks.crawl.data.wiki import plan_read_wiki
from tasks.crawl.report import crawl_reports
from tasks.crawl.web.crawl import plan_crawl_web
from tasks.storage.task import StageTask


def _may_pass(_task: Any, _run: Any, state: Any) -> bool:
    """Whether a crawl is worth another try at once; what a source itself gave or did not give is not."""
    return not isinstance(state.data, EmptyInputError | BadInputError)


crawl_web = StageTask(
    plan_crawl_web,
    name="crawl web",
    reports=crawl_reports,
    retries=1,
    retry_condition_fn=_may_pass,
    tags=["crawl"],
)
read_texts = StageTask(plan_read_texts, name="read texts", reports=crawl_reports, tags=["crawl"])
read_archive = StageTask(
    plan_read_archive,
    name="read archive",
    reports=crawl_reports,
    retries=1,
    retry_condition_fn=_may_pass,
    tags=["crawl"],
)
read_table = StageTask(plan_read_table, name="read table", reports=crawl_reports, tags=["crawl"])
read_dataset = StageTask(plan_read_dataset, name="read dataset", reports=crawl_reports, tags=["crawl"])
read_wiki = StageTask(plan_read_wiki, name="read wiki", reports=crawl_reports, tags=["crawl"])
read_code = StageTask(plan_read_code, name="read code", reports=crawl_reports, tags=["crawl"])

_READERS: Mapping[str, StageTask] = {
    "texts": read_texts,
    "table": read_table,
    "dataset": read_dataset,
    "wiki": read_wiki,
    "code": read_code,
}
"""What takes in a source that needs no setting but its own, by its form."""


def reading_of(source: Source, crawl: CrawlConfig) -> tuple[Any, ...]:
    """The task that takes a source in, and its arguments, but for the part before."""
    if isinstance(source, HttpSource):
        return crawl_web, source, crawl.snapshot_id, crawl.fetch, crawl.launch
    if isinstance(source, ArchiveSource):
        return read_archive, source, crawl.fetch.user_agent
    return _READERS[source.form], source
