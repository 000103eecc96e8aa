"""The tokenization stages as Prefect tasks."""

from tasks.storage.task import StageTask
from tasks.tokenization.encode import plan_encode_documents
from tasks.tokenization.report import report_documents, report_tokenizer
from tasks.tokenization.train import plan_train_tokenizer

train_tokenizer = StageTask(plan_train_tokenizer, name="train tokenizer", reports=report_tokenizer)
encode_documents = StageTask(plan_encode_documents, name="encode documents", reports=report_documents)
