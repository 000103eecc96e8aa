"""The markers are Project Gutenberg's; the text between them is the beginning of Persuasion (1817)."""

import pytest

from tasks.clean.gutenberg import without_boilerplate
from tasks.text.normalise import normalise

TEXT = (
    "Sir Walter Elliot, of Kellynch Hall, in Somersetshire, was a man who, for his own amusement, never took up any "
    "book but the Baronetage.\n\nVanity was the beginning and the end of Sir Walter Elliot's character."
)
TODAY = """\ufeffThe Project Gutenberg eBook of Persuasion

This ebook is for the use of anyone anywhere in the United States and
most other parts of the world at no cost.

Title: Persuasion

Author: Jane Austen

Release date: February 1, 1994 [eBook #105]

Language: English

*** START OF THE PROJECT GUTENBERG EBOOK PERSUASION ***



Produced by Sharon Partridge and Martin Ward. HTML version
by Al Haines.

{text}

*** END OF THE PROJECT GUTENBERG EBOOK PERSUASION ***

Updated editions will replace the previous one.
"""
OF_2005 = """Project Gutenberg's Persuasion, by Jane Austen

Title: Persuasion;
       A Novel in Two Parts
Author: Jane Austen

***START OF THIS PROJECT GUTENBERG EBOOK PERSUASION;
A NOVEL IN TWO PARTS***


E-text prepared by Sharon Partridge

{text}

End of the Project Gutenberg EBook of Persuasion, by Jane Austen

***END OF THIS PROJECT GUTENBERG EBOOK PERSUASION***

******* This file should be named 105.txt *******
"""
OF_1994 = """****The Project Gutenberg Etext of Persuasion by Jane Austen****

*BEFORE!* YOU USE OR READ THIS ETEXT
*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*

{text}

End of The Project Gutenberg Etext of Persuasion
"""


@pytest.mark.parametrize(
    ("form", "title", "author"),
    [
        (TODAY, "Persuasion", "Jane Austen"),
        (OF_2005, "Persuasion; A Novel in Two Parts", "Jane Austen"),
        (OF_1994, None, None),
    ],
)
def test_what_is_left_is_the_book(form: str, title: str | None, author: str | None) -> None:
    expected = (TEXT, title, author)
    assert without_boilerplate(normalise(form.format(text=TEXT))) == expected
    assert without_boilerplate(normalise(form.format(text=TEXT).replace("\n", "\r\n"))) == expected


def test_authors_may_go_over_a_line() -> None:
    form = TODAY.replace("Author: Jane Austen", "Author: Jane Austen\n        and others")
    assert without_boilerplate(normalise(form.format(text=TEXT))).author == "Jane Austen and others"


def test_book_without_an_end_marker_keeps_its_end() -> None:
    form = TODAY.partition("*** END")[0].format(text=TEXT)
    assert without_boilerplate(normalise(form)) == (TEXT, "Persuasion", "Jane Austen")


def test_book_without_a_start_marker_keeps_its_beginning() -> None:
    form = TODAY.partition("PERSUASION ***")[2].format(text=TEXT)
    text, title, _ = without_boilerplate(normalise(form))
    assert text.startswith("Produced by Sharon Partridge")
    assert text.endswith(TEXT)
    assert title is None


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        f"Title: A play\n\n{TEXT}\n\nTHE END",
        f"I read the Project Gutenberg eBook of it.\n\nProduced by hand, End of Project Gutenberg's list.\n\n{TEXT}",
        f"*** START OF ACT ONE ***\n\n{TEXT}\n\n*** END OF ACT ONE ***",
    ],
)
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert without_boilerplate(text) == (text, None, None)


def test_small_print_behind_the_book_is_no_header() -> None:
    behind = (
        f"{TEXT}\n\nEnd of Project Gutenberg's Persuasion, by Jane Austen\n\n"
        "***START**THE SMALL PRINT!**FOR PUBLIC DOMAIN EBOOKS**START***\n\n"
        "*END THE SMALL PRINT! FOR PUBLIC DOMAIN EBOOKS*Ver.02/11/02*END*"
    )
    assert without_boilerplate(behind) == (TEXT, None, None)


def test_only_the_first_paragraph_can_be_thanks() -> None:
    text = f"{TEXT}\n\nProduced by nobody.\n\nThe last line."
    assert without_boilerplate(normalise(TODAY.format(text=text)))[0] == text


def test_quoted_last_line_in_the_midst_of_a_marked_book_stays() -> None:
    text = f"End of the Project Gutenberg EBook of something else\n\n{TEXT * 4}"
    assert without_boilerplate(normalise(TODAY.format(text=text)))[0] == text
