"""What an archive source would read, and what is wrong with it."""

from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

from pipeline_config.archive_source import ArchiveSource
from tasks.contracts.errors import PipelineError
from tasks.crawl.archives.files import Archive, list_archives
from tasks.crawl.findings import NUM_SHOWN, Finding, SourceCheck, and_more, sized


def check_archive(source: ArchiveSource) -> SourceCheck:
    """Lists the source's archives; none is opened, and none that is not here is asked for."""
    try:
        archives = list_archives(source)
    except PipelineError as error:
        return SourceCheck(source, (), (Finding(True, str(error)),))
    shown = "\n".join(archive.name for archive in archives[:NUM_SHOWN])
    facts = [("archives", f"{_counts(archives)}{_slice(source)}"), ("", shown), ("takes", _filters(source))]
    return SourceCheck(source, tuple(facts), ())


def _counts(archives: list[Archive]) -> str:
    local = [Path(archive.where) for archive in archives if archive.is_local]
    hosts = Counter(urlsplit(archive.where).netloc for archive in archives if not archive.is_local)
    parts = [f"{len(local):,} here, {sized(sum(path.stat().st_size for path in local))}"] if local else []
    parts += [f"{count:,} at {host}" for host, count in hosts.most_common(NUM_SHOWN)]
    return ", ".join(parts) + and_more(len(hosts))


def _slice(source: ArchiveSource) -> str:
    limit = f"; the first {source.max_files:,} at most" if source.max_files else ""
    return limit + (f"; {source.max_records_per_file:,} pages of each" if source.max_records_per_file else "")


def _filters(source: ArchiveSource) -> str:
    parts = [f"{', '.join(source.content_types)} up to {sized(source.max_body_bytes)}"]
    parts += [f"of {' or '.join(source.hosts)}"] if source.hosts else []
    parts += [f"only what matches {' or '.join(source.include)}"] if source.include else []
    parts += [f"not what matches {' or '.join(source.exclude)}"] if source.exclude else []
    return "; ".join(parts)
