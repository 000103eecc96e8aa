"""Token shards: Arrow IPC *stream* files, uncompressed, one record batch each, mapped without a copy.

The stream form (not the IPC file form) is what `datasets.Dataset.from_file` maps too. The values buffer of the `ids`
list is the flat token stream and its offsets buffer the document borders; both are read where they lie in the file.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.contracts.errors import BadInputError
from tasks.contracts.records import DOC_ID_BYTES

TokenDtype = Literal["uint16", "uint32"]

_ARROW = {"uint16": pa.uint16(), "uint32": pa.uint32()}


@dataclass(frozen=True)
class TokenizedItem:
    """One document or conversation as ids."""

    doc_id: bytes
    ids: npt.NDArray[np.integer]
    """Shape (n,)."""
    loss_weight: npt.NDArray[np.float32] | None = None
    """Shape (n,): 0 where a token is only context; None for plain documents, where every token counts."""


@dataclass(frozen=True)
class TokenShard:
    """A mapped shard; the arrays are views into the file."""

    ids: npt.NDArray[np.unsignedinteger]
    """Shape (num_tokens,): all documents one after the other."""
    offsets: npt.NDArray[np.int64]
    """Shape (num_documents + 1,): document i is ids[offsets[i]:offsets[i + 1]]."""
    doc_ids: tuple[bytes, ...]
    loss_weight: npt.NDArray[np.float32] | None
    """Shape (num_tokens,), dialogue only."""
    metadata: dict[str, str]
    """`tokenizer_digest`, `end_of_text_id` and whatever else the writer recorded."""


def token_dtype_for(vocab_size: int) -> TokenDtype:
    """The narrower of uint16 and uint32 that holds every id below `vocab_size`."""
    return "uint16" if vocab_size <= np.iinfo(np.uint16).max + 1 else "uint32"


def write_token_shard(
    path: Path,
    items: Iterable[TokenizedItem],
    *,
    token_dtype: TokenDtype,
    is_dialogue: bool,
    metadata: Mapping[str, str],
) -> int:
    """Writes one shard.

    Returns:
        The number of tokens.

    Raises:
        ValueError: An id does not fit `token_dtype`.
    """
    held = list(items)
    dtype = np.dtype(token_dtype)
    offsets = np.zeros(len(held) + 1, dtype=np.int64)
    np.cumsum([len(item.ids) for item in held], out=offsets[1:])
    ids = np.concatenate([item.ids for item in held]) if held else np.zeros(0, dtype)
    if len(ids) and int(ids.max()) > np.iinfo(dtype).max:
        raise ValueError(
            f"token id {int(ids.max())} does not fit {token_dtype} (at most {np.iinfo(dtype).max}); "
            "set token_dtype to uint32"
        )
    fields = [
        pa.field("doc_id", pa.binary(DOC_ID_BYTES), nullable=False),
        pa.field("ids", pa.large_list(_ARROW[token_dtype]), nullable=False),
    ]
    columns = [
        pa.array([item.doc_id for item in held], pa.binary(DOC_ID_BYTES)),
        pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(ids.astype(dtype))),
    ]
    if is_dialogue:
        weights = [item.loss_weight for item in held if item.loss_weight is not None]
        if len(weights) != len(held):
            raise ValueError("a dialogue shard needs a loss_weight for every item; found items without one")
        flat = np.concatenate(weights) if weights else np.zeros(0, np.float32)
        fields.append(pa.field("loss_weight", pa.large_list(pa.float32()), nullable=False))
        columns.append(pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(flat.astype(np.float32))))
    schema = pa.schema(fields, metadata=dict(metadata))
    path.parent.mkdir(parents=True, exist_ok=True)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, schema) as writer:
        writer.write_batch(pa.record_batch(columns, schema=schema))
    return len(ids)


def open_token_shard(path: Path) -> TokenShard:
    """Maps a shard through `datasets`; no token is copied.

    Raises:
        BadInputError: The file is no token shard.
    """
    from datasets import Dataset

    try:
        table = Dataset.from_file(str(path)).data.table
        (ids,) = table.column("ids").chunks
    except (pa.ArrowInvalid, KeyError, ValueError) as error:
        raise BadInputError(
            f"{path} is no token shard ({error}); expected an Arrow IPC stream of one record batch with a column `ids`"
            "; make it with the tokens flow"
        ) from error
    with pa.memory_map(str(path)) as file:  # the table's schema has the library's metadata in place of ours
        metadata = pa.ipc.open_stream(file).schema.metadata or {}
    weights = table.column("loss_weight").chunk(0) if "loss_weight" in table.schema.names else None
    return TokenShard(
        ids=ids.values.to_numpy(zero_copy_only=True),
        offsets=ids.offsets.to_numpy(zero_copy_only=True),
        doc_ids=tuple(table.column("doc_id").to_pylist()),
        loss_weight=None if weights is None else weights.values.to_numpy(zero_copy_only=True),
        metadata={k.decode(): v.decode() for k, v in metadata.items()},
    )
