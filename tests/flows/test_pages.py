"""The pages of runs are served to browsers on this machine, and nothing else of the store is."""

import http.client
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from flows.pages import served_pages
from pipeline_config.environment import pages_address
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.reporting import LinkReport, MarkdownReport
from tasks.reporting.page import PAGE_FILE, plan_run_page
from tasks.reporting.report import page_reports
from tasks.storage.stage import StageCall, settle
from tasks.storage.store import Attempt, Built, Store
from tests.flows.servers import free_port


@pytest.fixture
def root(tmp_path: Path) -> str:
    return str(tmp_path / "root")


@pytest.fixture
def page(root: str) -> ArtifactRef:
    return settle(Store(root), plan_run_page("nightly", {})).manifest.ref


@pytest.fixture
def url(root: str, page: ArtifactRef) -> Iterator[str]:
    with served_pages(root, free_port()) as url:
        yield url


def asked(url: str, path: str, method: str = "GET") -> tuple[int, bytes]:
    """The answer to a path that is sent as it stands."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    connection.putrequest(method, path)
    connection.endheaders()
    answer = connection.getresponse()
    found = (answer.status, answer.read())
    connection.close()
    return found


def secret(root: str) -> ArtifactRef:
    """Another report, with a file named like a page's."""

    def build(attempt: Attempt) -> Built:
        (attempt.folder / PAGE_FILE).write_text("a secret")
        return Built()

    return settle(Store(root), StageCall("reports", "base", "evaluate", 1, {}, {}, build)).manifest.ref


def test_the_artifact_links_to_the_page_and_the_link_answers_with_it(root: str, page: ArtifactRef, url: str) -> None:
    (report,) = page_reports(Store(root), page)
    assert isinstance(report, LinkReport)
    assert report.url.startswith(url)
    status, body = asked(url, urlsplit(report.url).path)
    (file,) = Store(root).files(page, PAGE_FILE)
    assert (status, body) == (HTTPStatus.OK, file.read_bytes())
    assert f'href="{urlsplit(report.url).path}">nightly</a>' in asked(url, "/")[1].decode()


def test_where_nobody_serves_the_artifact_names_the_file(root: str, page: ArtifactRef) -> None:
    with served_pages(root, free_port()):
        pass
    (report,) = page_reports(Store(root), page)
    assert isinstance(report, MarkdownReport)
    (file,) = Store(root).files(page, PAGE_FILE)
    assert str(file) in report.markdown


@pytest.mark.parametrize(
    "path",
    [
        "/pages/../../registry.db",
        "/pages/%2e%2e/%2e%2e/registry.db",
        "/../registry.db",
        "//registry.db",
        "/registry.db",
        "/pages/{secret}",
        "/pages/{page}/../{secret}",
        "/pages/{page}/manifest.json",
        "/pages/{page}?x=1",
        "/pages/{upper}",
        "/pages/<script>",
        "/attempts/",
    ],
)
def test_nothing_but_pages_is_served(root: str, page: ArtifactRef, url: str, path: str) -> None:
    (Path(root) / "registry.db").write_text("a secret")
    names = {"page": page.key, "secret": secret(root).key, "upper": page.key.upper()}
    status, body = asked(url, path.format(**names))
    assert status == HTTPStatus.NOT_FOUND
    assert b"a secret" not in body
    assert b"<script>" not in body


def test_nothing_can_be_written_or_deleted(page: ArtifactRef, url: str) -> None:
    for method in ("POST", "PUT", "DELETE"):
        assert asked(url, f"/pages/{page.key}", method)[0] == HTTPStatus.NOT_IMPLEMENTED
    assert asked(url, f"/pages/{page.key}", "HEAD") == (HTTPStatus.OK, b"")


def test_a_page_that_was_altered_on_disk_is_not_shown(root: str, page: ArtifactRef, url: str) -> None:
    path = Path(root) / "attempts" / Store(root).manifest(page).attempt / PAGE_FILE
    path.write_text("altered")
    status, body = asked(url, f"/pages/{page.key}")
    assert status == HTTPStatus.INTERNAL_SERVER_ERROR
    assert b"is not what was stored" in body


def test_a_taken_port_is_replaced_by_a_free_one_and_the_notes_stay_apart(root: str, url: str, tmp_path: Path) -> None:
    taken = urlsplit(url).port or 0
    other = str(tmp_path / "other")
    with served_pages(other, taken) as second:
        assert second != url
        assert pages_address(other) == second
    assert pages_address(root) == url
    assert pages_address(other) is None
