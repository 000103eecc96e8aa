"""The main text and the title of an HTML page, within budgets of size instead of time."""

import re

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import DOMContext, HTMLTree, traverse_dom

from pipeline_config.clean import ExtractConfig
from tasks.clean.unusable import UnusableDocumentError

_TAG = re.compile(r"<[A-Za-z](?:\"[^\"]*\"|'[^']*'|[^>\"'])*")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")


def read_page(markup: str, config: ExtractConfig) -> tuple[str, str | None]:
    """Text of the page's main content, not normalised yet, and its title where it has one.

    Raises:
        UnusableDocumentError: `too_many_tags`, `too_many_attributes`, `too_deep`: past a budget;
            `extractor_error`: the parser refused the page.
    """
    num_tags = markup.count("<")
    if num_tags > config.max_tags:
        raise UnusableDocumentError("too_many_tags", f"{num_tags} tags, at most {config.max_tags}")
    _check_attributes(markup, config.max_tag_attributes)
    tree = None
    try:
        tree = HTMLTree.parse(markup)
        # a page with fewer tags cannot be too deep, and walking costs as much as extracting
        depth = _depth(tree) if num_tags > config.max_depth else 0
        if depth > config.max_depth:
            raise UnusableDocumentError("too_deep", f"tags {depth} deep, at most {config.max_depth}")
        text = extract_plain_text(
            tree,
            preserve_formatting=True,
            main_content=config.is_main_content_only,
            alt_texts=config.has_alt_texts,
            comments=config.has_comments,
        )
        return text, tree.title
    except (ValueError, RuntimeError) as error:  # resiliparse's own exceptions are ValueErrors
        raise UnusableDocumentError("extractor_error", f"{type(error).__name__}: {error}") from error
    finally:
        tree = None  # an error's traceback would keep it, and no other thread may drop it


def _check_attributes(markup: str, max_attributes: int) -> None:
    # An attribute takes at least two characters: shorter pages and tags need no closer look.
    if len(markup) < 2 * max_attributes:
        return
    for tag in _TAG.finditer(markup):
        if tag.end() - tag.start() < 2 * max_attributes:
            continue
        num_attributes = len(_QUOTED.sub("", tag.group()).split()) - 1
        if num_attributes > max_attributes:
            raise UnusableDocumentError(
                "too_many_attributes", f"a tag with {num_attributes} attributes, at most {max_attributes}"
            )


def _depth(tree: HTMLTree) -> int:
    deepest = 0

    def see(context: DOMContext) -> None:
        nonlocal deepest
        deepest = max(deepest, context.depth)

    if tree.body is not None:
        traverse_dom(tree.body, see, elements_only=True)
    return deepest
