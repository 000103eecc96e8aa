"""A run's artifacts → one HTML page that asks nobody for anything: style and charts are in it, and it has no script.

All that comes from outside (texts, titles, addresses, prompts, replies) is escaped by the template; the page's own
content policy forbids scripts and requests as well, should anything ever slip through.
"""

import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tasks.contracts.artifacts import ArtifactRef, Manifest
from tasks.contracts.quality import QualityReport
from tasks.contracts.reporting import Progress
from tasks.reporting import data_facts, histograms, model_facts, near_duplicates, text_samples
from tasks.reporting.artifacts import RunArtifacts, gathered
from tasks.reporting.charts import legend
from tasks.reporting.data_facts import Table
from tasks.reporting.history import history
from tasks.reporting.leaks import leaked_items, num_left_out
from tasks.reporting.scales import counted, number
from tasks.storage.corpus_counts import count_corpus
from tasks.storage.fingerprint import sha256_hex
from tasks.storage.stage import StageCall
from tasks.storage.store import Attempt, Built, Store

STAGE_VERSION = 5
PAGES_KIND = "reports"
PAGE = "page"
PAGE_FILE = "index.html"
TEMPLATES = Path(__file__).parent / "templates"

Decision = Mapping[str, Any]
"""A PromotionResult as plain values."""

_SHOWN_DIGITS = 12
_LONG_CHARS = 40
_SHORT_CHARS = 16
_MOST_OPEN = 6
"""Reasons of drops whose samples stand open; those of rarer ones are folded away."""
_SHARE = re.compile(r"<?[\d.,]+ %")


def plan_run_page(
    run: str,
    refs: Mapping[str, ArtifactRef],
    decisions: tuple[Decision, ...] = (),
    silent: Mapping[str, str] | None = None,
) -> StageCall:
    """The work of writing a run's page, `index.html`.

    The artifacts' keys are in its identity, because the page names them: a run whose artifacts are all old has its page
    already. Of a decision only the versions are: asked again, the registry answers that they lead already.

    Args:
        run: Name of the flow.
        refs: What the run made or found, by step (`crawl web/web`), in order.
        decisions: What became of the challengers.
        silent: Sources that gave nothing, by name, with what they answered.
    """
    return StageCall(
        kind=PAGES_KIND,
        name=PAGE,
        stage="run page",
        stage_version=STAGE_VERSION,
        identity={
            "run": run,
            "artifacts": {name: ref.key for name, ref in refs.items()},
            "decisions": [
                {name: decision[name] for name in ("model", "version", "champion_version")} for decision in decisions
            ],
            "silent": dict(silent or {}),
        },
        inputs=dict(refs),
        environment={"templates": {path.name: sha256_hex(path.read_bytes()) for path in sorted(TEMPLATES.iterdir())}},
        build=partial(_build, run=run, refs=dict(refs), decisions=decisions, silent=dict(silent or {})),
    )


def _build(
    attempt: Attempt,
    *,
    run: str,
    refs: Mapping[str, ArtifactRef],
    decisions: tuple[Decision, ...],
    silent: Mapping[str, str],
) -> Built:
    attempt.report(Progress(done=0, total=1, unit="pages"))
    html = render(attempt.store, run, refs, decisions, silent)
    (attempt.folder / PAGE_FILE).write_text(html, encoding="utf-8")
    return Built(totals={"num_bytes": len(html.encode()), "num_artifacts": len(refs)})


def render(
    store: Store,
    run: str,
    refs: Mapping[str, ArtifactRef],
    decisions: Sequence[Decision],
    silent: Mapping[str, str],
) -> str:
    """The page as HTML.

    Args:
        store: Holds the artifacts.
        run: Name of the flow.
        refs: As for `plan_run_page`.
        decisions: Likewise.
        silent: Likewise.
    """
    import jinja2

    found = gathered(store, refs)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "cell": _cell,
        "shown": text_samples.shown,
        "harmless": text_samples.harmless,
        "number": number,
        "counted": counted,
        "words": _words,
        "legend": legend,
    }
    environment.tests |= {"numeric": _is_numeric, "long": _is_long, "short": _is_short}
    return environment.get_template("page.html.j2").render(
        style=(TEMPLATES / "page.css").read_text(encoding="utf-8"),
        head=_head(run, found),
        decisions=decisions,
        silent=silent,
        data=_data(store, found),
        tokens=_tokens(found),
        training=_training(store, found),
        evaluation=_evaluation(found, decisions),
        conversations=model_facts.conversations(store, found),
        lineage=_lineage(found),
    )


def _head(run: str, found: RunArtifacts) -> dict[str, Any]:
    made = max((manifest.created_at for manifest in found.every), default=None)
    return {
        "run": run,
        "snapshot_id": data_facts.snapshot_id(found),
        "made": f"{made:%Y-%m-%d %H:%M} UTC" if made else "",
        "code": ", ".join(sorted({manifest.code_version for manifest in found.every})),
        "documents": found.documents,
        "num_contaminated": num_left_out(found.training),
    }


