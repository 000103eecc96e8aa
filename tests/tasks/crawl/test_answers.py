from pathlib import Path

import pytest

from tasks.crawl.answers import Replay
from tasks.crawl.replay import DEMO_INDEX, read_pages
from tasks.crawl.scenario import Redirect, Scenario, demo_scenario


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
