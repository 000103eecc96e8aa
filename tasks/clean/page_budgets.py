"""How much markup a page may bring, so that no page costs far more than its size: parsers have quadratic corners."""

import re

from resiliparse.parse.html import DOMContext, HTMLTree, traverse_dom

from pipeline_config.clean import ExtractConfig
from tasks.clean.unusable import UnusableDocumentError

# A quote opens a value only behind `=`, and an unclosed one takes all that follows.
_VALUE = r"=\s*+(?:\"[^\"]*+(?:\"|\Z)|'[^']*+(?:'|\Z))?+"
_TAG = re.compile(rf"<[A-Za-z](?:[^>=]++|{_VALUE})*+")
_SPACED_VALUE = re.compile(rf"\s*+{_VALUE}")
_VOID = "area|base|br|col|embed|hr|img|input|link|meta|source|track|wbr"  # Source: HTML, section 13.1.2
_OPENING = re.compile(rf"<(?!(?:{_VOID})[\s/>])[A-Za-z]", re.IGNORECASE)
_TABLE = re.compile("<table", re.IGNORECASE)
_COMMON_DEPTH = 64
"""Few pages have tags so deep inside each other."""


def check_markup(markup: str, config: ExtractConfig) -> None:
    """Nothing for a page that may be parsed.

    Raises:
        UnusableDocumentError: `too_many_tags`, `too_many_attributes`.
    """
    num_tags = markup.count("<")
    if num_tags > config.max_tags:
        raise UnusableDocumentError("too_many_tags", f"{num_tags} tags, at most {config.max_tags}")
    # an attribute takes at least two characters: shorter pages and tags need no closer look
    shortest = 2 * config.max_tag_attributes
    if len(markup) < shortest:
        return
    for tag in [tag for tag in _TAG.findall(markup) if len(tag) >= shortest]:
        num_attributes = len(_SPACED_VALUE.sub(_bare_value, tag).replace("/", " ").split()) - 1
        if num_attributes > config.max_tag_attributes:
            raise UnusableDocumentError(
                "too_many_attributes", f"a tag with {num_attributes} attributes, at most {config.max_tag_attributes}"
            )


def _bare_value(value: re.Match[str]) -> str:
    """In place of a quoted value nothing but its end, since what it holds is no attribute; `=` before others."""
    return " " if value.group().endswith(("'", '"')) else "="


def depth_beyond(tree: HTMLTree, markup: str, max_depth: int) -> int:
    """How many tags stand inside each other where that is more than `max_depth`, else 0."""
    # walking the tree costs as much as extracting, so it is for pages that could be too deep
    if not _may_be_deeper(markup, max_depth) or not _is_deeper(tree, min(max_depth, _COMMON_DEPTH)):
        return 0
    depth = _depth(tree)
    return depth if depth > max_depth else 0


def _may_be_deeper(markup: str, max_depth: int) -> bool:
    """Whether there are tags enough: one makes one level, and two more are implied by a table with a bare cell."""
    num_opening = markup.count("<") - markup.count("</")
    if 3 * num_opening <= max_depth:
        return False
    num_implied = 2 * len(_TABLE.findall(markup))
    return num_opening + num_implied > max_depth and len(_OPENING.findall(markup)) + num_implied > max_depth


def _is_deeper(tree: HTMLTree, depth: int) -> bool:
    """Whether there may be elements so deep: the parser's own search for one with so many above it."""
    return tree.body is not None and tree.body.query_selector(" > ".join("*" * depth)) is not None


def _depth(tree: HTMLTree) -> int:
    deepest = 0

    def see(context: DOMContext) -> None:
        nonlocal deepest
        deepest = max(deepest, context.depth)

    if tree.body is not None:
        traverse_dom(tree.body, see, elements_only=True)
    return deepest
