"""Where text comes from, and how politely it is fetched."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from pipeline_config.archive_source import ArchiveSource
from pipeline_config.base import ExecutionConfig, IdentityConfig
from pipeline_config.data_source import CodeSource, DatasetSource, TableSource, WikiSource
from pipeline_config.source_base import EncodingName, FolderSource, InsidePath, Pattern, SourceConfig

ParameterName = Annotated[str, StringConstraints(pattern=r"^[^\s&=#*]+\*?$")]
"""The name of an argument in an address, or how it begins and `*`."""


class HttpSource(SourceConfig):
    """A source that is asked over HTTP."""

    delay_s: float | None = Field(default=None, ge=0.0, le=300.0)
    """Seconds between the starts of two requests to one host; None: crawl.fetch.delay_s."""
    allow_private: tuple[str, ...] = ()
    """Hosts that may have a private, loopback or link-local address, by name (a name covers all its ports). Any other
    host that resolves to one is refused, whether it was listed, linked or redirected to. Behind a proxy, which resolves
    names itself, only addresses written as numbers can be refused."""
    drop_parameters: tuple[ParameterName, ...] = (
        "utm_*",
        "gclid",
        "dclid",
        "fbclid",
        "msclkid",
        "yclid",
        "igshid",
        "mc_cid",
        "mc_eid",
        "PHPSESSID",
        "jsessionid",
    )
    """Arguments, behind `?` or `;`, that are left out of addresses found in links, sitemaps and feeds, in any case; a
    `*` at the end stands for any rest. Listed addresses stay as they are, and so do those under which the source has a
    page already: ids of stored documents never change by this."""


class FollowConfig(IdentityConfig):
    """What a crawl asks for beyond its listed addresses."""

    has_links: bool = True
    """Follow links of pages."""
    has_sitemaps: bool = True
    """Ask for the sitemaps that each host's robots.txt names, or else for /sitemap.xml."""
    max_depth: int = Field(default=3, ge=0, le=100)
    """Links from a listed page, or from an address that a sitemap names, at most."""
    hosts: Literal["seeds", "any"] = "seeds"
    """`seeds`: only hosts of the listed addresses. `any`: others too."""
    max_hosts: int = Field(default=1_000, ge=1)
    """Hosts asked in all, the first ones found."""
    max_pages_per_host: int = Field(default=1_000, ge=1)
    """Addresses asked for of one host, listed ones before those of sitemaps, those before links."""
    include: tuple[Pattern, ...] = ()
    """Regular expressions: a found address must match one of them somewhere; empty: all do. Listed ones need not."""
    exclude: tuple[Pattern, ...] = ()
    """Regular expressions: a found address that matches one of them is left out."""


class WebSource(HttpSource):
    """Pages of web sites: from listed addresses, and where `follow` is set from links and sitemaps."""

    form: Literal["web"] = "web"
    """Tells this kind of source from the others."""
    source_kind: Literal["web", "news", "book"] = "web"
    """What the pages are."""
    seeds: tuple[str, ...] = ()
    """Addresses (http or https)."""
    seeds_file: str | None = None
    """More addresses: a text file with one a line (`#` begins a comment), or a JSON object whose values have a `url`.
    A path, or `package:NAME/sub/path` inside an installed package."""
    sitemaps: tuple[str, ...] = ()
    """Addresses of sitemaps or sitemap indexes whose pages are fetched."""
    follow: FollowConfig | None = None
    """None: listed addresses only."""
    max_pages: int | None = Field(default=None, ge=1)
    """Ask for at most this many addresses, the first ones found; None: no limit of its own."""

    @model_validator(mode="after")
    def _have_seeds(self) -> Self:
        if not self.seeds and self.seeds_file is None and not self.sitemaps:
            raise ValueError(f"source {self.name!r} lists no address; set seeds, seeds_file or sitemaps")
        return self


class FeedSource(HttpSource):
    """News articles that RSS, Atom or JSON feeds announce."""

    form: Literal["feed"] = "feed"
    """Tells this kind of source from the others."""
    feeds: tuple[str, ...] = Field(min_length=1)
    """Addresses of feeds (RSS 0.9x to 2.0, Atom, JSON Feed)."""
    articles: Literal["auto", "page", "feed"] = "auto"
    """`page` fetches the page that an entry links to; `feed` takes the entry's own text; `auto` takes that where it is
    a whole article, and fetches the page of other entries. An article it is where the feed gives a content beside any
    summary, the content has at least 1,000 letters (an ideograph counts as three) and twice as many as the summary,
    and it does not end in an ellipsis or in words such as `Read more`."""
    max_articles: int = Field(default=10_000, ge=1)
    """Articles taken in all, the newest of each feed first."""

    @property
    def source_kind(self) -> Literal["news"]:
        """What the articles are."""
        return "news"


