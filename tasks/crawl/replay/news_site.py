"""A news site for the replay server: articles from a folder of texts, in pages and feeds as such sites have them.

The folder holds a folder for each topic, and in it a text file for each article: headline, blank line, paragraphs.
The site has a front page, a page for each topic that links to its newest articles, a page for each article, and for
each topic a feed of all its articles: Atom for the last topic in the alphabet, RSS 2.0 for the others.

The demo's texts carry no dates, so dates are made up by one rule: an article's number is its place among its topic's
files, from 0; it appeared that many times 17 hours after 6:00 UTC on 1 January 2004, plus 3 hours for each topic
before its own. That spreads the BBC's 2,225 articles over 2004, when most of them were written.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from html import escape
from pathlib import Path

HOST = "news.example"
"""Nobody's, now and for ever. Source: RFC 2606, section 2."""

_FIRST_AT = datetime(2004, 1, 1, 6, tzinfo=UTC)
_BETWEEN_ARTICLES = timedelta(hours=17)
_BETWEEN_TOPICS = timedelta(hours=3)
_NUM_NEWEST = 20
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} | Example News</title>
{head}
<link rel="stylesheet" href="/style.css">
</head>
<body>
<header>
<a class="logo" href="/">Example News</a>
<form action="/search" method="get"><label>Search <input type="search" name="q"></label><button>Go</button></form>
<nav><ul>{navigation}</ul></nav>
</header>
<main>
{main}
</main>
<footer>
<ul><li><a href="/about">About us</a></li><li><a href="/contact">Contact</a></li>
<li><a href="/terms">Terms of use</a></li><li><a href="/privacy">Privacy</a></li></ul>
<p>Copyright Example News. Example News is not responsible for the content of external sites.</p>
</footer>
</body>
</html>
"""


@dataclass(frozen=True)
class Article:
    """One article and where the site has it."""

    url: str
    topic: str
    headline: str
    paragraphs: tuple[str, ...]
    published_at: datetime


@dataclass(frozen=True)
class Document:
    """What the site sends for an address."""

    content_type: str
    body: bytes


def read_articles(folder: Path) -> tuple[Article, ...]:
    """The articles of a folder, topic by topic, each topic's oldest first."""
    articles = []
    for place, topic in enumerate(_topics(folder)):
        for number, path in enumerate(sorted((folder / topic).glob("*.txt"))):
            paragraphs = [line.strip() for line in _text(path).splitlines() if line.strip()]
            articles.append(
                Article(
                    url=f"http://{HOST}/{topic}/{path.stem}.html",
                    topic=topic,
                    headline=paragraphs[0] if paragraphs else path.stem,
                    paragraphs=tuple(paragraphs[1:]),
                    published_at=_FIRST_AT + number * _BETWEEN_ARTICLES + place * _BETWEEN_TOPICS,
                )
            )
    return tuple(articles)


def feed_urls(folder: Path) -> tuple[str, ...]:
    """The addresses of the site's feeds, one a topic."""
    return tuple(f"http://{HOST}/{topic}/feed.xml" for topic in _topics(folder))


def news_site(folder: Path) -> dict[str, Document]:
    """Everything that the site serves, by address."""
    articles = read_articles(folder)
    topics = _topics(folder)
    navigation = "".join(f'<li><a href="/{topic}/">{escape(topic.capitalize())}</a></li>' for topic in topics)
    site = {f"http://{HOST}/": _html(_front_page(topics, navigation))}
    for topic in topics:
        newest_first = [article for article in reversed(articles) if article.topic == topic]
        feed = (_atom if topic == topics[-1] else _rss)(topic, newest_first)
        site[f"http://{HOST}/{topic}/feed.xml"] = feed
        page = _topic_page(topic, newest_first[:_NUM_NEWEST], feed.content_type, navigation)
        site[f"http://{HOST}/{topic}/"] = _html(page)
        for place, article in enumerate(newest_first):
            more = newest_first[place + 1 : place + 4] or newest_first[:3]
            site[article.url] = _html(_article_page(article, more, navigation))
    return site


