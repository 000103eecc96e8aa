"""What a folder of texts holds, and what is wrong with it."""

from collections import Counter

from pipeline_config.crawl import TextFolderSource
from tasks.contracts.errors import PipelineError
from tasks.crawl.data.folder_files import FolderFile, list_files
from tasks.crawl.data.layouts import LayoutError, pieces_of
from tasks.crawl.data.texts import EPUB_TYPE, PDF_TYPE, encoding_of, kind_of
from tasks.crawl.findings import NUM_SHOWN, Finding, SourceCheck, first_ones, numbered, set_aside, sized

NUM_READ = 5_000
"""Files of a folder that are opened, the first ones; the others are only counted."""
_SAID = {EPUB_TYPE: "EPUB", PDF_TYPE: "PDF"}


def check_texts(source: TextFolderSource) -> SourceCheck:
    """How many files in which encoding, and how many texts they hold."""
    try:
        files, left_out = list_files(source)
    except PipelineError as error:
        return SourceCheck(source, (), (Finding(True, str(error)),))
    findings = set_aside(left_out)
    encodings, num_texts = _read(source, files[:NUM_READ], findings)
    size_bytes = sum(file.path.stat().st_size for file in files)
    chosen = f"named by {source.catalogue}" if source.catalogue else f"that match {source.glob}"
    first = f" (of the first {NUM_READ:,})" if len(files) > NUM_READ else ""
    facts = [
        ("files", f"{len(files):,} {chosen}, {sized(size_bytes)}"),
        ("", "\n".join(file.name for file in files[:NUM_SHOWN])),
        ("encodings", ", ".join(f"{name} {count:,}" for name, count in encodings.most_common()) + first),
    ]
    if source.layout != "files":
        facts.append(("layout", f"{source.layout}: {num_texts:,} texts{first}"))
    return SourceCheck(source, tuple(facts), tuple(findings))


def _read(source: TextFolderSource, files: list[FolderFile], findings: list[Finding]) -> tuple[Counter[str], int]:
    """How many files are in which encoding, and how many texts they hold; files of neither are findings."""
    encodings: Counter[str] = Counter()
    unreadable, misshapen = [], []
    num_texts = 0
    for file in files:
        body = file.path.read_bytes()
        kind = kind_of(file.name, body)
        encoding = encoding_of(body, source.encodings) if kind is None else _SAID.get(kind, "HTML")
        if encoding is None:
            unreadable.append(file.name)
            continue
        encodings[encoding] += 1
        if source.layout != "files":
            try:
                num_texts += sum(1 for _ in pieces_of(body.decode(encoding), source.layout))
            except LayoutError as error:
                misshapen.append(f"{file.name}: {error}")
    for names, what in (
        (unreadable, f"in none of the encodings {', '.join(source.encodings)}"),
        (misshapen, f"not laid out as {source.layout}"),
    ):
        if names:
            text = f"{numbered(len(names), 'file', 'files')} {what}: {first_ones(names)}"
            findings.append(Finding(len(names) == len(files), text))
    return encodings, num_texts
