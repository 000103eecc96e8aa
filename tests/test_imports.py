"""Imports run one way, and Prefect and the environment stay where they belong."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = ("pipeline_config", "tasks", "flows", "deployments")
SHARED = {"contracts": 1, "storage": 2, "text": 3, "model": 3, "processes": 3}
STAGE, TASK, FLOWS, DEPLOYMENTS = 4, 5, 6, 7


def layer(module: str) -> int:
    """How far right a module stands in: config, contracts, storage, shared, stage, task, flows, deployments."""
    parts = module.split(".")
    if parts[0] != "tasks":
        return {"pipeline_config": 0, "flows": FLOWS, "deployments": DEPLOYMENTS}[parts[0]]
    if parts[-1] == "task":
        return TASK
    return SHARED.get(parts[1], STAGE) if len(parts) > 1 else 0


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def complaints(module: str, imported: str) -> Iterator[str]:
    if imported.split(".", maxsplit=1)[0] not in OURS:
        return
    target = (
        imported if (ROOT / Path(*imported.split("."))).with_suffix(".py").exists() else imported.rpartition(".")[0]
    )
    if layer(target) > layer(module):
        yield f"{module} imports {target}, which stands to its right"
    folders = module.split(".")[1:2], target.split(".")[1:2]
    if layer(module) == layer(target) == STAGE and folders[0] != folders[1]:
        yield f"stage {module} imports stage {target}; stages meet at artifacts"


def modules() -> list[Path]:
    return sorted(p for name in OURS for p in (ROOT / name).rglob("*.py"))


def test_imports_run_one_way_and_stages_do_not_import_each_other() -> None:
    found = [
        complaint
        for path in modules()
        for imported in imports_of(path)
        for complaint in complaints(".".join(path.relative_to(ROOT).with_suffix("").parts), imported)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("tasks.clean.extract", "tasks.crawl.web.crawl.plan_crawl_web"),
        ("tasks.storage.store", "tasks.model.tokenizer.load_tokenizer"),
        ("tasks.clean.extract", "tasks.clean.task.extract"),
        ("pipeline_config.run", "tasks.contracts.errors.ConfigError"),
        ("tasks.training.loop", "flows.cli.main"),
    ],
)
def test_a_wrong_import_would_be_found(module: str, imported: str) -> None:
    assert list(complaints(module, imported)) != []


def test_no_file_of_ours_bears_the_name_of_a_standard_module() -> None:
    import sys

    assert [p.name for p in modules() if p.stem in sys.stdlib_module_names and p.parent.name in {"flows", *OURS}] == []


def test_files_stay_readable() -> None:
    assert [f"{p.name}: {n} lines" for p in modules() if (n := len(p.read_text().splitlines())) > 300] == []
