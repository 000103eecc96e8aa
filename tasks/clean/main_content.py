"""The main text of a page, by the quick way where that is enough.

In `fast` mode resiliparse finds the main content, and rules on its lines clean it. Pages that this leaves short, or
with less than half of what was found, are given to trafilatura, which costs ten times as much; but only where all
visible text, put through the same rules, promises prose that the quick way has missed. In `quality` mode trafilatura's
full form reads every page. No page that shows any text ends empty.
"""

import re

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree

from pipeline_config.clean import ExtractConfig
from tasks.clean.line_rules import main_lines
from tasks.clean.page_lines import PageLine, as_text, lines_of
from tasks.clean.thorough_text import thorough_text
from tasks.text.words import IDEOGRAPHS

_ENOUGH_CHARS = 500
_ENOUGH_SHARE = 0.5
_MUCH_MORE = 1.5
# resiliparse writes the end of a `pre` only where it has children, and glues together what follows
_NO_TEXT = ["pre:empty"]
_NO_MAIN_TEXT = [*_NO_TEXT, '[class*="caption" i]']
# as many as any word rule counts, or more
_WORD = re.compile(rf"[{IDEOGRAPHS}]|[^\W{IDEOGRAPHS}]+|[^\w\s]")


def main_content(markup: str, tree: HTMLTree, config: ExtractConfig) -> str:
    """The page's main text; of a page without any visible text an empty one.

    Args:
        markup: The page.
        tree: The page as resiliparse parsed it.
        config: Its mode and what counts as content.
    """
    if config.mode == "quality" and (text := thorough_text(markup, config, is_full=True)):
        return text
    found = _lines(tree, config, is_main=True, skipped=_NO_MAIN_TEXT)
    kept = main_lines(found)
    if _num_chars(kept) >= max(_ENOUGH_CHARS, _ENOUGH_SHARE * _num_chars(found)):
        return as_text(kept)
    visible = _lines(tree, config, is_main=False, skipped=_NO_TEXT)
    if _has_more_prose(visible, kept, config) and (text := thorough_text(markup, config, is_full=False)):
        return text
    # of so little text the rules know too little to take away most of it
    short = kept if _num_chars(kept) >= _ENOUGH_SHARE * _num_chars(found) else found
    return as_text(short or visible)


def visible_text(tree: HTMLTree, config: ExtractConfig) -> str:
    """All text of the page that a reader may see."""
    return as_text(_lines(tree, config, is_main=False, skipped=_NO_TEXT))


def _lines(tree: HTMLTree, config: ExtractConfig, *, is_main: bool, skipped: list[str]) -> list[PageLine]:
    minimal_html = extract_plain_text(
        tree,
        preserve_formatting="minimal_html",
        main_content=is_main,
        links=True,
        alt_texts=config.has_alt_texts,
        comments=config.has_comments,
        post_meta=False,
        skip_elements=skipped,
    )
    return list(lines_of(minimal_html))


def _has_more_prose(visible: list[PageLine], kept: list[PageLine], config: ExtractConfig) -> bool:
    """Whether a page has much more prose than was kept of it, and words enough to be kept itself."""
    if _num_chars(main_lines(visible)) < max(_ENOUGH_CHARS, _MUCH_MORE * _num_chars(kept)):
        return False
    return config.fallback_min_words == 0 or len(_WORD.findall(as_text(visible))) >= config.fallback_min_words


def _num_chars(lines: list[PageLine]) -> int:
    return sum(len(line.text) for line in lines)
