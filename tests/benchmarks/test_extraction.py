import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.extraction import grams, main, rates, read_pages, score

PROSE = " ".join(f"On day {day} the mill ground {day} sacks of corn, and nobody came to see." for day in range(12))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("pages", "gold"):
        (tmp_path / name).mkdir()
    for number in range(2):
        (tmp_path / "pages" / f"{number}.html").write_text(
            f"<html><body><nav><a href=/>Home page of mills</a></nav><article><p>{PROSE}</p></article></body></html>"
        )
        (tmp_path / "gold" / f"{number}.txt").write_text(PROSE)
    return tmp_path


def test_words_are_runs_of_letters_and_digits_or_ideographs() -> None:
    assert grams("The mill's 2 wheels") == {("the", "mill", "s", "2"): 1, ("mill", "s", "2", "wheels"): 1}
    assert grams("磨坊在河边") == {tuple("磨坊在河"): 1, tuple("坊在河边"): 1}
    assert grams("Two words") == {("two", "words"): 1}
    assert grams(" ") == {}


def test_rates_are_those_of_the_textbook() -> None:
    assert rates(2, 4, 8) == (0.5, 0.25, pytest.approx(1 / 3))
    assert rates(0, 0, 3) == (0, 0, 0)
    assert rates(0, 3, 0) == (0, 0, 0)
    assert rates(0, 0, 0) == (1, 1, 1)


def test_macro_counts_pages_and_micro_counts_grams() -> None:
    found = score("x", ["a b c d", ""], ["a b c d", "a b c d e f"], wall_s=0.5)
    assert (found.precision, found.recall, found.f1) == (0.5, 0.5, 0.5)
    assert (found.micro_precision, found.micro_recall, found.micro_f1) == (1, 0.25, 0.4)
    assert (found.empty_share, found.docs_per_s) == (0.5, 4)


def test_each_line_is_an_object_and_the_table_goes_beside(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(folder), "--runs", "1"])
    said = capsys.readouterr()
    rows = {row["name"]: row for row in map(json.loads, said.out.splitlines())}
    assert list(rows)[:3] == ["f1", "speed", "empty"]
    assert all({"ours", "peer", "ratio", "unit"} <= rows[name].keys() for name in ("f1", "speed", "empty"))
    assert rows["f1"]["ours"] == rows["scores_ours"]["f1"] == 1
    assert rows["empty"]["pages"] == 2
    assert "trafilatura_fast" in said.err


def test_a_folder_without_pages_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"found no .*pages/\*\.html, expected FOLDER/pages"):
        read_pages(tmp_path)


def test_a_page_without_gold_is_refused(folder: Path) -> None:
    (folder / "gold" / "1.txt").unlink()
    with pytest.raises(SystemExit, match=r"found no .*1\.txt, expected"):
        read_pages(folder)


@pytest.mark.slow
def test_it_runs_as_a_module(folder: Path) -> None:
    command = [sys.executable, "-m", "tests.benchmarks.extraction", str(folder), "--runs", "1"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert json.loads(said.stdout.splitlines()[0])["name"] == "f1"
