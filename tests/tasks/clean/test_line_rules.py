import pytest
from resiliparse.extract.html2text import extract_plain_text

from tasks.clean.line_rules import main_lines
from tasks.clean.page_lines import as_text, lines_of

FIRST = "The mill stands at the river, and its wheel turns day and night without a pause."
LAST = "When the water is low, the miller sits on the bridge and counts the passing clouds."


def kept(body: str) -> list[str]:
    minimal = extract_plain_text(f"<html><body>{body}", preserve_formatting="minimal_html", links=True)
    return [line for line in as_text(main_lines(list(lines_of(minimal)))).split("\n") if line]


def between(body: str) -> list[str]:
    found = kept(f"<p>{FIRST}</p>{body}<p>{LAST}</p>")
    assert (found[0], found[-1]) == (FIRST, LAST)
    return found[1:-1]


@pytest.mark.parametrize(
    "line",
    [
        "We use cookies to make this site better.",
        "© 2024 The Mill Company",
        "Copyright by the mill. All rights reserved.",
        "版权所有：光明网",
        "京ICP备11020872号",
        "责任编辑：肖春芳",
        "Advertisement",
        "Share",
        "Read more",
        "3 comments",
    ],
)
def test_notices_and_labels_go(line: str) -> None:
    assert between(f"<p>{line}</p>") == []


@pytest.mark.parametrize(
    "line",
    [
        "Bake the cookies for ten minutes.",
        "Copyright law is older than the mill, and this long paragraph is about its history, its courts and its many "
        "changes. It protects what people write, and it has done so since the days of the first printers in the town "
        "by the river, who sold their books under the bridge in summer and in the church in winter.",
        "Share the bread among all who came.",
        "“No.”",
        "他说：不行。",
    ],
)
def test_prose_with_such_words_stays(line: str) -> None:
    assert between(f"<p>{line}</p>") == [line]


def test_lines_that_are_only_links_go_and_links_in_prose_stay() -> None:
    linked = "<p>See <a href=x>the river</a> and its mills.</p>"
    assert between(f"<ul><li><a href=a>Other mills</a><li><a href=b>Other rivers</a></ul>{linked}") == [
        "See the river and its mills."
    ]


def test_teasers_under_a_related_title_go_up_to_the_next_heading() -> None:
    teasers = "<h3>Related articles</h3><p>A new mill opens in the next town.</p><p>Ten tips</p><h3>The wheel</h3>"
    assert between(teasers) == ["The wheel"]


def test_prose_after_prose_ends_a_related_part_without_a_heading() -> None:
    body = f"<p>Tags: mill</p><p>river</p><p>{FIRST}</p><p>{LAST}</p>"
    assert between(body) == [LAST]


def test_short_plain_lines_go_unless_text_follows() -> None:
    assert between("<div>Play</div><div>0:00</div><div>Volume</div>") == ["Volume"]
    assert between("<dl><dt>Wheel</dt><dd>What the water turns, and what turns the stone.</dd></dl>") == [
        "Wheel",
        "What the water turns, and what turns the stone.",
    ]


def test_verses_stay() -> None:
    assert between("<div>In der Mühle<br>am Bach<br>rauscht das Rad</div>") == [
        "In der Mühle",
        "am Bach",
        "rauscht das Rad",
    ]


def test_lists_and_tables_inside_the_text_stay() -> None:
    body = "<ul><li>flour<li>water</ul><table><tr><th>day<th>sacks<tr><td>1<td>20</table>"
    assert between(body) == ["flour", "water", "day | sacks", "1 | 20"]


def test_before_the_first_prose_only_headings_stay() -> None:
    assert kept(f"<div>Home</div><div>by A. Miller</div><h1>The mill</h1><p>{FIRST}</p>") == ["The mill", FIRST]


def test_what_stands_above_the_title_goes_unless_it_is_much() -> None:
    teaser = "<p>Our app tells you when the bread is ready.</p>"
    assert kept(f"{teaser}<h1>The mill</h1>{f'<p>{FIRST}</p><p>{LAST}</p>' * 4}")[0] == "The mill"
    assert kept(f"<p>{FIRST}</p><h1>The mill</h1><p>{LAST}</p>") == [FIRST, "The mill", LAST]


def test_after_the_last_prose_a_list_goes_on_and_the_rest_goes() -> None:
    tail = "<ul><li>flour<li>water</ul><div>Kate</div><h2>Newsletter</h2><div>Your name</div>"
    assert kept(f"<p>{FIRST}</p><p>You need more than one thing:</p>{tail}")[2:] == ["flour", "water"]


def test_headings_without_text_go() -> None:
    assert kept(f"<h1>Mills</h1><h2>Empty</h2><h2>Full</h2><h3>Fuller</h3><p>{FIRST}</p><h2>Last</h2>") == [
        "Mills",
        "Full",
        "Fuller",
        FIRST,
    ]


def test_a_page_without_prose_is_left_alone() -> None:
    assert kept("<p>Share</p><div>one</div><div>two</div>") == ["Share", "one", "two"]
