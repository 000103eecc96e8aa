"""Prefect tasks of evaluation."""

from tasks.evaluation.compare import plan_compare
from tasks.evaluation.evaluate import plan_evaluate
from tasks.evaluation.evaluation_set import plan_evaluation_set
from tasks.evaluation.report import report_comparison, report_evaluation, report_evaluation_set
from tasks.storage.task import GPU_SLOT, StageTask

make_evaluation_set = StageTask(plan_evaluation_set, name="make evaluation set", reports=report_evaluation_set)
evaluate = StageTask(plan_evaluate, name="evaluate", reports=report_evaluation, slot=GPU_SLOT)
compare = StageTask(plan_compare, name="compare", reports=report_comparison)
