"""Why a document is set aside instead of extracted."""

from typing import Literal

QuarantineReason = Literal[
    "empty_body",
    "extractor_error",
    "no_text",
    "too_deep",
    "too_large",
    "too_many_attributes",
    "too_many_tags",
    "undecodable",
    "unsupported_type",
]


class UnusableDocumentError(Exception):
    """One document cannot be read; extraction counts it by reason, keeps it aside and goes on."""

    def __init__(self, reason: QuarantineReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
