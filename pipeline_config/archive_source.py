"""Web archives as a source: WARC and WET files, here or elsewhere."""

from typing import Literal, Self

from pydantic import Field, model_validator

from pipeline_config.source_base import InsidePath, Pattern, SourceConfig


class ArchiveSource(SourceConfig):
    """Pages of web archives: WARC (what servers answered) and WET (plain text made of that)."""

    form: Literal["archive"] = "archive"
    """Tells this kind of source from the others."""
    source_kind: Literal["web", "news", "book"] = "web"
    """What the pages are. A page that was also crawled, as the same kind, is the same document."""
    folder: str | None = Field(default=None, min_length=1)
    """A folder of archives: a path, or `package:NAME/sub/path` inside an installed package."""
    glob: InsidePath = "**/*.warc*"
    """Which files below the folder are read; `.gz`, `.zst` and `.lz4` are unpacked while they are read."""
    urls: tuple[str, ...] = ()
    """Addresses of archives: `https://…`, `http://…`, `s3://…`. What lies at an address is taken to stay as it is."""
    paths_file: str | None = None
    """More archives: a text file, gzip or not, with a path or address a line, as Common Crawl's `warc.paths.gz`."""
    url_base: str = ""
    """Stands before each line of `paths_file`: an address that ends in `/`, or a folder."""
    max_files: int | None = Field(default=None, ge=1)
    """Read at most this many archives, the first ones; None: all."""
    max_records_per_file: int | None = Field(default=None, ge=1)
    """Take at most this many pages of each archive, the first ones; None: all."""
    hosts: tuple[str, ...] = ()
    """Take pages of these hosts only, a name covers its subdomains; empty: of all."""
    include: tuple[Pattern, ...] = ()
    """Regular expressions: a page's address must match one of them somewhere; empty: all do."""
    exclude: tuple[Pattern, ...] = ()
    """Regular expressions: a page whose address matches one of them is left out."""
    content_types: tuple[str, ...] = Field(default=("text/html", "application/xhtml+xml", "text/plain"), min_length=1)
    """Media types that are kept, in lower case without parameters."""
    max_body_bytes: int = Field(default=4 << 20, ge=1 << 10, le=1 << 30)
    """A larger body, as stored or decoded, is not kept; bytes, 1 KiB to 1 GiB."""

    @model_validator(mode="after")
    def _name_archives(self) -> Self:
        if self.folder is None and not self.urls and self.paths_file is None:
            raise ValueError(f"source {self.name!r} names no archive; set folder, urls or paths_file")
        return self