class TextFolderSource(FolderSource):
    """Books or news that lie in a folder: plain text, EPUB, HTML and PDF, a work a file, or a text file of many."""

    form: Literal["texts"] = "texts"
    """Files of a folder."""
    source_kind: Literal["book", "news"]
    """What the files are."""
    glob: InsidePath = "**/*.txt"
    """Which files below the folder are read, e.g. `**/*.epub`."""
    catalogue: InsidePath | None = None
    """A CSV or JSON Lines file, relative to the folder, with a `path` a row and, where known, `title`, `author`,
    `licence` and `published_at` (ISO 8601): reads the files it names, in place of `glob`."""
    layout: Literal["files", "json-list", "pku-tagged"] = "files"
    """`files`: a work a file. `json-list`: a JSON array of texts, a document each. `pku-tagged`: words with their part
    of speech, `word/tag`, a paragraph a line, as in the People's Daily corpus of Peking University."""
    encodings: tuple[EncodingName, ...] = Field(default=("utf-8",), min_length=1)
    """Tried in this order, strictly; `detect` looks at the bytes. A file that none of them decodes is set aside and
    counted."""
    max_file_bytes: int = Field(default=256 << 20, ge=1, le=1 << 31)
    """A larger file is not read but set aside and counted; bytes."""


Source = Annotated[
    WebSource | FeedSource | TextFolderSource | ArchiveSource | TableSource | DatasetSource | WikiSource | CodeSource,
    Field(discriminator="form"),
]
"""Any source; `form` says which."""


class FetchConfig(IdentityConfig):
    """What is asked of a web server, and what is taken of its answer."""

    user_agent: str = Field(
        default="chatmill/0.1 (a research crawler; set user_agent to your contact)",
        pattern=r"^[A-Za-z_-]+/[\x20-\x7e]+$",
    )
    """Who asks, e.g. `name/version (+how to reach you)`; robots.txt is read for the name before the slash."""
    obey_robots: bool = True
    """Ask only for what the host's robots.txt allows (RFC 9309)."""
    delay_s: float = Field(default=1.0, ge=0.0, le=300.0)
    """Seconds between the starts of two requests to one host, 0 to 300, where its robots.txt asks for no more."""
    max_crawl_delay_s: float = Field(default=30.0, ge=0.0, le=3600.0)
    """The longest Crawl-delay that is kept; a host that asks for more is asked at this pace, and counted; seconds."""
    max_body_bytes: int = Field(default=4 << 20, ge=1 << 10, le=1 << 29)
    """A larger body, compressed or not, is not kept; bytes, 1 KiB to 512 MiB."""
    timeout_s: float = Field(default=30.0, gt=0.0, le=600.0)
    """Seconds one request may take in all, up to 600."""
    retries: int = Field(default=2, ge=0, le=10)
    """How often a request is repeated after a lost connection, a time-out, or status 408, 429 or 5xx; 0 to 10."""
    max_redirects: int = Field(default=5, ge=0, le=20)
    """Redirects followed for one address, 0 to 20."""
    content_types: tuple[str, ...] = Field(default=("text/html", "application/xhtml+xml", "text/plain"), min_length=1)
    """Media types that are kept, in lower case without parameters."""


class CrawlLaunch(ExecutionConfig):
    """How many requests run at a time, and through what."""

    proxy: str | None = Field(default=None, pattern=r"^http://[^\s/]+$")
    """A forward proxy, `http://host:port`, for all requests, robots.txt included. None: the environment's."""
    is_replayed: bool = False
    """Ask the replay server, which runs for the time of the crawl and answers for the hosts of the demo's pages, in
    place of the internet."""
    concurrency: int = Field(default=32, ge=1, le=1024)
    """Requests under way at a time, 1 to 1024."""
    per_host_concurrency: int = Field(default=1, ge=1, le=64)
    """Requests under way at a time to one host, 1 to 64."""
