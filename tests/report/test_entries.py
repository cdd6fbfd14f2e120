"""What there is to see of a variant."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from runner.facts import Fact
from runner.records import Artifact
from runner.report.entries import BATCH, Entry, read_entries
from tests.report.runs import asked, file_fields, history, line, price, step


def entry(steps: dict[str, Any], **facts: list[Fact]) -> Entry:
    """The entry of one line, with these histories."""
    known = {history[0].id: history for history in facts.values()}
    return next(iter(read_entries([line("mug", steps)], lambda ids: {name: known[name] for name in ids if name in known}, price)))


PNG = file_fields(b"png", "mug/scene.png")


def test_a_picture_that_failed_its_check_is_shown_from_the_store() -> None:
    """It is in no line's files, but was bought, and is what a person wants to see."""
    request = asked("x")
    facts = history(request, Artifact("file", sha256="c" * 64, size=9, media_type="image/png", width=4, height=2))
    shown = entry({"scene": step(request, "failed", why="width is 4, 9 wanted")}, scene=facts).steps["scene"]
    assert [(part.kind, part.digest, part.path) for part in shown.parts] == [("picture", "c" * 64, None)]
    assert shown.flagged


@pytest.mark.parametrize("status", ["waiting", "refused", "queued", "uncertain", "blocked"])
def test_what_is_not_there_is_not_shown(status: str) -> None:
    """A step that is neither done nor failed shows nothing of an earlier result."""
    request = asked("x")
    facts = history(request, Artifact("file", sha256="c" * 64, size=9, media_type="image/png"))
    shown = entry({"scene": step(request, status)}, scene=facts).steps["scene"]
    assert (shown.parts, shown.flagged) == ((), False)


@pytest.mark.parametrize(("ok", "flagged"), [(True, False), (False, True)])
def test_a_check_that_failed_flags_the_step(ok: bool, flagged: bool) -> None:
    """Also where the job keeps what failed a check."""
    checks = [{"name": "max_kb", "ok": ok, "wanted": 150, "got": 200}]
    assert entry({"scene": step(asked("x"), files=[PNG], checks=checks)}).steps["scene"].flagged is flagged


def test_requests_are_looked_up_in_batches_and_once() -> None:
    """A request that a thousand variants share is asked for once, and unknown ones are no reason to fail."""
    request, looked = asked("shared"), list[Sequence[str]]()

    def look_up(ids: Sequence[str]) -> dict[str, Sequence[Fact]]:
        looked.append(ids)
        return {request.id: history(request)} if request.id in ids else {}

    lines = [line(str(number), {"scene": step(request), "copy": step(asked("own" * (number % 2)))}) for number in range(BATCH + 10)]
    entries = list(read_entries(lines, look_up, price))
    assert len(entries) == BATCH + 10
    assert sum(request.id in ids for ids in looked) == 1
    assert all(request.id in one.asked for one in entries)


def test_a_line_of_an_older_run_is_read() -> None:
    """What a line lacks has the value that the schema gives it."""
    bare = {"key": "mug|1", "matrix": {}, "status": "done", "steps": {"copy": {"status": "skipped"}}}
    one = next(iter(read_entries([json.loads(json.dumps(bare))], lambda _: {}, price)))
    assert (one.row, one.number, one.steps["copy"].use) == ("mug|1", 1, "")
