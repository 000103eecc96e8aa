from collections import Counter
from typing import Any
from xml.etree import ElementTree as ET

from tasks.contracts.artifacts import ArtifactRef
from tasks.reporting.charts import NUM_COLOURS
from tasks.reporting.history import History, history
from tasks.storage.corpus import PREVIOUS
from tasks.storage.store import Store


def night(shelf: Any, document: Any, number: int, previous: ArtifactRef | None, **added: int) -> ArtifactRef:
    """A snapshot that brings so many documents of each source, ends one and leaves one out."""
    rows = [
        document(f"{number}-{source}-{place}", source_name=source)
        for source, count in added.items()
        for place in range(count)
    ]
    old = document(f"{number}-old")
    ended = [{"doc_id": old["doc_id"], "text_digest": old["text_digest"], "reason": "gone"}] if previous else []
    dropped = [document(f"{number}-no", drop_reason="language")]
    inputs = {PREVIOUS: previous} if previous else {}
    made: ArtifactRef = shelf.snapshot(rows, dropped, ended=ended, **inputs)
    return made


def nights(shelf: Any, document: Any, *added: dict[str, int]) -> ArtifactRef:
    ref = None
    for number, of_source in enumerate(added):
        ref = night(shelf, document, number, ref, **of_source)
    assert ref is not None
    return ref


def told(store: Store, corpus: ArtifactRef) -> History:
    found = history(store, corpus)
    assert found is not None
    return found


def segments(found: History) -> list[Counter[str]]:
    """Of each bar what its segments say: documents by source."""
    chart = ET.fromstring(found.figure.chart)
    bars: dict[str, Counter[str]] = {}
    for rect in chart.iter("rect"):
        name, said = (rect.findtext("title") or "").split(", ", 1)
        source, _, count = said.partition(": ")
        bars.setdefault(name, Counter())[source] += int(count.split()[0])
    return list(bars.values())


def test_a_corpus_of_one_refresh_has_no_history(store: Store, shelf: Any, document: Any) -> None:
    assert history(store, nights(shelf, document, {"pages": 2})) is None


def test_each_refresh_is_told_with_what_it_added_and_ended_the_newest_first(
    store: Store, shelf: Any, document: Any
) -> None:
    corpus = nights(shelf, document, {"pages": 3, "news": 1}, {"news": 2}, {"pages": 1, "news": 1, "books": 1})
    found = told(store, corpus)
    assert [row[1:] for row in found.table.rows] == [
        (3, 1, 1, 3, 12_345, "books 1, news 1, pages 1"),
        (2, 1, 1, 2, 12_345, "news 2"),
        (4, 0, 1, 4, 12_345, "pages 3, news 1"),
    ]
    manifest = store.manifest(corpus)
    assert found.table.rows[0][0] == f"{manifest.created_at:%Y-%m-%d\u00a0%H:%M}\u00a0{corpus.key[:6]}"
    assert {len(row) for row in found.table.rows} == {len(found.table.columns)}
    assert found.table.caption == "The last 3 refreshes of the corpus"


def test_a_refresh_is_a_bar_with_a_segment_for_each_source(store: Store, shelf: Any, document: Any) -> None:
    found = told(store, nights(shelf, document, {"pages": 3, "news": 1}, {"news": 2}, {"news": 1}))
    assert found.sources == ["news", "pages"]  # four of news, three of pages
    assert segments(found) == [Counter(news=1), Counter(news=2), Counter(news=1, pages=3)]
    chart = ET.fromstring(found.figure.chart)
    widths = [float(rect.attrib["width"]) for rect in chart.iter("rect")]
    assert widths == [100, 200, 100, 300]
    assert [rect.attrib["class"] for rect in chart.iter("rect")] == ["s0", "s0", "s0", "s1"]


def test_a_refresh_that_added_nothing_stays_in_the_list(store: Store, shelf: Any, document: Any) -> None:
    found = told(store, nights(shelf, document, {"pages": 2}, {}))
    assert found.table.rows[0][1:] == (0, 1, 1, 0, 12_345, "")
    texts = [text.text for text in ET.fromstring(found.figure.chart).iter("text")]
    assert texts[0] == found.table.rows[0][0]
    assert texts[1] == "0"


def test_a_series_of_which_nothing_was_added_lately_is_drawn_too(store: Store, shelf: Any, document: Any) -> None:
    found = told(store, nights(shelf, document, {"pages": 2}, *[{}] * 14))
    assert found.sources == []
    assert segments(found) == []


def test_sources_beyond_the_colours_share_one_and_keep_their_number(store: Store, shelf: Any, document: Any) -> None:
    """One of them may be called «others»."""
    many = {name: 12 - place for place, name in enumerate(["others", *"abcdefgh"])}
    found = told(store, nights(shelf, document, {"h": 1}, many))
    assert found.sources == ["others", *"abcde", "all others"]
    assert len(found.sources) == NUM_COLOURS
    newest = segments(found)[0]
    assert newest == Counter({**{name: many[name] for name in ["others", *"abcde"]}, "all others": 6 + 5 + 4})
    assert newest.total() == found.table.rows[0][1]
    chart = ET.fromstring(found.figure.chart)
    drawn = [(rect.findtext("title") or "").split(", ")[1].split(":")[0] for rect in chart.iter("rect")][:7]
    assert drawn == found.sources


def test_fourteen_refreshes_are_drawn_and_sixty_listed(store: Store, shelf: Any, document: Any) -> None:
    found = told(store, nights(shelf, document, *[{"pages": 1}] * 62))
    assert len(segments(found)) == 14
    assert len(found.table.rows) == 60
    assert found.table.caption == "The last 60 refreshes of the corpus"
