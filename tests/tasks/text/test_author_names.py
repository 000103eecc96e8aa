import time

import pytest

from tasks.text.author_names import MAX_AUTHOR_CHARS, author_line


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Jane Doe", "Jane Doe"),
        ("  Jane\n\tDoe ", "Jane Doe"),
        ("王小明", "王小明"),
        ("Ame\u0301lie", "Am\u00e9lie"),  # NFC
        ("Jane\u200b Doe\x00", "Jane Doe"),
        ("O'Neil & Söhne", "O'Neil & Söhne"),
        ("Jane &amp; John", "Jane & John"),
        ('<a href="https://a.example/jane">Jane <b>Doe</b></a>', "Jane Doe"),
        ("@jane", "@jane"),
        ("J.Doe/AFP", "J.Doe/AFP"),
        # addresses go, names stay
        ("jane@a.example (Jane Doe)", "Jane Doe"),
        ("jane@a.technology (Jane (AP))", "Jane (AP)"),
        ("a@b.example (Jane), c@d.example (John)", "Jane, John"),
        ("Jane Doe <jane@a.example>", "Jane Doe"),
        ("Jane Doe (jane@a.example)", "Jane Doe"),
        ('"Doe, Jane" <jane@a.example>', "Doe, Jane"),
        ("mailto:jane@a.example Jane", "Jane"),
    ],
)
def test_name_is_kept_in_one_line(said: str, name: str) -> None:
    assert author_line([said]) == name


@pytest.mark.parametrize(
    "said",
    [
        *("", "  ", "-", "12", "jane@a.example", "<jane@a.example>", "mailto:jane@a.example", "@jane@a.example"),
        *("https://a.example/jane", "//a.example/jane", "/authors/jane", "www.a.example", "facebook.example/jane"),
        *(None, 5, {"name": "Jane"}),
    ],
)
def test_what_is_no_name_gives_none(said: object) -> None:
    assert author_line([said]) is None


def test_names_are_joined_each_once() -> None:
    assert author_line(["Jane Doe", None, "jane@a.example", "John", "JANE DOE"]) == "Jane Doe, John"
    assert author_line([]) is None


def test_length_limit_is_inclusive() -> None:
    assert author_line(["x" * MAX_AUTHOR_CHARS]) == "x" * MAX_AUTHOR_CHARS
    assert author_line(["x" * (MAX_AUTHOR_CHARS + 1)]) == "x" * (MAX_AUTHOR_CHARS - 1) + "…"
    assert len(author_line(f"Author number {n}" for n in range(99)) or "") <= MAX_AUTHOR_CHARS


@pytest.mark.parametrize("piece", ["a", "a@", "<a", "(", "a@b (", "&lt;", "mailto:", "a."])
def test_a_long_text_costs_no_more_than_its_beginning(piece: str) -> None:
    began = time.process_time()
    author_line([piece * 1_000_000])
    assert time.process_time() - began < 1
