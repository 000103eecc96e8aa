"""A conversation with a model: what was said so far, and replies that stream."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline_config.interaction import InteractionConfig, SamplingConfig
from tasks.contracts.dialogue import Message
from tasks.model.chat_template import encode_prompt
from tasks.model.checkpoint import load_model
from tasks.model.generation import room_for_prompt, seeded_generator, stream_reply
from tasks.model.tokenizer import END_OF_TEXT, encode_texts, load_tokenizer, token_id

if TYPE_CHECKING:
    from transformers import GPT2LMHeadModel, PreTrainedTokenizerFast


logger = logging.getLogger(__name__)

_TOKENS_AROUND_A_TEXT = 3
"""The user's, the end of the turn, the assistant's."""


class ChatSession:
    """Holds the history of one conversation; equal settings and equal texts give equal replies."""

    def __init__(
        self, model: GPT2LMHeadModel, tokenizer: PreTrainedTokenizerFast, config: InteractionConfig, label: str = ""
    ) -> None:
        """Begins an empty conversation.

        Args:
            model: In eval mode.
            tokenizer: The model's.
            config: Sampling, and how much of the history the model is shown.
            label: Seeds the replies beside the config's seed: sessions with other labels draw other replies.
        """
        self._model = model
        self._tokenizer = tokenizer
        self._config = config
        self._label = label
        self.history: list[Message] = []

    def reply(self, text: str) -> Generator[str, None, None]:
        """The reply to `text`, piece by piece as it is generated.

        The history gains both turns when the reply ends. A reply that is given up half way stays as far as it came; one
        that has not begun leaves the history as it was.
        """
        asked = [*self.history, Message(role="user", content=text)]
        room = min(self._config.history_tokens, room_for_prompt(self._model, self._config))
        prompt_ids = encode_prompt(self._tokenizer, asked, room)
        num_tokens = len(encode_texts(self._tokenizer, [text])[0]) + _TOKENS_AROUND_A_TEXT
        if num_tokens > room:
            logger.warning("a message of %d tokens: the model reads its last %d", num_tokens, room)
        generator = seeded_generator(self._config.seed, self._label, len(asked))
        pieces: list[str] = []
        try:
            for piece in stream_reply(self._model, self._tokenizer, prompt_ids, self._config, generator):
                pieces.append(piece)
                yield piece
        finally:
            if pieces:
                self.history = [*asked, Message(role="assistant", content="".join(pieces))]

    def reset(self) -> None:
        """Forgets the conversation."""
        self.history = []

    def open_with(self, messages: tuple[Message, ...]) -> None:
        """Takes `messages` as what was said so far."""
        self.history = list(messages)


def open_session(folder: Path, config: InteractionConfig, device: str = "cpu") -> ChatSession:
    """A session with the model in a checkpoint's folder.

    Raises:
        BadInputError: The folder holds no model or no tokenizer.
    """
    return ChatSession(load_model(folder, device), load_tokenizer(folder), config)


def continue_text(
    model: GPT2LMHeadModel, tokenizer: PreTrainedTokenizerFast, text: str, config: SamplingConfig
) -> Iterator[str]:
    """How the model goes on with a text, piece by piece; of a long text it sees the end that leaves room.

    Args:
        model: A base model, in eval mode.
        tokenizer: The model's.
        text: May be empty: then the model begins a document of its own.
        config: Sampling.
    """
    room = room_for_prompt(model, config) - 1
    ids = encode_texts(tokenizer, [text])[0][-room:]
    prompt_ids = [token_id(tokenizer, END_OF_TEXT), *ids]
    yield from stream_reply(model, tokenizer, prompt_ids, config, seeded_generator(config.seed))
