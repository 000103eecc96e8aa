"""A folder that dialogue corpora are dropped into."""

import fcntl
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flows.corpora import added_corpora
from flows.inbox import Inbox, Taken, scan_inbox, watch_inbox
from pipeline_config.load import ConfigError
from tasks.storage.store import Store
from tests.flows.news_server import News, news_server, no_server

ROWS = "".join(f"question {i}?,answer {i}.\n" for i in range(20))
CSV = f"question,answer\n{ROWS}"


@pytest.fixture(autouse=True)
def _no_server_of_other_tests() -> Iterator[None]:
    with no_server():
        yield


@pytest.fixture
def news(_no_server_of_other_tests: None) -> Iterator[News]:
    with news_server() as found:
        yield found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


def scan(store: Store, folder: Path) -> tuple[Taken, ...]:
    return Inbox(store.url, folder, "demo", settle_s=0.05).scan()


def outcomes(taken: tuple[Taken, ...]) -> list[tuple[str, str]]:
    return [(one.file, one.outcome) for one in taken]


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file() and path.name != ".lock")


def test_files_are_added_announced_and_moved_to_done_and_refused_ones_get_their_reason(
    store: Store, folder: Path, news: News
) -> None:
    (folder / "a.csv").write_text(CSV)
    (folder / "b.csv").write_text("no,header\n")
    (folder / "c.txt").write_text("Good morning to you!\nGood morning, how are you?\n")
    assert outcomes(scan(store, folder)) == [("a.csv", "added"), ("b.csv", "refused"), ("c.txt", "added")]
    assert [ref.name for ref in added_corpora(store)] == news.corpora() == ["a", "c"]
    assert left_in(folder) == []
    assert [name.split("Z-")[1] for name in left_in(folder / "done")] == ["a.csv", "c.txt"]
    refused, reason = left_in(folder / "refused")
    assert reason == f"{refused}.reason.txt"
    assert "found the columns 'no', 'header'" in (folder / "refused" / reason).read_text()
    assert (folder / "refused" / refused).read_text() == "no,header\n"
    assert scan(store, folder) == ()


def test_what_is_not_finished_is_left_alone(store: Store, folder: Path) -> None:
    for name in (".hidden.csv", "a.csv.part", "b.tmp", "c.csv.yaml"):
        (folder / name).write_text(CSV)
    (folder / "growing.csv").write_text(CSV)
    is_done = threading.Event()

    def grow() -> None:
        while not is_done.wait(0.01):
            with (folder / "growing.csv").open("a") as file:
                file.write("more,and more\n")

    writer = threading.Thread(target=grow)
    writer.start()
    assert scan(store, folder) == ()
    is_done.set()
    writer.join()
    assert outcomes(scan(store, folder)) == [("growing.csv", "added")]
    assert left_in(folder) == [".hidden.csv", "a.csv.part", "b.tmp", "c.csv.yaml"]


def test_notes_beside_a_file_say_what_it_is_and_go_with_it(store: Store, folder: Path) -> None:
    (folder / "export.dat").write_text(CSV)
    (folder / "export.dat.yaml").write_text("{name: support, format: csv, lang: en, licence: CC0-1.0}")
    (folder / "odd.csv").write_text(CSV)
    (folder / "odd.csv.yaml").write_text("lang: en\nlicense: CC0-1.0\n")
    taken = scan(store, folder)
    assert ("export.dat", "added") in outcomes(taken)
    (ref,) = added_corpora(store)
    said = store.manifest(ref).preimage["identity"]
    assert (ref.name, said["format"], said["lang"], said["licence"]) == ("support", "csv", "en", "CC0-1.0")
    assert [name.split("Z-")[1] for name in left_in(folder / "done")] == ["export.dat", "export.dat.yaml"]
    (reason,) = (folder / "refused").glob("*.reason.txt")
    assert "odd.csv.yaml:2: unknown key license; did you mean 'licence'?" in reason.read_text()
    assert left_in(folder) == []


def test_a_name_of_the_profile_is_refused(store: Store, folder: Path) -> None:
    (folder / "chitchat.csv").write_text(CSV)
    ((_, outcome),) = outcomes(scan(store, folder))
    assert outcome == "refused"
    assert added_corpora(store) == ()


def test_a_failing_announcement_leaves_the_file_for_the_next_pass_and_is_said_once(
    store: Store, folder: Path, news: News, caplog: pytest.LogCaptureFixture
) -> None:
    news.status = 500
    (folder / "a.csv").write_text(CSV)
    inbox = Inbox(store.url, folder, "demo", settle_s=0.05)
    assert [outcomes(inbox.scan()) for _ in range(3)] == [[("a.csv", "waiting")]] * 3
    assert len([text for text in caplog.messages if text.startswith("a.csv: left where it is")]) == 1
    assert left_in(folder) == ["a.csv"]
    news.status = 204
    assert outcomes(inbox.scan()) == [("a.csv", "added")]
    assert news.corpora() == ["a"]


