from typing import Any

from tasks.contracts.artifacts import ArtifactRef
from tasks.reporting.data_facts import redactions
from tasks.storage.corpus import PREVIOUS
from tasks.storage.store import Store


def part(shelf: Any, name: str, number: int, **redacted: int) -> ArtifactRef:
    totals = {"num_documents": 9, **{f"num_redacted.{kind}": count for kind, count in redacted.items()}}
    made: ArtifactRef = shelf.put("extracted", name, totals=totals, identity={"number": number})
    return made


def test_redactions_are_summed_over_all_refreshes_by_source_and_kind(store: Store, shelf: Any, document: Any) -> None:
    parts = {"part-0000": part(shelf, "web", 1, email=5, ip_address=1), "part-0001": part(shelf, "news", 2, phone=40)}
    first = shelf.snapshot([document("a")], [], **parts)
    second = {PREVIOUS: first, "part-0000": part(shelf, "web", 3, email=2), "part-0001": part(shelf, "books", 4)}
    found = redactions(store, store.manifest(shelf.snapshot([document("b")], [], **second)))
    assert found is not None
    assert found.columns == ("source", "phone", "email", "ip address")  # the most frequent first
    assert found.rows == [("news", 40, 0, 0), ("web", 0, 7, 1)]


def test_a_corpus_without_personal_data_has_no_table_of_it(store: Store, shelf: Any, document: Any) -> None:
    corpus = shelf.snapshot([document("a")], [], **{"part-0000": part(shelf, "books", 1)})
    assert redactions(store, store.manifest(corpus)) is None
