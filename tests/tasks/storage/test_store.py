"""Artifacts exist whole or not at all; refs change by compare-and-swap; every damage is named."""

import errno
import os
import resource
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import (
    CorruptArtifactError,
    MissingArtifactError,
    RefConflictError,
    SchemaVersionError,
    StorageFullError,
)
from tasks.storage.stage import StageCall, forecast_of, ignore_progress, settle
from tasks.storage.store import Attempt, Built, Store
from tests.small_disk import SmallDisk


def call_for(text: str = "hello", build=None, **identity: object) -> StageCall:
    def write(attempt: Attempt) -> Built:
        (attempt.folder / "part.txt").write_text(text)
        return Built(totals={"num_chars": len(text)})

    return StageCall(
        kind="raw",
        name="web",
        stage="write",
        stage_version=1,
        identity={"text": text, **identity},
        inputs={},
        build=build or write,
    )


@pytest.fixture(params=["local", "memory", "s3"])
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """The same protocol on a local folder and on an object store without rename or links."""
    if request.param == "s3":
        return Store(f"{request.getfixturevalue('bucket')}/mill")
    return Store(str(tmp_path / "store") if request.param == "local" else f"memory://{tmp_path}")


def test_work_done_once_is_found_by_the_next_run(any_store: Store) -> None:
    first = settle(any_store, call_for())
    second = settle(Store(any_store.url), call_for())
    assert not first.is_cached
    assert second.is_cached
    assert second.manifest == first.manifest
    (path,) = any_store.files(first.manifest.ref)
    assert path.read_text() == "hello"


def test_the_content_digest_is_that_of_the_files_and_not_of_the_run(any_store: Store) -> None:
    one = settle(any_store, call_for()).manifest
    other = settle(any_store, call_for(seed=2)).manifest
    assert one.key != other.key
    assert one.content_digest == other.content_digest


def test_volatile_files_do_not_change_the_content_digest(store: Store) -> None:
    def build_with(log: str):
        def build(attempt: Attempt) -> Built:
            (attempt.folder / "a.txt").write_text("same")
            (attempt.folder / "trainer").mkdir()
            (attempt.folder / "trainer" / "log.txt").write_text(log)
            return Built(volatile=("trainer",))

        return build

    one = settle(store, call_for(build=build_with("Monday"))).manifest
    other = settle(store, call_for(build=build_with("Tuesday"), seed=2)).manifest
    assert one.content_digest == other.content_digest


def test_a_failed_build_leaves_no_artifact_and_no_files(store: Store) -> None:
    def fail(attempt: Attempt) -> Built:
        (attempt.folder / "part.txt").write_text("half")
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        settle(store, call_for(build=fail))
    assert not forecast_of(store, call_for()).is_cached
    assert list((Path(store.root) / "attempts").iterdir()) == []


def test_of_two_writers_of_one_key_the_second_takes_the_first_ones_artifact(store: Store) -> None:
    def slow(attempt: Attempt) -> Built:
        settle(store, call_for())  # somebody else finishes while this one is still building
        (attempt.folder / "part.txt").write_text("hello")
        return Built()

    late = settle(store, call_for(build=slow))
    assert late.manifest == settle(store, call_for()).manifest
    assert len(list((Path(store.root) / "attempts").iterdir())) == 1


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (lambda p: p.write_text("hellp"), "found 5 bytes with sha256"),
        (lambda p: p.write_text("hel"), "found 3 bytes with sha256"),
        (lambda p: p.unlink(), "is missing, expected 5 bytes"),
    ],
    ids=["flipped byte", "truncated", "missing"],
)
def test_damage_is_named_with_path_digests_and_cure(store: Store, damage, found: str) -> None:
    ref = settle(store, call_for()).manifest.ref
    (path,) = Store(store.url).files(ref)
    damage(path)
    with pytest.raises(CorruptArtifactError, match=found) as error:
        Store(store.url).files(ref)
    assert str(path) in str(error.value)
    assert "restore that file from a backup, or delete raw/web/" in str(error.value)
    if "sha256" in found:  # sha256 of the five bytes `hello`, from sha256sum
        assert "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" in str(error.value)


def test_a_missing_artifact_says_which_flow_is_wanted(store: Store) -> None:
    ref = ArtifactRef(kind="raw", name="web", key="0" * 32, content_digest="")
    with pytest.raises(MissingArtifactError, match="run the flow that makes it"):
        store.files(ref)


def test_a_manifest_of_another_format_is_refused_not_guessed(store: Store) -> None:
    ref = settle(store, call_for()).manifest.ref
    path = Path(store.root) / ref.kind / ref.name / ref.key / "manifest.json"
    path.write_text(path.read_text().replace('"schema_version": 1', '"schema_version": 7'))
    with pytest.raises(SchemaVersionError, match="schema_version 7, this chatmill reads 1"):
        store.manifest(ref)


