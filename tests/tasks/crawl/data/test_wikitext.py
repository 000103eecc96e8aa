"""What becomes of wikitext. Expected values by hand, from Help:Formatting and Help:Links of mediawiki.org."""

import random
import time

import pytest

from tasks.crawl.data.wikitext import plain_text


@pytest.mark.parametrize(
    ("wikitext", "text"),
    [
        ("'''Bold''' and ''italic'' and '''''both'''''", "Bold and italic and both"),
        ("'''Homère''' écrit l'''Iliade''", "Homère écrit l'Iliade"),
        ("''''four''''", "'four'"),
        ("[[Paris]] and [[Paris (mythology)|the prince]]s", "Paris and the princes"),
        ("[[Paris#History|history]]; [[:Category:Cities]]; [[w:en:Word|word]]", "history; Category:Cities; word"),
        (
            "a [https://x.example/y a site] b [https://x.example/z] c https://x.example",
            "a a site b c https://x.example",
        ),
        ("a{{cite|x={{y|[[z]]}}}} b", "a b"),
        ("a<ref name=x>note {{t}}</ref> b<ref name=x /> c<ref>[[d]]", "a b cd"),
        ("[[File:x.jpg|thumb|A [[caption]] with ''words'']]after", "after"),
        ("text [[Category:One]][[fr:Un]][[zh-min-nan:X]]", "text"),
        ("a <!-- b\n --> c <!-- never closed d", "a c"),
        ("x<br/>y<br>z", "x\ny\nz"),
        ("<small>small</small> H<sub>2</sub>O &amp; &lt;b&gt; &#8212; a&nbsp;b", "small H2O & <b> — a b"),
        ("<nowiki>''[[as it is]]'' {{x}}</nowiki> <math>\\frac{1}{2}</math> end", "''[[as it is]]'' {{x}} end"),
        ("__NOTOC__ {{DEFAULTSORT:x}}text", "text"),
        ("Paris ({{IPA|x}}; {{lang|la|Lutetia}}) is", "Paris (Lutetia) is"),
        ("Rome ({{IPA|x}}) is, 北京（{{拼音|x}}）是", "Rome is, 北京是"),
        ("{{convert|5|km|mi|abbr=on}} off, {{nowrap|not broken}}", "5 km off, not broken"),
        ("-{zh-hans:计算机; zh-hant:電腦;}- -{不转换}- -{T|zh:标题}-好", "计算机 不转换 好"),
        ("{{a-{{b}}-{{c}}}}d", "d"),
        ("unclosed {{ brace, [[ bracket and a ]] }", "unclosed {{ brace, bracket and a }"),
        ("[[ opened first, {{ closed }} never", "[[ opened first, never"),
        ("{{ crossed [[ marks }} go ]] here", "go ]] here"),
        ("", ""),
        ("{{only|a|template}}", ""),
    ],
)
def test_marks_become_words_or_go(wikitext: str, text: str) -> None:
    assert plain_text(wikitext) == text


def test_headings_lists_and_paragraphs_stay_apart() -> None:
    found = plain_text(
        "Lead\n\n\n\nSecond\n== History ==\n* one\n** two\n# three\n; term : told\n: indented\n"
        "=== Empty ===\n== References ==\n{{reflist}}\n"
    )
    assert found == "Lead\n\nSecond\n\nHistory\n\n- one\n- two\n- three\nterm : told\nindented"


def test_tables_go_with_the_tables_inside_of_them() -> None:
    found = plain_text("a\n{| class=x\n! h\n|-\n| c {{t|{{!}}}}\n{|\n| inner\n|}\n|}\nb\n::{|\n|x\n|}\nc")
    assert found.split() == ["a", "b", "c"]


def test_code_keeps_its_lines_and_its_indentation() -> None:
    code = "def f():\n    # ''no'' list\n    return [[1]]"
    found = plain_text(f'Text\n<syntaxhighlight lang="python">\n{code}\n</syntaxhighlight>\n<pre>\n * x\n</pre>')
    assert code in found
    assert " * x" in found


def test_another_wikis_names_of_files_and_categories_are_left_out_too() -> None:
    text = "[[Datei:x.jpg|mini|Bild]]Text[[Kategorie:Y]]"
    assert plain_text(text, {"datei", "kategorie"}) == "Text"


def test_one_mark_that_is_never_closed_swallows_nothing() -> None:
    article = "Sentence after sentence. " * 100
    for opened in ("{{Infobox\n", "[[", "{|\n", "<ref>", "-{", "<math>", "<nowiki>", "[http://x.example ", "'''", "=="):
        assert plain_text(opened + article).endswith("Sentence after sentence.")


NASTY = [
    "[[", "{{", "{|\n", "-{", "}}", "]]", "|}\n", "<ref>a", "<math>", "<!--", "{{[[", "[[{{-{", "]]}}", "'''a", "((",
    "( ,", "{{a|" * 60 + "}}" * 60, "[[a|" * 60 + "]]" * 60, "= ", "=a\n", "<b", "[//", "[http://a ", "\0" + "1",
    "<nowiki>", "&#", "zh:", "__", "{{convert|", "\n\n", "* ",
]  # fmt: skip


@pytest.mark.parametrize("piece", NASTY, ids=repr)
def test_time_grows_no_faster_than_the_page(piece: str) -> None:
    def seconds(size: int) -> float:
        page = (piece * size)[:size]
        began = time.process_time()
        plain_text(page)
        return time.process_time() - began

    assert seconds(400_000) < 2.0  # a quadratic way takes minutes


@pytest.mark.parametrize("marks", [("[[", "]]"), ("{{", "}}"), ("-{", "}-"), ("{|\n", "\n|}")])
def test_marks_inside_each_other_cost_no_more_than_their_number(marks: tuple[str, str]) -> None:
    began = time.process_time()
    plain_text(marks[0] * 50_000 + "word " * 20_000 + marks[1] * 50_000)
    assert time.process_time() - began < 3.0


def test_any_text_comes_through() -> None:
    chance = random.Random(5)
    marks = [piece[:8] for piece in NASTY] + ["</ref>", "-->", "}-", "</nowiki>", "|", "\n", "a", "字", ":", ";", "\0"]
    for _ in range(300):
        plain_text("".join(chance.choices(marks, k=200)))
