from collections.abc import Callable
from datetime import UTC, datetime
from itertools import permutations

import pytest

from pipeline_config.crawl import FollowConfig
from tasks.crawl.web.frontier import MAX_SITEMAP_NESTING, MAX_SITEMAPS, Ask, Frontier
from tasks.crawl.web.sitemaps import Announced

LINKS = {
    "http://a.example/": ["/one", "/two", "http://b.example/", "http://a.example/one#part", "/z"],
    "http://a.example/one": ["http://a.example/", "http://a.example/deep"],
    "http://a.example/two": ["http://a.example/deep", "http://b.example/x"],
    "http://a.example/deep": ["http://a.example/deeper"],
    "http://b.example/": ["http://b.example/x", "http://c.example/"],
}


def crawl(frontier: Frontier, order: Callable[[list[Ask]], list[Ask]] = list) -> list[list[str]]:
    """All rounds as sorted addresses; each round's answers arrive in `order`."""
    rounds = []
    while asks := frontier.next_round():
        rounds.append(sorted(ask.url for ask in asks))
        for ask in order(asks):
            frontier.reached(ask, ask.url)
            links = LINKS.get(ask.url, [])
            frontier.found_links(ask, [f"http://a.example{url}" if url.startswith("/") else url for url in links])
    return rounds


def follow(**values: object) -> FollowConfig:
    return FollowConfig.model_validate({"has_sitemaps": False, **values})


def test_listed_addresses_alone_are_asked_for_where_nothing_is_followed() -> None:
    assert crawl(Frontier(["http://a.example/", "http://b.example/"])) == [["http://a.example/", "http://b.example/"]]


def test_links_are_followed_a_depth_a_round_on_the_hosts_of_the_seeds() -> None:
    frontier = Frontier(["http://a.example/"], follow=follow(max_depth=2))
    assert crawl(frontier) == [
        ["http://a.example/"],
        ["http://a.example/one", "http://a.example/two", "http://a.example/z"],
        ["http://a.example/deep"],
    ]
    # b.example/ and b.example/x; a.example/deeper
    assert frontier.num_cut == {"other_host": 2, "over_max_depth": 1}
    assert frontier.left_out == []


def test_any_host_is_asked_where_the_source_says_so() -> None:
    frontier = Frontier(["http://a.example/"], follow=follow(hosts="any", max_hosts=2))
    rounds = crawl(frontier)
    assert rounds[1] == ["http://a.example/one", "http://a.example/two", "http://a.example/z", "http://b.example/"]
    assert frontier.num_cut == {"over_max_hosts": 1}
    assert [(failure.url, failure.reason) for failure in frontier.left_out] == [("http://c.example/", "over_max_hosts")]


@pytest.mark.parametrize("order", [list(order) for order in permutations(range(3))])
def test_limits_take_the_same_addresses_whatever_arrives_first(order: list[int]) -> None:
    def shuffled(asks: list[Ask]) -> list[Ask]:
        return [asks[i] for i in order if i < len(asks)]

    frontier = Frontier(["http://a.example/"], follow=follow(), max_pages=5)
    assert [url for asks in crawl(frontier, shuffled) for url in asks] == [
        "http://a.example/",
        "http://a.example/one",
        "http://a.example/two",
        "http://a.example/z",
        "http://a.example/deep",
    ]
    assert frontier.num_cut["over_max_pages"] == 1


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_what_sitemaps_say_of_one_page_does_not_depend_on_which_came_first(order: tuple[int, ...]) -> None:
    frontier = Frontier([], sitemaps=["http://a.example/map"], follow=FollowConfig())
    urls = ["http://a.example/9#b", "http://a.example/9#c", "http://a.example/9#a"]
    early, late = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 5, 2, tzinfo=UTC)
    said = [{urls[0]: Announced("B", late, "Y")}, {urls[1]: Announced("A", early, "X")}, {}]
    assert len(frontier.next_round()) == 1
    for number in order:
        frontier.found_pages([urls[number]], said[number])
    assert frontier.next_round() == [Ask(urls[2], found_by="sitemap", title="A", published_at=early, author="X")]


def test_seeds_come_before_sitemaps_and_those_before_links_within_a_hosts_limit() -> None:
    frontier = Frontier(["http://a.example/s"], follow=FollowConfig(max_pages_per_host=3))
    (seed,) = frontier.next_round()
    frontier.reached(seed, seed.url)
    frontier.found_links(seed, ["http://a.example/1", "http://a.example/2"])
    (sitemap,) = frontier.next_round()
    assert sitemap == Ask("http://a.example/sitemap.xml", "sitemap", 0, "sitemap", is_guess=True)
    frontier.found_pages(["http://a.example/9"], {})
    assert frontier.next_round() == [Ask("http://a.example/9", found_by="sitemap")]
    assert frontier.next_round() == [Ask("http://a.example/1", depth=1, found_by="link")]
    assert frontier.next_round() == []
    assert frontier.num_cut == {"over_max_pages_per_host": 1}


