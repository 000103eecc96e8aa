"""What people see of a decision."""

from tasks.contracts.reporting import MarkdownReport
from tasks.registry.promote import PromotionResult


def report_promotion(result: PromotionResult) -> MarkdownReport:
    """The decision about one challenger, with its reason."""
    headline = "promoted" if result.is_promoted else "not promoted"
    markdown = (
        f"**{result.model} version {result.version}: {headline}** — {result.reason}\n\n"
        f"Champion now: version {result.champion_version}, `{result.champion}`"
    )
    return MarkdownReport(key=f"promotion-{result.model}", title=f"Promotion of {result.model}", markdown=markdown)
