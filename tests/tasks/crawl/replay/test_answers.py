import gzip
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tasks.crawl.replay.answers import Replay
from tasks.crawl.replay.scenario import Redirect, Scenario, demo_scenario
from tasks.crawl.replay.server import DEMO_INDEX, read_pages
from tasks.crawl.web.sitemaps import parse_sitemap


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "page.html"
    path.write_bytes(b"<p>hello</p>")
    return path


def test_page_answers_with_its_bytes_under_any_spelling(page: Path) -> None:
    answer = Replay({"http://a.example/?x=1&a=b|": page}, Scenario()).answer("http://A.example:80/?a=b%7C&x=1")
    assert (answer.status, answer.body, answer.headers["Content-Type"]) == (200, b"<p>hello</p>", "text/html")


def test_statuses_come_in_turn_and_the_last_stays(page: Path) -> None:
    replay = Replay({"http://a.example/": page}, Scenario(statuses={"http://a.example": (500, 503, 200)}))
    assert [replay.answer("http://a.example/").status for _ in range(5)] == [500, 503, 200, 200, 200]


def test_robots_is_404_unless_the_scenario_has_one(page: Path) -> None:
    replay = Replay({"http://a.example/": page}, Scenario(robots={"a.example": "User-agent: *\nDisallow: /x\n"}))
    assert replay.answer("http://a.example/robots.txt").body == b"User-agent: *\nDisallow: /x\n"
    assert replay.answer("https://a.example/robots.txt").status == 200
    assert replay.answer("http://b.example/robots.txt").status == 404


def test_page_moves_to_the_end_of_its_redirects(page: Path) -> None:
    redirects = {
        "http://a.example/": Redirect(301, "https://a.example/"),
        "https://a.example/": Redirect(302, "https://a.example/home"),
    }
    replay = Replay({"http://a.example/": page}, Scenario(redirects=redirects))
    first = replay.answer("http://a.example/")
    assert (first.status, first.headers["Location"]) == (301, "https://a.example/")
    assert replay.answer("https://a.example/").status == 302
    assert replay.answer("https://a.example/home").body == b"<p>hello</p>"


def test_demo_scenario_names_only_pages_that_exist() -> None:
    scenario, replay = demo_scenario(), Replay(read_pages(DEMO_INDEX), Scenario())
    starts = scenario.redirects.keys() - {to.location for to in scenario.redirects.values()}
    named = [*scenario.statuses, *scenario.oversized, *scenario.hanging, *scenario.content_types, *starts]
    assert [url for url in named if replay.answer(url).status != 200] == []
    assert scenario.robots.keys() <= replay.hosts


def test_sitemaps_are_sent_as_their_address_ends() -> None:
    pages = ("http://a.example/?a=1&b=2", "http://a.example/2")
    scenario = Scenario(
        sitemaps={f"http://a.example/s.{form}": pages for form in ("xml", "xml.gz", "txt")},
        sitemap_indexes={"http://a.example/index.xml": ("http://a.example/s.xml",)},
    )
    replay = Replay({}, scenario)
    answers = {form: replay.answer(f"http://a.example/s.{form}") for form in ("xml", "xml.gz", "txt")}
    assert {form: answer.headers["Content-Type"] for form, answer in answers.items()} == {
        "xml": "application/xml",
        "xml.gz": "application/gzip",
        "txt": "text/plain",
    }
    assert gzip.decompress(answers["xml.gz"].body) == answers["xml"].body
    assert answers["txt"].body == b"http://a.example/?a=1&b=2\nhttp://a.example/2\n"
    assert {parse_sitemap(answer.body, "http://a.example/", 10_000).pages for answer in answers.values()} == {pages}
    index = parse_sitemap(replay.answer("http://a.example/index.xml").body, "http://a.example/", 10_000)
    assert index.sitemaps == ("http://a.example/s.xml",)
    assert scenario.sitemap_pages == set(pages)
    assert replay.hosts == {"a.example"}


def test_demo_sitemaps_can_be_found_and_list_pages_that_exist_but_for_one() -> None:
    scenario = demo_scenario()
    found = {
        url for text in scenario.robots.values() for url in re.findall(r"(?i)^sitemap:\s*(\S+)", text, re.MULTILINE)
    }
    found |= {url for url in scenario.sitemaps if urlsplit(url).path == "/sitemap.xml"}
    for index in [*found]:
        found |= {*scenario.sitemap_indexes.get(index, ())}
    assert found == scenario.sitemaps.keys() | scenario.sitemap_indexes.keys()
    replay = Replay(read_pages(DEMO_INDEX), scenario)
    missing = [url for url in scenario.sitemap_pages if replay.answer(url).status not in (200, 301, 302)]
    assert missing == ["http://www.spinkat.ru/forum/viewtopic.php?t=404"]


def test_news_site_is_there_only_where_its_texts_are(tmp_path: Path) -> None:
    (tmp_path / "tech").mkdir()
    (tmp_path / "tech" / "001.txt").write_text("Headline\n\nText.\n", encoding="utf-8")
    replay = Replay({}, Scenario(news_folder=str(tmp_path)))
    assert replay.hosts == {"news.example"}
    answers = [replay.answer(f"http://news.example/tech/{name}") for name in ("feed.xml", "001.html", "002.html")]
    assert [answer.status for answer in answers] == [200, 200, 404]
    assert b"<h1>Headline</h1>" in answers[1].body
    assert answers[1].headers["ETag"] == replay.answer("http://news.example/tech/001.html").headers["ETag"]
    assert Replay({}, Scenario(news_folder="package:no_such_package/x")).hosts == set()
