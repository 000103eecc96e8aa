"""Files that hold many texts: where one document ends and the next begins."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

_MAX_TITLE_CHARS = 100
_MAX_HEADLINE_CHARS = 60
_MAX_NOTED_CHARS = 260
_MAX_NAME_CHARS = 4
# What ends a sentence, or a line that goes on: a headline ends in neither.
_NO_HEADLINE_ENDS = "。！？；：…”』」，、—"
_LIVELY_ENDS = "！？”』」"
_DATELINES = ("本报", "新华社", "据新华社")
_NOTES_AT_THE_END = re.compile("(?:（[^（）]*）)+$")
_ARTICLE_ID = re.compile(r"(\d{8}-\d{2}-\d{3})-\d{3}/m", re.ASCII)
_LEAST_TAGGED_SHARE = 0.5


class LayoutError(ValueError):
    """A file is not laid out as its source says; the folder's reader counts it and goes on."""


@dataclass(frozen=True)
class Piece:
    """One document of a file that holds many."""

    text: str | None
    """None: what stands in the document's place is no text."""
    title: str | None = None


def pieces_of(text: str, layout: Literal["json-list", "pku-tagged"]) -> Iterator[Piece]:
    """The documents of a file in order; their numbers, from 0, are part of their addresses.

    Raises:
        LayoutError: The file is laid out in another way.
    """
    return _json_list(text) if layout == "json-list" else _pku_tagged(text)


def _json_list(text: str) -> Iterator[Piece]:
    try:
        texts = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise LayoutError(f"no JSON: {error}") from error
    if not isinstance(texts, list):
        raise LayoutError(f"found a JSON {type(texts).__name__}, expected an array of texts")
    for item in texts:
        yield Piece(item, _first_line(item)) if isinstance(item, str) else Piece(None)


def _first_line(text: str) -> str | None:
    """The line above the first blank one, where it is short enough for a title."""
    line, _, rest = text.strip().partition("\n")
    is_title = len(line) <= _MAX_TITLE_CHARS and rest.strip() and not rest.partition("\n")[0].strip()
    return line.strip() if is_title else None


def _pku_tagged(text: str) -> Iterator[Piece]:
    """Articles of words with their part of speech: `迈向/v  充满/v  希望/n`, a paragraph a line.

    Lines that begin with an article's number (`19980101-01-001-001/m`, as the corpus was first published) divide by
    that number. Lines without it divide at headlines: an article begins with a headline that follows a line that is
    none, so a headline, its second line and the author's name stay together. A headline is a line of at most 60
    characters that does not end as a sentence does; or it ends in `！`, `？` or a quotation mark, and a dateline or a
    name follows. Notes in brackets are left aside. A heading inside of an article divides it, too.

    Source: Yu Shiwen et al. 2002, Journal of Chinese Information Processing 16(5), for the marks; the headlines are
    our rule, since copies without numbers say nothing of where articles begin.
    """
    tokens = text.split()
    num_tagged = sum("/" in token[1:] for token in tokens)
    if num_tagged < _LEAST_TAGGED_SHARE * len(tokens):
        raise LayoutError(f"{num_tagged} of {len(tokens)} words have a tag, expected word/tag with spaces between")
    lines = [_numbered(line) for line in text.splitlines() if line.strip()]
    article: list[str] = []
    last_number, is_last_headline = "", False
    for (number, paragraph), (_, following) in zip(lines, [*lines[1:], ("", "")], strict=True):
        words = _without_notes(paragraph)
        is_headline = _is_headline(words) or _is_lively_headline(words, following)
        is_first = number != last_number if number else is_headline and not is_last_headline
        if is_first and article:
            yield _article(article)
            article = []
        article.append(paragraph)
        last_number, is_last_headline = number, is_headline if words else is_last_headline
    if article:
        yield _article(article)


def _numbered(line: str) -> tuple[str, str]:
    """A line's article number, empty where it has none, and its text."""
    tokens = line.split()
    found = _ARTICLE_ID.fullmatch(tokens[0])
    return (found.group(1), "".join(map(_word, tokens[1:]))) if found else ("", "".join(map(_word, tokens)))


def _article(paragraphs: list[str]) -> Piece:
    has_title = len(_without_notes(paragraphs[0])) <= _MAX_HEADLINE_CHARS and not paragraphs[0].endswith("。")
    return Piece("\n\n".join(paragraphs), paragraphs[0] if has_title else None)


def _without_notes(paragraph: str) -> str:
    # a longer paragraph is no headline, whatever stands at its end
    return paragraph if len(paragraph) > _MAX_NOTED_CHARS else _NOTES_AT_THE_END.sub("", paragraph)


def _is_headline(words: str) -> bool:
    return 0 < len(words) <= _MAX_HEADLINE_CHARS and words[-1] not in _NO_HEADLINE_ENDS


def _is_lively_headline(words: str, following: str) -> bool:
    is_lively = 0 < len(words) <= _MAX_HEADLINE_CHARS and words[-1] in _LIVELY_ENDS and "。" not in words
    is_name = _is_headline(following) and len(following) <= _MAX_NAME_CHARS
    return is_lively and (is_name or following.startswith(_DATELINES))


def _word(token: str) -> str:
    """`台/n]nt` → `台`, `[中央/n` → `中央`: an ASCII bracket marks a compound, the text's own are full-width."""
    word = token.rpartition("/")[0] or token
    return word.lstrip("[") or word
