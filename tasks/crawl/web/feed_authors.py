"""Who wrote an entry, as feedparser and JSON feeds say it."""

from typing import Any

from tasks.text.author_names import author_line


def xml_author(entry: Any, feed: Any, version: str) -> str | None:
    """The author of an entry of RSS or Atom.

    In Atom an entry's author is that of its source, and then of the feed, where it names none. The editor of an RSS
    channel has not written its items.

    Args:
        entry: feedparser's.
        feed: feedparser's, of the whole feed.
        version: feedparser's name of the format.

    Source: RFC 4287, section 4.2.1; https://www.rssboard.org/rss-specification (author, managingEditor); dc:creator of
        Dublin Core, which most feeds of RSS use.
    """
    if version.startswith("atom"):
        places = (place.get("authors") for place in (entry, entry.get("source") or {}, feed))
        return author_line(author.get("name") for author in next(filter(None, places), ()))
    # feedparser takes addresses out of names wrongly (it believes in four letters behind the last dot), and keeps the
    # last author's text as it was: an author with an address counts only where no other one is named
    names = [author.get("name") for author in entry.get("authors") or () if not author.get("email")]
    return author_line(names) or author_line([entry.get("author")])


def json_author(item: dict[str, Any]) -> str | None:
    """The author of an item, or of the feed itself.

    Source: https://www.jsonfeed.org/version/1.1/ (authors), https://www.jsonfeed.org/version/1/ (author).
    """
    listed = item.get("authors")
    found = listed if isinstance(listed, list) and listed else [item.get("author")]
    return author_line(each.get("name") if isinstance(each, dict) else each for each in found)
