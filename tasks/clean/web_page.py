"""The main text and the title of an HTML page, within budgets of size instead of time."""

import re

from resiliparse.parse.html import HTMLTree

from pipeline_config.clean import ExtractConfig
from tasks.clean.main_content import main_content, visible_text
from tasks.clean.page_budgets import check_markup, depth_beyond
from tasks.clean.unusable import UnusableDocumentError

_BODY, _HEAD_END = re.compile(r"<body\b[^>]*>", re.IGNORECASE), re.compile(r"</head\s*>", re.IGNORECASE)
_NUM_AROUND = 3
"""resiliparse takes a list less than three levels below `body` for navigation; these put all of a page below that."""


def read_page(markup: str, config: ExtractConfig) -> tuple[str, str | None]:
    """Text of the page's main content, not normalised yet, and its title where it has one.

    Raises:
        UnusableDocumentError: `too_many_tags`, `too_many_attributes`, `too_deep`: past a budget;
            `extractor_error`: the parser refused the page.
    """
    check_markup(markup, config)
    tree = None
    try:
        deeper, num_levels = _deeper(markup)
        tree = HTMLTree.parse(deeper)
        if depth := depth_beyond(tree, deeper, config.max_depth + num_levels):
            raise UnusableDocumentError("too_deep", f"tags {depth - num_levels} deep, at most {config.max_depth}")
        text = main_content(markup, tree, config) if config.is_main_content_only else visible_text(tree, config)
        return text, tree.title
    except (ValueError, RuntimeError) as error:  # resiliparse's own exceptions are ValueErrors
        # an error's traceback would keep the tree, and no other thread may drop it
        cause = error.with_traceback(None)
        raise UnusableDocumentError("extractor_error", f"{type(error).__name__}: {error}") from cause
    finally:
        tree = None


def _deeper(markup: str) -> tuple[str, int]:
    """The page with elements around all that its body holds, and how many."""
    found = _BODY.search(markup) or _HEAD_END.search(markup)
    if found is None:
        return markup, 0
    return f"{markup[: found.end()]}{'<div>' * _NUM_AROUND}{markup[found.end() :]}", _NUM_AROUND
