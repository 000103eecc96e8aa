"""The cleaning stages as Prefect tasks."""

from tasks.clean.extract import plan_extract
from tasks.clean.leaks import leak_reports
from tasks.clean.metric_counts import plan_metric_counts
from tasks.clean.report import extract_reports, metric_reports, select_reports
from tasks.clean.selection import plan_select
from tasks.clean.training_text import plan_decontaminate
from tasks.storage.task import StageTask

extract = StageTask(plan_extract, name="extract", reports=extract_reports)
select = StageTask(plan_select, name="select", reports=select_reports)
decontaminate = StageTask(plan_decontaminate, name="decontaminate", reports=leak_reports)
count_metrics = StageTask(plan_metric_counts, name="count metrics", reports=metric_reports)
