import pytest
from pydantic import ValidationError

from tasks.clean.rules import COMPARISONS
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.quality import SIDES, MetricCounts, QualityReport

RULE = MetricCounts(
    reason="gopher_hashes", metric="gopher_hash_ratio", meaning="Hash signs a word", languages=("en",), drops_if=">",
    limit=0.1, cut_place=2.5, num_asked=3, num_failed=1, num_decided=1, edges=(0.0, 0.07, 0.14), passed=(2, 0, 0),
    failed=(0, 0, 1),
)  # fmt: skip
REPORT = QualityReport(
    documents=ArtifactRef(kind="documents", name="corpus", key="0" * 32, content_digest="1" * 64),
    kinds=("web",),
    rules=(RULE,),
    num_unmeasured=0,
)


def test_a_report_is_the_same_after_it_was_written_and_read() -> None:
    assert QualityReport.model_validate_json(REPORT.model_dump_json()) == REPORT


def test_a_report_of_another_version_is_refused_not_misread() -> None:
    with pytest.raises(ValidationError, match=r"num_shown\s+Extra inputs are not permitted"):
        MetricCounts.model_validate(RULE.model_dump() | {"num_shown": 3})
    with pytest.raises(ValidationError, match="cut_place"):
        MetricCounts.model_validate({name: value for name, value in RULE.model_dump().items() if name != "cut_place"})


def test_every_comparison_of_the_rules_has_words() -> None:
    assert SIDES.keys() == COMPARISONS.keys()
    drops_at_limit = {sign: compare(5, 5) for sign, compare in COMPARISONS.items()}
    assert {SIDES[sign] for sign, is_so in drops_at_limit.items() if is_so} == {"up to", "from"}
    assert {SIDES[sign] for sign, compare in COMPARISONS.items() if compare(4, 5)} == {"under", "up to"}
