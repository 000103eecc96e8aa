"""What extraction reads out of raw bodies, and which of the extracted documents are kept."""

import os
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from pipeline_config.base import ExecutionConfig, IdentityConfig
from pipeline_config.redact import RedactConfig
from pipeline_config.rule_limits import (
    LANGUAGE_LIMITS,
    BlockedWordsConfig,
    C4Config,
    FineWebConfig,
    GopherQualityConfig,
    GopherRepetitionConfig,
    LanguageLimits,
)


class MinHashConfig(IdentityConfig):
    """A text's signature, by which near-duplicates are found.

    Source: Broder 1997, «On the resemblance and containment of documents».
    """

    num_permutations: int = Field(default=512, ge=16, le=1_024)
    """Hash functions, a byte each. With 128, 256, 512 the standard error is 0.031, 0.020, 0.014 (edited news in English
    and Chinese), precision and recall at 0.8 of pairs spread evenly over 0.5 to 1.0 are 0.93, 0.95, 0.97."""
    shingle_words: int = Field(default=5, ge=1, le=32)
    """Words of a shingle; texts are as similar as the sets of their shingles (Jaccard)."""
    seed: int = Field(default=1, ge=0, lt=2**32)
    """Of the hash functions."""


class ExtractConfig(IdentityConfig):
    """Turns a raw body into text and metrics. No threshold of quality stands here: see SelectConfig."""

    mode: Literal["fast", "quality"] = "fast"
    """How the main content of web pages is found. `fast`: by resiliparse and rules on lines, and by trafilatura where
    that finds little of what the page has. `quality`: by trafilatura's full form on every page, five times slower; of
    over 4 MiB or 50,000 tags it is the way of `fast`, counted as `num_read_fast`."""
    fallback_min_words: int = Field(default=0, ge=0)
    """Words; a web page with fewer in all its visible text is spared the slow way of `fast` mode. Selection must drop
    such pages: a lower `select.gopher_quality.min_words` is refused. 0: none is spared for that."""
    recurring_lines_from: int | None = Field(default=3, ge=2, le=1_000)
    """Pages; a line that stands on as many of a host's pages, or more, is taken out of each. None: lines stay."""
    is_main_content_only: bool = True
    """Leave out navigation, sidebars and footers of web pages; False takes all visible text."""
    has_comments: bool = False
    """Keep readers' comments of web pages."""
    has_alt_texts: bool = False
    """Keep the alternative texts of images."""
    word_rule: Literal["characters", "whitespace", "unicode"] = "characters"
    """What a word is. `whitespace`: what stands between white space. `characters`: the same, but each Chinese or
    Japanese character is a word of its own, with the punctuation around it. `unicode`: runs of letters and digits; each
    ideograph, and each mark, is a word of its own."""
    metric_definitions: Literal["papers", "datatrove"] = "papers"
    """How the papers' rules are read: what they say, or what datatrove computes, which FineWeb was made with. The
    differences stand in tasks/clean/metrics.py."""
    language_chars: int = Field(default=1_000, ge=50, le=100_000)
    """Characters, from the start, that the language model reads; 80 lose one English page in seven."""
    max_undecodable_share: float = Field(default=0.01, ge=0.0, le=1.0)
    """Share of characters, 0 to 1, that may be undecodable or control characters; a body with more is quarantined."""
    max_body_bytes: int = Field(default=16 * 2**20, ge=1)
    """Bytes; a longer body is quarantined. Budgets stand in for a time limit, which would lose text under load."""
    max_tags: int = Field(default=200_000, ge=1)
    """Most `<` in a web page; one with more is quarantined."""
    max_tag_attributes: int = Field(default=2_000, ge=1)
    """Most attributes of one tag: the parser's time grows with their square."""
    max_depth: int = Field(default=4_000, ge=32)
    """Most tags inside each other: the extractor's time grows with its square (4,000 take about 0.4 s)."""
    word_block_list: str | None = None
    """A file of words and phrases, one a line, which are counted in each text: see `select.blocked_words`."""
    redact: RedactConfig | None = RedactConfig()
    """Which personal data gives way to placeholders. None: all texts stay as they are."""
    minhash: MinHashConfig = MinHashConfig()
    """The signature that goes with each text."""


class ExtractLaunch(ExecutionConfig):
    """How many processes extract."""

    num_workers: int = Field(default_factory=lambda: min(os.cpu_count() or 1, 8), ge=1, le=256)
    """Processes, 1 to 256; one means this process. By default one a core, at most 8. The result is the same."""
    max_crashes: int = Field(default=20, ge=0)
    """Worker processes that may die in one part, of a parser's fault or for want of memory; a document that kills one
    by itself is quarantined as `extractor_crashed`, and costs two. With one more the run ends."""


class NearDuplicateConfig(IdentityConfig):
    """Which texts count as one: candidates share a band of their signatures, and are as similar as this.

    Source: Leskovec, Rajaraman, Ullman, «Mining of Massive Datasets», 3rd edition, chapter 3.
    """

    min_similarity: float = Field(default=0.8, gt=0.0, le=1.0)
    """Jaccard similarity of the shingles, estimated from the signatures, 0 to 1."""
    num_bands: int = Field(default=64, ge=1, le=1_024)
    """Of a signature; it must divide extract.minhash.num_permutations. 64 bands of 8 places miss one pair in 130,000 at
    0.8, one in 45 at 0.7; more of them miss fewer and compare more."""


