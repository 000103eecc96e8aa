"""What each source would fetch or read, and what is wrong with it, without asking anybody anything."""

from pipeline_config.archive_source import ArchiveSource
from pipeline_config.crawl import FeedSource, FetchConfig, Source, TextFolderSource, WebSource
from tasks.crawl.archives.check import check_archive
from tasks.crawl.data.check import check_data
from tasks.crawl.data.check_texts import check_texts
from tasks.crawl.findings import SourceCheck
from tasks.crawl.web.check import check_feed, check_web


def check_source(source: Source, fetch: FetchConfig) -> SourceCheck:
    """Looks at a source and the files it names; nothing is asked of the network.

    Args:
        source: Any source.
        fetch: What holds where the source has no setting of its own.
    """
    if isinstance(source, WebSource):
        return check_web(source, fetch)
    if isinstance(source, FeedSource):
        return check_feed(source, fetch)
    if isinstance(source, TextFolderSource):
        return check_texts(source)
    if isinstance(source, ArchiveSource):
        return check_archive(source)
    return check_data(source)
