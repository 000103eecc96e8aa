"""`chatmill dialogue` as people run it."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from prefect.events import Event
from prefect.settings import PREFECT_API_URL, temporary_settings
from typer.testing import CliRunner

from flows.corpora import added_corpora
from flows.dialogue_commands import app
from flows.series import head_of
from pipeline_config.load import ConfigError
from tasks.contracts.errors import BadInputError, EmptyInputError, MissingArtifactError, ServerError
from tasks.storage.store import Store
from tests.flows.news_server import News, news_server, no_server

CSV = "question,answer\nWhere is my parcel?,It arrives tomorrow.\nThank you very much!,You are welcome.\nno answer,\n"


@pytest.fixture(autouse=True)
def _no_server_of_other_tests() -> Iterator[None]:
    with no_server():
        yield


@pytest.fixture
def news(_no_server_of_other_tests: None) -> Iterator[News]:
    with news_server() as found:
        yield found


@pytest.fixture
def talks(tmp_path: Path) -> Path:
    path = tmp_path / "talks.csv"
    path.write_text(CSV)
    return path


def run(store: Store, *args: object) -> Result:
    """A command with --root; what it refuses is raised."""
    root = () if args[0] == "check" else ("--root", store.url)
    return CliRunner().invoke(app, [*map(str, args), *root], catch_exceptions=False)


def test_an_added_corpus_is_stored_named_and_announced(store: Store, talks: Path, news: News) -> None:
    result = run(store, "add", talks, "--licence", "CC0-1.0")
    assert result.exit_code == 0
    (ref,) = added_corpora(store)
    assert (ref.kind, ref.name) == ("dialogues", "talks")
    assert "talks  form csv, language en, licence CC0-1.0" in result.output
    assert "kept       2 conversations, 4 turns" in result.output
    assert "1 missing_cell, e.g. talks.csv line 4: no answer," in result.output
    assert f"Stored as {ref}" in result.output
    (event,) = news.events
    assert event["event"] == "chatmill.dialogue-corpus.added"
    assert event["resource"]["prefect.resource.id"] == "chatmill.dialogue-corpus.talks"
    assert event["payload"] == {"corpus": "talks", "root": store.url, "num_conversations": 2, "lang": "en"}
    assert Event.model_validate(event).payload == event["payload"]


def test_the_same_file_again_changes_nothing_and_is_announced_again(store: Store, talks: Path, news: News) -> None:
    run(store, "add", talks)
    before = added_corpora(store), store.read_ref("dialogues/talks")
    assert "The store had just this corpus already" in run(store, "add", talks).output
    assert (added_corpora(store), store.read_ref("dialogues/talks")) == before
    assert news.corpora() == ["talks", "talks"]


def test_another_file_under_the_name_takes_its_place_and_the_first_stays(store: Store, talks: Path) -> None:
    run(store, "add", talks)
    (first,) = added_corpora(store)
    talks.write_text(CSV + "Are you there?,Always.\n")
    assert f"It takes the place of {first}, which stays in the store" in run(store, "add", talks).output
    (second,) = added_corpora(store)
    assert second.key != first.key
    assert store.manifest(first).totals["num_conversations"] == 2
    assert store.manifest(second).totals["num_conversations"] == 3


def test_without_a_server_it_says_that_nothing_was_started(store: Store, talks: Path) -> None:
    result = run(store, "add", talks)
    assert result.exit_code == 0
    assert "nothing was started" in result.output
    assert "`chatmill finetune`" in result.output


def test_a_server_that_does_not_take_the_event_is_said_and_the_corpus_is_stored(
    store: Store, talks: Path, news: News
) -> None:
    news.status = 500
    with pytest.raises(ServerError, match=r"stored as dialogues/talks/.*give the same command again"):
        run(store, "add", talks)
    assert [ref.name for ref in added_corpora(store)] == ["talks"]
    news.status = 204
    run(store, "add", talks)
    assert news.corpora() == ["talks"]


def test_a_server_that_is_gone_is_said(store: Store, talks: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{probe.getsockname()[1]}/api"
    with (
        temporary_settings({PREFECT_API_URL: address}),
        pytest.raises(ServerError, match=f"{address} did not take the news"),
    ):
        run(store, "add", talks)


def test_a_removed_corpus_is_trained_on_no_more_and_its_artifact_stays(store: Store, talks: Path) -> None:
    run(store, "add", talks)
    (ref,) = added_corpora(store)
    assert f"Its artifact {ref} stays in the store" in run(store, "remove", "talks").output
    assert added_corpora(store) == ()
    assert head_of(store, "dialogues/talks") is None
    assert store.manifest(ref).totals["num_conversations"] == 2
    with pytest.raises(MissingArtifactError, match=r"found no added corpus 'talks'.*expected one of none"):
        run(store, "remove", "talks")
    run(store, "add", talks)
    assert added_corpora(store) == (ref,)


def test_corpora_are_listed_by_name_with_those_of_the_profile(store: Store, talks: Path, tmp_path: Path) -> None:
    run(store, "add", talks, "--name", "zebra")
    run(store, "add", talks, "--name", "ant", "--lang", "de", "--licence", "CC0-1.0")
    assert [ref.name for ref in added_corpora(store)] == ["ant", "zebra"]
    rows = [line.split() for line in run(store, "list").output.splitlines()]
    assert ["chitchat", "en", "unknown", "-", "-", "not", "imported", "profile", "demo"] in rows
    (ant,) = [row for row in rows if row[:1] == ["ant"]]
    assert ant[1:5] + ant[-1:] == ["de", "CC0-1.0", "2", "4", "added"]


def test_check_shows_conversations_and_drops_and_stores_nothing(store: Store, talks: Path, news: News) -> None:
    result = run(store, "check", talks)
    assert "user: Where is my parcel?" in result.output
    assert "assistant: You are welcome." in result.output
    assert "1 missing_cell" in result.output
    assert "Nothing was stored." in result.output
    assert not Path(store.root).exists()
    assert news.events == []


def test_what_the_file_says_to_a_terminal_is_not_obeyed(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("question,answer\n\x1b[31mred,[bold]b[/bold]\nx\x1b[2Jy,\n")
    output = run(store, "check", path).output
    assert "\x1b" not in output
    assert "[bold]b[/bold]" in output


@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        (("--name", "chitchat"), BadInputError, "the name 'chitchat' is that of a corpus of the profile.*--name"),
        (("--name", "Not Legal"), ConfigError, "--name 'Not Legal': .*correct --name"),
        (("--lang", "e n"), ConfigError, "--lang 'e n'"),
        (("--format", "jsonl"), EmptyInputError, "left out: {'not_json': 4}"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_stored(
    store: Store, talks: Path, args: tuple[str, ...], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        run(store, "add", talks, *args)
    assert added_corpora(store) == ()
    assert store.all_keys() == []


def test_a_name_of_another_profile_is_free(store: Store, talks: Path, tmp_path: Path) -> None:
    profile = tmp_path / "mine.yaml"
    profile.write_text("dialogues:\n  - {name: support, format: csv, path: x.csv, lang: en}\n")
    run(store, "add", talks, "--name", "chitchat", "--profile", profile)
    with pytest.raises(BadInputError, match="'support' is that of a corpus of the profile"):
        run(store, "add", talks, "--name", "support", "--profile", profile)


def test_a_missing_file_is_refused(store: Store, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"found nothing at .*no\.csv.*correct the path"):
        run(store, "add", tmp_path / "no.csv")


def test_the_inbox_is_looked_through_once_on_request(store: Store, talks: Path, tmp_path: Path) -> None:
    inbox = tmp_path / "in"
    inbox.mkdir()
    talks.rename(inbox / "talks.csv")
    (inbox / "bad.csv").write_text("no,header\n")
    result = run(store, "inbox", inbox, "--once")
    assert result.exit_code == 2
    assert f"{inbox}: 1 added, 1 refused, 0 waiting" in result.output
    assert [ref.name for ref in added_corpora(store)] == ["talks"]
    assert run(store, "inbox", inbox, "--once").exit_code == 0
    with pytest.raises(BadInputError, match=r"chatmill dialogue inbox FOLDER"):
        CliRunner().invoke(app, ["inbox", "--root", "memory://x"], catch_exceptions=False)
