import gzip
from pathlib import Path

from pipeline_config.archive_source import ArchiveSource
from pipeline_config.crawl import FetchConfig
from tasks.crawl.check import check_source


def test_archives_are_counted_by_place_and_the_slice_is_named(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.warc").write_bytes(b"x" * 2_000)
    (tmp_path / "paths.gz").write_bytes(gzip.compress(b"# a comment\nx/1.warc.gz\n\nx/2.warc.gz\nx/3.warc.gz\n"))
    source = ArchiveSource(
        name="mills",
        folder=str(tmp_path / "in"),
        paths_file=str(tmp_path / "paths.gz"),
        url_base="https://data.example/",
        max_files=3,
        max_records_per_file=10,
        hosts=("a.example",),
    )
    found = check_source(source, FetchConfig())
    assert dict(found.facts) == {
        "archives": "1 here, 2.0 kB, 2 at data.example; the first 3 at most; 10 pages of each",
        "": "a.warc\nx/1.warc.gz\nx/2.warc.gz",
        "takes": "text/html, application/xhtml+xml, text/plain up to 4.2 MB; of a.example",
    }
    assert not found.has_errors


def test_paths_file_that_is_missing_or_broken_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "paths.gz").write_bytes(gzip.compress(b"x")[:-4])
    for name, message in (("none", "correct the path"), ("paths.gz", "expected a text file")):
        found = check_source(ArchiveSource(name="mills", paths_file=str(tmp_path / name)), FetchConfig())
        assert found.has_errors
        assert message in found.findings[0].text
