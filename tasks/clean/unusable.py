"""Why a document is set aside instead of extracted."""

from typing import Literal, NamedTuple

QuarantineReason = Literal[
    "empty_body",
    "epub_broken",
    "epub_encrypted",
    "epub_entities",
    "epub_missing_file",
    "epub_not_zip",
    "epub_path_outside",
    "epub_too_large",
    "epub_too_many_files",
    "extractor_crashed",
    "extractor_error",
    "no_text",
    "pdf_broken",
    "pdf_encrypted",
    "pdf_no_text",
    "pdf_too_large",
    "pdf_too_many_pages",
    "too_deep",
    "too_large",
    "too_many_attributes",
    "too_many_tags",
    "undecodable",
    "unsupported_type",
]


class SetAside(NamedTuple):
    """What is told of a document that cannot be read."""

    reason: QuarantineReason
    detail: str


class UnusableDocumentError(Exception):
    """One document cannot be read; extraction counts it by reason, keeps it aside and goes on."""

    def __init__(self, reason: QuarantineReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
