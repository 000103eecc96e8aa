"""A text taken apart once, for all metrics."""

from dataclasses import dataclass

from tasks.text.words import WordRule, split_words


@dataclass(frozen=True)
class TextParts:
    """One normalised text and its pieces."""

    text: str
    words: list[str]
    """As the word rule says, punctuation included."""
    lines: list[str]
    """Without empty ones."""
    paragraphs: list[str]
    """What stands between blank lines."""


def take_apart(text: str, rule: WordRule) -> TextParts:
    """The pieces of a normalised text."""
    return TextParts(
        text=text,
        words=split_words(text, rule),
        lines=[line for line in text.split("\n") if line],
        paragraphs=[paragraph for paragraph in text.split("\n\n") if paragraph],
    )


def share(part: float, whole: float) -> float:
    """`part / whole`, and 0 where there is nothing to have a share of."""
    return part / whole if whole else 0.0
