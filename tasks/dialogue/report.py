"""What people see of dialogue corpora and of conversations as tokens."""

from tasks.contracts.artifacts import ArtifactRef, Scalar
from tasks.contracts.reporting import Report, TableReport
from tasks.storage.store import Store


def report_corpus(store: Store, ref: ArtifactRef) -> list[Report]:
    """One row: what the corpus holds, and one column for each reason why something was left out."""
    manifest = store.manifest(ref)
    row: dict[str, Scalar] = {
        "source": ref.name,
        **manifest.totals,
        **{f"dropped/{reason}": count for reason, count in manifest.drops.items()},
    }
    return [TableReport(key=f"dialogue-{ref.name.replace('_', '-')}", title=f"Dialogue corpus {ref.name}", rows=[row])]


def report_tokens(store: Store, ref: ArtifactRef) -> list[Report]:
    """One row a corpus and split: conversations, rows, tokens, tokens that the loss is taken on."""
    totals = store.manifest(ref).totals
    rows: list[dict[str, Scalar]] = [
        {
            "source": name,
            "split": side,
            "conversations": totals[f"{name}/{side}/num_conversations"],
            "rows": totals[f"{name}/{side}/num_rows"],
            "tokens": totals[f"{name}/{side}/num_tokens"],
            "reply_tokens": totals[f"{name}/{side}/num_reply_tokens"],
            "cut_contexts": totals[f"{name}/{side}/num_cut_contexts"],
            "refused_replies_of_source": totals[f"{name}/num_refused_replies"],
            "bytes_per_token_of_source": totals[f"{name}/bytes_per_token"],
        }
        for name in sorted({key.split("/")[0] for key in totals})
        for side in ("train", "validation")
    ]
    return [TableReport(key="tokens-dialogue", title="Conversations as tokens", rows=rows)]