def test_patterns_choose_among_found_addresses_not_listed_ones() -> None:
    frontier = Frontier(["http://a.example/"], follow=follow(include=("/one$", "/d"), exclude=("deeper",)))
    assert crawl(frontier) == [["http://a.example/"], ["http://a.example/one"], ["http://a.example/deep"]]
    # two and z are not included; deeper is excluded
    assert frontier.num_cut["excluded"] == 3


def test_a_listed_address_that_moved_to_another_host_takes_the_scope_along() -> None:
    frontier = Frontier(["http://a.example/"], follow=follow())
    (seed,) = frontier.next_round()
    frontier.reached(seed, "http://www.a.example/")
    frontier.found_links(seed, ["http://www.a.example/x"])
    (link,) = frontier.next_round()
    frontier.reached(link, "http://elsewhere.example/")
    assert frontier.out_of_scope("http://www.a.example/y") is None
    assert frontier.out_of_scope("http://elsewhere.example/") == "other_host"


def test_of_two_spellings_the_smallest_is_asked_for() -> None:
    frontier = Frontier(["http://a.example/"], follow=follow())
    (seed,) = frontier.next_round()
    frontier.found_links(seed, ["http://a.example/p?y=1&x=2", "http://a.example/p?x=2&y=1", "http://a.example/#top"])
    assert [ask.url for ask in frontier.next_round()] == ["http://a.example/p?x=2&y=1"]


def test_sitemaps_of_robots_stand_in_place_of_the_usual_one() -> None:
    frontier = Frontier(["http://a.example/", "https://b.example/"], follow=FollowConfig(has_links=False))
    for ask in frontier.next_round():
        frontier.reached(ask, ask.url)
    frontier.heard_robots("a.example", ["http://a.example/map.xml.gz", "http://cdn.example/map.xml"])
    assert [(ask.url, ask.is_guess) for ask in frontier.next_round()] == [
        ("http://a.example/map.xml.gz", False),
        ("http://cdn.example/map.xml", False),
        ("https://b.example/sitemap.xml", True),
    ]
    assert frontier.next_round() == []


def test_sitemap_of_sitemaps_without_end_is_bounded_and_counted() -> None:
    frontier = Frontier([], sitemaps=["http://a.example/0"], follow=FollowConfig())
    depths = []
    while asks := frontier.next_round():
        depths.append(asks[0].depth)
        assert len(depths) < 10, "it has no end"
        frontier.found_sitemaps([f"{asks[0].url}/more", "http://a.example/0"], above=asks[0].depth + 1)
    assert depths == list(range(MAX_SITEMAP_NESTING + 1))
    assert frontier.num_cut == {"sitemap_too_deep": 1}

    wide = Frontier([], sitemaps=[f"http://a.example/{n}" for n in range(MAX_SITEMAPS + 7)])
    assert len(wide.next_round()) == MAX_SITEMAPS
    assert wide.num_cut == {"over_max_sitemaps": 7}


def test_known_pages_are_asked_for_after_the_seeds_with_the_depth_they_had() -> None:
    known = [
        Ask("http://a.example/deep", depth=2, found_by="link"),
        Ask("http://a.example/", found_by="seed"),
        Ask("http://gone.example/", depth=1, found_by="link"),
        Ask("http://old-seed.example/", found_by="seed"),
    ]
    frontier = Frontier(["http://a.example/"], known=known, follow=follow(max_depth=2))
    assert crawl(frontier) == [
        ["http://a.example/"],
        ["http://a.example/deep"],
        ["http://a.example/one", "http://a.example/two", "http://a.example/z"],
    ]
    # of what the part before had each one is named
    assert [(failure.url, failure.reason) for failure in frontier.left_out] == [
        ("http://gone.example/", "other_host"),
        ("http://old-seed.example/", "other_host"),
    ]


def test_known_pages_of_a_source_that_lists_all_its_pages_are_not_asked_for() -> None:
    assert crawl(Frontier(["http://a.example/"], known=[Ask("http://a.example/x")])) == [["http://a.example/"]]


def test_many_left_out_addresses_are_counted_and_some_of_them_named() -> None:
    frontier = Frontier(["http://a.example/"], follow=follow(max_pages_per_host=1))
    (seed,) = frontier.next_round()
    frontier.found_links(seed, [f"http://a.example/{n}" for n in range(1_000)])
    assert frontier.next_round() == []
    assert frontier.num_cut == {"over_max_pages_per_host": 1_000}
    assert len(frontier.left_out) == 100
