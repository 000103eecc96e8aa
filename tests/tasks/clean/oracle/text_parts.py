"""A text taken apart once, for all metrics."""

from dataclasses import dataclass
from itertools import chain

from tasks.text.words import WordRule
from tests.tasks.clean.oracle.words import split_words


@dataclass(frozen=True)
class TextParts:
    """One normalised text and its pieces."""

    text: str
    words: list[str]
    """As the word rule says, punctuation included."""
    lines: list[str]
    """Without empty ones."""
    num_line_words: list[int]
    """How many of the words stand in each line; no word goes on in the next line."""
    paragraphs: list[str]
    """What stands between blank lines."""


def take_apart(text: str, rule: WordRule) -> TextParts:
    """The pieces of a normalised text."""
    lines = [line for line in text.split("\n") if line]
    line_words = [split_words(line, rule) for line in lines]
    return TextParts(
        text=text,
        words=list(chain.from_iterable(line_words)),
        lines=lines,
        num_line_words=list(map(len, line_words)),
        paragraphs=[paragraph for paragraph in text.split("\n\n") if paragraph],
    )


def share(part: float, whole: float) -> float:
    """`part / whole`, and 0 where there is nothing to have a share of."""
    return part / whole if whole else 0.0
