from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from pipeline_config.clean import ExtractConfig, ExtractLaunch
from tasks.clean.extract import EXTRACTED_SCHEMA, plan_extract
from tasks.clean.report import extract_reports
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.records import DOCUMENT_SCHEMA
from tasks.contracts.reporting import Progress, TableReport
from tasks.storage.fingerprint import doc_id_of, sha256_hex
from tasks.storage.parquet_shards import read_rows, read_table
from tasks.storage.stage import ignore_progress, settle
from tasks.storage.store import Store

RawRow = Callable[..., dict[str, Any]]
MakeRaw = Callable[..., ArtifactRef]

PAGE = "<html><head><title>A\n title </title></head><body><main><p>{}</p></main></body></html>"
PROSE = "The mill stands by the river, and it has been turning there for two hundred years. " * 4
HERE = ExtractLaunch(num_workers=1)


def _rows(store: Store, ref: ArtifactRef, stem: str) -> list[dict[str, Any]]:
    return list(read_rows(store.files(ref, f"{stem}-")))


def _extract(store: Store, raw: ArtifactRef, config: ExtractConfig | None = None) -> ArtifactRef:
    return settle(store, plan_extract(raw, config or ExtractConfig(), HERE)).manifest.ref


def test_a_page_becomes_a_document_with_all_columns(store: Store, raw_row: RawRow, make_raw: MakeRaw) -> None:
    raw = make_raw([raw_row(PAGE.format(PROSE).encode(), "http://a.example/mill")])
    ref = _extract(store, raw)
    assert (ref.kind, ref.name) == ("extracted", "some-source")
    table = read_table(store.files(ref, "rows-"))
    assert table.schema.equals(EXTRACTED_SCHEMA)
    assert table.schema.names[: len(DOCUMENT_SCHEMA)] == DOCUMENT_SCHEMA.names
    row = table.to_pylist()[0]
    assert row["doc_id"] == doc_id_of("web", "http://a.example/mill")
    assert row["text"] == PROSE.strip()
    assert row["text_digest"] == sha256_hex(PROSE.strip().encode())
    assert (row["title"], row["lang"], row["licence"]) == ("A title", "en", "unknown")
    assert (row["num_chars"], row["num_words"]) == (len(PROSE.strip()), 64)
    assert row["c4_num_sentences"] == 4


def test_a_headline_is_title_and_stays_in_the_text(store: Store, raw_row: RawRow, make_raw: MakeRaw) -> None:
    body = b"Mill turns again\r\n\r\nThe old mill by the river turns again."
    raw = make_raw([raw_row(body, "file:///news/001.txt", "text/plain", "news")])
    row = _rows(store, _extract(store, raw), "rows")[0]
    assert row["title"] == "Mill turns again"
    assert row["text"] == "Mill turns again\n\nThe old mill by the river turns again."


def test_a_first_line_as_long_as_a_paragraph_is_no_headline(store: Store, raw_row: RawRow, make_raw: MakeRaw) -> None:
    raw = make_raw([raw_row(PROSE.encode(), "file:///news/001.txt", "text/plain", "news")])
    assert _rows(store, _extract(store, raw), "rows")[0]["title"] is None


def test_a_book_is_titled_by_its_file(store: Store, raw_row: RawRow, make_raw: MakeRaw) -> None:
    raw = make_raw([raw_row(PROSE.encode(), "file:///books/The%20mill-1.txt", "text/plain; charset=utf-8", "book")])
    assert _rows(store, _extract(store, raw), "rows")[0]["title"] == "The mill-1"


def test_what_cannot_be_read_is_set_aside_and_counted(store: Store, raw_row: RawRow, make_raw: MakeRaw) -> None:
    bodies: dict[str, tuple[bytes, str | None]] = {
        "good": (PAGE.format(PROSE).encode(), "text/html; charset=utf-8"),
        "sniffed": (b"\n<!DOCTYPE html>" + PAGE.format(PROSE).encode(), None),
        "plain": (PROSE.encode(), None),
        "empty_body": (b" \n", "text/html"),
        "no_text": (b"<html><body><script>x()</script></body></html>", "text/html"),
        "too_large": (b"<p>" + b"x" * 5_000, "text/html"),
        "too_many_tags": (b"<b>x</b>" * 60, "text/html"),
        "too_deep": (b"<i>" * 50 + b"x", "text/html"),
        "undecodable": (b"\x89PNG" + bytes(range(1, 32)) * 9, "text/html"),
        "unsupported_type": (b"\x89PNG", "image/png"),
    }
    rows = [raw_row(body, f"http://a.example/{name}", header) for name, (body, header) in bodies.items()]
    config = ExtractConfig(max_body_bytes=5_000, max_tags=100, max_depth=40)
    outcome = settle(store, plan_extract(make_raw(rows), config, HERE))
    expected = set(bodies) - {"good", "sniffed", "plain"}
    assert outcome.manifest.drops == dict.fromkeys(sorted(expected), 1)
    assert outcome.manifest.totals["num_documents"] == 3
    assert outcome.manifest.totals["num_quarantined"] == 7
    quarantined = _rows(store, outcome.manifest.ref, "quarantine")
    assert all(row["url"].endswith(row["reason"]) and row["detail"] for row in quarantined)
    assert {row["reason"] for row in quarantined} == expected


