"""What a stage tells people while it works and when it is done; Prefect shows these as artifacts."""

from collections.abc import Callable

from pydantic import BaseModel, ConfigDict

from tasks.contracts.artifacts import Scalar


class Progress(BaseModel):
    """How far a stage is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    done: float
    total: float
    """Same unit as `done`; 0 when not known yet."""
    unit: str
    """pages, documents, tokens, steps, …"""
    message: str = ""
    """What a person would like to read beside the bar, e.g. the loss."""


Reporter = Callable[[Progress], None]


class TableReport(BaseModel):
    """Rows under one heading; every row has the same keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    """Lower-case letters, digits and dashes: the artifact's stable name in the Prefect UI."""
    title: str
    rows: list[dict[str, Scalar]]


class MarkdownReport(BaseModel):
    """Text with headings, lists and inline images (data URIs)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    title: str
    markdown: str


class LinkReport(BaseModel):
    """An address that a browser opens."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    title: str
    url: str
    text: str
    """What stands in place of the address."""


Report = TableReport | MarkdownReport | LinkReport
