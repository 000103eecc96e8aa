"""The main text of a page by trafilatura: slower, and better on pages whose markup misleads the quick way."""

import logging
import re
from functools import cache
from typing import Any

from lxml.etree import LxmlError

from pipeline_config.clean import ExtractConfig
from tasks.clean.code_carriage import with_code_marked, with_pictures

logger = logging.getLogger(__name__)

MAX_CHARS = 4 * 2**20
_MAX_TAGS, MAX_TAGS_IN_FULL = 20_000, 50_000
"""Its time grows with both, and with the square of the tags of one parent: on the worst pages to some seconds."""
_TABLE_RULE = re.compile(r"^\|(?:---\|)+[ \t]*\n?", re.MULTILINE)
_TABLE_ROW = re.compile(r"^\|[ \t]*(.*?)[ \t]*\|?[ \t]*$", re.MULTILINE)


def thorough_text(markup: str, config: ExtractConfig, *, is_full: bool) -> str:
    """The page's main text, its code marked; empty where trafilatura finds none, or where the page is too large for it.

    Args:
        markup: A page within the budgets of `read_page`.
        config: What counts as content.
        is_full: With the second opinions of readability and jusText. False is for pages that have given little so far:
            without those opinions, and at once with the settings that trafilatura tries last on such pages.
    """
    if is_too_large(markup, is_full=is_full):
        return ""
    page = with_pictures(markup)
    try:
        text = _trafilatura().extract(
            page,
            fast=not is_full,
            favor_recall=not is_full,
            include_comments=config.has_comments,
            deduplicate=False,  # its memory of earlier pages would make a page's text depend on them
        )
    except (LxmlError, RecursionError, LookupError, AttributeError) as error:
        logger.warning("trafilatura failed on a page (%r), so the quick way's text stays", error)
        return ""
    text = _TABLE_ROW.sub(r"\1", _TABLE_RULE.sub("", text or ""))
    return text if page is markup else with_code_marked(text)


def is_too_large(markup: str, *, is_full: bool) -> bool:
    """Whether a page has more characters or tags than trafilatura can bear."""
    return len(markup) > MAX_CHARS or markup.count("<") > (MAX_TAGS_IN_FULL if is_full else _MAX_TAGS)


@cache
def _trafilatura() -> Any:
    # half a second to import, which processes that need it not are spared
    import trafilatura

    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)  # it warns of each page without text
    return trafilatura
