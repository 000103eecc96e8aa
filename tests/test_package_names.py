"""The packages' names are generic, so others may bear them too: ours answer, or chatmill says who else does."""

import ast
import importlib
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from chatmill import PACKAGES
from pipeline_config.environment import child_environment

ROOT = Path(__file__).parent.parent
CHATMILL = [sys.executable, "-m", "chatmill", "config"]


def others_with_our_names() -> dict[str, set[str]]:
    owners = packages_distributions()
    return {name: found for name in PACKAGES if (found := set(owners.get(name, ())) - {"chatmill"})}


def test_no_other_installed_distribution_has_a_package_of_our_names() -> None:
    assert others_with_our_names() == {}


def test_another_distribution_with_such_a_package_would_be_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    about = tmp_path / "chores-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: chores\nVersion: 1.0\n")
    (about / "RECORD").write_text("tasks/__init__.py,,\nchores-1.0.dist-info/METADATA,,\n")
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "__init__.py").touch()  # a file of the record that is not there is not counted
    monkeypatch.syspath_prepend(tmp_path)
    assert others_with_our_names() == {"tasks": {"chores"}}


def test_all_four_packages_lie_in_one_folder() -> None:
    files = [importlib.import_module(name).__file__ for name in (*PACKAGES, "chatmill")]
    assert {Path(file).parent.parent for file in files[:-1] if file} == {Path(str(files[-1])).parent}


def decoy(folder: Path, name: str) -> Path:
    (folder / name).mkdir(parents=True)
    file = folder / name / "__init__.py"
    file.write_text("raise SystemExit('another package answered')\n")
    return file


@pytest.mark.parametrize("name", PACKAGES)
def test_another_package_that_python_would_take_for_ours_is_refused_by_name(tmp_path: Path, name: str) -> None:
    file = decoy(tmp_path, name)
    done = subprocess.run(
        CHATMILL, env=child_environment({"PYTHONPATH": str(tmp_path)}), capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert f"found the package '{name}' at {file}" in done.stderr
    assert "off PYTHONPATH" in done.stderr


def test_a_module_with_such_a_name_is_refused_too(tmp_path: Path) -> None:
    (tmp_path / "tasks.py").touch()
    done = subprocess.run(
        CHATMILL, env=child_environment({"PYTHONPATH": str(tmp_path)}), capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert f"found the package 'tasks' at {tmp_path / 'tasks.py'}" in done.stderr


def test_a_folder_that_is_no_package_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "tasks").mkdir()
    environment = child_environment({"PYTHONPATH": str(tmp_path)})
    assert subprocess.run(CHATMILL, env=environment, capture_output=True, check=False).returncode == 0


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with packages of our names in it, seen from a shell that knows nothing of the danger."""
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    for name in PACKAGES:
        decoy(tmp_path, name)
    return tmp_path


MODULE = ["-m", "tasks.contracts.errors"]
"""Any module of ours; this one does nothing."""
PREPARED_PARENT = f"""
import subprocess, sys
from pipeline_config.environment import prepare_process
prepare_process("store")
sys.exit(subprocess.run([sys.executable, *{MODULE}]).returncode)
"""


def test_a_child_process_does_not_take_packages_from_the_working_folder(workplace: Path) -> None:
    done = subprocess.run(
        [sys.executable, *MODULE], cwd=workplace, env=child_environment({}), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_neither_does_one_that_a_library_starts_in_a_prepared_process(workplace: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", PREPARED_PARENT], cwd=workplace, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_every_child_process_gets_its_environment_from_us() -> None:
    """A call without `env=` would start a Python that looks in the working folder first."""
    calls = [
        (path.name, {keyword.arg for keyword in node.keywords})
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"subprocess.Popen", "subprocess.run"}
    ]
    assert len(calls) > 3
    assert [file for file, keywords in calls if "env" not in keywords] == []
