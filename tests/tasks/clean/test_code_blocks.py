"""Code, tables and lists of pages, from the markup to the text."""

import bz2
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest
import trafilatura

from pipeline_config.clean import ExtractConfig, ExtractLaunch
from pipeline_config.data_source import WikiSource
from tasks.clean.code_carriage import with_code_marked, with_pictures
from tasks.clean.document import read_document
from tasks.clean.extract import plan_extract
from tasks.clean.thorough_text import thorough_text
from tasks.contracts.artifacts import ArtifactRef
from tasks.crawl.data.wiki import plan_read_wiki
from tasks.storage.parquet_shards import read_rows
from tasks.storage.stage import settle
from tasks.storage.store import Store
from tasks.text.normalise import normalise_page

RawRow = Callable[..., dict[str, Any]]
MakeRaw = Callable[..., ArtifactRef]

CODE = """def grind(corn: list[Sack]) -> Iterator[Flour]:
    for sack in corn:
        if sack.weight < 50:
            continue  # too light

        yield  mill(sack) | sift


class Miller:
\tname = "Jane" """.rstrip()
LINES = [
    f"On day {day} the mill at the river ground {day * 3} sacks of corn, and the miller wrote it down."
    for day in range(8)
]
PROSE = "".join(f"<p>{line}</p>\n" for line in LINES)
TABLE = "<table><tr><th>day</th><th>sacks</th></tr><tr><td>Monday</td><td>20</td></tr></table>"
LIST = (
    "<ul><li>flour of the mill<ul><li>rye of the field</li><li>wheat of the valley<ol><li>soft wheat</li>"
    "<li>hard wheat</li></ol></li></ul></li><li>water from the river</li></ul>"
)


def site(body: str) -> str:
    """A page with its article as deep as most have it: lists right below the body are taken for navigation."""
    article = f"<article><h1>The mill</h1>{PROSE}{body}{PROSE}</article>"
    return f"<html><body><div><div><div>{article}</div></div></div></body></html>"


def html(code: str) -> str:
    return escape(code).replace("class", '<span class="k">class</span>')


def read(raw_row: RawRow, markup: str, mode: str) -> str:
    config = ExtractConfig.model_validate({"mode": mode})
    text: str = read_document(raw_row(markup.encode()), config)["text"]
    return text


@pytest.mark.parametrize("mode", ["fast", "quality"])
@pytest.mark.parametrize(
    "form",
    [
        "<pre>{}</pre>",
        "<PRE class='x'>\n{}\n\n</PRE>",
        "<pre><code>{}</code></pre>",
        '<div class="highlight"><pre><span></span>{}</pre></div>',
        "<blockquote><pre>{}</pre></blockquote>",
        "<table><tr><td><pre>1\n2\n3</pre></td><td><pre>{}</pre></td></tr></table>",
        "<ul><li>A step that is explained.<pre>{}</pre></li><li>Another step that is explained.</li></ul>",
    ],
)
def test_code_keeps_its_lines_and_its_indentation(raw_row: RawRow, mode: str, form: str) -> None:
    text = read(raw_row, site(form.format(html(CODE))), mode)
    assert f"\n{CODE}\n" in text
    assert text.count("def grind") == 1


@pytest.mark.parametrize("mode", ["fast", "quality"])
def test_line_breaks_and_no_break_spaces_of_code_count(raw_row: RawRow, mode: str) -> None:
    code = html(CODE).replace("\n", "<br>").replace("    ", "&nbsp;&#160;\u00a0 ")
    assert f"\n{CODE}\n" in read(raw_row, site(f"<pre>{code}</pre>"), mode)


@pytest.mark.parametrize("mode", ["fast", "quality"])
def test_all_else_stays_readable_beside_code(raw_row: RawRow, mode: str) -> None:
    text = read(raw_row, site(f"<pre>{html(CODE)}</pre>{TABLE}{LIST}"), mode)
    before, _, after = text.partition(CODE)
    assert [line for line in before.split("\n") if line] == ["The mill", *LINES]
    assert [line.removeprefix("- ") for line in after.split("\n") if line] == [
        *("day | sacks", "Monday | 20"),
        *("flour of the mill", "rye of the field", "wheat of the valley"),
        *("soft wheat", "hard wheat", "water from the river"),
        *LINES,
    ]


@pytest.mark.parametrize("mode", ["fast", "quality"])
def test_code_changes_nothing_about_the_prose_around_it(raw_row: RawRow, mode: str) -> None:
    odd = "<p>It was\u2028 a  mild\u00a0\u3000 winter,\u200b and&nbsp;&nbsp;nobody\n\n  knew\twhy it was so.</p>"
    without = read(raw_row, site(odd), mode)
    with_code = read(raw_row, site(f"{odd}<pre>{html(CODE)}</pre>"), mode)
    assert [line for line in with_code.replace(CODE, "").split("\n") if line] == [
        line for line in without.split("\n") if line
    ]


