"""Tables in a folder → raw/: Parquet, JSON Lines and CSV, a record a row, read as a stream."""

from collections.abc import Iterator
from functools import partial
from itertools import islice

from pipeline_config.data_source import TableSource
from tasks.contracts.artifacts import ArtifactRef
from tasks.crawl.data.folder_files import url_base_of
from tasks.crawl.data.large_files import BrokenFileError, DataFile, digest_of, list_data_files
from tasks.crawl.data.table_files import BadRow, reader_of
from tasks.crawl.data.table_texts import RowReader
from tasks.crawl.failures import Failure, LeftOut
from tasks.crawl.parts import Reading, Text, part_call
from tasks.storage.stage import StageCall

STAGE_VERSION = 2
_OCCASION = {"glob", "keep", "max_rows", "max_row_bytes"}
"""What decides which rows are taken, and leaves each one's record as it is."""
_PLACES = {"folder"}


def plan_read_table(source: TableSource, previous: ArtifactRef | None = None) -> StageCall:
    """Takes the rows of a folder's tables in: all of them, or what is new and what is gone since an earlier part.

    Args:
        source: The folder, and what its columns mean.
        previous: The last part of the same source, by the same settings; None takes everything.

    Raises:
        BadInputError: The folder is missing, or a file cannot be read.
        EmptyInputError: No file matches; or, when it is built, no row holds a text.
    """
    files = list_data_files(source, source.glob)
    base = url_base_of(source)
    settings = {**source.model_dump(mode="json", exclude=_PLACES), "url_base": base}
    return part_call(
        source,
        previous,
        stage="read_table",
        stage_version=STAGE_VERSION,
        settings={name: value for name, value in settings.items() if name not in _OCCASION},
        occasion={"files": digest_of(files), **{name: settings[name] for name in sorted(_OCCASION)}},
        read=partial(_read, source, base, files),
    )


def table_texts(
    files: list[DataFile], source: TableSource, reader: RowReader, rows_of_each: int | None = None
) -> Iterator[Text]:
    """The texts of all files in order, `max_rows` at most; the rest is counted by the reader.

    Args:
        files: The tables.
        source: What their columns mean.
        reader: Makes texts of rows.
        rows_of_each: Rows read of a file, the first ones; None: all.
    """
    num_texts = 0
    for file in files:
        for text in _file_texts(file, source, reader, rows_of_each):
            yield text
            num_texts += 1
            if num_texts == source.max_rows:
                return


def _file_texts(file: DataFile, source: TableSource, reader: RowReader, rows: int | None) -> Iterator[Text]:
    url = reader.base + file.name
    rows_of = reader_of(file.name)
    if rows_of is None:
        reader.left_out.add(Failure(url, "unknown_format", "expected .parquet, .jsonl, .ndjson, .csv or .tsv"))
        return
    number = 0
    try:
        for number, values in islice(rows_of(file.path, source), rows):
            place = f"{url}#{number}"
            if isinstance(values, BadRow):
                reader.totals["num_rows"] += 1
                reader.left_out.add(Failure(place, values.reason, values.detail))
            elif (text := reader.text(values, place)) is not None:
                yield text
    except BrokenFileError as error:
        reader.left_out.add(Failure(url, error.reason, f"after row {number}: {error.detail}"))
    file.check_unchanged()


def _read(source: TableSource, base: str, files: list[DataFile]) -> Reading:
    reader = RowReader(source, base, LeftOut())
    reader.totals["num_files"] = len(files)
    return reader.reading(table_texts(files, source, reader))
