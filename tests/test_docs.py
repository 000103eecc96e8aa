"""The documents say what is so: commands, options, links and files exist, and both READMEs say the same."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from flows.cli import app

ROOT = Path(__file__).parent.parent
README, README_ZH = ROOT / "README.md", ROOT / "README.zh-CN.md"
DOCUMENTS = [README, README_ZH, *sorted((ROOT / "docs").glob("*.md"))]

FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
CALL = re.compile(r"(?:^|(?<=[\s`])|(?<=/bin/))chatmill[ \t]+(.*)", re.MULTILINE)
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
COMMENT = re.compile(r"\s+#(?= ).*$", re.MULTILINE)
END_OF_CALL = {"&&", "||", "|", ";", "#", ">"}

each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


def without_fences(text: str) -> str:
    return FENCED.sub("", text)


def code_of(text: str) -> Iterator[str]:
    yield from (block for _, block in FENCED.findall(text))
    yield from INLINE.findall(without_fences(text))


def options_of(command: Any) -> set[str]:
    return {"-h", "--help"}.union(*({*found.opts, *found.secondary_opts} for found in command.params))


def all_options(command: Any) -> set[str]:
    return options_of(command).union(*map(all_options, getattr(command, "commands", {}).values()))


def wrong_words(call: str) -> list[str]:
    """The verbs and options of a call that the command line does not have."""
    command: Any = typer.main.get_command(app)
    wrong = []
    for word in call.replace('"', " ").split():
        if word in END_OF_CALL:
            break
        name = word.split("=")[0]
        if name.startswith("-") and len(name) > 1:
            wrong += [name] if name not in options_of(command) else []
        elif hasattr(command, "commands"):
            if word not in command.commands:
                return [*wrong, word]
            command = command.commands[word]
    return wrong


def sections(path: Path) -> list[str]:
    return re.split(r"^#+ .*$", without_fences(path.read_text(encoding="utf-8")), flags=re.MULTILINE)


@each_document
def test_every_command_and_option_in_the_documents_exists(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    calls = [call for code in code_of(text) for call in CALL.findall(code)]
    assert {call: wrong for call in calls if (wrong := wrong_words(call))} == {}
    known = all_options(typer.main.get_command(app))
    alone = {code.split()[0] for code in INLINE.findall(without_fences(text)) if code.startswith("--")}
    assert alone - known == set()


def test_a_wrong_verb_and_a_wrong_option_are_found() -> None:
    assert wrong_words("ui --port 4200 && anything --else") == []
    assert wrong_words("ui --sport 4200") == ["--sport"]
    assert wrong_words("dialogue ad FILE") == ["ad"]
    assert wrong_words("dialogue add FILE --once") == ["--once"]
    assert CALL.findall("cd chatmill-data; x/chatmill y; .venv/bin/chatmill ui") == ["ui"]


@each_document
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    links = [link for link in LINK.findall(without_fences(document.read_text(encoding="utf-8"))) if ":" not in link]
    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("readme", [README, README_ZH], ids=lambda path: path.name)
def test_what_the_tree_names_exists(readme: Path) -> None:
    rows = re.findall(r"^\| `([\w./]+)` \|", readme.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) > 15
    assert [row for row in rows if not (ROOT / row).exists()] == []
    stages = {f"tasks/{path.parent.name}/" for path in (ROOT / "tasks").glob("*/__init__.py")}
    assert stages - set(rows) == set()


def test_both_readmes_have_the_same_headings_commands_and_figures() -> None:
    english, chinese = (path.read_text(encoding="utf-8") for path in (README, README_ZH))
    levels = [re.findall(r"^#+(?= )", without_fences(text), re.MULTILINE) for text in (english, chinese)]
    assert levels[0] == levels[1]
    blocks = [[(kind, COMMENT.sub("", block)) for kind, block in FENCED.findall(text)] for text in (english, chinese)]
    assert blocks[0] == blocks[1]
    pairs = list(zip(sections(README), sections(README_ZH), strict=True))
    code = [[Counter(INLINE.findall(text)) for text in pair] for pair in pairs]
    assert [pair for pair in code if pair[0] != pair[1]] == []
    figures = [[Counter(re.findall(r"\d[\d.,]*(?<![.,])", INLINE.sub("", text))) for text in pair] for pair in pairs]
    assert [pair for pair in figures if pair[0] != pair[1]] == []
