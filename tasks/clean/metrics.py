"""All quality metrics by the name of their column in `extracted/`: one float64 each, of the text alone.

Thresholds are in SelectConfig, never here. `tasks.clean.engine` measures; the plain-Python readings of the same
definitions are in tests/tasks/clean/oracle, and tests hold both to the same numbers. A share of nothing is 0.

The papers leave much open. `extract.metric_definitions` names the reading:

`papers`, what the papers say and, where they say nothing, what serves cleaning best:

- A word is what the word rule says; with `whitespace` and `characters` adjoining punctuation belongs to it.
- Gopher's stop words: two different ones must occur, letter case and adjoining punctuation aside. Chinese has its own.
- Gopher's bullet points: the paper names none, here are the usual ones.
- C4's rules for lines change the text, so they are measured, not applied. FineWeb found that removing lines without
  terminal punctuation costs 30 % of all tokens (arXiv:2406.17557, section 3.5); of the demo's kept English pages the
  rules together would remove 38 % of the characters. What follows from them for pages, at least three sentences in the
  lines that stay, is applied; of 204 such pages it drops 15 more, nearly all notices and shop windows.
- Of C4 are left out: citation marks, since text is never altered here; repeated runs of three sentences, for which
  near-duplicates stand. Lists of words are the user's own: see SelectConfig.
- A sentence ends at `.`, `!`, `?` or an ellipsis before white space, or at `。`, `！` and `？` anywhere, so that
  abbreviations count as ends.
- Terminal punctuation includes that of other scripts. Ellipses end a line for FineWeb's rule, but not for C4, whose
  code excepts them. A note in full-width brackets after the mark, such as `。（记者摄）`, changes nothing: else 143 of
  2,953 articles of the People's Daily more had too few sentences for C4.
- «Duplicate» means: stood before in the same text; the first one is none. A share is one of the characters of all
  lines, paragraphs or words. Runs of words cover each character once; the most frequent run must occur twice.

`datatrove`, what datatrove 0.10 computes, which FineWeb was made with, so that its decisions can be had over again:

- Words of punctuation alone are left out of Gopher's count and mean length, not of the other ratios; the stop words are
  compared as they stand. Bullet points are `•` and `-`, and empty lines count as lines.
- C4 takes five sentences (of spaCy's rules) in lines of three words, ended also by an apostrophe; citation marks are
  taken out first. It stops at the first line with `lorem ipsum` or `{`, of those that it did not remove before.
- FineWeb's short lines have up to 30 characters, terminal punctuation is Unicode's, without quotation marks.
- Repetition is a share of the whole text, white space included. The most frequent run is its length by its count, which
  can pass 1 where it overlaps itself, and counts even if it occurs once. A repeated run is jumped over and none of the
  runs inside of it is learned; words are joined without a space to compare such runs, so `a bc` repeats `ab c`.
"""

from collections.abc import Mapping

TOP_NGRAMS = (2, 3, 4)
DUP_NGRAMS = (5, 6, 7, 8, 9, 10)

