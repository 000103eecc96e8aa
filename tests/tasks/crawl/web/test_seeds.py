from pathlib import Path

import pytest

from pipeline_config.crawl import WebSource
from tasks.contracts.errors import BadInputError, EmptyInputError
from tasks.crawl.failures import Failure
from tasks.crawl.web.seeds import listed_seeds, sift_seeds


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
