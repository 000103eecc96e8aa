"""The crawling process and its parent: what is logged, and how both end."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from pipeline_config.crawl import CrawlLaunch, FetchConfig, WebSource
from tasks.contracts.errors import CrawlError
from tasks.crawl.web.process import run_spider
from tasks.crawl.web.spool import CrawlSpec
from tasks.storage.stage import ignore_progress

_FLOW = """
import sys
from pathlib import Path
from prefect.utilities.engine import capture_sigterm  # as in Prefect's flow engine
from tasks.crawl.web.process import run_spider
from tasks.crawl.web.spool import CrawlSpec
spec = CrawlSpec.model_validate_json(Path(sys.argv[1]).read_text())
with capture_sigterm():
    run_spider(spec, lambda progress: None)
"""

MakeSpec = Callable[..., CrawlSpec]


@pytest.fixture
def spec_of(tmp_path: Path, serve: Callable[[Any], Any]) -> MakeSpec:
    """A crawl of pages, by path."""

    def make(pages: dict[str, Any]) -> CrawlSpec:
        site = serve(pages)
        folder = tmp_path / "spool"
        folder.mkdir()
        seeds = tuple(site.base + path for path in pages)
        return CrawlSpec(
            folder=folder,
            source=WebSource(name="local", seeds=seeds, allow_private=("127.0.0.1",)),
            seeds=seeds,
            fetch=FetchConfig(delay_s=0.0, timeout_s=60.0, retries=0, max_body_bytes=2_000),
            launch=CrawlLaunch(),
        )

    return make


def crawlers() -> list[psutil.Process]:
    return [p for p in psutil.Process().children(recursive=True) if "tasks.crawl.web.spider" in p.cmdline()]


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_warning_arrives_while_it_runs_and_a_crawl_that_was_asked_to_stop_is_not_finished(
    spec_of: MakeSpec, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "tasks")
    is_warned = threading.Event()

    def late(handler: Any) -> None:
        is_warned.wait(60)
        time.sleep(0.5)
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\n<p>hi")

    def found() -> list[tuple[str, int, str]]:
        return [(r.name, r.levelno, r.getMessage()) for r in caplog.records]

    def ask_to_stop() -> None:
        wait_until(lambda: any(level == logging.WARNING for _, level, _ in found()))
        is_warned.set()
        crawlers()[0].terminate()

    thread = threading.Thread(target=ask_to_stop)
    thread.start()
    with pytest.raises(CrawlError, match=r"exit code 1 after 3 of 3 addresses[^\n]*\nlast lines of crawl.log:\n  2"):
        run_spider(spec_of({"/": b"<p>here", "/big": b"<p>" * 1_000, "/late": late}), ignore_progress)
    thread.join()
    first, warning, last = found()
    assert first == ("tasks.crawl.web.spider", logging.INFO, "crawling local from 3 addresses")
    assert warning[:2] == ("tasks.crawl.web.spider", logging.WARNING)
    assert "larger than download max size (2000)" in warning[2]
    assert last == ("tasks.crawl.web.spider", logging.INFO, "shutdown: 3 of 3 addresses, 1 failures")


def test_a_cancelled_crawl_ends_at_once_and_leaves_nobody(
    spec_of: MakeSpec, hang: Callable[[Any], None], tmp_path: Path
) -> None:
    spec = spec_of({"/late": hang})
    (tmp_path / "spec.json").write_text(spec.model_dump_json())
    flow = subprocess.Popen(
        [sys.executable, "-c", _FLOW, str(tmp_path / "spec.json")], stderr=subprocess.DEVNULL, start_new_session=True
    )
    log = spec.folder / "crawl.log"
    wait_until(lambda: log.exists() and "crawling local" in log.read_text())
    (crawler,) = crawlers()
    began = time.monotonic()
    os.killpg(flow.pid, signal.SIGTERM)
    assert flow.wait(20) == -signal.SIGTERM
    assert time.monotonic() - began < 10
    assert not crawler.is_running()
