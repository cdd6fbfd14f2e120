from __future__ import annotations

from runner.sandbox.vendors import VENDORS
from runner.sandbox.vendors.openai_batch import BATCHING, MOMENTS, show_batch, show_file

KEPT = {
    "id": "batch_1",
    "endpoint": "/v1/chat/completions",
    "input_file_id": "file-1",
    "completion_window": "24h",
    "status": "in_progress",
    "created_at": 100.6,
    "in_progress_at": 101.2,
    "request_counts": {"total": 2, "completed": 1, "failed": 0},
    "problems": [],
}


def test_a_batch_is_shown_as_documented():
    """Moments are whole seconds or null, it expires a day after it was made, and has no errors unless it has."""
    shown = show_batch(KEPT)
    assert (shown["object"], shown["created_at"], shown["expires_at"], shown["in_progress_at"]) == ("batch", 100, 86500, 101)
    assert [shown[name] for name in MOMENTS if name != "in_progress_at"] == [None] * (len(MOMENTS) - 1)
    assert (shown["errors"], shown["output_file_id"], shown["metadata"]) == (None, None, None)
    assert show_batch({**KEPT, "problems": [{"line": 1}]})["errors"] == {"object": "list", "data": [{"line": 1}]}


def test_a_file_is_shown_as_documented():
    """Its end is told only where it has one."""
    kept = {"id": "file-1", "bytes": 3, "filename": "a.jsonl", "purpose": "batch", "created_at": 5.5}
    assert show_file(kept) == {**kept, "created_at": 5, "object": "file", "status": "processed"}
    assert show_file({**kept, "expires_at": 9.9})["expires_at"] == 9


def test_every_endpoint_leads_to_a_submit():
    """What is played in a batch is played alone too."""
    operations = {submit.operation for submit in VENDORS["openai"].submits}
    assert {operation for operation in BATCHING.endpoints.values() if operation} == operations
    assert (BATCHING.most_lines, BATCHING.most_bytes, BATCHING.discount) == (50_000, 209_715_200, 0.5)
