from pathlib import Path

import pytest

from tasks.contracts.errors import BusyError
from tasks.storage.store import Store
from tasks.storage.unfinished import forget_unfinished, unfinished_work


def test_what_was_left_is_found_again_under_its_key_alone(store: Store) -> None:
    with pytest.raises(KeyError), unfinished_work(store, "raw", "web", "k1") as folder:
        (folder / "state").write_text("half")
        raise KeyError
    with unfinished_work(store, "raw", "web", "k1") as folder:
        assert (folder / "state").read_text() == "half"
    for other in (("raw", "web", "k2"), ("raw", "news", "k1"), ("extracted", "web", "k1")):
        with unfinished_work(store, *other) as folder:
            assert not (folder / "state").exists()


def test_one_process_at_a_time_is_at_it(store: Store) -> None:
    with (
        unfinished_work(store, "raw", "web", "k1"),
        pytest.raises(BusyError, match=r"raw/web: found another process.*expected none; wait"),
        unfinished_work(store, "raw", "web", "k1"),
    ):
        pass


def test_a_sealed_artifact_forgets_all_of_its_name_but_what_somebody_is_at(store: Store) -> None:
    for name, key in (("web", "old"), ("web", "older"), ("news", "k1")):
        with unfinished_work(store, "raw", name, key) as folder:
            (folder / "state").write_text("half")
    with unfinished_work(store, "raw", "web", "busy") as busy:
        (busy / "state").write_text("half")
        forget_unfinished(store, "raw", "web")
        assert (busy / "state").exists()
    root = Path(store.root) / "unfinished" / "raw"
    assert sorted(path.name for path in root.glob("*/*")) == ["busy", "k1"]


def test_work_for_a_remote_store_lies_in_the_users_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with unfinished_work(Store("memory://bucket/a"), "raw", "web", "k1") as here:
        assert here.is_relative_to(tmp_path / ".cache" / "chatmill")
    with unfinished_work(Store("memory://bucket/b"), "raw", "web", "k1") as there:
        assert there != here
