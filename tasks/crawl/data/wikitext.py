"""Wikitext → text that people read: markup out, words in, in time linear in the size of the page.

Out: templates, references, tables, files, categories, links to other languages, formulas, galleries, comments, magic
words. To text: links, bold and italics, headings, lists, entities. A few templates are words and stay so (`lang`,
`nowrap`, `convert`), and so does the first of a Chinese text's variants. What is opened and never closed is taken as
the characters that stand there, so that one missing brace does not swallow an article.

Nothing is expanded: that takes a wiki. Where a template made part of a sentence, the sentence has a gap.

Source: https://www.mediawiki.org/wiki/Help:Formatting, Specs/wikitext/1.0.0, and LanguageConverter for `-{`.
"""

import html
import re
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from tasks.text.normalise import CODE_MARK

MAX_DEPTH = 50
"""Marks inside each other; what is opened deeper is taken as plain characters. MediaWiki's own limit is 40."""
NAMESPACES_OUT = frozenset({"file", "image", "media", "category"})
"""Links of these namespaces are no part of the text; a wiki in another language has names of its own for them."""

_TOKEN = re.compile(
    r"""
    (?P<open>\{\{|\[\[|-\{(?!\{)|^[ \t:]*\{\|)
    |(?P<close>\}\}|\]\]|\}-|^[ \t]*\|\}(?!\}))
    |</?(?P<tag>[A-Za-z][A-Za-z0-9]*)(?P<attributes>[^<>]{0,1000})>
    """,
    re.VERBOSE | re.MULTILINE,
)
_CLOSES = {"}}": "{{", "]]": "[[", "}-": "-{", "|}": "{|"}
_DROPPED_TAGS = frozenset(
    {"ref", "references", "gallery", "math", "chem", "ce", "timeline", "imagemap", "score", "graph", "mapframe"}
    | {"maplink", "templatedata", "hiero", "categorytree", "inputbox", "indicator", "style", "script"}
)
_RAW_TAGS = frozenset({"nowiki", "pre", "source", "syntaxhighlight"})
_BREAKS = frozenset({"br", "p", "div", "li", "tr", "blockquote", "hr"})
_OTHER_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z]{2,12})*|simple")
_EXTERNAL = re.compile(r"\[(?:https?:|ftp:)?//[^\s\[\]]+([^\[\]\n]*)\]")
_QUOTES = re.compile("'{2,}")
_MAGIC = re.compile(r"__[A-Z]{3,30}__")
_EMPTY_BRACKETS = re.compile(r" ?[(（][\s;,:；，、]*[)）]")
_BRACKET_BEGINS_BADLY = re.compile(r"([(（])[\s;,；，、]+")
_SPACES = re.compile(r"[ \t\u00a0]+")
_RAW_MARK = re.compile("\0(\\d+)\0")
_VARIANT = re.compile(r"\s*(?:zh(?:-[a-z]+)*)\s*:", re.IGNORECASE)


@dataclass
class _Frame:
    """What has been read since something was opened."""

    mark: str
    """As it was opened; empty for the page itself."""
    parts: list[str] = field(default_factory=list)


def plain_text(wikitext: str, namespaces_out: Collection[str] = NAMESPACES_OUT) -> str:
    """The words of a page: paragraphs and headings with blank lines between, list items behind dashes, code marked.

    Args:
        wikitext: As it is stored.
        namespaces_out: Names, in lower case, of the namespaces whose links are left out.
    """
    return _Page(wikitext, namespaces_out).text()


class _Page:
    def __init__(self, wikitext: str, namespaces_out: Collection[str]) -> None:
        self._wikitext = _without_comments(wikitext.replace("\0", ""))
        self._namespaces_out = namespaces_out
        self._frames = [_Frame("")]
        self._num_open: Counter[str] = Counter()
        self._raw: list[str] = []
        self._never_closed: set[str] = set()
        self._at = 0

    def text(self) -> str:
        text = self._wikitext
        while found := _TOKEN.search(text, self._at):
            self._frames[-1].parts.append(text[self._at : found.start()])
            self._at = found.end()
            if found["open"]:
                self._open(found["open"])
            elif found["close"]:
                self._close(found["close"])
            else:
                self._tag(found)
        self._frames[-1].parts.append(text[self._at :])
        return self._restored(_tidied(self._joined(0)))

    def _open(self, found: str) -> None:
        mark = found.strip(" \t:")
        if len(self._frames) > MAX_DEPTH:
            self._frames[-1].parts.append(found)
            return
        self._frames.append(_Frame(mark))
        self._num_open[mark] += 1

    def _close(self, found: str) -> None:
        mark = _CLOSES[found.strip(" \t")]
        if not self._num_open[mark]:
            self._frames[-1].parts.append(found)
            return
        place = max(number for number, frame in enumerate(self._frames) if frame.mark == mark)
        inner = self._joined(place + 1, self._frames[place].parts)
        for frame in self._frames[place:]:
            self._num_open[frame.mark] -= 1
        del self._frames[place:]
        self._frames[-1].parts.append(self._read(mark, inner))

    def _joined(self, start: int, first: Collection[str] = ()) -> str:
        """All that the frames from one on hold; their marks are characters, since nothing closed them."""
        parts = list(first)
        for frame in self._frames[start:]:
            parts += [frame.mark, *frame.parts]
        return "".join(parts)

    def _read(self, mark: str, inner: str) -> str:
        if mark == "{{":
            return _template(inner)
        if mark == "[[":
            return self._link(inner)
        return _variant(inner) if mark == "-{" else ""

    def _link(self, inner: str) -> str:
        target, has_label, label = inner.partition("|")
        prefix, has_prefix, _ = target.partition(":")
        if has_prefix and prefix.strip():
            name = prefix.strip().lower()
            if name in self._namespaces_out:
                return ""
            if not has_label and _OTHER_LANGUAGE.fullmatch(prefix.strip()):
                return ""
        return label if has_label else target.strip().removeprefix(":")

    def _tag(self, found: re.Match[str]) -> None:
        name = found["tag"].lower()
        is_end, is_whole = found[0].startswith("</"), found["attributes"].endswith("/")
        if name in _DROPPED_TAGS | _RAW_TAGS and not is_end and not is_whole:
            inner = self._until_end_of(name)
            if inner is not None and name in _RAW_TAGS:
                self._frames[-1].parts.append(f"\0{len(self._raw)}\0")
                self._raw.append(html.unescape(inner) if name == "nowiki" else _code(found["attributes"], inner))
        elif name in _BREAKS:
            self._frames[-1].parts.append("\n")

    def _until_end_of(self, name: str) -> str | None:
        """What stands up to the end tag, which is passed; None where there is none."""
        if name in self._never_closed:
            return None
        end = re.compile(rf"</{name}\s*>", re.IGNORECASE).search(self._wikitext, self._at)
        if end is None:
            self._never_closed.add(name)
            return None
        inner = self._wikitext[self._at : end.start()]
        self._at = end.end()
        return inner

    def _restored(self, text: str) -> str:
        return _RAW_MARK.sub(lambda found: self._raw[int(found[1])], text).strip()


