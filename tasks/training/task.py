"""The training stages as Prefect tasks."""

from tasks.storage.task import GPU_SLOT, StageTask
from tasks.training.finetune import plan_finetune
from tasks.training.pretrain import plan_pretrain
from tasks.training.report import training_reports

pretrain = StageTask(plan_pretrain, name="pretrain", reports=training_reports, slot=GPU_SLOT, tags=["training"])
finetune = StageTask(plan_finetune, name="finetune", reports=training_reports, slot=GPU_SLOT, tags=["training"])
