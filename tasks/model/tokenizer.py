"""The tokenizer a checkpoint carries: any Hugging Face fast tokenizer that has the mill's control tokens.

Text of documents and of turns is encoded by `encode_texts`, for which a control token's spelling is plain text: a user
who types `<|assistant|>` forges no turn, a web page that prints `<|endoftext|>` ends no document. Control tokens enter
a row only as ids, by the code that builds it.
"""

import copy
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from tasks.contracts.errors import BadInputError

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

END_OF_TEXT = "<|endoftext|>"
"""Ends a document, and a conversation's row."""
PAD = "<|pad|>"
SYSTEM = "<|system|>"
USER = "<|user|>"
ASSISTANT = "<|assistant|>"
END_OF_TURN = "<|end|>"
"""Ends a turn; generation of a reply stops here."""
SPECIAL_TOKENS = (END_OF_TEXT, PAD, SYSTEM, USER, ASSISTANT, END_OF_TURN)
"""In the order in which a tokenizer of our own numbers them, from 0."""

TOKENIZER_FILE = "tokenizer.json"

# A copy of each tokenizer's backend that takes control tokens in a text as text. A copy, not the switch on the shared
# backend: every call of the transformers wrapper sets that switch anew, so two threads would change each other's ids.
_content_encoders: "WeakKeyDictionary[PreTrainedTokenizerFast, Tokenizer]" = WeakKeyDictionary()


def load_tokenizer(folder: Path | str) -> "PreTrainedTokenizerFast":
    """The tokenizer that a folder holds (of a `tokenizers` or a `checkpoints` artifact).

    Raises:
        BadInputError: The folder holds no tokenizer, or one without the mill's control tokens.
    """
    from transformers import PreTrainedTokenizerFast

    path = Path(folder) / TOKENIZER_FILE
    if not path.is_file():
        raise BadInputError(
            f"{folder} holds no {TOKENIZER_FILE}, expected the folder of a tokenizer or of a checkpoint; "
            "make one with the tokens flow"
        )
    tokenizer = PreTrainedTokenizerFast.from_pretrained(str(folder))
    missing = [token for token in SPECIAL_TOKENS if token not in tokenizer.get_vocab()]
    if missing or tokenizer.eos_token != END_OF_TEXT or tokenizer.pad_token != PAD or not tokenizer.chat_template:
        raise BadInputError(
            f"{path} lacks {', '.join(missing) or 'its chat template, or has other end-of-text and pad tokens'}; "
            f"expected {', '.join(SPECIAL_TOKENS)} and a chat template; "
            "name that folder as the tokens flow's `name_or_path`: it adds them"
        )
    return tokenizer


def wrap_tokenizer(backend: "Tokenizer", chat_template: str) -> "PreTrainedTokenizerFast":
    """`backend` with the mill's control tokens (added at the end where it lacks them) and a chat template.

    End-of-text is the eos token, padding is a token of its own, a turn ends with its own token.
    """
    from tokenizers import AddedToken
    from transformers import PreTrainedTokenizerFast

    backend.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in SPECIAL_TOKENS])
    backend.no_padding()
    backend.no_truncation()
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        eos_token=END_OF_TEXT,
        pad_token=PAD,
        chat_template=chat_template,
        clean_up_tokenization_spaces=False,
    )


def save_tokenizer(tokenizer: "PreTrainedTokenizerFast", folder: Path | str) -> None:
    """Writes tokenizer.json, tokenizer_config.json and chat_template.jinja; the digest stays what it was at loading.

    Padding and truncation that a call left switched on would otherwise be stored in tokenizer.json.
    """
    tokenizer.backend_tokenizer.no_padding()
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.save_pretrained(str(folder))


def tokenizer_digest(folder: Path | str) -> str:
    """sha256 of a folder's tokenizer.json, 64 hexadecimal digits: equal digests give equal ids."""
    return hashlib.sha256((Path(folder) / TOKENIZER_FILE).read_bytes()).hexdigest()


def token_id(tokenizer: "PreTrainedTokenizerFast", token: str) -> int:
    """The id of one of the control tokens."""
    return int(tokenizer.convert_tokens_to_ids(token))


def encode_texts(tokenizer: "PreTrainedTokenizerFast", texts: Sequence[str]) -> list[list[int]]:
    """The ids of each text, without control tokens: their spelling inside a text is plain text.

    Several threads encode at once unless TOKENIZERS_PARALLELISM is set to false.
    """
    encoder = _content_encoders.get(tokenizer)
    if encoder is None:
        encoder = copy.deepcopy(tokenizer.backend_tokenizer)
        encoder.encode_special_tokens = True
        encoder.no_padding()
        encoder.no_truncation()
        _content_encoders[tokenizer] = encoder
    return [encoding.ids for encoding in encoder.encode_batch_fast(list(texts), add_special_tokens=False)]


def vocab_size_of(tokenizer: "PreTrainedTokenizerFast") -> int:
    """One more than the highest id: rows of the embedding, and what an id's data type must hold."""
    return int(max(tokenizer.get_vocab().values())) + 1
