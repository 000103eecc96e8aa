"""What a run and a dry run ask alike of the store and the registry, and how both take new parts in."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from flows.corpora import added_corpora
from flows.series import corpus_head, head_of, in_order_of_arrival, next_snapshot, parts_at_hand, takedowns_of
from pipeline_config.dialogue import DialogueSource
from pipeline_config.registry import RegistryConfig
from pipeline_config.run import CleanConfig
from tasks.contracts.artifacts import ArtifactRef
from tasks.contracts.errors import BadInputError
from tasks.contracts.records import DROPPED
from tasks.evaluation.frozen import frozen_evaluation
from tasks.registry.registry import champion_of, registry_uri
from tasks.storage.corpus import TRAINING, corpus_ids
from tasks.storage.parquet_shards import read_rows
from tasks.storage.store import Store
from tasks.storage.task import StageTask

ModelName = Literal["base", "dialogue"]

LAST_RUN = "runs/last"
"""Mutable name of the last whole run's mark."""


@dataclass
class Lookups:
    """What a run and a dry run ask alike."""

    root: str
    held: dict[str, ArtifactRef] = field(default_factory=dict)
    """Frozen artifacts that were found, by `<task>/<artifact's name>`."""

    def champion(self, model: ModelName, config: RegistryConfig) -> ArtifactRef | None:
        """See Do."""
        found = champion_of(registry_uri(self.root, config.uri), model)
        return found.ref if found else None

    def learnt(self, base: ArtifactRef) -> ArtifactRef | None:
        """See Do."""
        store = Store(self.root)
        tokens = store.manifest(base).inputs.get("tokens")
        found = store.find(tokens.kind, tokens.name, tokens.key) if tokens is not None else None
        return found.inputs.get("documents") if found is not None else None

    def already_frozen(self, task: StageTask, *args: Any) -> ArtifactRef | None:
        """See Do."""
        call = task.plan(*args)
        held = frozen_evaluation(Store(self.root), call.name, call.preimage["identity"])
        if held is not None:
            self.held[f"{task.name}/{held.name}"] = held
        return held

    def last_snapshot(self) -> ArtifactRef | None:
        """See Do."""
        head = head_of(Store(self.root), corpus_head())
        return head.ref if head is not None else None

    def added_corpora(self, beside: Sequence[DialogueSource]) -> tuple[ArtifactRef, ...]:
        """See Do."""
        added = added_corpora(Store(self.root))
        twice = sorted({source.name for source in beside} & {ref.name for ref in added})
        if twice:
            raise BadInputError(
                f"found {', '.join(twice)} both in the profile's `dialogues` and among the added corpora; rename it in "
                f"the profile, or take the added one out: `chatmill dialogue remove {twice[0]}`"
            )
        return added

    def parts_at_hand(self, task: StageTask, *args: Any) -> tuple[ArtifactRef, ...]:
        """See Do."""
        return parts_at_hand(Store(self.root), task.plan(*args)) or self.next_parts(task, *args)

    def next_parts(self, task: StageTask, *args: Any) -> tuple[ArtifactRef, ...]:
        """See Do."""
        raise NotImplementedError

    def num_contaminated(self, learnt: ArtifactRef, training: ArtifactRef) -> int:
        """See Do."""
        store = Store(self.root)
        found = store.find(training.kind, training.name, training.key)
        if found is None or training.name != TRAINING or not found.drops:
            return 0
        rows = read_rows(store.files(training, f"{DROPPED}-"), ["doc_id", "text_digest"])
        left_out = {(row["doc_id"], row["text_digest"]) for row in rows}
        return len(left_out & corpus_ids(store, learnt))

    def has_training_text(self, tokens: ArtifactRef) -> bool:
        """See Do; what is not made yet counts as text."""
        found = Store(self.root).find(tokens.kind, tokens.name, tokens.key)
        return found is None or any(value for name, value in found.totals.items() if name.endswith("/train/num_tokens"))

    def last_mark(self) -> str | None:
        """The mark of the last whole run; None before the first."""
        held = Store(self.root).read_ref(LAST_RUN)
        return held.value["mark"] if held is not None else None


def take_in(
    do: Callable[..., ArtifactRef],
    store: Store,
    raw: Sequence[Sequence[ArtifactRef]],
    extract: StageTask,
    select: StageTask,
    config: CleanConfig,
) -> ArtifactRef:
    """Extracts the parts that the corpus does not have yet, and takes them in."""
    new, previous = next_snapshot(store, in_order_of_arrival(store, raw), config)
    extracted = tuple(do(extract, part, config.extract, config.launch) for part in new)
    return do(select, extracted, config.select, takedowns_of(store), previous, config.select_launch)
