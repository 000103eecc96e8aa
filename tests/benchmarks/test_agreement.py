import pytest

from tests.benchmarks.agreement import compare, ours
from tests.benchmarks.datatrove_rules import RULES

PROSE = (
    "The miller was up before the sun, and opened the gate to the river. His sons have left with the mule. "
    "Nobody in town could remember a colder spring. Bread was dear that year. Two boats came down from the hills! "
    "Would they bring grain? Some said that it would be April first, others laughed at such hope."
)


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        (PROSE, {"gopher_repetition": None, "gopher_quality": None, "c4": None, "fineweb": None}),
        ("Too short.", {"gopher_quality": "gopher_short_doc", "c4": "too_few_sentences"}),
        (PROSE + " {", {"c4": "too_few_sentences"}),  # the line does not end, so that its bracket is not seen
        (PROSE + " {.", {"c4": "curly_bracket"}),
        ("\n".join([PROSE] * 4), {"gopher_repetition": "dup_line_frac", "fineweb": "char_dup_ratio"}),
        ("\n".join(PROSE.split()), {"fineweb": "short_line_ratio"}),
        ("\n".join(f"no mark at the end of line {n} of them all" for n in range(20)), {"fineweb": "line_punct_ratio"}),
    ],
)
def test_the_first_rule_that_a_text_fails_is_the_reason(text: str, reasons: dict[str, str | None]) -> None:
    found = ours([text], "whitespace")
    assert {name: found[name][0] for name in reasons} == reasons


def test_decisions_and_reasons_are_compared_apart(capsys: pytest.CaptureFixture[str]) -> None:
    mine = {name: [None, "a", "a", "a"] for name in RULES}
    peer = {name: [None, "a", "b", None] for name in RULES}
    shares = compare(["w", "x", "y", "z"], mine, peer, "whitespace")
    assert (shares["c4"], shares["c4.reasons"]) == (75, 50)
    assert "  z: chatmill a, datatrove keeps" in capsys.readouterr().err
