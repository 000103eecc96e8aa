"""Texts of which tests make corpora, and what a snapshot of them holds."""

from typing import Any

from pipeline_config.clean import SelectConfig
from tasks.clean.selection import plan_select
from tasks.contracts.artifacts import ArtifactRef
from tasks.storage.corpus import corpus_rows
from tasks.storage.parquet_shards import read_rows
from tasks.storage.stage import settle
from tasks.storage.store import Store

PROSE = (
    "The mill stands by the river, and it has been turning there for two hundred years.\n"
    "Nobody remembers who built its wheel, but everybody knows the miller and his three children.\n"
    "In spring the water is high, so that the stones have to be watched by day and night.\n"
    "When summer comes they bring flour to the market, with a cart that an old horse pulls.\n"
)
OTHER = (
    "The harbour lies an hour to the south, and that is where the ships with grain come in.\n"
    "They have waited since the morning for the tide to turn, with their sails already down.\n"
    "A pilot is to be taken on board of every ship before it may enter the narrow channel.\n"
    "The merchants stand along the quay and count what the storms of this winter have left them.\n"
)
LONG = PROSE + OTHER
CHINESE = (
    "这座磨坊坐落在河边，已经转动了两百年。没有人记得是谁造了水车，但是大家都认识磨坊主和他的三个孩子。"
    "春天水位很高，石磨日夜都要有人看守。夏天来临的时候，一匹老马拉着车，把面粉送到集市上去。"
    "秋天，附近的农民带着新收的粮食来到这里，一边排队一边谈论今年的天气和价钱。"
    "冬天河面结冰，水车停了下来，磨坊主便修理工具，给孩子们讲从前的故事。"
)
FRENCH = "Le moulin se dresse au bord de la rivière, et il tourne depuis deux cents ans sans jamais s'arrêter."


def select(store: Store, *parts: ArtifactRef, **options: Any) -> ArtifactRef:
    config = options.pop("config", SelectConfig())
    return settle(store, plan_select(parts, config, **options)).manifest.ref


def dropped_reasons(store: Store, ref: ArtifactRef) -> dict[str, str]:
    return {row["url"]: row["drop_reason"] for row in read_rows(store.files(ref, "dropped-"))}


def kept_urls(store: Store, ref: ArtifactRef) -> list[str]:
    return sorted(row["url"] for row in corpus_rows(store, ref, ["url"]))


def cluster_members(store: Store, ref: ArtifactRef) -> list[tuple[bytes, bool]]:
    return [(row["doc_id"], row["is_representative"]) for row in read_rows(store.files(ref, "clusters-"))]


def ended_reasons(store: Store, ref: ArtifactRef) -> dict[bytes, str]:
    return {row["doc_id"]: row["reason"] for row in read_rows(store.files(ref, "tombstones-"))}