class ParagraphDedupConfig(IdentityConfig):
    """Which paragraphs are taken out of a document because an earlier one of the corpus has them.

    Sources: paragraphs by their hashes, CCNet (arXiv:1911.00359); passages of 50 tokens, Lee et al. 2022
    (arXiv:2107.06499), as used for RefinedWeb (arXiv:2306.01116). The limits here are our own.
    """

    kinds: tuple[Literal["web", "news", "book", "dataset"], ...] = Field(default=("web", "news"), min_length=1)
    """Kinds of source whose documents are compared with each other; source code is never taken apart."""
    min_words: int = Field(default=30, ge=8, le=10_000)
    """Words of a line, by the rule with which the text was extracted (`extract.word_rule`); a shorter one always stays.
    In Chinese these are characters, of which 30 say what 17 English words do."""
    min_kept_share: float = Field(default=0.3, gt=0.0, le=1.0)
    """Share of its words, above 0 to 1, that a document must keep; one that keeps less is dropped. Where Gopher's rules
    apply it must keep their `min_words`, too."""


class SelectLaunch(ExecutionConfig):
    """What selection may take of the machine, and when it takes what it finds for a fault."""

    max_memory_mb: int = Field(default=4_096, ge=64)
    """MiB: 180 for work and 0.9 KB for each document ever seen, and with `select.paragraph_dedup` 96 bytes for each of
    their paragraphs; a corpus that needs more is refused at once. The texts that are being written come on top: some
    256 MiB."""
    max_dropped_share: float | None = Field(default=0.99, gt=0.0, lt=1.0)
    """Share, 0 to 1, of a source's new documents that rules may drop; duplicates do not count. More is logged as a
    warning, and refused where no other source brings anything that is kept. None: any share may be."""
    min_new_documents: int = Field(default=50, ge=1)
    """Documents; a source that brings fewer new ones is not asked for that share."""


class SelectConfig(IdentityConfig):
    """Which extracted documents become the corpus. Changing any value redoes selection, never extraction."""

    languages: tuple[str, ...] = Field(default=("en", "zh"), min_length=1)
    """BCP 47 primary language tags that are kept."""
    per_language: dict[str, LanguageLimits] = Field(default={})
    """Limits of single languages, such as `{zh: {gopher_quality: {min_words: 40, min_stop_words: null}}}`. Chinese and
    other languages written without spaces have defaults, which stay where they are not named here."""
    min_language_score: float = Field(default=0.65, ge=0.0, le=1.0)
    """The language model's probability, 0 to 1. Source: FineWeb, arXiv:2406.17557, section 3.3."""
    quality_kinds: tuple[Literal["web", "book", "news", "code", "dataset"], ...] = ("web",)
    """Kinds of source to which the quality rules below apply. The papers made them for web pages and used them for
    nothing else: a long book repeats more phrases than any page."""
    gopher_quality: GopherQualityConfig | None = GopherQualityConfig()
    """None: these rules are not applied."""
    gopher_repetition: GopherRepetitionConfig | None = GopherRepetitionConfig()
    """None: these rules are not applied."""
    c4: C4Config | None = C4Config()
    """None: these rules are not applied."""
    fineweb: FineWebConfig | None = FineWebConfig()
    """None: these rules are not applied."""
    blocked_words: BlockedWordsConfig | None = BlockedWordsConfig()
    """None: this rule is not applied."""
    url_block_list: str | None = None
    """A file of hosts and beginnings of addresses, one a line; documents of any kind from there are dropped."""
    is_deduplicated: bool = True
    """Of documents with the same text keep one."""
    near_duplicates: NearDuplicateConfig | None = NearDuplicateConfig()
    """Of documents with nearly the same text keep one. None: keep all that differ."""
    paragraph_dedup: ParagraphDedupConfig | None = None
    """Take out of a document the paragraphs that an earlier one has: `{}` for the defaults. None: texts stay whole."""

    def fewest_words_of_a_page(self) -> float:
        """Words that the shortest web page may have that can be kept; 0 where no rule asks."""
        if "web" not in self.quality_kinds or self.gopher_quality is None:
            return 0
        fewest: list[float] = []
        for language in self.languages:
            own = self.per_language.get(language, LanguageLimits()).gopher_quality
            fewest.append(own.get("min_words", self.gopher_quality.min_words) or 0)
        return min(fewest)

    @field_validator("per_language")
    @classmethod
    def _with_defaults(cls, given: dict[str, LanguageLimits], info: ValidationInfo) -> dict[str, LanguageLimits]:
        languages: tuple[str, ...] = info.data.get("languages", tuple(given))
        strange = sorted(given.keys() - set(languages))
        if strange:
            raise ValueError(f"found limits for {', '.join(strange)}, expected some of languages={list(languages)}")
        none = LanguageLimits()
        both = {lang: LANGUAGE_LIMITS.get(lang, none).but(given.get(lang, none)) for lang in languages}
        return {lang: limits for lang, limits in both.items() if limits != none}
