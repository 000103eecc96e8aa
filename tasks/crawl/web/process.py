"""Runs the crawling process and listens to it."""

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from typing import IO

from pipeline_config.environment import child_environment
from tasks.contracts.errors import CrawlError
from tasks.contracts.reporting import Progress, Reporter
from tasks.crawl.web.spool import CrawlSpec, CrawlStatus
from tasks.processes.log_forwarder import LogForwarder

_POLL_S = 0.5


def run_spider(spec: CrawlSpec, report: Reporter) -> CrawlStatus:
    """Runs one crawl in a process of its own, which ends with this one.

    Returns:
        The last status; pages and failures lie in the journal of the specification's folder. What lay there is gone on
        with.

    Raises:
        CrawlError: The process ended before all addresses came to an end.
        OSError: It could not write, e.g. because the disk is full.
    """
    spec_file, log_file = spec.folder / "spec.json", spec.folder / "crawl.log"
    spec_file.write_text(spec.model_dump_json(), encoding="utf-8")
    status, log = CrawlStatus(), LogForwarder({"": log_file}, "tasks.crawl.web.spider")
    with (
        log_file.open("wb") as output,
        subprocess.Popen(
            [sys.executable, "-m", "tasks.crawl.web.spider", str(spec_file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=output,
            env=child_environment(_proxy_variables(spec.launch.proxy)),
        ) as process,
    ):
        assert process.stdout is not None
        try:
            for line in _lines(process.stdout, log):
                status = CrawlStatus(**json.loads(line))
                report(_progress(status))
            process.wait()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            log.close()
    if status.errno is not None:
        raise OSError(status.errno, f"the crawling process could not write: {status.problem}", str(spec.folder))
    if not status.is_finished:
        raise CrawlError(_broken_off(status, process.returncode, log))
    return status


def _lines(stream: IO[bytes], log: LogForwarder) -> Iterator[bytes]:
    """The lines that the child writes, until it ends; meanwhile its log is forwarded."""
    unfinished = b""
    while True:
        if select.select([stream], [], [], _POLL_S)[0]:
            data = os.read(stream.fileno(), 1 << 16)
            if not data:
                return
            *lines, unfinished = (unfinished + data).split(b"\n")
            yield from lines
        log.forward()


def _proxy_variables(proxy: str | None) -> dict[str, str]:
    # Through the environment, not a request's meta: only so do robots.txt look-ups take the proxy too.
    return {} if proxy is None else {"http_proxy": proxy, "https_proxy": proxy, "no_proxy": ""}


def _progress(status: CrawlStatus) -> Progress:
    message = f"{status.num_failures} without a page"
    return Progress(done=status.num_done, total=status.num_asked, unit="pages", message=message)


def _broken_off(status: CrawlStatus, code: int, log: LogForwarder) -> str:
    return (
        f"the crawling process ended with exit code {code} after {status.num_done} of {status.num_asked} addresses, "
        f"expected 0 after all of them; run the same command again, it goes on from there\n{log.last_lines()}"
    )
