"""A profile is read whole or refused with the line, the value and the cure."""

from pathlib import Path

import pytest
from pydantic import BaseModel

from pipeline_config.base import ExecutionConfig, IdentityConfig
from pipeline_config.load import ConfigError, load_config, profile_names
from pipeline_config.run import RunConfig


def write(tmp_path: Path, text: str) -> str:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_every_profile_that_comes_along_is_valid() -> None:
    assert "demo" in profile_names()
    for name in profile_names():
        load_config(name)


def test_an_unknown_key_is_named_with_its_line_and_the_nearest_known_one(tmp_path: Path) -> None:
    profile = write(tmp_path, "crawl:\n  fetch:\n    delay_s: 0.5\n    user_agnt: me/1\n")
    with pytest.raises(ConfigError, match=r"mine.yaml:4: unknown key crawl.fetch.user_agnt; did you mean 'user_agent'"):
        load_config(profile)


def test_an_impossible_value_is_named_with_its_line_and_bound(tmp_path: Path) -> None:
    profile = write(tmp_path, "split:\n  test_share: 1.5\n")
    with pytest.raises(ConfigError, match=r"mine.yaml:2: split.test_share=1.5: .*less than or equal to 0.5"):
        load_config(profile)


def test_every_mistake_is_said_at_once(tmp_path: Path) -> None:
    profile = write(tmp_path, "split:\n  test_share: 2\nlaunch:\n  num_processes: 0\nnonsense: 1\n")
    with pytest.raises(ConfigError) as error:
        load_config(profile)
    assert str(error.value).count("mine.yaml:") == 3


def test_an_override_wins_and_its_mistakes_are_named(tmp_path: Path) -> None:
    assert load_config("demo", ["pretrain.num_steps=70"]).pretrain.num_steps == 70
    with pytest.raises(ConfigError, match=r"found no `=`, expected section.key=value"):
        load_config("demo", ["pretrain.num_steps"])
    with pytest.raises(ConfigError, match=r"unknown key pretrain.num_stepz; did you mean 'num_steps'"):
        load_config("demo", ["pretrain.num_stepz=7"])


def test_a_mistake_in_a_source_is_named_with_its_line(tmp_path: Path) -> None:
    profile = write(
        tmp_path,
        "crawl:\n  sources:\n    - {form: web, name: a, seeds: [x]}\n"
        "    - form: web\n      name: b\n      seeds: [x]\n      follow:\n        max_depht: 2\n        hosts: all\n",
    )
    with pytest.raises(ConfigError) as error:
        load_config(profile)
    unknown, impossible = str(error.value).splitlines()
    assert unknown.endswith("mine.yaml:8: unknown key crawl.sources[1].follow.max_depht; did you mean 'max_depth'?")
    assert "mine.yaml:9: crawl.sources[1].follow.hosts='all': Input should be 'seeds' or 'any'" in impossible


def test_two_sources_of_one_name_are_named_with_both_lines(tmp_path: Path) -> None:
    source = "    - {form: web, name: a, seeds: [x]}\n"
    profile = write(tmp_path, f"crawl:\n  sources:\n{source}{source}")
    with pytest.raises(ConfigError, match=r"mine.yaml:3 and \S+mine.yaml:4: found 2 sources named 'a'"):
        load_config(profile)


def test_a_mistake_set_beside_the_profile_is_not_put_to_one_of_its_lines(tmp_path: Path) -> None:
    profile = write(tmp_path, "crawl:\n  sources:\n    - {form: web, name: a, seeds: [x]}\n  fetch: {delay_s: 1}\n")
    for override in ("crawl.fetch.delay_s=-1", "crawl.sources=[{form: feed, name: a}]"):
        with pytest.raises(ConfigError, match=r"mine.yaml with --set: crawl\."):
            load_config(profile, [override])
    with pytest.raises(ConfigError, match="the value is not YAML"):
        load_config(profile, ["crawl.sources=[{"])


@pytest.mark.parametrize(
    ("text", "found"),
    [("a: [1\n", "is not YAML"), ("- 1\n", "holds a list"), ("\xff\xfe", "is not YAML|holds a str")],
)
def test_a_file_that_is_no_profile_is_refused(tmp_path: Path, text: str, found: str) -> None:
    with pytest.raises(ConfigError, match=found):
        load_config(write(tmp_path, text))


def test_a_profile_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(ConfigError, match=r"found no profile 'demoo', expected one of .*demo"):
        load_config("demoo")


def test_every_setting_has_a_text_that_says_what_it_means() -> None:
    def undescribed(model: type[BaseModel], path: str) -> list[str]:
        found = [f"{path}.{name}" for name, field in model.model_fields.items() if not field.description]
        for name, field in model.model_fields.items():
            inner = field.annotation
            if isinstance(inner, type) and issubclass(inner, (IdentityConfig, ExecutionConfig)):
                found += undescribed(inner, f"{path}.{name}")
        return found

    assert undescribed(RunConfig, "run") == []


def test_paths_of_a_profile_are_meant_from_its_folder_and_those_set_beside_it_from_the_working_folder(
    tmp_path: Path,
) -> None:
    (tmp_path / "more.yaml").write_text("sources: [{form: texts, name: more, source_kind: book, folder: more/books}]\n")
    profile = tmp_path / "mine.yaml"
    profile.write_text(
        "crawl:\n  sources:\n"
        "    - {form: texts, name: near, source_kind: book, folder: books}\n"
        "    - {form: texts, name: far, source_kind: book, folder: /books}\n"
        "    - {form: texts, name: home, source_kind: book, folder: ~/books}\n"
        "  sources_file: more.yaml\n"
        "dialogues:\n  - {name: talks, format: jsonl, path: talks.jsonl, lang: en}\n"
        "interact: {prompts_file: ask.txt}\n"
        "clean:\n"
        "  extract: {word_block_list: words.txt}\n"
        "  select: {url_block_list: hosts.txt}\n"
        '  decontaminate: {benchmark_files: [quiz.jsonl, /quiz.txt, "package:quiz/q.txt"]}\n'
    )
    config = load_config(str(profile))
    folders = {source.name: source.folder for source in config.crawl.sources if source.form == "texts"}
    here = str(tmp_path)
    assert folders == {"near": f"{here}/books", "far": "/books", "home": "~/books", "more": f"{here}/more/books"}
    assert config.dialogues[0].path == f"{here}/talks.jsonl"
    assert config.interact.prompts_file == f"{here}/ask.txt"
    assert config.clean.extract.word_block_list == f"{here}/words.txt"
    assert config.clean.select.url_block_list == f"{here}/hosts.txt"
    asked = config.clean.decontaminate
    assert asked is not None
    assert asked.benchmark_files == (f"{here}/quiz.jsonl", "/quiz.txt", "package:quiz/q.txt")
    assert load_config(str(profile), ["clean.decontaminate=null"]).clean.decontaminate is None
    assert load_config(str(profile), ["interact.prompts_file=other.txt"]).interact.prompts_file == "other.txt"