def _data(store: Store, found: RunArtifacts) -> dict[str, Any] | None:
    if not (found.raw or found.documents or found.dialogues):
        return None
    data: dict[str, Any] = {
        "this_time": data_facts.this_time(found) if found.raw else None,
        "funnel": data_facts.funnel(found),
        "troubles": data_facts.troubles(store, found),
        "leaks": leaked_items(store, found.training),
        "dialogues": data_facts.dialogue_corpora(found) if found.dialogues else None,
        "corpus": None,
    }
    if found.documents is not None:
        data["corpus"] = _corpus(store, found, found.documents)
    return data


def _corpus(store: Store, found: RunArtifacts, documents: Manifest) -> dict[str, Any]:
    ref = documents.ref
    counts = count_corpus(store, ref)
    drops = data_facts.drops_by_reason(counts)
    dropped = text_samples.dropped_samples(store, ref)
    return {
        "changes": data_facts.changes(store, documents),
        "tables": [function(counts) for function in (data_facts.by_source, data_facts.languages, data_facts.licences)],
        "redactions": data_facts.redactions(store, documents),
        "has_ideographs": data_facts.has_ideographs(found, counts),
        "fates": data_facts.fates_by_source(counts),
        "fates_legend": legend(data_facts.FATES, data_facts.HOLLOW),
        "drops": drops[0] if drops else None,
        "drops_legend": legend(drops[1]) if drops else None,
        "histograms": histograms.histograms(counts, documents.preimage["identity"]["select"].get("min_language_score")),
        "history": history(store, ref),
        "quality": _quality(found.quality),
        "clusters": near_duplicates.clusters(store, ref),
        "kept": text_samples.kept_samples(store, ref),
        "dropped": dropped[:_MOST_OPEN],
        "rarely_dropped": dropped[_MOST_OPEN:],
    }


def _quality(report: QualityReport | None) -> dict[str, Any] | None:
    if report is None or not (report.num_unmeasured or any(rule.num_asked for rule in report.rules)):
        return None
    return {
        "figures": histograms.metric_figures(report),
        "legend": legend(histograms.PASSED_OR_NOT, histograms.PASSED_OR_NOT[1]),
        "table": histograms.rules_table(report) if any(rule.num_failed for rule in report.rules) else None,
        "num_unmeasured": report.num_unmeasured,
    }


def _tokens(found: RunArtifacts) -> dict[str, Any] | None:
    if not found.tokens:
        return None
    return {
        "tables": [model_facts.tokens_by_source(manifest) for manifest in found.tokens],
        "figures": model_facts.tokens_figures(found.tokens),
        "tokenizers": found.tokenizers,
    }


def _training(store: Store, found: RunArtifacts) -> dict[str, Any] | None:
    if not found.trained:
        return None
    return {
        "figures": [(m.name, model_facts.training_figures(store, m)) for m in found.trained],
        "totals": model_facts.training_totals(found),
    }


def _evaluation(found: RunArtifacts, decisions: Sequence[Decision]) -> dict[str, Any] | None:
    if not found.evaluations:
        return None
    names = model_facts.model_names(found, decisions)
    return {
        "figures": model_facts.evaluation_figures(found, names),
        "table": model_facts.evaluation_table(found, names),
        "difference": model_facts.comparison_figure(found),
        "comparisons": model_facts.comparison_table(found) if found.comparisons else None,
    }


def _lineage(found: RunArtifacts) -> Table:
    rows = [
        (
            str(manifest.preimage["stage"]),
            str(manifest.ref),
            manifest.content_digest[:_SHOWN_DIGITS],
            f"{manifest.created_at:%Y-%m-%d\u00a0%H:%M}",
            _inputs(manifest),
        )
        for manifest in found.every
    ]
    return Table("Every artifact of the run", ("stage", "artifact", "content", "made (UTC)", "made from"), rows)


def _inputs(manifest: Manifest) -> str:
    return ", ".join(dict.fromkeys(map(str, manifest.inputs.values()))) or "sources outside the store"


def _cell(value: object) -> str:
    """How a table shows a value."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return number(value) if isinstance(value, float) else text_samples.harmless(str(value))


def _is_numeric(value: object) -> bool:
    """Whether a cell stands right, so that units lie under each other; a share does too."""
    return isinstance(value, int | float) or (isinstance(value, str) and _SHARE.fullmatch(value) is not None)


def _is_long(value: object) -> bool:
    """Whether a cell may be broken anywhere."""
    return isinstance(value, str) and len(value) > _LONG_CHARS


def _is_short(value: object) -> bool:
    """Whether a cell stays on one line: a date is not to be broken at its hyphens."""
    return isinstance(value, str) and len(value) <= _SHORT_CHARS


def _words(name: str) -> str:
    """A name as words."""
    return name.replace("_", " ")
