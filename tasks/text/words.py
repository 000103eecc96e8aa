"""What a word is: an explicit choice, since every count of words depends on it.

- `whitespace`: what stands between white space.
- `characters`: the same, but each Chinese or Japanese character is a word of its own, with the punctuation around it,
  as an English word carries its comma. Thai, Lao and Khmer have no rule of their own: a phrase between spaces counts as
  one word.
- `unicode`: runs of letters, digits and underscores, with an apostrophe or full stop between two of them, or a comma
  between two digits; each ideograph; each other character that is not white space. Combining and invisible characters
  belong to what stands before them. A plain form of UAX #29, section 4.1: without its rules for Hebrew, Katakana and
  flags, and with the full stop between letters and digits as well.
"""

from typing import Literal

WordRule = Literal["characters", "whitespace", "unicode"]

# Kana, iteration mark and zero, Han with its extensions and compatibility forms.
IDEOGRAPHS = "\u3005\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
