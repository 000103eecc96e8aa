import subprocess
import sys

import pytest
import trafilatura
from resiliparse.parse.html import HTMLTree

from pipeline_config.clean import ExtractConfig
from tasks.clean.main_content import main_content, visible_text
from tasks.clean.thorough_text import thorough_text

PROSE = [
    f"On day {day} the mill at the river ground {day * 3} sacks of corn, and the miller wrote it down."
    for day in range(12)
]
BREAK = "In winter the river froze, and the miller mended his wheel."
ARTICLE = "".join(f"<p>{line}</p>" for line in PROSE)
# resiliparse takes a block of this name for navigation; trafilatura looks at the text
MISLED = f'<html><body><div class="menu">{ARTICLE}</div><main><p>Loading.</p></main></body></html>'


def content(markup: str, config: ExtractConfig | None = None) -> str:
    return main_content(markup, HTMLTree.parse(markup), config or ExtractConfig())


def test_an_article_is_found_without_what_stands_around_it() -> None:
    markup = (
        "<html><body><nav><a href=/>Home</a></nav><article><h1>The mill</h1>"
        f"<p>{BREAK}</p><figure><img alt='a wheel'><figcaption>The wheel in spring, as K. saw it.</figcaption></figure>"
        "<div class='wp-caption-text'>The same wheel, a year later in the snow.</div>"
        f"<aside>You may like our bread, which is fresh every day.</aside>{ARTICLE}</article>"
        "<footer>All rights reserved</footer></body></html>"
    )
    assert content(markup).split("\n\n") == ["The mill", BREAK, *PROSE]


def test_a_page_whose_markup_misleads_is_read_the_thorough_way() -> None:
    assert PROSE[0] not in content(MISLED, ExtractConfig(fallback_min_words=10_000))
    assert all(line in content(MISLED) for line in PROSE)


def test_pages_under_the_floor_of_words_are_spared_the_thorough_way() -> None:
    # nineteen words and two marks a line, and «Loading.»
    num_words = 12 * 21 + 2
    assert PROSE[0] in content(MISLED, ExtractConfig(fallback_min_words=num_words))
    assert PROSE[0] not in content(MISLED, ExtractConfig(fallback_min_words=num_words + 1))


def test_quality_is_what_trafilatura_finds() -> None:
    markup = f"<html><body><div>{ARTICLE}<ul><li>flour<li>water</ul></div></body></html>"
    expected = trafilatura.extract(markup, include_comments=False)
    assert content(markup, ExtractConfig(mode="quality")) == expected


@pytest.mark.parametrize("mode", ["fast", "quality"])
@pytest.mark.parametrize(
    "body", ["Hello.", "<nav><a href=x>Home</a></nav>", "<footer>© 2024</footer>", "<h1>Title</h1>", "<div>a<div>b"]
)
def test_no_page_with_visible_text_is_empty(body: str, mode: str) -> None:
    assert content(f"<html><body>{body}</body></html>", ExtractConfig.model_validate({"mode": mode}))


def test_a_page_without_text_is_empty() -> None:
    assert content("<html><body><script>x</script></body></html>") == ""


def test_an_empty_code_block_does_not_glue_the_lines_behind_it() -> None:
    markup = f"<html><body><article><pre></pre>{ARTICLE}</article></body></html>"
    assert content(markup).split("\n\n") == PROSE
    assert visible_text(HTMLTree.parse(markup), ExtractConfig()).split("\n\n") == PROSE


def test_tables_of_the_thorough_way_look_like_those_of_the_quick_way() -> None:
    table = "<table><tr><th>day</th><th>sacks</th></tr><tr><td>Monday</td><td>20</td></tr></table>"
    found = thorough_text(f"<html><body><div>{ARTICLE}{table}</div></body></html>", ExtractConfig(), is_full=True)
    assert found.split("\n")[-2:] == ["day | sacks", "Monday | 20"]


def test_the_thorough_way_leaves_huge_pages_alone() -> None:
    def found(markup: str) -> str:
        return thorough_text(f"<html><body>{ARTICLE}{markup}</body></html>", ExtractConfig(), is_full=False)

    assert found("")
    assert not found("<br>" * 20_000)
    assert not found(f"<img alt='{'x' * 4 * 2**20}'>")


def test_a_page_does_not_depend_on_the_pages_before() -> None:
    config = ExtractConfig(mode="quality")
    assert len({content(MISLED, config) for _ in range(5)}) == 1
    assert content(MISLED, config)


def test_trafilatura_is_not_loaded_before_a_page_needs_it() -> None:
    said = subprocess.run(
        [sys.executable, "-c", "import sys, tasks.clean.web_page; print('trafilatura' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == "False"
