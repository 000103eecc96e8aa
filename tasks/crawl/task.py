"""Crawling as Prefect tasks."""

from tasks.crawl.report import crawl_reports
from tasks.crawl.text_folder import plan_read_texts
from tasks.crawl.web import plan_crawl_web
from tasks.storage.task import StageTask

crawl_web = StageTask(plan_crawl_web, name="crawl web", reports=crawl_reports, retries=1, tags=["crawl"])
read_texts = StageTask(plan_read_texts, name="read texts", reports=crawl_reports, tags=["crawl"])
