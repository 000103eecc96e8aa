"""A small web to crawl: a forward proxy that answers for many hosts from pages on disk.

Through a proxy the crawler asks for the original addresses, so documents keep their real URLs, each host has its
own robots.txt and delay, and nothing has to be allowed that a crawler of the real web must not do. https works too: the
proxy answers CONNECT itself, with a certificate made at start.

Run as `python -m tasks.crawl.replay.server --port 0`; the first line says where it listens.
"""

import argparse
import json
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from pydantic import TypeAdapter, ValidationError

from pipeline_config.environment import child_environment
from tasks.contracts.errors import BadInputError, CrawlError, PipelineError
from tasks.crawl.lifetime import end_with_parent
from tasks.crawl.replay.answers import Answer, Replay
from tasks.crawl.replay.certificate import server_context
from tasks.crawl.replay.scenario import Scenario, demo_scenario
from tasks.text.package_path import resolve_path

DEMO_INDEX = "package:formasaurus/data/index.json"

_SCENARIO = TypeAdapter(Scenario)
_PADDING = bytes(1 << 16)


@contextmanager
def replay_server(
    index: str = DEMO_INDEX, scenario: Scenario | None = None, access_log: Path | None = None
) -> Iterator[str]:
    """Runs the server in a child process, which ends with the block or with this process, whichever is first.

    Args:
        index: A JSON file as `read_pages` takes it; a path or `package:NAME/sub/path`.
        scenario: Rules, moves and troubles; the demo's by default.
        access_log: Gets a JSON line for each request: at (seconds), url, status, user_agent.

    Yields:
        The proxy's address, `http://127.0.0.1:port`.

    Raises:
        BadInputError: The index cannot be read.
        CrawlError: The server did not start.
    """
    read_pages(index)
    command = [sys.executable, "-m", "tasks.crawl.replay.server", "--index", index, "--with-parent"]
    if access_log is not None:
        command += ["--access-log", str(access_log)]
    with tempfile.TemporaryDirectory() as folder:
        scenario_file = Path(folder) / "scenario.json"
        scenario_file.write_bytes(_SCENARIO.dump_json(scenario or demo_scenario()))
        command += ["--scenario", str(scenario_file)]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=child_environment({})
        ) as process:
            try:
                assert process.stdout is not None
                address = process.stdout.readline().strip()
                if not address:
                    raise CrawlError(
                        f"the replay server ended at its start with exit code {process.wait()}, expected an address; "
                        f"run it by itself to see why: {' '.join(command[1:-3])}"
                    )
                yield address
            finally:
                process.kill()


def read_pages(index: str) -> dict[str, Path]:
    """The pages of an index by address.

    Args:
        index: A JSON object; its keys are paths beside it, its values have a `url`. Where several pages share an
            address the first is taken.

    Raises:
        BadInputError: The index or a page is missing, or the index is something else.
    """
    path = resolve_path(index)
    pages: dict[str, Path] = {}
    try:
        for name, entry in json.loads(path.read_text(encoding="utf-8")).items():
            pages.setdefault(entry["url"], path.parent / name)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInputError(
            f'{path}: {error!r}; expected a JSON object such as {{"html/0.html": {{"url": "http://…"}}}}'
        ) from error
    missing = [page for page in pages.values() if not page.is_file()]
    if missing:
        raise BadInputError(f"{path} names {len(missing)} pages that are not there, the first {missing[0]}; add them")
    return pages


class ReplayServer(ThreadingHTTPServer):
    """Listens on the loopback address only."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port: int, replay: Replay, access_log: IO[str] | None) -> None:
        """Binds the port; 0 takes a free one."""
        super().__init__(("127.0.0.1", port), _Handler)
        self.replay = replay
        self.tls = server_context()
        self._access_log = access_log
        self._log_lock = threading.Lock()

    def log_access(self, url: str, status: int, user_agent: str | None) -> None:
        """Adds a line to the access log, if there is one."""
        if self._access_log is not None:
            line = json.dumps({"at": time.time(), "url": url, "status": status, "user_agent": user_agent})
            with self._log_lock:
                self._access_log.write(line + "\n")
                self._access_log.flush()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing of a client that hung up, which crawlers do with bodies that are too large."""
        if not isinstance(sys.exception(), ConnectionError | ssl.SSLError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "chatmill-replay"
    wbufsize = -1
    disable_nagle_algorithm = True  # else a body waits for the acknowledgement of its head
    server: ReplayServer
    tunnel = ""
    """`https://host` once the client has opened a tunnel."""

    def do_CONNECT(self) -> None:
        host, _, port = self.path.rpartition(":")
        if host not in self.server.replay.hosts:
            self._send(Answer(502, b"unknown host\n"))
            self.close_connection = True
            return
        self.send_response(200, "Connection established")
        self.end_headers()
        self.wfile.flush()
        self.connection = self.server.tls.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb")
        self.tunnel = f"https://{host}" if port == "443" else f"https://{host}:{port}"
        self.close_connection = False

    def do_GET(self) -> None:
        url = self.tunnel + self.path
        if not url.startswith(("http://", "https://")):
            answer = Answer(400, b"this is a forward proxy: set it as http_proxy and https_proxy\n")
        elif urlsplit(url).hostname not in self.server.replay.hosts:
            answer = Answer(502, b"unknown host\n")
        else:
            answer = self.server.replay.answer(url)
            if answer.status == 200 and answer.headers.get("ETag", "") == self.headers["If-None-Match"]:
                answer = Answer(304, headers=answer.headers, wait_s=answer.wait_s)
        self.server.log_access(url, answer.status, self.headers["User-Agent"])
        time.sleep(answer.wait_s)
        self._send(answer)

    def finish(self) -> None:
        with suppress(ConnectionError, ssl.SSLError):
            super().finish()
        self.connection.close()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        """Nothing: the access log has its own form."""

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status != 304:
            self.send_header("Content-Length", str(answer.padding or len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)
        for start in range(0, answer.padding, len(_PADDING)):
            self.wfile.write(_PADDING[: answer.padding - start])


def main() -> None:
    """Serves until killed."""
    parser = argparse.ArgumentParser(prog="python -m tasks.crawl.replay.server", description="A small web to crawl.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--index", default=DEMO_INDEX, help="JSON: path of each page → its url")
    parser.add_argument("--scenario", type=Path, help="JSON of a Scenario; the demo's by default")
    parser.add_argument("--access-log", type=Path, help="gets a JSON line for each request")
    parser.add_argument("--with-parent", action="store_true", help="end when standard input closes")
    options = parser.parse_args()
    if options.with_parent:
        end_with_parent()
    try:
        scenario = _read_scenario(options.scenario) if options.scenario else demo_scenario()
        replay = Replay(read_pages(options.index), scenario)
    except PipelineError as error:
        parser.error(str(error))
    log = options.access_log.open("a", encoding="utf-8") if options.access_log else None
    server = ReplayServer(options.port, replay, log)
    sys.stdout.write(f"http://127.0.0.1:{server.server_address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()


def _read_scenario(path: Path) -> Scenario:
    try:
        return _SCENARIO.validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise BadInputError(
            f"{path} is no scenario: {error}; its fields are in tasks/crawl/replay/scenario.py"
        ) from error


if __name__ == "__main__":
    main()