def test_a_page_that_begins_and_ends_with_code_keeps_its_first_indentation(raw_row: RawRow) -> None:
    text = read(raw_row, f"<html><body><pre>    x\n  y</pre><p>{LINES[0]}</p><pre>\n  z\n</pre></body></html>", "fast")
    assert text == f"    x\n  y\n\n{LINES[0]}\n\n  z"


def test_the_markup_of_another_page_is_no_code(raw_row: RawRow) -> None:
    """Half surrogates and the pictures of white space are what code is marked with on the way."""
    markup = site(
        "<p>It says &#xD800;  here&#xD800; and &#x240A; there, \u2402 and \u2403, and what it says is kept.</p>"
    )
    assert "It says \ufffd here\ufffd and \u240a there, \u2402 and \u2403, and" in read(raw_row, markup, "fast")
    assert "\u240a there, \u2402 and \u2403, and" in read(raw_row, markup, "quality")
    pictured = site(f"<p>The sign \u240a stands for the end of a line.</p><pre>{html(CODE)}</pre>")
    assert "The sign \u240a stands" in read(raw_row, pictured, "quality")


@pytest.mark.parametrize(
    "markup", ["<pre>a\n  b", "<pre>a\n  <pre>b</pre>\n c", "a</pre>\n b", "<pre></pre>", "<pre>\n \n</pre>"]
)
def test_blocks_that_are_never_closed_lose_no_words(markup: str) -> None:
    page = site(f"{markup}<p>This is the end of the story of the mill and the river, as far as it is known.</p>")
    text, _ = normalise_page(thorough_text(page, ExtractConfig(), is_full=True))
    assert not set("\u2402\u2403\u240a\u2409\u2420\u241f\ud800") & set(text)
    expected = trafilatura.extract(page)
    assert expected is not None
    assert text.split() == expected.split()


def test_pictures_are_made_in_one_pass() -> None:
    nasty = "<pre>" * 20_000 + " \n" * 200_000 + "<" * 100_000 + "</pre" * 20_000
    assert with_code_marked(with_pictures(nasty)).count("\n") >= 200_000


@pytest.mark.parametrize("mode", ["fast", "quality"])
def test_lines_that_recur_and_personal_data_go_from_around_and_inside_code(
    store: Store, raw_row: RawRow, make_raw: MakeRaw, mode: str
) -> None:
    slogan = "Ours is the paper that ten thousand people in the valley have read every week."
    code = 'mill = Mill()\n\n\nif mill:\n    mail("jane@mill.org", mill)'

    def page(number: int) -> str:
        own = "".join(
            f"<p>On day {day} page {number} was at the mill by the river and wrote it down.</p>" for day in range(9)
        )
        return site(f"<pre>    # {number}\n{code}</pre><p>{slogan}</p>").replace(PROSE, own)

    raw = make_raw([raw_row(page(number).encode(), f"http://a.example/{number}") for number in range(3)])
    call = plan_extract(raw, ExtractConfig.model_validate({"mode": mode}), ExtractLaunch(num_workers=1))
    texts = [row["text"] for row in read_rows(store.files(settle(store, call).manifest.ref, "rows-"))]
    for number, text in enumerate(texts):
        assert slogan not in text
        assert f"\n    # {number}\n{code.replace('jane@mill.org', '[EMAIL]')}\n" in text


def test_a_wiki_page_keeps_its_code(store: Store, tmp_path: Path) -> None:
    wikitext = (
        f"Die '''Mühle''' mahlt.\u200b  Sehr\u3000gut.\n\n<syntaxhighlight lang='python'>\n{CODE}\n</syntaxhighlight>\n"
        "* eins\n** zwei\n\nMit <syntaxhighlight inline>x = 1</syntaxhighlight> endet es."
    )
    (tmp_path / "wiki-pages-articles.xml.bz2").write_bytes(
        bz2.compress(
            '<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="de"><siteinfo>'
            "<base>https://de.wiki.example/wiki/H</base><namespaces/></siteinfo><page><title>Mühle</title><ns>0</ns>"
            "<id>1</id><revision><id>2</id><timestamp>2024-05-06T07:08:09Z</timestamp><model>wikitext</model>"
            f'<text bytes="1" xml:space="preserve">{escape(wikitext)}</text></revision></page></mediawiki>'.encode()
        )
    )
    source = WikiSource(name="wiki", folder=str(tmp_path))
    raw = settle(store, plan_read_wiki(source)).manifest.ref
    extracted = settle(store, plan_extract(raw, ExtractConfig(), ExtractLaunch(num_workers=1))).manifest.ref
    (row,) = read_rows(store.files(extracted, "rows-"))
    assert row["text"] == f"Die Mühle mahlt. Sehr gut.\n\n{CODE}\n\n- eins\n- zwei\n\nMit x = 1 endet es."
