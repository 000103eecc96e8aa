"""A sources file is read whole, or refused with the line, what stands there, and what was expected."""

from pathlib import Path

import pytest

from pipeline_config.complaints import ConfigError
from pipeline_config.crawl import FeedSource, TextFolderSource, WebSource
from pipeline_config.load import load_config
from pipeline_config.sources import load_sources

GOOD = """\
sources:
  - form: web
    name: pages
    seeds: [https://a.example/]
  - {form: feed, name: news, feeds: [https://a.example/feed.xml], licence: CC-BY-4.0}

  - form: texts
    name: books
    source_kind: book
    folder: /srv/books
"""


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_each_form_is_read_in_order(tmp_path: Path) -> None:
    assert load_sources(write(tmp_path / "s.yaml", GOOD)) == (
        WebSource(name="pages", seeds=("https://a.example/",)),
        FeedSource(name="news", feeds=("https://a.example/feed.xml",), licence="CC-BY-4.0"),
        TextFolderSource(name="books", source_kind="book", folder="/srv/books"),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "s.yaml:1: found nothing, expected `sources:` with a list"),
        ("# only a comment\n", "s.yaml:1: found nothing"),
        ("- form: web\n", "s.yaml:1: holds a list, expected `sources:` with a list"),
        ("sources: []\n", r"s.yaml:1: sources=\[\]: expected at least 1"),
        ("source: []\n", "s.yaml:1: unknown key source; did you mean 'sources'"),
        ("sources:\n - a: [1\n", "s.yaml:3: is not YAML"),
        ("sources:\n - a: 1\n\tb: 2\n", "s.yaml:3: is not YAML: found character '.t'"),
        ("sources:\n - a: 1\n   b: \x01\n", "s.yaml:3: is not YAML: unacceptable character"),
        (b"sources:\n - a: 1\n   b: \xff\n", "s.yaml:3: is not YAML: found byte 0xff, expected UTF-8"),
        ("sources:\n - form: web\n   name: a\n   name: b\n", "s.yaml:4: found key 'name' again, set before in line 3"),
    ],
)
def test_a_file_that_is_no_sources_file_is_refused_with_the_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_sources(write(tmp_path / "s.yaml", text))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"found no sources file at .*none.yaml, .*correct the path"):
        load_sources(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("name: x\n    seeds: [a]", "s.yaml:3: sources[1] has no form, expected one of web, feed, texts, "),
        (
            "name: x\n    form: fed",
            "s.yaml:4: sources[1].form='fed': expected one of web, feed, texts, archive, table, dataset, wiki, code; "
            "did you mean 'feed'?",
        ),
        (
            "form: web\n    name: x",
            "s.yaml:3: sources[1]: source 'x' lists no address; set seeds, seeds_file or sitemaps",
        ),
        ("form: web\n    nam: x\n    seeds: [a]", "s.yaml:4: unknown key sources[1].nam; did you mean 'name'?"),
        ("form: web\n    seeds: [a]", "s.yaml:3: sources[1] has no name, expected one; add `name: …`"),
        (
            "form: web\n    name: x\n    seeds: [a]\n    follow: {depth: 3}",
            "s.yaml:6: unknown key sources[1].follow.depth; did you mean 'max_depth'?",
        ),
        ("form: web\n    name: x\n    seeds: a", "s.yaml:5: sources[1].seeds='a': expected a list, such as [a, b]"),
        (
            "form: feed\n    name: x\n    feeds: [a]\n    follow: {}",
            "s.yaml:6: unknown key sources[1].follow; expected",
        ),
        (
            "form: feed\n    name: x\n    feeds:\n      - a\n      - 7",
            "s.yaml:7: sources[1].feeds[1]=7: Input should be a",
        ),
        ("pages", "s.yaml:3: sources[1]='pages': expected keys with values"),
        (
            "form: web\n    name: x\n    seeds: [a]\n    delay_s: -1",
            "s.yaml:6: sources[1].delay_s=-1: Input should be gr",
        ),
    ],
)
def test_a_mistake_in_a_source_is_named_with_its_line(tmp_path: Path, entry: str, message: str) -> None:
    text = f"sources:\n  - {{form: web, name: first, seeds: [a]}}\n  - {entry}\n"
    with pytest.raises(ConfigError) as caught:
        load_sources(write(tmp_path / "s.yaml", text))
    assert f"{tmp_path}/{message}" in str(caught.value)


def test_every_mistake_is_said_at_once_in_the_order_of_lines_and_none_twice(tmp_path: Path) -> None:
    text = "sources:\n  - form: feed\n    name: Ä\n    feeds: [1]\n    articles: all\nmore: 1\n"
    with pytest.raises(ConfigError) as caught:
        load_sources(write(tmp_path / "s.yaml", text))
    assert [line.split(": ")[0].rpartition(":")[2] for line in str(caught.value).splitlines()] == ["3", "4", "5", "6"]


def test_two_sources_of_one_name_are_named_with_both_lines(tmp_path: Path) -> None:
    path = write(tmp_path / "s.yaml", GOOD + "  - {form: web, name: news, seeds: [https://b.example/]}\n")
    with pytest.raises(ConfigError, match=r"s.yaml:5 and \S+s.yaml:11: found 2 sources named 'news'"):
        load_sources(path)


def test_a_profile_names_a_sources_file_beside_it_and_its_sources_come_last(tmp_path: Path) -> None:
    write(tmp_path / "s.yaml", GOOD)
    profile = write(
        tmp_path / "mine.yaml",
        "crawl:\n  sources_file: s.yaml\n  sources:\n    - {form: web, name: own, seeds: [https://o.example/]}\n",
    )
    crawl = load_config(str(profile)).crawl
    assert [source.name for source in crawl.sources] == ["own", "pages", "news", "books"]
    assert crawl.sources_file is None


def test_a_sources_file_that_is_set_beside_the_profile_is_relative_to_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "profiles").mkdir()
    (tmp_path / "here").mkdir()
    profile = write(tmp_path / "profiles" / "mine.yaml", "crawl: {snapshot_id: a}\n")
    write(tmp_path / "here" / "s.yaml", GOOD)
    monkeypatch.chdir(tmp_path / "here")
    assert len(load_config(str(profile), ["crawl.sources_file=s.yaml"]).crawl.sources) == 3


def test_a_name_in_both_the_profile_and_its_sources_file_is_refused_with_both_places(tmp_path: Path) -> None:
    write(tmp_path / "s.yaml", GOOD)
    own = "crawl:\n  sources:\n    - {form: web, name: books, seeds: [a]}\n  sources_file: s.yaml\n"
    with pytest.raises(ConfigError, match=r"mine.yaml:3 and \S+s.yaml:7: found 2 sources named 'books'"):
        load_config(str(write(tmp_path / "mine.yaml", own)))


def test_a_mistake_in_the_sources_file_is_named_there(tmp_path: Path) -> None:
    write(tmp_path / "s.yaml", GOOD.replace("seeds", "sedes"))
    profile = write(tmp_path / "mine.yaml", "crawl: {sources_file: s.yaml}\n")
    with pytest.raises(ConfigError, match=r"s.yaml:4: unknown key sources\[0\].sedes; did you mean 'seeds'"):
        load_config(str(profile))