def test_a_file_that_cannot_be_moved_is_announced_once(store: Store, folder: Path, news: News) -> None:
    (folder / "a.csv").write_text(CSV)
    (folder / "done").write_text("a file where the folder should be")
    inbox = Inbox(store.url, folder, "demo", settle_s=0.05)
    assert outcomes(inbox.scan()) == [("a.csv", "waiting"), ("done", "refused")]
    assert outcomes(inbox.scan()) == [("a.csv", "added")]
    assert news.corpora() == ["a"]


def test_files_of_one_name_never_replace_each_other(store: Store, folder: Path) -> None:
    for number in range(3):
        (folder / "a.csv").write_text(f"{CSV}another {number},one {number}\n")
        scan(store, folder)
        (folder / "b.csv").write_text(f"bad {number}\n")
        scan(store, folder)
    contents = {path.read_text()[-6:] for path in (folder / "done").iterdir()}
    assert contents == {"one 0\n", "one 1\n", "one 2\n"}
    assert {path.read_text() for path in (folder / "refused").glob("*.csv")} == {"bad 0\n", "bad 1\n", "bad 2\n"}
    assert len(list((folder / "refused").glob("*.reason.txt"))) == 3


def test_what_a_killed_watcher_left_is_finished_by_the_next(store: Store, folder: Path, news: News) -> None:
    (folder / "a.csv").write_text(CSV)
    scan(store, folder)
    before = added_corpora(store), store.read_ref("dialogues/a")
    (moved,) = (folder / "done").iterdir()
    moved.rename(folder / "a.csv")  # as it lies when the watcher was killed just before the move
    ((_, outcome),) = outcomes(scan(store, folder))
    assert outcome == "added"
    assert (added_corpora(store), store.read_ref("dialogues/a")) == before
    assert left_in(folder) == []


def test_a_folder_that_another_process_works_on_is_left_to_it(store: Store, folder: Path) -> None:
    (folder / "a.csv").write_text(CSV)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert scan(store, folder) == ()
    assert outcomes(scan(store, folder)) == [("a.csv", "added")]


def test_watching_takes_what_comes_and_survives_a_lost_folder(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    folder, stop = tmp_path / "later" / "inbox", threading.Event()
    folder.parent.write_text("not a folder yet")
    watcher = threading.Thread(target=watch_inbox, args=(store.url, folder, "demo", stop, 0.05))
    watcher.start()
    try:
        wait_for(lambda: any("cannot be looked through" in text for text in caplog.messages))
        folder.parent.unlink()
        wait_for(folder.is_dir)
        (folder / "bad.jsonl").write_text("[" * 100_000)
        (folder / "good.csv").write_text(CSV)
        wait_for(lambda: [ref.name for ref in added_corpora(store)] == ["good"])
        wait_for(lambda: any(text.startswith("good.csv: 20 conversations in en, new as") for text in caplog.messages))
    finally:
        stop.set()
        watcher.join(10)
    assert not watcher.is_alive()
    assert len(list((folder / "refused").glob("*-bad.jsonl"))) == 1


def test_an_impossible_profile_is_refused_at_once(store: Store, folder: Path) -> None:
    with pytest.raises(ConfigError, match="found no profile 'none'"):
        watch_inbox(store.url, folder, "none", threading.Event())


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_killed_anywhere_the_next_pass_finishes(store: Store, folder: Path) -> None:
    rows = "".join(f"question {i}?,answer {i}.\n" for i in range(15_000))
    code = "import sys; from pathlib import Path; from flows.inbox import Inbox; print('ready', flush=True); "
    code += "Inbox(sys.argv[1], Path(sys.argv[2]), 'demo', settle_s=0.0).scan()"
    num_moved, delays_s = 0, (0.0, 0.4, 0.8, 1.2, 1.8)
    for number, delay_s in enumerate(delays_s):
        (folder / f"a{number}.csv").write_text(f"question,answer\nfile,{number}\n{rows}")
        command = [sys.executable, "-c", code, store.url, str(folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            time.sleep(delay_s)
            os.kill(process.pid, signal.SIGKILL)
        num_moved += not left_in(folder)
        scan(store, folder)
        assert left_in(folder) == []
    names = [f"a{number}" for number in range(len(delays_s))]
    assert [ref.name for ref in added_corpora(store)] == names
    assert [len(store.manifests("dialogues", name)) for name in names] == [1] * len(names)
    assert [store.manifest(ref).totals["num_conversations"] for ref in added_corpora(store)] == [15_001] * len(names)
    assert sorted(name.split("Z-")[1] for name in left_in(folder / "done")) == [f"{name}.csv" for name in names]
    assert num_moved < len(names), "no kill came before the end"


def test_scan_inbox_waits_until_a_file_has_stayed_as_it_is(store: Store, folder: Path) -> None:
    (folder / "a.csv").write_text(CSV)
    started = time.monotonic()
    assert outcomes(scan_inbox(store.url, folder, "demo")) == [("a.csv", "added")]
    assert time.monotonic() - started >= 2.0


def wait_for(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)
