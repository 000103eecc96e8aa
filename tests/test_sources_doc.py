"""docs/sources.md says what is so: its examples are read, every form has one, and what it shows is what is printed."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.sources_commands import app
from pipeline_config.complaints import ConfigError
from pipeline_config.crawl import Source
from pipeline_config.sources import load_sources

GUIDE = (Path(__file__).parent.parent / "docs" / "sources.md").read_text(encoding="utf-8")
EXAMPLES = [
    block for block in re.findall(r"^```yaml\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE) if "sources:\n" in block
]
FORMS = [model.model_fields["form"].default for model in Source.__origin__.__args__]  # type: ignore[attr-defined]


def load(folder: Path, text: str) -> tuple[Source, ...]:
    (folder / "sources.yaml").write_text(text, encoding="utf-8")
    return load_sources(folder / "sources.yaml")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: re.findall(r"name: (\S+)", text)[0])
def test_every_example_is_a_sources_file(tmp_path: Path, example: str) -> None:
    assert load(tmp_path, example)


def test_every_form_has_an_example_and_a_row_of_the_table(tmp_path: Path) -> None:
    shown = {source.form for example in EXAMPLES for source in load(tmp_path, example)}
    assert set(FORMS) - shown == set()
    assert [form for form in FORMS if f"| `{form}` |" not in GUIDE] == []


def test_a_wrong_example_would_be_found(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="unknown key"):
        load(tmp_path, next(text for text in EXAMPLES if "languages:" in text).replace("languages:", "language:"))


@pytest.mark.parametrize("name", ["shop", "articles-of-today"])
def test_what_the_guide_shows_of_a_check_is_what_it_prints(tmp_path: Path, name: str) -> None:
    (rows,) = re.findall(r"^```csv\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)
    example = next(example for example in EXAMPLES if f"name: {name}" in example)
    folder = tmp_path / "corpora" / "shop"
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text(rows, encoding="utf-8")
    load(tmp_path, example)
    (shown,) = re.findall(rf"^```console\n({name}  .*?)^```", GUIDE, re.DOTALL | re.MULTILINE)
    result = CliRunner().invoke(app, ["check", str(tmp_path / "sources.yaml")])
    assert result.exit_code == 0
    assert result.output.split() == shown.split()