def test_a_full_disk_is_said_and_nothing_stored_is_lost(store: Store) -> None:
    kept = settle(store, call_for()).manifest.ref

    def full(attempt: Attempt) -> Built:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(StorageFullError, match="free some space or choose another --root"):
        settle(store, call_for(build=full, seed=2))
    assert Store(store.url).files(kept)[0].read_text() == "hello"


def test_a_really_full_disk_is_said_and_the_finished_artifact_survives(small_disk: SmallDisk) -> None:
    store = Store(str(small_disk.folder / "store"))
    kept = settle(store, call_for()).manifest.ref
    small_disk.leave(50_000)
    with pytest.raises(StorageFullError, match=r"No space left on device") as error:
        settle(store, call_for("x" * 100_000))
    assert "free some space or choose another --root, then run the same command again" in str(error.value)
    assert Store(store.url).files(kept)[0].read_text() == "hello"
    small_disk.leave(0)
    with pytest.raises(StorageFullError):
        settle(store, call_for(seed=2))  # the manifest alone is too much
    assert store.manifests("raw", "web") == [store.manifest(kept)]
    small_disk.free()
    assert settle(store, call_for("x" * 100_000)).manifest.totals == {"num_chars": 100_000}


def test_a_limit_on_the_size_of_files_is_said_with_its_own_cure(store: Store) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        with pytest.raises(StorageFullError, match=r"found a limit on the size of files.*raise it \(ulimit -f\)"):
            settle(store, call_for("x" * 100_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert settle(store, call_for("x" * 100_000)).manifest.totals == {"num_chars": 100_000}


def test_a_ref_moves_only_from_the_value_that_was_read(any_store: Store) -> None:
    assert any_store.read_ref("corpus/head") is None
    first = any_store.swap_ref("corpus/head", {"part": 1}, expected=None)
    any_store.swap_ref("corpus/head", {"part": 2}, expected=first)
    with pytest.raises(RefConflictError, match="read the ref again"):
        any_store.swap_ref("corpus/head", {"part": 3}, expected=first)
    now = any_store.read_ref("corpus/head")
    assert now is not None
    assert now.value == {"part": 2}


def test_what_another_process_writes_to_a_bucket_is_seen(bucket: str) -> None:
    store = Store(f"{bucket}/mill")
    store.swap_ref("heads/talks", {"step": 1}, None)
    assert store.read_ref("heads/talks").value == {"step": 1}
    assert store.manifests("raw", "web") == []
    code = (
        "import sys\n"
        "from tests.tasks.storage.test_store import Store, call_for, settle\n"
        "store = Store(sys.argv[1])\n"
        "store.swap_ref('heads/talks', {'step': 2}, store.read_ref('heads/talks'))\n"
        "settle(store, call_for())\n"
    )
    subprocess.run([sys.executable, "-c", code, store.url], cwd=Path(__file__).parents[3], check=True)
    assert store.read_ref("heads/talks").value == {"step": 2}
    assert [manifest.totals["num_chars"] for manifest in store.manifests("raw", "web")] == [5]


def test_of_many_simultaneous_swaps_exactly_one_wins(store: Store) -> None:
    def swap(number: int) -> bool:
        try:
            store.swap_ref("corpus/head", {"writer": number}, expected=None)
        except RefConflictError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        wins = list(pool.map(swap, range(32)))
    assert sum(wins) == 1


def test_a_dry_run_names_the_field_that_changed(store: Store) -> None:
    assert forecast_of(store, call_for()).reason == "never made before"
    settle(store, call_for(min_words=50), ignore_progress)
    assert forecast_of(store, call_for(min_words=50)).is_cached
    assert forecast_of(store, call_for(min_words=40)).reason == "changed identity.min_words: 50 → 40"


def test_a_dry_run_says_that_an_input_would_be_made_again(store: Store) -> None:
    def after(ref: ArtifactRef) -> StageCall:
        return StageCall("documents", "x", "s", 1, {}, {"web": ref}, lambda attempt: Built())

    settle(store, after(settle(store, call_for("one")).manifest.ref))
    pending = forecast_of(store, call_for("two"))
    assert "its input web would be made again" in forecast_of(store, after(pending.ref)).reason


def test_mutable_names_are_listed_by_folder_each_once(store: Store) -> None:
    assert store.ref_names("dialogues") == []
    first = store.swap_ref("dialogues/b", {"v": 1}, None)
    store.swap_ref("dialogues/b", {"v": 2}, first)
    store.swap_ref("dialogues/a", {"v": 1}, None)
    store.swap_ref("sources/c", {"v": 1}, None)
    assert store.ref_names("dialogues") == ["dialogues/a", "dialogues/b"]
