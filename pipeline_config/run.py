"""One run's whole configuration; a profile holds only what differs from these defaults."""

from collections import Counter
from typing import Literal, Self

from pydantic import Field, model_validator

from pipeline_config.base import IdentityConfig
from pipeline_config.clean import ExtractConfig, ExtractLaunch, SelectConfig, SelectLaunch
from pipeline_config.crawl import CrawlLaunch, FetchConfig, Source
from pipeline_config.decontaminate import DecontaminateConfig
from pipeline_config.dialogue import DialogueSource, DialogueTokensConfig
from pipeline_config.evaluation import CompareConfig, EvaluateConfig, EvaluateLaunch, EvaluationSetConfig
from pipeline_config.interaction import InteractionConfig
from pipeline_config.registry import PromotionConfig, RegistryConfig
from pipeline_config.split import SplitConfig
from pipeline_config.tokenization import TokenizerConfig, TokensConfig
from pipeline_config.training import FinetuneConfig, LaunchConfig, PretrainConfig


class CrawlConfig(IdentityConfig):
    """Where text comes from."""

    snapshot_id: str = Field(default="1", min_length=1)
    """Names one state of the web: another one asks all pages again. `chatmill nightly` sets today's date."""
    sources: tuple[Source, ...] = ()
    """Web sites, feeds and folders of texts."""
    sources_file: str | None = None
    """A YAML file with more of them under `sources:`; relative to the profile."""
    fetch: FetchConfig = FetchConfig()
    """Manners and limits of the crawler."""
    launch: CrawlLaunch = CrawlLaunch()
    """Speed and place of the crawler."""

    @model_validator(mode="after")
    def _names_are_different(self) -> Self:
        twice = [name for name, count in Counter(source.name for source in self.sources).items() if count > 1]
        if twice:
            raise ValueError(f"found more than one source named {', '.join(map(repr, twice))}; rename all but one")
        return self


class CleanConfig(IdentityConfig):
    """What becomes of raw records."""

    extract: ExtractConfig = ExtractConfig()
    """From bytes to text and its metrics."""
    select: SelectConfig = SelectConfig()
    """Which documents are kept."""
    decontaminate: DecontaminateConfig | None = DecontaminateConfig()
    """Which of these no model is trained on, because they hold what models are measured on. None: nothing is looked
    for."""
    launch: ExtractLaunch = ExtractLaunch()
    """Speed of extraction."""
    select_launch: SelectLaunch = SelectLaunch()
    """Memory of selection."""

    @model_validator(mode="after")
    def _drops_what_was_read_carelessly(self) -> Self:
        floor = self.extract.fallback_min_words
        if (lowest := self.select.fewest_words_of_a_page()) < floor:
            raise ValueError(
                f"found select.gopher_quality.min_words={lowest:g} for some pages below extract.fallback_min_words="
                f"{floor}: web pages under {floor} words were read the quick way only, since they would never be kept; "
                f"raise the limit to {floor}, or lower extract.fallback_min_words to {lowest:g}, which extracts anew"
            )
        return self


class EvaluationConfig(IdentityConfig):
    """How models are measured and compared."""

    texts: EvaluationSetConfig = EvaluationSetConfig()
    """The frozen evaluation artifact."""
    measure: EvaluateConfig = EvaluateConfig()
    """How a checkpoint is measured on it."""
    base_contest: CompareConfig = CompareConfig(metric="bits_per_byte")
    """How base models are compared."""
    dialogue_contest: CompareConfig = CompareConfig(metric="reply_bits_per_byte")
    """How dialogue models are compared."""
    promotion: PromotionConfig = PromotionConfig()
    """What else a challenger needs to become champion."""
    launch: EvaluateLaunch = EvaluateLaunch()
    """Speed and place of measuring."""


class InteractConfig(IdentityConfig):
    """Talking to the champion."""

    prompts: tuple[str, ...] = ()
    """What the interaction flow asks; a prompts file adds to it."""
    prompts_file: str | None = None
    """A text file with one prompt a line, or JSON Lines."""
    reply: InteractionConfig = InteractionConfig()
    """How replies are drawn."""


class RunConfig(IdentityConfig):
    """Everything that can be set, a section a stage."""

    crawl: CrawlConfig = CrawlConfig()
    """Where text comes from."""
    clean: CleanConfig = CleanConfig()
    """What becomes of raw records."""
    dialogues: tuple[DialogueSource, ...] = ()
    """Corpora of conversations."""
    split: SplitConfig = SplitConfig()
    """What training never reads."""
    tokenizer: TokenizerConfig = TokenizerConfig()
    """From text to ids."""
    tokens: TokensConfig = TokensConfig()
    """Documents as ids."""
    dialogue_tokens: DialogueTokensConfig = DialogueTokensConfig()
    """Conversations as ids and loss weights."""
    start_from: Literal["scratch", "champion"] = "champion"
    """`champion` goes on from the base champion with its tokenizer, where there is one; `scratch` begins anew."""
    pretrain: PretrainConfig = PretrainConfig()
    """Training of the base model."""
    finetune: FinetuneConfig = FinetuneConfig()
    """Training on dialogue."""
    launch: LaunchConfig = LaunchConfig()
    """Processes, devices and checkpoints of both trainings."""
    evaluation: EvaluationConfig = EvaluationConfig()
    """How models are measured and compared."""
    registry: RegistryConfig = RegistryConfig()
    """Where models are registered."""
    interact: InteractConfig = InteractConfig()
    """Talking to the champion."""
