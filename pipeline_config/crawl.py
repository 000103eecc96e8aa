"""Where text comes from, and how politely it is fetched."""

import codecs
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from pipeline_config.base import ExecutionConfig, IdentityConfig

SourceName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
"""Lower-case letters, digits and dashes: it names a folder of the store."""


def _known_encoding(name: str) -> str:
    try:
        codecs.lookup(name)
    except LookupError as error:
        raise ValueError(
            f"{name!r} is no encoding that Python knows; use a name such as utf-8, cp1252 or gb18030"
        ) from error
    return name


class WebSource(IdentityConfig):
    """Pages fetched over HTTP, each from a listed address."""

    name: SourceName
    """Name of the source and of its artifact."""
    seeds: tuple[str, ...] = ()
    """Addresses (http or https) to fetch; links are not followed."""
    seeds_file: str | None = None
    """More addresses: a text file with one a line (`#` begins a comment), or a JSON object whose values have a `url`.
    A path, or `package:NAME/sub/path` inside an installed package."""
    licence: str = Field(default="unknown", min_length=1)
    """Licence of the texts, an SPDX id where there is one; `unknown` where unknown."""
    max_pages: int | None = Field(default=None, ge=1)
    """Fetch at most this many of the distinct addresses, the first ones; None fetches all."""

    @model_validator(mode="after")
    def _have_seeds(self) -> Self:
        if not self.seeds and self.seeds_file is None:
            raise ValueError(f"source {self.name!r} lists no address; set seeds or seeds_file")
        return self


class TextFolderSource(IdentityConfig):
    """Books or news articles that lie in a folder, a text file each."""

    name: SourceName
    """Name of the source and of its artifact."""
    source_kind: Literal["book", "news"]
    """What the files are."""
    folder: str = Field(min_length=1)
    """A path, or `package:NAME/sub/path` inside an installed package."""
    glob: str = Field(default="**/*.txt", min_length=1)
    """Which files below the folder are read."""
    licence: str = Field(default="unknown", min_length=1)
    """Licence of the texts, an SPDX id where there is one; `unknown` where unknown."""
    url_base: str | None = None
    """What a file's path inside the folder is put behind to make its stable address. None: the folder itself when it
    lies in a package, else `folder:<name>/`, so that no machine's path becomes part of a document's id."""
    encodings: tuple[Annotated[str, AfterValidator(_known_encoding)], ...] = Field(default=("utf-8",), min_length=1)
    """Tried in this order, strictly; a file that none of them decodes is set aside and counted."""


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
    """Seconds between the starts of two requests to one host, 0 to 300."""
    max_body_bytes: int = Field(default=4 << 20, ge=1 << 10, le=1 << 30)
    """A larger body, compressed or not, is not kept; bytes, 1 KiB to 1 GiB."""
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
