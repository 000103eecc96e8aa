import pytest
from resiliparse.extract.html2text import extract_plain_text

from tasks.clean.page_lines import PageLine, as_text, lines_of
from tasks.text.normalise import CODE_MARK


def read(body: str) -> list[PageLine]:
    markup = f"<html><body>{body}</body></html>"
    return list(lines_of(extract_plain_text(markup, preserve_formatting="minimal_html", links=True)))


def test_each_block_is_known_by_its_kind() -> None:
    lines = read("<h2>Title</h2><p>Prose.</p><ul><li>Item</ul><div>Plain</div><table><tr><td>a<td>b</table>")
    assert [(line.kind, line.level, line.text) for line in lines] == [
        ("heading", 2, "Title"),
        ("paragraph", 0, "Prose."),
        ("item", 0, "Item"),
        ("plain", 0, "Plain"),
        ("row", 0, "a | b"),
    ]


def test_an_empty_cell_keeps_its_column() -> None:
    assert as_text(read("<table><tr><td>a<td><td>c<tr><td>d<td>e<td>f</table>")) == "a |  | c\nd | e | f"


@pytest.mark.parametrize(
    "code",
    [
        "<pre>if x:\n    y &lt; 1\n\nend</pre>",
        "<pre><code>if x:<br>    y &lt; 1<br><br>end</code></pre>",
        "<pre>if x:\n<pre>    y &lt; 1\n</pre>\nend</pre>",
    ],
)
def test_code_keeps_its_lines_and_is_one_piece(code: str) -> None:
    before, piece, after = read(f"<p>before</p>{code}<p>after</p>")
    assert (before.kind, piece.kind, after.kind) == ("paragraph", "code", "paragraph")
    assert [line.rstrip() for line in piece.text.split("\n")] == ["if x:", "    y < 1", "", "end"]


def test_code_in_a_list_does_not_swallow_what_follows() -> None:
    do, code, after = read("<ul><li>do <pre>ls\npwd</pre></li></ul><p>after")
    assert [(line.kind, line.text) for line in (do, code, after)] == [
        ("item", "do"),
        ("code", "ls\npwd"),
        ("paragraph", "after"),
    ]


def test_code_in_a_cell_begins_where_its_block_does() -> None:
    numbers, code = read("<table><tr><td><pre>1\n2</pre><td><pre>  x\n  y</pre></table>")
    assert (numbers.text, code.text) == ("1\n2", "  x\n  y")


def test_code_is_marked_in_the_text_and_nothing_else_is() -> None:
    assert as_text(read("<p>a</p><pre>  x\ny</pre><p>b</p>")) == f"a\n\n{CODE_MARK}  x\ny{CODE_MARK}\n\nb"


def test_the_share_of_links_counts_characters() -> None:
    line, only = read("<p>four <a href='x>y'>link</a></p><p><a href=z>only</a></p>")
    assert line.link_share == pytest.approx(4 / 9)
    assert only.link_share == 1


def test_entities_are_read_once() -> None:
    assert read("<p>&amp;lt; &copy; <a href='?a=1&amp;copy=2'>x</a></p>")[0].text == "&lt; © x"


def test_an_ideograph_weighs_three_letters() -> None:
    latin, han, hangul = read("<p>three</p><p>三个字</p><p>세 자</p>")
    assert (latin.weight, han.weight, hangul.weight) == (5, 9, 7)


def test_line_breaks_join_lines_of_one_block() -> None:
    one, two, three = read("<div>one<br>two</div><div>three</div>")
    assert (one.is_joined, two.is_joined, three.is_joined) == (True, True, False)


def test_empty_lines_of_the_page_stay() -> None:
    assert as_text(read("<p>a</p><p>b</p><div>c</div><div>d</div>")) == "a\n\nb\n\nc\nd"


@pytest.mark.parametrize(
    ("body", "is_prose"),
    [
        ("<p>A sentence of some letters.</p>", True),
        ("<p>Too short.</p>", False),
        (f"<p>{'no end but long ' * 4}</p>", True),
        ("<h2>A heading that asks a question, does it?</h2>", False),
        ("<p><a href=x>A link that is a whole sentence.</a></p>", False),
        ("<p>这是一个完整的句子。</p>", True),
        ("<pre>x</pre>", True),
    ],
)
def test_prose_is_long_or_a_sentence_and_neither_heading_nor_link(body: str, is_prose: bool) -> None:
    assert read(body)[0].is_prose is is_prose
