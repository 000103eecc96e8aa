"""Texts made of what the metrics look for, and of what may confuse them."""

import random

_PIECES = [
    "the", "be", "of", "Have", "“With", "the\0", "a", "b", "ab", "x" * 31, "y" * 1001, "\n", "\n", "\n\n",
    "\n\n\n", " ", "  ", "\t", "\x1c", "\x85", "\u2028", "\u3000", "\r", "\r\n", "\x0b", ".", "..", "...",
    "....", "…", "……", "!", "?", "。", "！", "？", "．", "）", "（", "（记者）", "。）", "。」", "」", "”", '"',
    "'", "’", ")", "]", "#", "{", "•", "- ", "* ", "·", "的", "一", "在", "了", "和", "是", "有", "不", "中",
    "文", "・", "\u3099", "\u3040", "カ", "한국", "é", "e\u0301", "\u200d", "\0", "\x07", "ÀB", "Terms of Use",
    "privacy policy", "coo\u212aie policy", "use cookies", "javascript", "JAVASCRIPT", "lorem ipsum", "Lorem",
    "İ", "ſ", "1", "2,3", "1.5", "3,a", "don't", "_", "a_b", "٣", "½", "ⅷ", "😀", "👨‍👩‍👧", "\ue000",
    "\uffff", "\U0010ffff", "\U00020000", "\u0378", ",", ";", "؟", "।", "[1]", "[edit]", "[citation needed]",
]  # fmt: skip


def random_text(draw: random.Random, num_pieces: int) -> str:
    """Up to `num_pieces` of them, often of a few kinds only, so that much comes again."""
    pieces = draw.sample(_PIECES, draw.randint(1, len(_PIECES))) if draw.random() < 0.7 else _PIECES
    count = draw.choice([0, 1, num_pieces // 10, num_pieces])
    return "".join(draw.choice(pieces) + (" " if draw.random() < 0.3 else "") for _ in range(count))
