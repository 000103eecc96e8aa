"""What tables, data sets, dumps and source code hold, and what is wrong with them."""

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice

from pipeline_config.crawl import Source
from pipeline_config.data_source import CodeSource, DatasetSource, RowsSource, TableSource, WikiSource
from tasks.contracts.errors import PipelineError
from tasks.crawl.data.code import code_text
from tasks.crawl.data.code_files import list_code
from tasks.crawl.data.code_languages import language_of
from tasks.crawl.data.dataset import dataset_texts
from tasks.crawl.data.folder_files import matching, url_base_of
from tasks.crawl.data.large_files import unhashed_file
from tasks.crawl.data.table_texts import RowReader
from tasks.crawl.data.tables import table_texts
from tasks.crawl.data.wiki import wiki_texts
from tasks.crawl.failures import LeftOut
from tasks.crawl.findings import NUM_SHOWN, Finding, SourceCheck, first_ones, numbered, sized
from tasks.crawl.parts import Text

NUM_FILES = 20
"""Files that are opened, the first ones."""
NUM_ROWS = 1_000
"""Rows, pages or files of code that are looked at: of each table, of a data set, of a dump, of a folder."""

_Facts = list[tuple[str, str]]


def check_data(source: TableSource | DatasetSource | WikiSource | CodeSource) -> SourceCheck:
    """What the beginning of the source holds; the hub is not asked."""
    looks: dict[type[Source], Callable[..., tuple[_Facts, LeftOut]]] = {
        TableSource: _table,
        DatasetSource: _dataset,
        WikiSource: _wiki,
        CodeSource: _code,
    }
    try:
        facts, left_out = looks[type(source)](source)
    except PipelineError as error:
        return SourceCheck(source, (), (Finding(True, str(error)),))
    has_texts = any(heading == "texts" for heading, _ in facts)
    findings = [
        Finding(not has_texts, f"{count:,} set aside ({reason}){_example(left_out, reason)}")
        for reason, count in left_out.counted().items()
        if any(failure.reason == reason for failure in left_out.kept)
    ]
    if not has_texts and not findings and getattr(source, "dataset", None) is None:
        findings = [Finding(True, f"found no text, but {left_out.counted() or 'nothing at all'}")]
    return SourceCheck(source, tuple(facts), tuple(findings))


def _table(source: TableSource) -> tuple[_Facts, LeftOut]:
    paths = matching(source, source.glob)
    reader = RowReader(source, url_base_of(source), LeftOut())
    files = [unhashed_file(name, path) for name, path in list(paths.items())[:NUM_FILES]]
    texts = table_texts(files, source, reader, NUM_ROWS)
    size_bytes = sum(path.stat().st_size for path in paths.values())
    return [
        ("files", f"{len(paths):,} that match {source.glob}, {sized(size_bytes)}"),
        ("", "\n".join(list(paths)[:NUM_SHOWN])),
        *_columns(source),
        *_texts(texts, reader.left_out, f"the first {NUM_ROWS:,} rows of {numbered(len(files), 'file', 'files')}"),
    ], reader.left_out


def _dataset(source: DatasetSource) -> tuple[_Facts, LeftOut]:
    left_out = LeftOut()
    place = f"folder {source.folder}" if source.dataset is None else f"{source.dataset} at {source.revision}"
    facts = [("data set", f"{place}, {source.subset or 'default'}, split {source.split}"), *_columns(source)]
    if source.dataset is not None:
        return [*facts, ("asked", "nothing now: the hub streams it when it is read")], left_out
    reader, texts = dataset_texts(source, None)
    return [*facts, *_texts(islice(texts, NUM_ROWS), reader.left_out, f"the first {NUM_ROWS:,} texts")], reader.left_out


def _wiki(source: WikiSource) -> tuple[_Facts, LeftOut]:
    paths = matching(source, source.glob)
    left_out = LeftOut()
    files = [unhashed_file(name, path) for name, path in list(paths.items())[:1]]
    texts = islice(wiki_texts(files, source, left_out, Counter()), NUM_ROWS)
    size_bytes = sum(path.stat().st_size for path in paths.values())
    return [
        ("dumps", f"{len(paths):,} that match {source.glob}, {sized(size_bytes)}"),
        ("", "\n".join(list(paths)[:NUM_SHOWN])),
        *_texts(texts, left_out, f"the first {NUM_ROWS:,} articles of the first dump"),
    ], left_out


def _code(source: CodeSource) -> tuple[_Facts, LeftOut]:
    found = list_code(source)
    left_out = found.left_out.below("")
    languages = Counter(language_of(file.name) for file in found.files)
    licences = Counter(found.licences.values())
    texts = (code_text(file, source, "", found, left_out) for file in found.files[:NUM_ROWS])
    return [
        ("files", f"{len(found.files):,}, {sized(sum(file.size_bytes for file in found.files))}"),
        ("languages", ", ".join(f"{name} {count:,}" for name, count in languages.most_common())),
        (
            "licences",
            ", ".join(f"{name} {count:,}" for name, count in licences.most_common()) or "no licence file known",
        ),
        *_texts((text for text in texts if text is not None), left_out, f"the first {NUM_ROWS:,} files"),
    ], left_out


def _columns(source: RowsSource) -> _Facts:
    named = [f"{role} {name}" for role, name in source.columns.model_dump().items() if name is not None]
    kept = [f"only where {name} is {' or '.join(values)}" for name, values in source.keep.items()]
    limit = [f"the first {source.max_rows:,} texts"] if source.max_rows else []
    return [("columns", "; ".join([", ".join(named), *kept, *limit]))]


def _texts(texts: Iterator[Text], left_out: LeftOut, of: str) -> _Facts:
    """How many texts there are in what was looked at, and the first ones' addresses; nothing where there is none."""
    addresses, num_texts, num_bytes = [], 0, 0
    for text in texts:
        addresses += [text.url] if num_texts < NUM_SHOWN else []
        num_texts += 1
        num_bytes += len(text.body)
    if not num_texts:
        return []
    only_counted = {name: count for name, count in left_out.counted().items() if not _example(left_out, name)}
    others = (
        f"; not taken: {', '.join(f'{name} {count:,}' for name, count in only_counted.items())}" if only_counted else ""
    )
    return [("texts", f"{num_texts:,}, {sized(num_bytes)}, in {of}{others}"), ("", "\n".join(addresses))]


def _example(left_out: LeftOut, reason: str) -> str:
    found = [f"{failure.url} {failure.detail}".strip() for failure in left_out.kept if failure.reason == reason]
    return f": {first_ones(found[:NUM_SHOWN])}" if found else ""
