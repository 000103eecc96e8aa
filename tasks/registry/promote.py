"""Registers a challenger, decides about it, and keeps the reason with the version."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict

from pipeline_config.registry import PromotionConfig
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import ComparisonError
from tasks.contracts.evaluation import COMPARISON_FILE, REPORT_FILE, Comparison, EvalReport
from tasks.registry.decisions import Verdict, record_decision, set_aside_by_hand
from tasks.registry.model_card import plan_model_card
from tasks.registry.promotion import Decision, decide
from tasks.registry.registry import RegisteredVersion, champion_of, register
from tasks.storage.stage import settle
from tasks.storage.store import Store


class PromotionResult(BaseModel):
    """What became of a challenger."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    version: int
    """The challenger's."""
    is_promoted: bool
    champion_version: int
    """The version that leads now."""
    champion: ArtifactRef
    """Its checkpoint."""
    reason: str
    champion_run_id: str | None = None
    """The Prefect flow run that registered the champion; None where none is noted."""
    card: ArtifactRef | None = None
    """The challenger's model card; None where it led already, and was given one when it came to lead."""
    challenger_bits_per_byte: float | None = None
    """By the comparison's metric; None where there was nothing to compare."""
    champion_bits_per_byte: float | None = None


def promote(
    root: str,
    uri: str,
    model: str,
    report: ArtifactRef,
    comparison: ArtifactRef | None,
    config: PromotionConfig,
    lineage: Mapping[str, str],
) -> PromotionResult:
    """Registers the model of `report`, and makes it champion if it is better than the one that leads.

    Args:
        root: The store's.
        uri: The registry's address.
        model: base or dialogue.
        report: The challenger's `reports` artifact.
        comparison: Of the challenger and the present champion; None where there is none, or they are the same.
        config: Guards.
        lineage: What else the version should name; becomes tags.

    Raises:
        ComparisonError: The comparison does not fit the report, or not the champion of this moment.
        RefConflictError: Another version came to lead while this one was decided about.
    """
    store = Store(root)
    figures = EvalReport.model_validate_json(store.files(report, REPORT_FILE)[0].read_text(encoding="utf-8"))
    version = register(uri, model, store, figures.checkpoint, lineage)
    champion = champion_of(uri, model)
    if champion is not None and champion.version == version.version:
        return _result(version, champion, is_promoted=False, reason=f"it leads already, because {champion.reason}")
    found = _comparison(store, comparison, champion)
    card = settle(store, plan_model_card(figures.checkpoint, report, comparison)).manifest.ref
    decision = _left_to_a_person(uri, version) or decide(figures, found, config)
    verdict = Verdict(
        is_promoted=decision.is_promoted,
        reason=decision.reason,
        evaluation=figures.evaluation,
        report=report,
        comparison=comparison,
    )
    decided = record_decision(uri, version, verdict, champion)
    leader = decided if decision.is_promoted or champion is None else champion
    result = _result(decided, leader, is_promoted=decision.is_promoted, reason=decision.reason, comparison=found)
    return result.model_copy(update={"card": card})


def _left_to_a_person(uri: str, version: RegisteredVersion) -> Decision | None:
    """A refusal where a person chose another version while this one was there to choose."""
    chosen = set_aside_by_hand(uri, version)
    if chosen is None:
        return None
    return Decision(
        is_promoted=False,
        reason=f"version {chosen.version} was {chosen.action} on {chosen.decided_at:%Y-%m-%d}, when this one was there "
        "already, and only a person undoes that",
    )


def _comparison(store: Store, comparison: ArtifactRef | None, champion: RegisteredVersion | None) -> Comparison | None:
    if comparison is None and champion is None:
        return None
    found = None
    if comparison is not None:
        text = store.files(comparison, COMPARISON_FILE)[0].read_text(encoding="utf-8")
        found = Comparison.model_validate_json(text)
    compared = found.champion if found else None
    leads = champion.ref if champion else None
    if compared is None or leads is None or compared.content_digest != leads.content_digest:
        raise ComparisonError(
            f"found a comparison with {compared or 'no model'} while {leads or 'no model'} leads the registry, "
            "expected the same one; run the promote flow again: it compares with the present champion"
        )
    return found


def _result(
    version: RegisteredVersion,
    champion: RegisteredVersion,
    *,
    is_promoted: bool,
    reason: str,
    comparison: Comparison | None = None,
) -> PromotionResult:
    return PromotionResult(
        model=version.name,
        version=version.version,
        is_promoted=is_promoted,
        champion_version=champion.version,
        champion=champion.ref,
        champion_run_id=champion.flow_run_id,
        reason=reason,
        challenger_bits_per_byte=comparison.challenger_value if comparison else None,
        champion_bits_per_byte=comparison.champion_value if comparison else None,
    )
