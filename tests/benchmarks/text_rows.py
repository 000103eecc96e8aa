"""Rows over texts in memory: both sides have the same ones, on one core, with the word tokenizer or kernels warm."""

from collections.abc import Mapping
from statistics import median
from typing import Any

from tests.benchmarks.children import run_ours, run_peer
from tests.benchmarks.corpus import corpus_file
from tests.benchmarks.settings import Settings, rounded

Row = dict[str, Any]

_PEER = "datatrove_text.py"


def filters(settings: Settings) -> Row:
    """All four rule sets, against datatrove's filters with its own words."""
    return _filters(settings, "filters", peer_words="spacy", word_rule="characters")


def filters_whitespace(settings: Settings) -> Row:
    """All four rule sets, words between white space on both sides."""
    return _filters(settings, "filters_whitespace", peer_words="whitespace", word_rule="whitespace")


def minhash(settings: Settings) -> Row:
    """Signatures, as many hash functions as datatrove has by default."""
    corpus = [str(corpus_file(settings.cache)), "--every", str(settings.every)]
    peer = run_peer(settings.peer_python, _PEER, "minhash", *corpus).said
    num_permutations = peer["num_permutations"]
    ours = run_ours("minhash", *corpus, "--repeat", str(settings.repeat), "--num-permutations", str(num_permutations))
    return {**_throughput("minhash", ours.said, peer), "num_permutations": num_permutations}


def _filters(settings: Settings, name: str, peer_words: str, word_rule: str) -> Row:
    """`ratio` is to the filters one after another, each asked of what is left; `ratio_each_rule` to all of all."""
    corpus = [str(corpus_file(settings.cache)), "--every", str(settings.every)]
    ours = run_ours("filters", *corpus, "--word-rule", word_rule, "--repeat", str(settings.repeat)).said
    peer, each = (
        run_peer(settings.peer_python, _PEER, "filters", *corpus, "--words", peer_words, *flags).said
        for flags in ((), ("--each",))
    )
    return {
        **_throughput(name, ours, peer),
        "ratio_each_rule": rounded(each["seconds"] / median(ours["seconds"])),
        "word_rule": word_rule,
        "num_kept": ours["num_kept"],
        "peer_num_kept": peer["num_kept"],
    }


def _throughput(name: str, ours: Mapping[str, Any], peer: Mapping[str, Any]) -> Row:
    assert ours["num_bytes"] == peer["num_bytes"], "both must have had the same texts"
    ours_s, megabytes = median(ours["seconds"]), ours["num_bytes"] / 1e6
    return {
        "name": name,
        "ours": rounded(megabytes / ours_s),
        "peer": rounded(megabytes / peer["seconds"]),
        "ratio": rounded(peer["seconds"] / ours_s),
        "unit": "MB/s",
        "num_docs": ours["num_docs"],
        "num_bytes": ours["num_bytes"],
        "ours_s": [rounded(seconds) for seconds in ours["seconds"]],
        "peer_s": rounded(peer["seconds"]),
        "peer_versions": peer["versions"],
    }
