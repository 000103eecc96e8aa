"""A data set of the Hugging Face hub, streamed, or one that `datasets` saved in a folder → raw/: a record a row."""

import re
from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Any

import pyarrow as pa

from pipeline_config.data_source import DatasetSource
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import BadInputError
from tasks.crawl.data.large_files import DataFile, data_file, digest_of
from tasks.crawl.data.table_files import table_rows
from tasks.crawl.data.table_texts import RowReader
from tasks.crawl.failures import LeftOut
from tasks.crawl.parts import Reading, Text, part_call
from tasks.storage.stage import StageCall
from tasks.text.package_path import resolve_path

STAGE_VERSION = 2
_COMMIT = re.compile(r"[0-9a-f]{40}")
_ROWS_AT_A_TIME = 256
_TIMEOUT_S = 30.0
_SETTINGS = {"name", "form", "source_kind", "licence", "columns", "dataset", "subset", "split"}
_LIMITS = {"keep", "max_rows", "max_row_bytes"}
"""What decides which rows are taken, and leaves each one's record as it is."""


def plan_read_dataset(source: DatasetSource, previous: ArtifactRef | None = None) -> StageCall:
    """Takes a data set's rows in: all of them, or what is new and what is gone since an earlier part.

    The identity holds the commit of the hub's data set, or the digest of the folder's files.

    Args:
        source: The data set, and what its columns mean.
        previous: The last part of the same source, by the same settings; None takes everything.

    Raises:
        BadInputError: The folder is missing, or the hub was asked which commit a branch stands for and gave no answer;
            when it is built: the hub cannot be reached, or has no such data set, split or column.
        EmptyInputError: When it is built: no row holds a text.
    """
    settings = source.model_dump(mode="json")
    files = _files(source)
    commit = commit_of(source) if source.folder is None else None
    return part_call(
        source,
        previous,
        stage="read_dataset",
        stage_version=STAGE_VERSION,
        settings={name: value for name, value in settings.items() if name in _SETTINGS},
        occasion={
            **({"files": digest_of(files)} if commit is None else {"commit": commit}),
            **{name: settings[name] for name in sorted(_LIMITS)},
        },
        read=partial(_read, source, commit, files),
    )


def commit_of(source: DatasetSource) -> str:
    """The commit that the source's revision stands for; the hub is asked unless it is one.

    Raises:
        BadInputError: The hub cannot be reached, or has no such data set or revision.
    """
    if _COMMIT.fullmatch(source.revision):
        return source.revision
    from huggingface_hub import HfApi
    from huggingface_hub.utils import httpx  # type: ignore[attr-defined]  # exported by a module's __getattr__

    try:
        found = HfApi().dataset_info(str(source.dataset), revision=source.revision, timeout=_TIMEOUT_S)
    except (OSError, httpx.HTTPError) as error:
        raise BadInputError(
            f"source {source.name!r}: the hub did not say which commit {source.revision!r} of {source.dataset} is "
            f"({_first_line(error)}); correct the name or the network, or set revision to a commit: it is not asked for"
        ) from error
    return str(found.sha)


def dataset_texts(source: DatasetSource, commit: str | None) -> tuple[RowReader, Iterator[Text]]:
    """The texts in order, `max_rows` at most, and who counts what is none.

    Args:
        source: The data set, and what its columns mean.
        commit: Of the hub's data set; None: it lies in a folder.
    """
    base = _base(source)
    reader = RowReader(source, f"{base}#" if commit is None else f"{base}?id=", LeftOut())
    place = f"{base}#" if commit is None else f"{base}?row="
    found = (reader.text(values, f"{place}{number}") for number, values in enumerate(_rows(source, commit)))
    return reader, islice((text for text in found if text is not None), source.max_rows)


def _files(source: DatasetSource) -> list[DataFile]:
    if source.folder is None:
        return []
    folder = resolve_path(source.folder)
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return [data_file(path.relative_to(folder).as_posix(), path) for path in paths]


def _read(source: DatasetSource, commit: str | None, files: list[DataFile]) -> Reading:
    reader, texts = dataset_texts(source, commit)
    return reader.reading(_of_unchanged(files, texts))


def _of_unchanged(files: list[DataFile], texts: Iterator[Text]) -> Iterator[Text]:
    yield from texts
    for file in files:
        file.check_unchanged()


def _base(source: DatasetSource) -> str:
    """What stands before a row's number or id; of the hub's data sets the page that shows the row."""
    if source.dataset is not None:
        viewer = f"https://huggingface.co/datasets/{source.dataset}/viewer"
        return f"{viewer}/{source.subset or 'default'}/{source.split}"
    return f"folder:{source.name}/{source.split}"


def _rows(source: DatasetSource, commit: str | None) -> Iterator[dict[str, Any]]:
    from datasets.exceptions import DatasetsError
    from huggingface_hub.utils import httpx  # type: ignore[attr-defined]  # exported by a module's __getattr__

    try:
        for table in _opened(source, commit).with_format("arrow").iter(batch_size=_ROWS_AT_A_TIME):
            yield from table_rows(table)
    except (OSError, ValueError, httpx.HTTPError, DatasetsError, pa.ArrowException) as error:
        raise BadInputError(
            f"source {source.name!r}: {source.dataset or source.folder} cannot be read ({_first_line(error)}); correct "
            "dataset, subset, split or folder, or the network, and run the same command again"
        ) from error


def _opened(source: DatasetSource, commit: str | None) -> Any:
    """The split, without the columns that nobody asked for."""
    import datasets

    if commit is None:
        found = datasets.load_from_disk(str(resolve_path(str(source.folder))))
        if isinstance(found, datasets.DatasetDict):
            if source.split not in found:
                raise ValueError(f"found splits {', '.join(found)}, expected {source.split!r}")
            found = found[source.split]
    else:
        found = datasets.load_dataset(
            source.dataset, source.subset, split=source.split, revision=commit, streaming=True
        )
    wanted = dict.fromkeys((*source.columns.named, *source.keep))
    if found.column_names is None:  # a stream that does not say; rows without the column are counted
        return found
    missing = [name for name in wanted if name not in found.column_names]
    if missing:
        raise ValueError(f"found columns {', '.join(found.column_names)}, expected {', '.join(missing)}, too")
    return found.select_columns(list(wanted))


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]
