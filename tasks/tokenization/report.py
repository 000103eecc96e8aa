"""What people see of a tokenizer and of encoded documents."""

from tasks.contracts.artifacts import ArtifactRef, Scalar
from tasks.contracts.reporting import Report, TableReport
from tasks.storage.store import Store


def report_tokenizer(store: Store, ref: ArtifactRef) -> list[Report]:
    """One row: the vocabulary's size, its digest, and the text it was trained on."""
    totals = store.manifest(ref).totals
    row: dict[str, Scalar] = {"tokenizer": ref.name, **totals}
    return [TableReport(key=f"tokenizer-{ref.name.replace('_', '-')}", title="Tokenizer", rows=[row])]


def report_documents(store: Store, ref: ArtifactRef) -> list[Report]:
    """One row a kind of source: documents and tokens by split, bytes a token."""
    totals = store.manifest(ref).totals
    kinds = sorted({name.split("/")[0] for name in totals})
    rows: list[dict[str, Scalar]] = [
        {
            "source": kind,
            "train_documents": totals[f"{kind}/train/num_documents"],
            "train_tokens": totals[f"{kind}/train/num_tokens"],
            "validation_documents": totals[f"{kind}/validation/num_documents"],
            "validation_tokens": totals[f"{kind}/validation/num_tokens"],
            "test_documents": totals[f"{kind}/test/num_documents"],
            "bytes_per_token": totals[f"{kind}/bytes_per_token"],
        }
        for kind in kinds
    ]
    return [TableReport(key="tokens-documents", title="Documents as tokens", rows=rows)]
