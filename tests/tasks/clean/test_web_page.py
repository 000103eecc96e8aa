import gc
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipeline_config.clean import ExtractConfig
from tasks.clean.charset import decode_body
from tasks.clean.unusable import UnusableDocumentError
from tasks.clean.web_page import read_page
from tasks.text.package_path import resolve_path


def _refused(markup: str, config: ExtractConfig) -> str:
    with pytest.raises(UnusableDocumentError) as refused:
        read_page(markup, config)
    return refused.value.reason


def test_a_real_article_keeps_its_prose_and_loses_its_navigation() -> None:
    markup = decode_body(resolve_path("package:formasaurus/data/html/92.html").read_bytes(), None, 0.0)
    text, title = read_page(markup, ExtractConfig())
    assert title is not None
    assert title.strip() == "Questions from an anonymous poster | Fight © Trolls"
    assert "When it is not vitriol and trolling, I always ready to keep a civil discussion." in text
    assert "<" not in text
    everything, _ = read_page(markup, ExtractConfig(is_main_content_only=False, has_comments=True))
    assert len(text) < len(everything) / 2


def test_alternative_texts_come_only_when_asked_for() -> None:
    markup = "<body><main><p>Some words here.</p><img alt='a red barn'></main></body>"
    assert "barn" not in read_page(markup, ExtractConfig())[0]
    assert "barn" in read_page(markup, ExtractConfig(has_alt_texts=True))[0]


def test_a_page_without_a_title_has_none() -> None:
    assert read_page("<p>Hello there.</p>", ExtractConfig())[1] is None


@pytest.mark.parametrize(
    "page",
    [
        "<html><body>{}</body></html>",
        "<html><head><title>Mills</title></head><BODY class='a'><main>{}</main></BODY></html>",
        "<html><head><title>Mills</title></head><main><article>{}</article></main></html>",
    ],
)
def test_a_list_of_a_simple_page_stays_and_its_menu_goes(page: str) -> None:
    prose = f"<p>{'The mill grinds grain slowly, and the miller waits for wind. ' * 9}</p>"
    items = "<ul><li>The first stone turns, the second lies still.</li><li>Wind, water or horses drive it.</li></ul>"
    menu = "<nav><ul><li><a href='/'>Home</a></li><li><a href='/mills'>All mills</a></li></ul></nav>"
    text, _ = read_page(page.format(menu + prose + items + prose), ExtractConfig())
    assert "The first stone turns, the second lies still.\nWind, water or horses drive it." in text
    assert "All mills" not in text


def test_the_budget_of_depth_counts_the_pages_own_tags() -> None:
    page = f"<html><body>{'<div>' * 40}hello{'</div>' * 40}</body></html>"
    assert "hello" in read_page(page, ExtractConfig(max_depth=40))[0]
    with pytest.raises(UnusableDocumentError, match="tags 40 deep, at most 39"):
        read_page(page, ExtractConfig(max_depth=39))


def test_the_budget_of_tags_is_inclusive() -> None:
    assert read_page("<p>x</p>" * 5, ExtractConfig(max_tags=10))[0]
    assert _refused("<p>x</p>" * 6, ExtractConfig(max_tags=10)) == "too_many_tags"


def test_the_budget_of_depth_is_inclusive() -> None:
    deep = "<div>" * 40 + "hello" + "</div>" * 40
    assert "hello" in read_page(deep, ExtractConfig(max_depth=40))[0]
    assert _refused(deep, ExtractConfig(max_depth=39)) == "too_deep"


def test_a_flat_page_of_many_tags_is_not_deep() -> None:
    assert "hello" in read_page("<p>hello</p>" * 100, ExtractConfig(max_depth=32))[0]


def test_the_budget_of_attributes_is_inclusive() -> None:
    def tag(num: int) -> str:
        attributes = " ".join(f"a{number}='x y > z'" for number in range(num))
        return f"<p>words</p><div {attributes}>hello</div>"

    config = ExtractConfig(max_tag_attributes=20)
    assert "hello" in read_page(tag(20), config)[0]
    assert _refused(tag(21), config) == "too_many_attributes"


def test_a_long_attribute_is_one_attribute() -> None:
    assert "hello" in read_page(f'<img src="data:{"A B " * 5_000}"><p>hello</p>', ExtractConfig())[0]


def test_a_refused_page_leaves_no_parse_tree_for_another_thread_to_drop() -> None:
    """resiliparse's trees refuse that; an error in a reference cycle would carry one there through its traceback."""

    def refused() -> None:
        kept: list[object] = []
        kept.append(kept)
        with pytest.raises(UnusableDocumentError, match="too_deep") as error:
            read_page("<html><body>" + "<div>" * 300 + "x", ExtractConfig(max_depth=50))
        kept.append(error.value)

    gc.disable()
    try:
        refused()
        with ThreadPoolExecutor(1) as pool:
            pool.submit(gc.collect).result()
    finally:
        gc.enable()