def _code(attributes: str, inner: str) -> str:
    """Code as it is: marked as a block, unless it is part of a sentence (`inline`)."""
    return inner if "inline" in attributes or not inner.strip() else f"\n{CODE_MARK}{inner}{CODE_MARK}\n"


def _without_comments(text: str) -> str:
    parts, at = [], 0
    while (start := text.find("<!--", at)) >= 0:
        parts.append(text[at:start])
        end = text.find("-->", start)
        if end < 0:
            return "".join(parts)
        at = end + len("-->")
    return "".join([*parts, text[at:]])


def _arguments(inner: str) -> tuple[str, list[str]]:
    """A template's name in lower case, and its arguments that have no name."""
    name, *given = inner.split("|")
    return name.strip().lower(), [argument.strip() for argument in given if "=" not in argument]


_WORDS_OF: dict[str, Callable[[list[str]], str]] = {
    "lang": lambda given: given[1] if len(given) > 1 else "",
    "nowrap": lambda given: given[0] if given else "",
    "nobr": lambda given: given[0] if given else "",
    "convert": lambda given: " ".join(given[:2]),
    "cvt": lambda given: " ".join(given[:2]),
}


def _template(inner: str) -> str:
    name, given = _arguments(inner)
    return _WORDS_OF[name](given) if name in _WORDS_OF else ""


def _variant(inner: str) -> str:
    """The first of the variants of a Chinese text, or what is to be left unconverted; rules and titles show nothing."""
    flags, has_flags, rest = inner.partition("|")
    if has_flags and len(flags.strip()) <= 2:
        if set(flags.strip()) & set("HT-"):
            return ""
        inner = rest
    first = inner.partition(";")[0]
    return first[found.end() :].strip() if (found := _VARIANT.match(first)) else inner


def _tidied(text: str) -> str:
    text = _EXTERNAL.sub(r"\1", text)
    text = _MAGIC.sub("", text)
    lines: list[str] = []
    heading: list[str] = []
    for line in text.split("\n"):
        words, is_heading = _line(_without_quotes(line))
        if is_heading:
            heading = ["", words, ""]  # one without text below it is not shown
        elif words:
            lines += [*heading, words]
            heading = []
        else:
            lines.append("")
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))


def _without_quotes(line: str) -> str:
    """A line without the apostrophes that mean bold and italics.

    Where both are left open, one mark of three is an apostrophe and a mark of two: `l'''Iliade''`.

    Source: MediaWiki's parser, doQuotes: the first one behind a word of one letter, else behind a longer one, else any.
    """
    if "''" not in line:
        return line
    runs = [found for found in _QUOTES.finditer(line) if len(found[0]) != 4]
    threes = [found for found in runs if len(found[0]) == 3]
    num_bold = sum(len(found[0]) != 2 for found in runs)
    num_italic = sum(len(found[0]) != 3 for found in runs)
    spared = -1
    if num_bold % 2 and num_italic % 2 and threes:
        spared = min(threes, key=lambda found: _rank_of_apostrophe(line, found.start())).start()
    return _QUOTES.sub(lambda found: "'" if len(found[0]) == 4 or found.start() == spared else "", line)


def _rank_of_apostrophe(line: str, at: int) -> int:
    before = line[max(0, at - 2) : at].rjust(2)
    if before[1] == " ":
        return 2
    return 0 if before[0] == " " else 1


def _line(line: str) -> tuple[str, bool]:
    """A line's words, and whether they are a heading."""
    line = line.strip()
    if not line:
        return "", False
    if len(line) > 2 and line[0] == line[-1] == "=":
        return _words(line.strip("=")), True
    if line.startswith("----"):
        return _words(line.lstrip("-")), False
    words = _words(line.lstrip("*#:;"))
    is_item = line.startswith(("*", "#"))
    return (f"- {words}" if is_item and words else words), False


def _words(text: str) -> str:
    text = _SPACES.sub(" ", html.unescape(text))
    return _BRACKET_BEGINS_BADLY.sub(r"\1", _EMPTY_BRACKETS.sub("", text)).strip()
