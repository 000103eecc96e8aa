import time

import pytest
from resiliparse.parse.html import HTMLTree, traverse_dom

from pipeline_config.clean import ExtractConfig
from tasks.clean.page_budgets import check_markup, depth_beyond
from tasks.clean.unusable import UnusableDocumentError
from tasks.clean.web_page import read_page

ATTRIBUTES = ExtractConfig(max_tag_attributes=20)


def tag(attributes: str) -> str:
    return f"<html><body><p>words</p><div {attributes}>hello</div></body></html>"


@pytest.mark.parametrize(
    "attribute",
    ["a{}='x y > z'", 'a{}="<b>"', "a{}=1", "a{}", "a{}/", 'a{}="x"', "a{} = 'x'"],
    ids=["greater", "tag", "bare value", "no value", "slash", "quoted", "spaces"],
)
@pytest.mark.parametrize("separator", [" ", "\n\t"])
def test_attributes_of_each_form_are_counted(attribute: str, separator: str) -> None:
    check_markup(tag(separator.join(attribute.format(number) for number in range(20))), ATTRIBUTES)
    with pytest.raises(UnusableDocumentError, match="too_many_attributes: a tag with 21 attributes"):
        check_markup(tag(separator.join(attribute.format(number) for number in range(21))), ATTRIBUTES)


@pytest.mark.parametrize("attribute", ["a{}='x'", "a{}/"])
def test_attributes_need_no_space_between_them(attribute: str) -> None:
    with pytest.raises(UnusableDocumentError, match="too_many_attributes"):
        check_markup(tag("".join(attribute.format(number) for number in range(30))), ATTRIBUTES)


def test_a_stray_quote_hides_no_attributes() -> None:
    with pytest.raises(UnusableDocumentError, match="too_many_attributes"):
        check_markup(tag('" ' + " ".join(f"a{number}" for number in range(30))), ATTRIBUTES)


@pytest.mark.parametrize(
    "nested",
    ["<div>", "<DIV CLASS=x>", "<table><td>", "<table><tr><td>", "<i></p>", "<ul><li>", "<x-y>"],
)
def test_no_form_of_nesting_is_missed(nested: str) -> None:
    markup = f"<html><body>{nested * 300}deep"
    tree = HTMLTree.parse(markup)
    depth = depth_beyond(tree, markup, 10)
    assert depth > 150
    assert depth_beyond(tree, markup, depth) == 0
    assert depth_beyond(tree, markup, depth - 1) == depth


@pytest.mark.parametrize("max_depth", [1, 2, 3, 31, 32, 62, 63, 64, 65, 66, 200])
@pytest.mark.parametrize("num_over", [-1, 0, 1, 2])
def test_one_tag_more_than_the_limit_is_too_deep_on_either_side_of_the_common_depth(
    max_depth: int, num_over: int
) -> None:
    depth = max_depth + num_over
    deep = "<div>" * (depth - 1) + "<b>x</b>" + "</div>" * (depth - 1) if depth else "x"
    wide = "<p>a <i>b</i></p>" * 100  # tags enough on a page of two levels
    for markup in (f"<html><body>{deep}{wide}", f"<body>{wide * (max_depth > 2)}{deep}</body>", deep):
        found = depth_beyond(HTMLTree.parse(markup), markup, max_depth)
        expected = max(depth, 2 if wide in markup else 0)
        assert found == (expected if expected > max_depth else 0)


def test_a_page_with_many_tags_and_no_deep_one_is_not_walked() -> None:
    """The parser's own search sees it in a fraction of the time that any walk of the tree takes."""
    markup = f"<html><body>{'<p>Some <b>words <i>make</i> a</b> sentence.</p>' * 20_000}"
    tree = HTMLTree.parse(markup)
    began = time.process_time()
    assert depth_beyond(tree, markup, 32) == 0
    asked = time.process_time()
    traverse_dom(tree.body, lambda context: None, elements_only=True)
    assert asked - began < (time.process_time() - asked) / 2


@pytest.mark.parametrize("flat", ["<br>", "<img src=x />", "<p>x</p>", "<!-- x -->"])
def test_flat_pages_are_not_deep(flat: str) -> None:
    markup = f"<html><body>{flat * 300}"
    assert depth_beyond(HTMLTree.parse(markup), markup, 32) == 0


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("markup", "reason"),
    [
        ("<div>" * 10_000 + "deep", "too_deep"),
        ("<p>x</p>" * 200_000, "too_many_tags"),
        (f"<div {' '.join(f'a{number}' for number in range(100_000))}>x</div>", "too_many_attributes"),
        ('<a href="' * 60_000, "too_many_attributes"),
    ],
)
def test_hostile_pages_are_refused_in_seconds(markup: str, reason: str) -> None:
    began = time.process_time()
    with pytest.raises(UnusableDocumentError, match=reason):
        read_page(f"<html><body>{markup}</body></html>", ExtractConfig())
    assert time.process_time() - began < 5


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("mode", ["fast", "quality"])
@pytest.mark.parametrize(
    "markup",
    [
        f"<p title='{'x ' * 4_000_000}'>words</p>",
        f"<p class='{'comment ' * 400_000}'>words of a page</p>",
        "<p>Some words make a sentence here.</p>" * 24_000,
        "<div class=menu>" + "Some words <i>make</i> a sentence here. " * 9_000 + "</div>",
        "<div class=menu>" + "Some words <i>make</i> a sentence here. " * 24_000 + "</div>",
        ("<div>" * 200 + "Some words make a sentence. " + "</div>" * 200) * 120,
        "<blockquote>Some words make a sentence here. </blockquote>" * 20_000,
        "<!-- " * 100_000,
    ],
    ids=["attribute", "class", "paragraphs", "some text nodes", "text nodes", "deep", "quotes", "comments"],
)
def test_pages_within_the_budgets_take_seconds(markup: str, mode: str) -> None:
    began = time.process_time()
    read_page(f"<html><body>{markup}</body></html>", ExtractConfig.model_validate({"mode": mode}))
    assert time.process_time() - began < 30
