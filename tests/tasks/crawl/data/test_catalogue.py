from datetime import UTC, datetime
from pathlib import Path

import pytest

from tasks.contracts.errors import BadInputError
from tasks.crawl.data.catalogue import Entry, read_catalogue

ENTRIES = [
    Entry("a.txt", "Ein Buch, zwei Zeilen", "CC0-1.0", datetime(1998, 1, 15, tzinfo=UTC), "Jane Doe"),
    Entry("b/c.epub"),
]
CSV = """\ufeffpath,title,licence,published_at,author
a.txt,"Ein Buch, zwei Zeilen",CC0-1.0,1998-01-15,Jane  Doe
b/c.epub,,,,jd@a.example
"""
FIRST_LINE = (
    '{"path": "a.txt", "title": "Ein Buch, zwei Zeilen", "licence": "CC0-1.0", "published_at": "1998-01-15", '
    '"author": "Jane Doe"}'
)
JSON_LINES = f"""{FIRST_LINE}

{{"path": "b/c.epub", "title": null}}
"""


@pytest.mark.parametrize(("name", "text"), [("list.csv", CSV), ("list.jsonl", JSON_LINES)])
def test_both_forms_say_the_same(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert read_catalogue(tmp_path / name) == ENTRIES


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("a.csv", "path,license\n", "line 1: found column 'license'.*nearest is 'licence'"),
        ("a.csv", "title\n", "line 1: found no column 'path'"),
        (
            "a.csv",
            "path,published_at\na.txt,1998-01-15\nb.txt,15 May 1813\n",
            "line 3: found published_at '15 May 1813'",
        ),
        (
            "a.csv",
            "path,published_at\na.txt,1813\n",
            "line 2: found published_at '1813', expected ISO 8601 with a whole",
        ),
        ("a.csv", "path,title\na.txt,Ein Buch, zwei\n", "line 2: found more cells than the 2 columns"),
        ("a.csv", "path\n\n ,\n", "line 3"),
        ("a.csv", 'path\n"a.txt\n', "expected CSV, mend the line"),
        ("a.jsonl", '{"path": "a.txt"}\n{"path": \n', "line 2: no JSON"),
        ("a.jsonl", '["a.txt"]\n', "line 1: found '\\[\"a.txt\"\\]', expected an object"),
        ("a.jsonl", '{"path": "a.txt", "title": 5}\n', "line 1: found title 5, expected a text"),
        ("a.jsonl", '{"path": "a.txt", "date": "x"}\n', "found column 'date'"),
        ("a.jsonl", '{"path": ""}\n', "line 1: found an empty path"),
        ("a.tsv", "path\n", "found '.tsv', expected .csv or .jsonl"),
    ],
)
def test_mistakes_are_refused_with_their_line(tmp_path: Path, name: str, text: str, complaint: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(BadInputError, match=complaint):
        read_catalogue(tmp_path / name)


def test_missing_file_and_another_encoding_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="No such file"):
        read_catalogue(tmp_path / "none.csv")
    (tmp_path / "latin.csv").write_bytes("path,title\na.txt,Grüße\n".encode("latin-1"))
    with pytest.raises(BadInputError, match="store it as UTF-8"):
        read_catalogue(tmp_path / "latin.csv")
