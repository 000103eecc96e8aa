"""Do chatmill's columns lead to datatrove's decisions? `python -m tests.benchmarks.agreement CORPUS --peer-python PY`.

Both decide on each document of a JSON Lines file, for each rule set by itself: datatrove 0.10 with its defaults in its
own environment, chatmill with `metric_definitions: datatrove`. Once the words are those between white space for both,
which must agree; once datatrove has its own, spaCy's, and chatmill the nearest it has, `unicode`, which shows what the
word definition alone changes, of English documents (`--own-words`). Standard error names the documents that differ;
standard output has one JSON object, whose `ours` is the share of decisions that are the same, in percent.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline_config.clean import ExtractConfig
from tasks.clean.engine.measure import measure_texts
from tests.benchmarks.corpus import read_documents
from tests.benchmarks.datatrove_rules import RULES, reasons_of

_PEER_SCRIPT = Path(__file__).parent / "peers" / "datatrove_filters.py"
_WORD_RULES = {"whitespace": "whitespace", "spacy": "unicode"}
_NAMED = 10

Decisions = dict[str, list[str | None]]
"""By rule set the reason to drop each document, None where it is kept."""


def ours(texts: list[str], words: str) -> Decisions:
    """chatmill's decisions."""
    config = ExtractConfig(word_rule=_WORD_RULES[words], metric_definitions="datatrove")
    columns = measure_texts(pa.array(texts, pa.large_string()), config)
    return {name: reasons_of(columns, name) for name in RULES}


def theirs(python: Path, corpus: Path, every: int, words: str) -> Decisions:
    """datatrove's decisions on the same documents."""
    command = [python, _PEER_SCRIPT, corpus, "--every", str(every), "--words", words]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return {name: [row[name] for row in rows] for name in RULES}


def compare(ids: list[str], mine: Decisions, peer: Decisions, words: str) -> dict[str, Any]:
    """Shares of equal decisions and equal reasons, in percent, by rule set; differing documents to standard error."""
    shares: dict[str, Any] = {}
    for name in RULES:
        pairs = list(zip(ids, mine[name], peer[name], strict=True))
        same = sum((one is None) == (other is None) for _, one, other in pairs)
        same_reason = sum(one == other for _, one, other in pairs)
        shares[name] = round(100 * same / len(pairs), 3)
        shares[f"{name}.reasons"] = round(100 * same_reason / len(pairs), 3)
        differ = [(doc, one, other) for doc, one, other in pairs if one != other]
        print(f"{words} words, {name}: {len(pairs) - same} decisions, {len(differ)} reasons differ", file=sys.stderr)
        for doc, one, other in differ[:_NAMED]:
            print(f"  {doc}: chatmill {one or 'keeps'}, datatrove {other or 'keeps'}", file=sys.stderr)
    return shares


def _of(decisions: Decisions, chosen: list[int]) -> Decisions:
    return {name: [reasons[number] for number in chosen] for name, reasons in decisions.items()}


def main() -> None:
    """Prints the row `filters_agreement`."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.agreement", description=__doc__.partition("?")[0])
    parser.add_argument("corpus", type=Path, help='JSON Lines with "id" and "text"')
    parser.add_argument("--peer-python", type=Path, required=True, help="a Python that has datatrove")
    parser.add_argument("--every", type=int, default=1, help="only each so many-th document")
    parser.add_argument("--own-words", action="store_true", help="compare with datatrove's own words as well")
    args = parser.parse_args()
    rows = read_documents(args.corpus, args.every)
    ids, texts = [str(row["id"]) for row in rows], [row["text"] for row in rows]
    found: dict[str, dict[str, Any]] = {}
    for words in ("whitespace", "spacy") if args.own_words else ("whitespace",):
        chosen = [n for n, row in enumerate(rows) if words == "whitespace" or row.get("lang", "en") == "en"]
        peer = theirs(args.peer_python, args.corpus, args.every, words)
        found[words] = compare(
            [ids[n] for n in chosen], ours([texts[n] for n in chosen], words), _of(peer, chosen), words
        )
    least = min(found["whitespace"][name] for name in RULES)
    row = {"name": "filters_agreement", "ours": least, "peer": 100.0, "ratio": round(least / 100, 5), "unit": "%"}
    print(json.dumps({**row, "num_docs": len(rows), "least_of": list(RULES), **found}))


if __name__ == "__main__":
    main()
