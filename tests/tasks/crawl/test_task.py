from typing import get_args

from pipeline_config.crawl import Source
from tasks.crawl.task import READERS


def test_every_form_but_those_asked_over_http_has_a_reader() -> None:
    union, _ = get_args(Source)
    forms = {model.model_fields["form"].default for model in get_args(union)}
    assert set(READERS) == forms - {"web", "feed"}
