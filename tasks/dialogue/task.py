"""The dialogue stages as Prefect tasks."""

from tasks.dialogue.encode import plan_encode_dialogues
from tasks.dialogue.import_corpus import plan_import_dialogue
from tasks.dialogue.report import report_corpus, report_tokens
from tasks.storage.task import StageTask

import_dialogue = StageTask(plan_import_dialogue, name="import dialogue", reports=report_corpus)
encode_dialogues = StageTask(plan_encode_dialogues, name="encode dialogues", reports=report_tokens)
