"""Documents and conversations become token shards."""

import logging
from typing import NamedTuple

from prefect import flow

from flows.forms import Profile, Root, Settings, filled_in, run_name
from flows.refresh_flow import corpora_at_hand
from flows.runner import Do, RunSummary, under_prefect
from flows.texts import Texts, make_unmeasured_texts
from pipeline_config.environment import DEFAULT_ROOT
from pipeline_config.run import RunConfig
from tasks.contracts.artifacts import ArtifactRef
from tasks.dialogue.task import encode_dialogues
from tasks.tokenization.task import encode_documents, train_tokenizer

logger = logging.getLogger(__name__)


class Tokens(NamedTuple):
    """Everything as ids, and what turns ids into text."""

    tokenizer: ArtifactRef
    documents: ArtifactRef | None
    """None where the base champion has learnt all that the corpus holds."""
    dialogues: ArtifactRef


def make_tokens(do: Do, config: RunConfig, texts: Texts) -> Tokens:
    """Train a tokenizer, or go on with the base champion's; encode what it has not learnt yet."""
    champion = do.champion("base", config.registry) if config.start_from == "champion" else None
    tokenizer = champion or do(train_tokenizer, texts.training, texts.dialogues, config.tokenizer)
    learnt = do.learnt(champion) if champion is not None else None
    if learnt is not None and (num_leaked := do.num_contaminated(learnt, texts.training)):
        logger.warning(
            "the base champion has learnt %d documents before they were found to hold items of an evaluation "
            "(`chatmill data audit` names them); to forget, train anew: `chatmill promote --set start_from=scratch`",
            num_leaked,
        )
    is_learnt = learnt is not None and learnt.content_digest == texts.training.content_digest
    documents = None
    if not is_learnt:
        documents = do(encode_documents, texts.training, tokenizer, config.split, config.tokens, learnt)
    return Tokens(tokenizer, documents, make_dialogue_tokens(do, config, texts.dialogues, tokenizer))


def make_dialogue_tokens(
    do: Do, config: RunConfig, dialogues: tuple[ArtifactRef, ...], tokenizer: ArtifactRef
) -> ArtifactRef:
    """Encode conversations, and mark the replies in them."""
    return do(encode_dialogues, dialogues, tokenizer, config.split, config.dialogue_tokens)


def steps(do: Do, config: RunConfig) -> Tokens:
    """All steps up to tokens."""
    return make_tokens(do, config, make_unmeasured_texts(do, config, corpora_at_hand(do, config)))


@flow(name="tokens", flow_run_name=lambda: run_name("tokens"))
def tokens(
    profile: Profile = "demo",
    root: Root = DEFAULT_ROOT,
    settings: Settings = [],  # noqa: B006 - a form's default is shown, never changed
) -> RunSummary:
    """Makes tokens/ from documents and dialogues, and those first where they are missing."""
    return under_prefect(steps, filled_in(profile, settings, {}), root)