METRICS: Mapping[str, str] = {
    "gopher_num_words": "Words for Gopher's limits on length. Source: Rae et al. 2021, arXiv:2112.11446, A.1.1.",
    "gopher_mean_word_length": "Characters a word, the mean. Source: the same.",
    "gopher_hash_ratio": "Hash signs a word. Source: the same («symbol-to-word ratio»).",
    "gopher_ellipsis_ratio": "Ellipses, `…` or three dots and more, a word. Source: the same.",
    "gopher_bullet_line_share": "Share of lines that begin with a bullet point. Source: the same.",
    "gopher_ellipsis_line_share": "Share of lines that end with an ellipsis. Source: the same.",
    "gopher_alphabetic_word_share": "Share of words with at least one letter of any script. Source: the same.",
    "gopher_num_stop_words": "How many of the eight English function words occur. Source: the same.",
    "gopher_num_stop_words_zh": "How many of the eight Chinese function characters occur.",
    "c4_num_sentences": "Sentences that end with their punctuation. Source: Raffel et al. 2020, arXiv:1910.10683, 2.2.",
    "c4_num_retained_sentences": "Sentences in the lines that C4 keeps, at least one in each. Source: the same.",
    "c4_retained_char_share": "Share of the lines' characters in lines that C4 keeps. Source: the same.",
    "c4_num_lorem_ipsum": "Occurrences of `lorem ipsum` in any case. Source: the same.",
    "c4_num_curly_brackets": "Occurrences of `{`. Source: the same.",
    "c4_javascript_line_share": "Share of lines with the word `javascript`. Source: the same.",
    "c4_policy_line_share": "Share of lines with a phrase of policy notices. Source: the same.",
    "fineweb_terminal_line_share": (
        "Share of lines that end with terminal punctuation. Source: Penedo et al. 2024, arXiv:2406.17557, section 3.6."
    ),
    "fineweb_short_line_share": "Share of lines shorter than 30 characters. Source: the same.",
    "fineweb_dup_line_char_share": "Share of characters in lines that stood before. Source: the same.",
    "fineweb_line_break_ratio": "Line breaks a word. Source: datatrove; the paper has no such rule.",
    "dup_line_share": "Share of lines that stood before. Source: Rae et al. 2021, arXiv:2112.11446, table A1.",
    "dup_line_char_share": "Share of the lines' characters in lines that stood before. Source: the same.",
    "dup_paragraph_share": "Share of paragraphs that stood before. Source: the same.",
    "dup_paragraph_char_share": "Share of their characters in paragraphs that stood before. Source: the same.",
    "num_blocked_words": "Places where an entry of `extract.word_block_list` begins.",
    **{
        f"top_{n}gram_char_share": f"Share of characters in the most frequent run of {n} words. Source: the same."
        for n in TOP_NGRAMS
    },
    **{
        f"dup_{n}gram_char_share": f"Share of characters in runs of {n} words that stood before. Source: the same."
        for n in DUP_NGRAMS
    },
}
"""The columns in their order, each with its meaning."""
METRIC_NAMES = tuple(METRICS)
_OTHERS = {
    "num_words": "Words",
    "num_words_left": "Words that are left without the paragraphs that earlier documents have",
    "lang_score": "Probability of the language",
}
"""Columns that are no metrics of quality, but have limits, too."""

STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")
"""Source: Rae et al. 2021, arXiv:2112.11446, appendix A.1.1."""
CHINESE_STOP_WORDS = "的一在了和是有不"
"""The most frequent function words of one character, the same in traditional script. Source: counted over the
People's Daily of January 1998: of all characters 3.4 % (的), 1.1, 0.9, 0.8, 0.7, 0.7, 0.7 and 0.6 % (不)."""
POLICY_PHRASES = (
    "terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies",
)  # fmt: skip
"""Source: Raffel et al. 2020, arXiv:1910.10683, section 2.2."""
C4_MAX_WORD_CHARS = 1_000
"""Source: C4's code, tensorflow_datasets/text/c4_utils.py; the paper does not say it."""
SHORT_LINE_CHARS = 30
"""Source: Penedo et al. 2024, arXiv:2406.17557, section 3.6."""

WORD_EDGES = "\"'“”‘’.,;:!?()[]{}«»—–-…"
"""Taken off both ends of a word before it is looked up among the stop words."""
SENTENCE_MARKS = ".!?…؟۔।"
"""End a sentence before white space."""
FULL_WIDTH_SENTENCE_MARKS = "。！？．"
"""End a sentence anywhere."""
CLOSING_MARKS = "\"'”’»)]」』）"
"""May follow the mark of a sentence's end."""
C4_TERMINAL_MARKS = '.!?"”。！？」』．؟۔।'
"""Full stop, exclamation and question mark, closing quotation marks; then the same of Chinese, Japanese and others."""
BULLETS = ("•", "‣", "◦", "▪", "●", "·", "- ", "* ")
"""One of these begins an item of a list."""


def meaning_of(column: str) -> str:
    """What a column says that a rule asks for, without its source."""
    return _OTHERS.get(column) or METRICS[column].partition(". Source:")[0].rstrip(".").replace("`", "")
