"""The shapes of OpenAI's files and batches, from what `batches` keeps of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from runner.sandbox.vendor import Batching

DAY: Final = 86400
ENDPOINTS: Final[Mapping[str, str | None]] = {
    "/v1/chat/completions": "chat/completions",
    "/v1/images/generations": "images/generations",
    "/v1/images/edits": "images/edits",
    "/v1/responses": None,
    "/v1/embeddings": None,
    "/v1/completions": None,
    "/v1/moderations": None,
    "/v1/videos": None,
}
PURPOSES: Final = ("batch", "assistants", "fine-tune", "vision", "user_data", "evals")
MOMENTS: Final = (
    "in_progress_at",
    "finalizing_at",
    "completed_at",
    "failed_at",
    "expired_at",
    "cancelling_at",
    "cancelled_at",
)


def show_file(kept: Mapping[str, Any]) -> dict[str, Any]:
    """A file object."""
    shown = {name: kept[name] for name in ("id", "bytes", "filename", "purpose")}
    expires_at = kept.get("expires_at")
    ending = {} if expires_at is None else {"expires_at": int(expires_at)}
    return {"object": "file", **shown, "created_at": int(kept["created_at"]), "status": "processed", **ending}


def show_batch(kept: Mapping[str, Any]) -> dict[str, Any]:
    """A batch object; moments that have not come are null."""
    moments = {name: None if kept.get(name) is None else int(kept[name]) for name in MOMENTS}
    problems = kept.get("problems")
    return {
        "id": kept["id"],
        "object": "batch",
        "endpoint": kept["endpoint"],
        "errors": {"object": "list", "data": problems} if problems else None,
        "input_file_id": kept["input_file_id"],
        "completion_window": kept["completion_window"],
        "status": kept["status"],
        "output_file_id": kept.get("output_file_id"),
        "error_file_id": kept.get("error_file_id"),
        "created_at": int(kept["created_at"]),
        "expires_at": int(kept["created_at"]) + DAY,
        **moments,
        "request_counts": kept["request_counts"],
        "metadata": kept.get("metadata"),
    }


BATCHING: Final = Batching(
    endpoints=ENDPOINTS,
    purposes=PURPOSES,
    most_lines=50_000,
    most_bytes=200 * 1024 * 1024,
    discount=0.5,
    show_file=show_file,
    show_batch=show_batch,
)
