"""Which encoding a text file is in."""

from pathlib import Path

import pytest

from tasks.contracts.errors import BadInputError
from tasks.dialogue.text_file import encoding_of

CHINESE = "第一回　宴桃园豪杰三结义\n话说天下大势，分久必合，合久必分。\n"
ENGLISH = "It was a bright cold day in April, and the clocks were striking thirteen.\n"


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le"])
def test_chinese_text_comes_back_whole(tmp_path: Path, encoding: str) -> None:
    text = CHINESE * 50
    path = written(tmp_path / "a", text.encode(encoding))
    assert path.read_bytes().decode(encoding_of(path)) == text


def test_an_encoding_is_told_though_its_first_letter_comes_late(tmp_path: Path) -> None:
    text = ENGLISH * 20_000 + CHINESE * 20
    path = written(tmp_path / "a", text.encode("gb18030"))
    assert path.read_bytes().decode(encoding_of(path)) == text


def test_some_damaged_lines_do_not_turn_utf8_into_something_else(tmp_path: Path) -> None:
    path = written(tmp_path / "a", CHINESE.encode() * 20 + b"caf\xe9 \xc0\n" * 5)
    assert encoding_of(path) == "utf-8-sig"


@pytest.mark.parametrize(
    "content",
    [
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256)),
        "한국어 문장은 이 검출기가 모른다. 그래서 옆에 둔다.\n".encode("euc-kr") * 5,
        CHINESE.encode("gb18030") * 20 + b"\xff\xff\n",
    ],
)
def test_what_no_encoding_fits_is_refused_with_the_cure(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(BadInputError, match="save it as UTF-8"):
        encoding_of(written(tmp_path / "a", content))
