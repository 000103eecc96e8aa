"""How a corpus is spread: lengths, certainty of the language, dates, and each metric that a rule asks for."""

from collections import Counter
from collections.abc import Sequence

from markupsafe import Markup

from tasks.contracts.quality import SIDES, MetricCounts, QualityReport
from tasks.reporting.charts import histogram
from tasks.reporting.data_facts import FATES, HOLLOW, Figure, Table, fates
from tasks.reporting.scales import compact, number, percent
from tasks.storage.corpus_counts import NUM_SCORE_BINS, WORD_BIN_STARTS, CorpusCounts

PASSED_OR_NOT = ("passes all rules", "dropped by a rule")
_MOST_RULES = 12
_MOST_LANGUAGES = 4
_MOST_PERIODS = 36
_PERIODS = (1, 12, 60, 120, 600, 1200)
"""Months in a column of the chart of publication."""


def metric_figures(report: QualityReport) -> list[Figure]:
    """A histogram of the metric of each rule that decides most, its limit marked."""
    return [
        Figure(
            f"{_named(rule)}: {number(rule.num_failed)} of {number(rule.num_asked)} fail "
            f"({percent(rule.num_failed, rule.num_asked)})".replace(" %", "\u00a0%"),
            _metric_chart(rule),
        )
        for rule in report.rules[:_MOST_RULES]
        if rule.num_decided
    ]


def rules_table(report: QualityReport) -> Table:
    """What each rule that fails any document asks for, and how many it drops."""
    rows = [
        (
            rule.reason,
            ", ".join(rule.languages),
            f"{SIDES[rule.drops_if]} {number(rule.limit)}",
            rule.num_asked,
            rule.num_failed,
            percent(rule.num_failed, rule.num_asked),
            rule.num_decided,
            rule.meaning,
        )
        for rule in report.rules
        if rule.num_failed
    ]
    columns = ("rule", "languages", "drops", "asked", "fail", "share", "dropped for it", "what is measured")
    kinds = ", ".join(report.kinds)
    return Table(f"The quality rules, asked of documents of kind {kinds}", columns, rows)


def _metric_chart(rule: MetricCounts) -> Markup:
    labels = [compact(edge) for edge in rule.edges]
    mark = (rule.cut_place, f"drops {SIDES[rule.drops_if]} {number(rule.limit)}")
    return histogram(labels, [rule.passed, rule.failed], PASSED_OR_NOT, rule.meaning, mark, PASSED_OR_NOT[1])


def _named(rule: MetricCounts) -> str:
    return f"{rule.reason.replace('_', ' ')}, {', '.join(rule.languages)}"


def histograms(counts: CorpusCounts, min_language_score: float | None) -> list[Figure]:
    """Words a document (of all and of the most frequent languages), language scores, months of publication.

    Args:
        counts: Of the corpus.
        min_language_score: The limit to be marked; None: there is none.
    """
    kept, _ = fates(counts.documents, "lang")
    frequent = [lang for lang, _ in kept.most_common(_MOST_LANGUAGES)]
    figures = [_length_figure(counts, "all languages", None)]
    if len(frequent) > 1:
        figures += [_length_figure(counts, lang, lang) for lang in frequent]
    least = min_language_score
    mark = (least * NUM_SCORE_BINS, f"drops under {least:g}") if least is not None else None
    labels = [f"{place / NUM_SCORE_BINS:g}" for place in range(NUM_SCORE_BINS)]
    stacks = [[counts.scores[fate, place] for place in range(NUM_SCORE_BINS)] for fate in FATES]
    figures.append(Figure("Certainty of the language", _by_fate(labels, stacks, "probability of the language", mark)))
    if len({month for _, month in counts.months}) > 1:
        figures.append(_publication_figure(counts))
    return figures


def _publication_figure(counts: CorpusCounts) -> Figure:
    """Documents by time of publication, in equal periods without a gap: months where they are few, else years."""
    dated = {fate: Counter[int]() for fate in FATES}
    for (fate, month), count in counts.months.items():
        year, _, of_year = month.partition("-")
        dated[fate][int(year) * 12 + int(of_year) - 1] += count
    places = [place for stack in dated.values() for place in stack]
    first, last = min(places), max(places)
    months = next((size for size in _PERIODS if last // size - first // size < _MOST_PERIODS), _PERIODS[-1])
    periods = range(first // months, last // months + 1)
    starts = [divmod(period * months, 12) for period in periods]
    labels = [f"{year:04}" if months > 1 else f"{year:04}-{of_year + 1:02}" for year, of_year in starts]
    stacks = [[sum(stack[p * months + i] for i in range(months)) for p in periods] for stack in dated.values()]
    name, axis = {1: ("Month", "month"), 12: ("Year", "year")}.get(months, ("Years", f"{months // 12} years, from"))
    return Figure(f"{name} of publication, where known", _by_fate(labels, stacks, axis))


def _length_figure(counts: CorpusCounts, name: str, lang: str | None) -> Figure:
    found: Counter[tuple[str, int]] = Counter()
    for (of, fate, place), count in counts.lengths.items():
        if lang in (None, of):
            found[fate, place] += count
    places = range(min(p for _, p in found), max(p for _, p in found) + 1)
    labels = [compact(WORD_BIN_STARTS[place]) for place in places]
    stacks = [[found[fate, place] for place in places] for fate in FATES]
    chart = _by_fate(labels, stacks, "words a document, from")
    return Figure(f"Length of documents, {name}", chart)


def _by_fate(
    labels: Sequence[str], stacks: Sequence[Sequence[float]], axis: str, mark: tuple[float, str] | None = None
) -> Markup:
    return histogram(labels, stacks, FATES, axis, mark, HOLLOW)