def _topics(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_dir() and any(path.glob("*.txt")))


def _text(path: Path) -> str:
    body = path.read_bytes()
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:  # a pound sign, in one of the BBC's
        return body.decode("cp1252", "replace")


def _html(text: str) -> Document:
    return Document("text/html", text.encode())


def _links(articles: list[Article]) -> str:
    return "".join(f'<li><a href="{a.url}">{escape(a.headline)}</a></li>\n' for a in articles)


def _front_page(topics: list[str], navigation: str) -> str:
    sections = "".join(f'<li><a href="/{topic}/">All of {escape(topic)}</a></li>\n' for topic in topics)
    return _PAGE.format(
        title="Front page", head="", navigation=navigation, main=f"<h1>The news</h1>\n<ul>\n{sections}</ul>"
    )


def _topic_page(topic: str, newest: list[Article], feed_type: str, navigation: str) -> str:
    return _PAGE.format(
        title=escape(topic.capitalize()),
        head=f'<link rel="alternate" type="{feed_type}" href="/{topic}/feed.xml">',
        navigation=navigation,
        main=f"<h1>{escape(topic.capitalize())}</h1>\n<ul>\n{_links(newest)}</ul>",
    )


def _article_page(article: Article, more: list[Article], navigation: str) -> str:
    at = article.published_at
    paragraphs = "\n".join(f"<p>{escape(paragraph)}</p>" for paragraph in article.paragraphs)
    return _PAGE.format(
        title=escape(article.headline),
        head=f'<link rel="canonical" href="{article.url}">\n'
        f'<meta property="og:type" content="article">\n'
        f'<meta property="article:published_time" content="{at.isoformat()}">',
        navigation=navigation,
        main=f"<article>\n<h1>{escape(article.headline)}</h1>\n"
        f'<p class="dateline"><time datetime="{at.isoformat()}">{at:%d %B %Y}</time></p>\n{paragraphs}\n</article>\n'
        f"<aside><h2>More from {escape(article.topic)}</h2>\n<ul>\n{_links(more)}</ul></aside>",
    )


def _rss(topic: str, newest_first: list[Article]) -> Document:
    """A feed in RSS 2.0. Source: https://www.rssboard.org/rss-specification."""
    items = "".join(
        f"<item><title>{_twice(a.headline)}</title><link>{a.url}</link><guid>{a.url}</guid>"
        f"<pubDate>{format_datetime(a.published_at, usegmt=True)}</pubDate>"
        f"<description>{_twice(_summary(a))}</description></item>\n"
        for a in newest_first
    )
    return Document(
        "application/rss+xml",
        f'<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0"><channel>\n'
        f"<title>Example News: {escape(topic)}</title><link>http://{HOST}/{topic}/</link>\n"
        f"<description>All articles on {escape(topic)}</description>\n"
        f"{items}</channel></rss>\n".encode(),
    )


def _atom(topic: str, newest_first: list[Article]) -> Document:
    """A feed in Atom. Source: RFC 4287."""
    entries = "".join(
        f'<entry><title>{escape(a.headline)}</title><link href="{a.url}"/><id>{a.url}</id>'
        f"<published>{a.published_at.isoformat()}</published><updated>{a.published_at.isoformat()}</updated>"
        f"<summary>{escape(_summary(a))}</summary></entry>\n"
        for a in newest_first
    )
    return Document(
        "application/atom+xml",
        f'<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">'
        f"<title>Example News: {escape(topic)}</title><id>http://{HOST}/{topic}/</id>\n"
        f"<updated>{newest_first[0].published_at.isoformat()}</updated>"
        f"<author><name>Example News</name></author>\n{entries}</feed>\n".encode(),
    )


def _twice(text: str) -> str:
    """Text as HTML inside XML, which is what an RSS item's title and description are."""
    return escape(escape(text, quote=False), quote=False)


def _summary(article: Article) -> str:
    return article.paragraphs[0] if article.paragraphs else article.headline
