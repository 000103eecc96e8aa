from pathlib import Path

import pytest

from pipeline_config.crawl import WebSource
from tasks.contracts.errors import BadInputError, EmptyInputError
from tasks.crawl.failures import Failure
from tasks.crawl.seeds import canonical_url, listed_seeds, sift_seeds


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        # RFC 3986, section 6.2.2, and 6.2.3 for the empty path and the default port
        ("HTTP://Example.COM/a", "http://example.com/a"),
        ("http://example.com", "http://example.com/"),
        ("http://example.com:80/", "http://example.com/"),
        ("https://example.com:443/x", "https://example.com/x"),
        ("http://example.com:443/", "http://example.com:443/"),
        ("http://example.com/%7euser", "http://example.com/~user"),
        ("http://example.com/%3f%2f%e4", "http://example.com/%3F%2F%E4"),
        ("http://example.com/?q=%7e", "http://example.com/?q=~"),
        ("http://example.com/a/./b/../c", "http://example.com/a/c"),
        ("http://example.com/%2e%2e/b", "http://example.com/b"),
        ("http://example.com/../a/..", "http://example.com/"),
        ("http://example.com:/x", "http://example.com/x"),
        ("http://example.com:8080/x", "http://example.com:8080/x"),
        ("http://example.com/a#part", "http://example.com/a"),
        ("http://example.com/?b=2&a=1", "http://example.com/?a=1&b=2"),
        ("http://münchen.example/é", "http://xn--mnchen-3ya.example/%C3%A9"),
        (" http://example.com/a ", "http://example.com/a"),
    ],
)
def test_spellings_of_one_address_become_one(url: str, canonical: str) -> None:
    assert canonical_url(url) == canonical
    assert canonical_url(canonical) == canonical


@pytest.mark.parametrize("url", ["ftp://example.com/a", "example.com/a", "http:///a", "http://[::1", ""])
def test_what_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        canonical_url(url)


def test_text_file_lists_one_address_a_line(tmp_path: Path) -> None:
    seeds = tmp_path / "seeds.txt"
    seeds.write_text(
        "# news\nhttp://a.example/#top\n\n  http://b.example/ # good\nhttp://a.example/\n", encoding="utf-8"
    )
    source = WebSource(name="web", seeds=("http://first.example/",), seeds_file=str(seeds))
    assert listed_seeds(source) == (
        "http://first.example/",
        "http://a.example/#top",
        "http://b.example/",
        "http://a.example/",
    )


def test_json_index_lists_the_urls_of_its_values(tmp_path: Path) -> None:
    index = tmp_path / "index.json"
    index.write_text('{"0.html": {"url": "http://a.example/"}, "1.html": {"url": "http://b.example/", "x": 1}}')
    assert listed_seeds(WebSource(name="web", seeds_file=str(index))) == ("http://a.example/", "http://b.example/")


@pytest.mark.parametrize("content", [b'{"a": 1}', b'{"a": {"link": "x"}}', b"{broken", b"\xff\xfe"])
def test_unreadable_seeds_file_says_what_is_expected(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "seeds").write_bytes(content)
    with pytest.raises(BadInputError, match="expected"):
        listed_seeds(WebSource(name="web", seeds_file=str(tmp_path / "seeds")))


def test_seeds_file_without_addresses_is_refused(tmp_path: Path) -> None:
    (tmp_path / "seeds").write_text("# nothing yet\n")
    with pytest.raises(EmptyInputError, match="add one a line"):
        listed_seeds(WebSource(name="web", seeds_file=str(tmp_path / "seeds")))


def test_left_out_seeds_are_recorded_with_their_reason() -> None:
    listed = ("http://a.example", "mailto:me", "http://a.example/#top", "http://b.example/", "http://c.example/")
    seeds, left_out = sift_seeds(listed)
    assert seeds == ("http://a.example", "http://b.example/", "http://c.example/")
    assert [(failure.url, failure.reason) for failure in left_out] == [
        ("mailto:me", "invalid_url"),
        ("http://a.example/#top", "duplicate_seed"),
    ]
    assert left_out[1] == Failure("http://a.example/#top", "duplicate_seed", "listed before as http://a.example")
