"""The nouns of `expect:` as they are told."""

from __future__ import annotations

from runner.job.expect import Check, Expected, complaint_of


def test_a_check_tells_what_was_wanted_and_what_was_measured() -> None:
    """A line of results.jsonl has both, whether it was met or not; the artifact only where there are several."""
    assert Check("max_chars", 30, 12).told() == {"name": "max_chars", "ok": True, "wanted": 30, "got": 12}
    failed = Check("max_kb", 150, 151.5, "151.5 kB, at most 150 wanted", "file 2")
    assert failed.told() == {"name": "max_kb", "ok": False, "wanted": 150, "got": 151.5, "of": "file 2"}


def test_only_what_is_wrong_is_complained_about() -> None:
    """A complaint is one line, empty where all is as wanted."""
    checks = [Check("width", 1, 1), Check("height", 2, 3, "too high"), Check("blank", "forbidden", 0, "empty", "file 2")]
    assert complaint_of(checks) == "too high; file 2: empty"
    assert complaint_of(checks[:1]) == ""


def test_nothing_is_expected_by_itself() -> None:
    """An empty expectation lets everything through."""
    assert Expected() == Expected(blank="allowed", alpha="allowed", animation="allowed", sizes={}, facts=None)
