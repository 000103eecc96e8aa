"""Data that people have already: tables, data sets, dumps of wikis, source code."""

from typing import Literal, Self

from pydantic import Field, model_validator

from pipeline_config.base import IdentityConfig
from pipeline_config.source_base import DETECT, EncodingName, FolderSource, InsidePath, SourceConfig, SourceKind

ProgrammingLanguage = Literal[
    "bash",
    "c",
    "c++",
    "c#",
    "clojure",
    "css",
    "dart",
    "dockerfile",
    "elixir",
    "erlang",
    "fortran",
    "go",
    "haskell",
    "html",
    "java",
    "javascript",
    "julia",
    "kotlin",
    "lua",
    "makefile",
    "markdown",
    "ocaml",
    "perl",
    "php",
    "powershell",
    "python",
    "r",
    "ruby",
    "rust",
    "scala",
    "sql",
    "swift",
    "toml",
    "typescript",
    "yaml",
    "zig",
]


class ColumnsConfig(IdentityConfig):
    """Which columns of a table hold what. None: the table does not say."""

    text: str = Field(default="text", min_length=1)
    """The text itself."""
    id: str | None = None
    """An id of the source's own, stable when the text is edited, for rows without an address. None: the file's name and
    the row's number, so that rows that move are taken for others."""
    url: str | None = None
    """The text's address, which is its identity, too: a page that was also crawled, as the same kind, is the same
    document, and a takedown by address finds it."""
    title: str | None = None
    """Its title."""
    author: str | None = None
    """Who wrote it: a name, or a list of names. Of `a@b.example (Name)` the name is kept."""
    published_at: str | None = None
    """When it was published: a time, a date, or text in ISO 8601."""
    licence: str | None = None
    """Its licence, an SPDX id where there is one; rows without one have the source's."""

    @property
    def named(self) -> tuple[str, ...]:
        """All columns that are named here."""
        found = (self.text, self.id, self.url, self.title, self.author, self.published_at, self.licence)
        return tuple(dict.fromkeys(name for name in found if name is not None))


class RowsSource(SourceConfig):
    """A source whose documents are rows of a table."""

    source_kind: SourceKind = "dataset"
    """What the texts are."""
    columns: ColumnsConfig = ColumnsConfig()
    """Which columns hold what."""
    keep: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Only rows whose column of that name has one of these values, e.g. `{lang: [en, zh]}`."""
    max_rows: int | None = Field(default=None, ge=1)
    """Texts taken, the first ones; None: all."""
    max_row_bytes: int = Field(default=16 << 20, ge=1 << 10, le=1 << 30)
    """A row with a longer text, or a longer line of a file, is set aside and counted; bytes, 1 KiB to 1 GiB."""


class TableSource(FolderSource, RowsSource):
    """Tables in a folder: Parquet, JSON Lines and CSV, a text a row."""

    form: Literal["table"] = "table"
    """Files of rows."""
    glob: InsidePath = "**/*"
    """Which files below the folder are read, e.g. `train-*.jsonl.gz`. Their names say what they are: .parquet; .jsonl,
    .ndjson, .csv and .tsv, these also with .gz, .bz2, .xz or .zst behind."""
    encoding: EncodingName = "utf-8"
    """Of JSON Lines and CSV."""
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    """Between the cells of CSV. None: a comma, in .tsv a tab."""
    quote: str = Field(default='"', min_length=1, max_length=1)
    """Around cells of CSV that hold a delimiter or a line end; doubled inside of them."""

    @model_validator(mode="after")
    def _one_encoding(self) -> Self:
        if self.encoding == DETECT:
            raise ValueError(f"source {self.name!r}: rows are read one by one, so name their encoding, e.g. gb18030")
        return self


class DatasetSource(RowsSource):
    """A data set of the Hugging Face hub, or one that `datasets` saved in a folder."""

    form: Literal["dataset"] = "dataset"
    """A data set."""
    dataset: str | None = Field(default=None, pattern=r"^[\w.-]+(/[\w.-]+)?$")
    """Its name on the hub, e.g. `allenai/c4`; it is streamed, not downloaded as a whole."""
    folder: str | None = None
    """Where `save_to_disk` put it: a path, or `package:NAME/sub/path` inside an installed package."""
    subset: str | None = None
    """Name of one of its configurations, where the hub has several."""
    split: str = Field(default="train", min_length=1)
    """Which split is read."""
    revision: str = Field(default="main", min_length=1)
    """Commit, tag or branch of the hub's; the commit it stands for becomes part of the artifact's identity. Only a
    commit is used without asking the hub."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.dataset is None) == (self.folder is None):
            raise ValueError(f"source {self.name!r}: expected one of dataset (a name on the hub) and folder; set one")
        return self


class WikiSource(FolderSource):
    """Articles of a wiki's dump in MediaWiki's XML."""

    form: Literal["wiki"] = "wiki"
    """A dump."""
    source_kind: SourceKind = "web"
    """What the articles are. As `web` an article and the page that a crawl fetched of it are one document."""
    glob: InsidePath = "*pages-articles*.xml*"
    """Which files below the folder are read; .bz2, .gz, .xz and .zst are unpacked on the way."""
    site: str | None = Field(default=None, pattern=r"^https?://[^\s/]+/(\S*/)?$")
    """What a title stands behind to be an address, e.g. `https://en.wikipedia.org/wiki/`. None: as the dump says."""
    namespaces: tuple[int, ...] = Field(default=(0,), min_length=1)
    """Numbers of the namespaces that are read; 0 holds the articles."""
    max_pages: int | None = Field(default=None, ge=1)
    """Articles taken, the first ones; None: all."""
    max_page_bytes: int = Field(default=4 << 20, ge=1 << 10, le=1 << 30)
    """A longer page is set aside and counted; bytes of wikitext, 1 KiB to 1 GiB."""


class CodeSource(FolderSource):
    """Source code: the files of a folder whose names tell a programming language."""

    form: Literal["code"] = "code"
    """Source code."""
    languages: tuple[ProgrammingLanguage, ...] = ()
    """Languages that are read; empty: all that are known."""
    exclude: tuple[str, ...] = ()
    """What is left out besides what .gitignore files name, in their notation, e.g. `tests/data/`."""
    encodings: tuple[EncodingName, ...] = Field(default=("utf-8",), min_length=1)
    """Tried in this order, strictly; `detect` looks at the bytes. A file that none of them decodes is set aside."""
    max_file_bytes: int = Field(default=1 << 20, ge=1, le=1 << 30)
    """A larger file is set aside unread; bytes."""
    max_line_chars: int = Field(default=1_000, ge=1)
    """A file with a longer line is set aside: it was made by a program, or holds data."""
    max_mean_line_chars: float = Field(default=100.0, gt=0.0)
    """So is one whose lines are longer than this on average.

    Source: Chen et al. 2021, arXiv:2107.03374, section 3.1, for both limits."""
    min_alphanumeric_share: float = Field(default=0.25, ge=0.0, le=1.0)
    """Fewest letters and digits, as a share of all characters.

    Source: the data of CodeParrot, https://huggingface.co/datasets/codeparrot/codeparrot-clean."""

    @property
    def source_kind(self) -> Literal["code"]:
        """What the files are."""
        return "code"