def test_the_budget_of_bytes_is_inclusive(store: Store, raw_row: RawRow, make_raw: MakeRaw) -> None:
    body = PAGE.format(PROSE).encode()
    raw = make_raw([raw_row(body)])
    assert _rows(store, _extract(store, raw, ExtractConfig(max_body_bytes=len(body))), "rows")
    manifest = store.manifest(_extract(store, raw, ExtractConfig(max_body_bytes=len(body) - 1)))
    assert (manifest.drops, manifest.totals["num_documents"]) == ({"too_large": 1}, 0)


def test_a_part_of_which_nothing_can_be_read_is_an_answer_and_a_warning(
    store: Store, raw_row: RawRow, make_raw: MakeRaw, caplog: pytest.LogCaptureFixture
) -> None:
    raw = make_raw([raw_row(b"", "http://a.example/1"), raw_row(b"", "http://a.example/2")])
    extracted = _extract(store, raw)
    assert _rows(store, extracted, "rows") == []
    assert store.manifest(extracted).drops == {"empty_body": 2}
    (said,) = (record.getMessage() for record in caplog.records if record.levelname == "WARNING")
    assert f"no document of {raw} could be read (empty_body 2)" in said


def test_what_is_gone_is_handed_on_and_a_later_part_may_hold_nothing_else(
    store: Store, raw_row: RawRow, make_raw: MakeRaw
) -> None:
    first = make_raw([raw_row(PAGE.format(PROSE).encode(), "http://a.example/1")])
    second = make_raw([], gone=["http://a.example/1"], previous=first)
    outcome = settle(store, plan_extract(second, ExtractConfig(), HERE))
    assert (outcome.manifest.totals["num_documents"], outcome.manifest.totals["num_gone"]) == (0, 1)
    (gone,) = _rows(store, outcome.manifest.ref, "gone")
    assert gone == {"doc_id": doc_id_of("web", "http://a.example/1"), "url": "http://a.example/1", "reason": "http_404"}


def test_what_the_source_knows_of_title_author_and_date_goes_before_what_the_page_says(
    store: Store, raw_row: RawRow, make_raw: MakeRaw
) -> None:
    told = {"title": "From the feed", "author": "Jane Doe", "published_at": datetime(2026, 5, 1, 9, tzinfo=UTC)}
    raw = make_raw([raw_row(PAGE.format(PROSE).encode()) | told])
    row = _rows(store, _extract(store, raw), "rows")[0]
    assert {name: row[name] for name in told} == told


def test_the_golden_content_digest(store: Store, raw_row: RawRow, make_raw: MakeRaw) -> None:
    """If this changes, raise STAGE_VERSION of tasks/clean/extract.py along with the digest."""
    rows = [
        raw_row(PAGE.format(PROSE).encode(), "http://a.example/1"),
        raw_row("标题\n\n今天天气很好，我们一起去公园散步。".encode("gb18030"), "file:///2.txt", "text/plain", "news"),
    ]
    expected = "d034e8af5fbab95fbf321714a797e0e81c7295a78e7d77f71fe08d6cdd3a6ace"
    assert _extract(store, make_raw(rows)).content_digest == expected
    assert _extract(store, make_raw(rows[::-1], "other-order")).content_digest == expected


def test_a_second_run_is_cached(store: Store, raw_row: RawRow, make_raw: MakeRaw) -> None:
    raw = make_raw([raw_row(PAGE.format(PROSE).encode())])
    assert not settle(store, plan_extract(raw, ExtractConfig(), HERE)).is_cached
    assert settle(store, plan_extract(raw, ExtractConfig(), HERE)).is_cached


def test_the_number_of_workers_changes_nothing(store: Store, raw_row: RawRow, make_raw: MakeRaw) -> None:
    rows = [raw_row(PAGE.format(f"{PROSE}{n}").encode(), f"http://a.example/{n}") for n in range(150)]
    raw = make_raw(rows)
    one = plan_extract(raw, ExtractConfig(), HERE)
    two = plan_extract(raw, ExtractConfig(), ExtractLaunch(num_workers=2))
    assert one.key == two.key
    seen: list[Progress] = []
    many = settle(store, two, seen.append).manifest
    assert [progress.done for progress in seen] == [64, 128, 150] * 2  # read, then measured
    assert {progress.total for progress in seen} == {150}
    with store.attempt(one.key, ignore_progress) as attempt:
        assert one.build(attempt).content_digest == many.content_digest
    assert [row["url"] for row in _rows(store, many.ref, "rows")] == [row["url"] for row in rows]


