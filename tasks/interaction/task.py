"""Prefect task of interaction."""

from tasks.interaction.report import report_transcript
from tasks.interaction.transcript import plan_transcript
from tasks.storage.task import StageTask

answer_prompts = StageTask(plan_transcript, name="answer prompts", reports=report_transcript)
