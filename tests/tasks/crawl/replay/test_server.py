import hashlib
import json
import os
import signal
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import psutil
import pytest

from tasks.contracts.errors import BadInputError
from tasks.crawl.replay.scenario import Scenario
from tasks.crawl.replay.server import replay_server

PAGES = {"http://a.example/page": b"<p>plain</p>", "https://a.example/page": b"<p>secret</p>"}


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory, write_index: Callable[..., str]) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("web")
    scenario = Scenario(content_types={"http://a.example/page": "text/html; charset=utf-8"})
    with replay_server(write_index(folder, PAGES), scenario, folder / "access.jsonl") as address:
        yield address


def fetch(proxy: str, url: str, headers: Mapping[str, str] | None = None) -> tuple[int, bytes, str | None]:
    unverified = ssl.create_default_context()
    unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
    handlers = [
        urllib.request.ProxyHandler({"http": proxy, "https": proxy}),
        urllib.request.HTTPSHandler(context=unverified),
    ]
    try:
        with urllib.request.build_opener(*handlers).open(
            urllib.request.Request(url, headers=dict(headers or {})), timeout=10
        ) as answer:
            return answer.status, answer.read(), answer.headers["Content-Type"]
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), error.headers["Content-Type"]


def test_plain_http_is_answered_in_absolute_form(proxy: str) -> None:
    assert fetch(proxy, "http://a.example/page") == (200, b"<p>plain</p>", "text/html; charset=utf-8")


def test_https_goes_through_a_tunnel_and_stays_https(proxy: str) -> None:
    assert fetch(proxy, "https://a.example/page") == (200, b"<p>secret</p>", "text/html")


def test_page_that_is_known_already_is_not_sent_again(proxy: str) -> None:
    etag = f'"{hashlib.sha256(b"<p>secret</p>").hexdigest()[:16]}"'
    assert fetch(proxy, "https://a.example/page", {"If-None-Match": etag}) == (304, b"", "text/html")
    assert fetch(proxy, "https://a.example/page", {"If-None-Match": '"other"'})[0] == 200


def test_unknown_page_and_unknown_host_are_told_apart(proxy: str) -> None:
    assert fetch(proxy, "http://a.example/other")[0] == 404
    assert fetch(proxy, "http://other.example/")[0] == 502
    with pytest.raises(OSError, match="502"):
        fetch(proxy, "https://other.example/")


def test_direct_request_is_told_that_this_is_a_proxy(proxy: str) -> None:
    with pytest.raises(urllib.error.HTTPError, match="400") as caught:
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"{proxy}/page", timeout=10)
    caught.value.close()


def test_index_that_is_none_is_refused_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "index.json").write_text('{"0.html": {"url": "http://a.example/"}}')
    with (
        pytest.raises(BadInputError, match=r"not there, the first .*0\.html; add them"),
        replay_server(str(tmp_path / "index.json")),
    ):
        pass
    (tmp_path / "index.json").write_text("[]")
    with pytest.raises(BadInputError, match="expected a JSON object"), replay_server(str(tmp_path / "index.json")):
        pass


@pytest.mark.slow
def test_server_ends_when_the_process_that_started_it_is_killed(
    tmp_path: Path, write_index: Callable[..., str]
) -> None:
    index = write_index(tmp_path, PAGES)
    code = (
        "import sys, time\nfrom tasks.crawl.replay.server import replay_server\n"
        f"with replay_server({json.dumps(index)}) as address:\n print(address, flush=True)\n time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline().startswith("http://127.0.0.1:")
        (server,) = psutil.Process(parent.pid).children()
        os.kill(parent.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while server.is_running() and server.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the replay server outlived its parent"
        time.sleep(0.05)