def test_reports_show_languages_and_what_was_set_aside(store: Store, raw_row: RawRow, make_raw: MakeRaw) -> None:
    rows = [raw_row(PAGE.format(PROSE).encode()), raw_row(b"\x89PNG", "http://a.example/f.png", "image/png")]
    languages, quarantine = extract_reports(store, _extract(store, make_raw(rows, "some_source")))
    assert isinstance(languages, TableReport)
    assert isinstance(quarantine, TableReport)
    assert languages.key == "languages-some-source"
    assert languages.rows == [{"language": "en", "documents": 1}]
    assert quarantine.rows[0]["reason"] == "unsupported_type"
    assert "f.png" in str(quarantine.rows[0]["example"])


SLOGAN = "Ours is the paper that ten thousand people in the valley have read every week since the war."
OWN = "Story {} is about the mill by the river, where the boats have gone by all day for two hundred years."


def _site(raw_row: RawRow, num_pages: int) -> list[dict[str, Any]]:
    """Pages of one host with a line in common."""
    markup = PAGE.format(f"{PROSE}</p><p>{SLOGAN}</p><p>{OWN}")
    return [raw_row(markup.format(n).encode(), f"http://site.example/{n}") for n in range(num_pages)]


def test_lines_that_recur_on_a_host_go_wherever_its_pages_stand(
    store: Store, raw_row: RawRow, make_raw: MakeRaw
) -> None:
    site = _site(raw_row, 4)
    others = [raw_row(PAGE.format(f"{PROSE}</p><p>{SLOGAN}").encode(), f"http://b.example/{n}") for n in range(150)]
    rows = _rows(store, _extract(store, make_raw([*site[:2], *others, *site[2:]])), "rows")
    texts = {row["url"]: row["text"] for row in rows}
    for number in range(4):
        text = texts[f"http://site.example/{number}"]
        assert SLOGAN not in text
        assert text.endswith(OWN.format(number))
    assert SLOGAN in texts["http://b.example/9"]  # the same page on every address is one


@pytest.mark.parametrize(("num_pages", "config"), [(2, {}), (4, {"recurring_lines_from": None})])
def test_other_lines_stay(
    store: Store, raw_row: RawRow, make_raw: MakeRaw, num_pages: int, config: dict[str, Any]
) -> None:
    rows = _rows(store, _extract(store, make_raw(_site(raw_row, num_pages)), ExtractConfig(**config)), "rows")
    assert all(SLOGAN in row["text"] for row in rows)


def test_personal_data_gives_way_and_is_counted(store: Store, raw_row: RawRow, make_raw: MakeRaw) -> None:
    raw = make_raw(
        [raw_row(f"{PROSE}\n\nWrite to miller@mill.org or jo@mill.org.".encode(), content_type="text/plain")]
    )
    manifest = store.manifest(_extract(store, raw))
    (row,) = _rows(store, manifest.ref, "rows")
    assert row["text"].endswith("Write to [EMAIL] or [EMAIL].")
    assert row["text_digest"] == sha256_hex(row["text"].encode())
    assert manifest.totals["num_redacted.email"] == 2
    kept = _rows(store, _extract(store, raw, ExtractConfig(redact=None)), "rows")[0]
    assert kept["text"].endswith("Write to miller@mill.org or jo@mill.org.")


def test_pages_too_large_for_quality_are_counted_and_told_once(
    store: Store, raw_row: RawRow, make_raw: MakeRaw, caplog: pytest.LogCaptureFixture
) -> None:
    large, tagged = f"<!--{'x' * 4 * 2**20}-->", "<br>" * 50_000
    bodies = [PAGE.format(f"{PROSE}{number}{more}").encode() for number, more in enumerate(["", large, tagged])]
    raw = make_raw([raw_row(body, f"http://a.example/{n}") for n, body in enumerate([*bodies, bodies[2]])])
    quality = store.manifest(_extract(store, raw, ExtractConfig(mode="quality")))
    assert quality.totals["num_read_fast"] == 3
    (said,) = (record.getMessage() for record in caplog.records if record.levelname == "WARNING")
    assert said.startswith(f"3 of 4 documents of {raw} have over 4 MiB or 50000 tags")
    assert all("mill stands" in row["text"] for row in _rows(store, quality.ref, "rows"))
    caplog.clear()
    assert "num_read_fast" not in store.manifest(_extract(store, raw)).totals
    assert "num_read_fast" not in store.manifest(_extract(store, raw, ExtractConfig(is_main_content_only=False))).totals
    assert not caplog.records


def test_nothing_but_the_artifact_is_left(store: Store, raw_row: RawRow, make_raw: MakeRaw) -> None:
    manifest = store.manifest(_extract(store, make_raw([raw_row(PAGE.format(PROSE).encode())])))
    assert [info.path for info in manifest.files] == [
        "gone-00000.parquet",
        "quarantine-00000.parquet",
        "rows-00000.parquet",
    ]
