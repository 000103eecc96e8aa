import json
from pathlib import Path
from typing import Any

import pytest

from pipeline_config.crawl import FeedSource, FetchConfig, FollowConfig, TextFolderSource, WebSource
from tasks.crawl.check import check_source
from tasks.crawl.findings import Finding, SourceCheck

FETCH = FetchConfig(delay_s=2.0)


def facts(found: SourceCheck) -> dict[str, str]:
    return {heading: text for heading, text in found.facts if heading}


def web(**settings: Any) -> SourceCheck:
    return check_source(WebSource(name="pages", **settings), FETCH)


def test_web_source_says_what_it_would_ask_and_how_long_that_takes_at_least() -> None:
    seeds = (*(f"https://a.example/{n}" for n in range(5)), "https://b.example/")
    found = web(seeds=seeds)
    assert facts(found) == {
        "addresses": "6 listed",
        "hosts": "2: a.example (5), b.example (1)",
        "follows": "nothing: the listed addresses only",
        "pace": "2 s between requests to a host; what is listed takes at least 8 s (5 requests to a.example)",
    }
    assert ("", "https://a.example/0\nhttps://a.example/1\nhttps://a.example/2") in found.facts
    assert found.findings == ()


def test_sitemaps_are_listed_and_what_they_name_is_taken() -> None:
    found = facts(web(sitemaps=("https://a.example/news.xml",)))
    assert found["sitemaps"] == "1 listed"
    assert found["follows"] == "nothing: the listed addresses, and what the sitemaps name"


def test_limit_of_pages_counts_for_hosts_and_time() -> None:
    found = facts(web(seeds=tuple(f"https://a.example/{n}" for n in range(5)), max_pages=2, delay_s=30.0))
    assert found["addresses"] == "5 listed, the first 2 of them asked (max_pages)"
    assert found["hosts"] == "1: a.example (2)"
    assert found["pace"].endswith("takes at least 30 s (2 requests to a.example)")


def test_following_is_said_in_words() -> None:
    follow = FollowConfig(
        max_depth=2, hosts="any", max_hosts=50, max_pages_per_host=1234, include=("/wiki/",), exclude=("x", "y")
    )
    assert facts(web(seeds=("https://a.example/",), follow=follow))["follows"] == (
        "links up to 2 deep and the sitemaps that robots.txt names, or else /sitemap.xml, on up to 50 hosts, "
        "up to 1,234 addresses a host; only what matches /wiki/; not what matches x or y"
    )
    only_sitemaps = FollowConfig(has_links=False)
    assert facts(web(seeds=("https://a.example/",), follow=only_sitemaps))["follows"] == (
        "the sitemaps that robots.txt names, or else /sitemap.xml, on hosts of listed addresses only, up to 1,000 "
        "addresses a host"
    )


def test_wrong_addresses_are_errors_and_repeated_ones_warnings() -> None:
    found = web(seeds=("a.example/x", "https://a.example/", "HTTPS://A.example:443/", "mailto:a@a.example"))
    assert found.has_errors
    invalid, repeated = found.findings
    assert invalid.is_error
    assert invalid.text.startswith("2 addresses cannot be asked for: 'a.example/x' is no http or https address")
    assert repeated == Finding(
        False, "1 address listed before: HTTPS://A.example:443/ (listed before as https://a.example/)"
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "10.1.2.3", "[::1]", "localhost", "2130706433", "169.254.169.254"])
def test_private_addresses_are_errors_unless_the_source_names_them(host: str) -> None:
    (finding,) = web(seeds=(f"http://{host}/x",)).findings
    assert finding.is_error
    assert "1 host would be refused" in finding.text
    assert web(seeds=(f"http://{host}/x",), allow_private=(host.strip("[]"),)).findings == ()


def test_seeds_file_and_sitemaps_are_looked_at(tmp_path: Path) -> None:
    (tmp_path / "seeds.txt").write_text("https://a.example/ # front page\n\nftp://b.example/\n", encoding="utf-8")
    found = web(seeds_file=str(tmp_path / "seeds.txt"), sitemaps=("https://c.example/sitemap.xml", "http://10.0.0.1/s"))
    assert facts(found)["addresses"] == "1 listed"
    assert facts(found)["sitemaps"] == "2 listed"
    assert [finding.is_error for finding in found.findings] == [True, True]
    (missing,) = web(seeds_file=str(tmp_path / "none.txt")).findings
    assert missing.is_error
    assert "none.txt" in missing.text


def test_feed_source_says_how_many_articles_and_from_where() -> None:
    feeds = ("https://a.example/1.xml", "https://a.example/2.xml", "nonsense")
    found = check_source(FeedSource(name="news", feeds=feeds, max_articles=50, articles="feed"), FETCH)
    assert facts(found)["feeds"] == "2 listed"
    assert facts(found)["articles"] == "each entry's own text, the newest 50 at most"
    assert [finding.is_error for finding in found.findings] == [True]
    said = {
        articles: facts(check_source(FeedSource(name="news", feeds=feeds, articles=articles), FETCH))["articles"]
        for articles in ("auto", "page")
    }
    assert said == {
        "auto": "each entry's own text where it is a whole article, else its page, the newest 10,000 at most",
        "page": "the page of each entry, the newest 10,000 at most",
    }


def texts(folder: Path, **settings: Any) -> SourceCheck:
    return check_source(TextFolderSource(name="books", source_kind="book", folder=str(folder), **settings), FETCH)


def test_folder_says_its_files_bytes_and_encodings(tmp_path: Path) -> None:
    for number, body in enumerate((b"plain", "naïve".encode(), "naïve".encode("cp1252"), b"\x81")):
        (tmp_path / f"{number}.txt").write_bytes(body)
    found = texts(tmp_path, encodings=("utf-8", "cp1252"))
    assert facts(found) == {"files": "4 that match **/*.txt, 17 bytes", "encodings": "utf-8 2, cp1252 1"}
    assert ("", "0.txt\n1.txt\n2.txt") in found.facts
    assert found.findings == (Finding(False, "1 file in none of the encodings utf-8, cp1252: 3.txt"),)


def test_folder_without_readable_files_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\x81")
    for found, why in (
        (texts(tmp_path, glob="*.epub"), "found 0 files that match"),
        (texts(tmp_path / "nowhere"), "nowhere"),
        (texts(tmp_path), "1 file in none of the encodings utf-8: a.txt"),
    ):
        assert found.has_errors
        assert why in found.findings[0].text


def test_layout_is_tried(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(json.dumps(["one", "two", "three"]), encoding="utf-8")
    assert facts(texts(tmp_path, layout="json-list"))["layout"] == "json-list: 3 texts"
    found = texts(tmp_path, layout="pku-tagged")
    assert found.has_errors
    assert found.findings[0].text.startswith("1 file not laid out as pku-tagged: a.txt: ")


def test_catalogue_decides_what_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("text", encoding="utf-8")
    (tmp_path / "catalogue.csv").write_text("path,title\na.txt,A\nb.txt,B\n", encoding="utf-8")
    found = texts(tmp_path, catalogue="catalogue.csv")
    assert facts(found)["files"] == "1 named by catalogue.csv, 4 bytes"
    assert found.findings == (Finding(False, "1 file set aside (missing_file): b.txt"),)
