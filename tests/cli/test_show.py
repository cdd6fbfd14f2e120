"""`adbatch show`: one variant on a terminal, in a pipe, and as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runner.cli.show import _history
from runner.edge.journal import Journal
from runner.edge.state import State
from runner.facts import Answered, Fact, Planned, Sent
from runner.reading.transcript import moments_of
from runner.records import make_request
from runner.verdicts import Done, Link, Queued, Refused
from tests.cli.conftest import Adbatch
from tests.projects import COPY, write_project
from tests.staging import CUTOUT, TOP, play, write_pictured


def hear(known: str, text: str) -> list[str]:
    """The lines of `text` that begin with this."""
    return [line.strip() for line in text.splitlines() if line.strip().startswith(known)]


def test_a_variant_is_told_from_feed_line_to_file(tmp_path: Path, adbatch: Adbatch) -> None:
    """One variant in full: row, values with their lines, calls, history and files, wrapped to the terminal, and nothing sent."""
    play(write_pictured(tmp_path, COPY + CUTOUT, TOP.replace("beach", "beach that is so long that it does not fit " * 3)))
    told = adbatch("show", "job.yaml", "mug|size=small|1", "--sandbox")
    assert (told.code, told.err) == (0, "")
    assert told.out.startswith("mug|size=small|1: done  (job small, sandbox)\n\nrow mug  feed.csv:2\n  row.id = mug\n")
    assert "        row.title = Mug  (feed.csv:2)" in told.out.splitlines()
    assert hear("vars.place", told.out)
    assert hear("POST", told.out)[0] == "POST http://127.0.0.1/jivox/v2/accounts/1042/textGen"
    assert hear("jvx_apikey", told.out)[0] == "jvx_apikey: <key of the sandbox>"
    assert len(hear("shared", told.out)) == 2
    assert "out/mug/copy.txt  (text/plain, 17 bytes)" in told.out
    assert "64 × 64)" in told.out
    assert "saved: a text" in told.out
    assert max(len(line) for line in told.out.splitlines() if "http" not in line) <= 100
    told = adbatch("show", "job.yaml", "mug|size=small|1", "--sandbox", "--json")
    shape: dict[str, Any] = json.loads(told.out)
    assert [step["status"] for step in shape["steps"]] == ["done"] * 3
    assert shape["steps"][1]["files"][0]["presence"] == "present"
    assert shape["steps"][0]["asks"][0]["reads"] == [{"name": "row.title", "value": "Mug", "place": "feed.csv:2"}]


def test_a_row_is_told_by_its_variants_or_by_its_only_one(tmp_path: Path, adbatch: Adbatch) -> None:
    """A row's key lists its variants, a line each; where there is one, it is told in full."""
    write_pictured(tmp_path)
    told = adbatch("show", "job.yaml", "mug")
    assert told.out.splitlines() == [
        "mug|size=small|1  waiting    copy waiting  cutout waiting  scene blocked",
        "mug|size=large|1  waiting    copy waiting  cutout waiting  scene blocked",
    ]
    listed = json.loads(adbatch("show", "job.yaml", "mug", "--json").out)
    assert listed["variants"][0] == {
        "key": "mug|size=small|1",
        "status": "waiting",
        "steps": {"copy": "waiting", "cutout": "waiting", "scene": "blocked"},
    }
    write_project(tmp_path)
    told = adbatch("show", "job.yaml", "mug")
    assert told.out.startswith("mug|1: waiting  (job small, live)\n")
    assert "calls, as they would go out" in told.out
    assert "jvx_apikey: <key from $JIVOX_API_KEY>" in told.out
    assert "history: not asked yet" in told.out
    assert not (tmp_path / ".adbatch").exists()


def test_a_wrong_key_ends_with_2_and_what_is_near(tmp_path: Path, adbatch: Adbatch) -> None:
    """A key that nothing has is a mistake of the command line."""
    write_project(tmp_path)
    told = adbatch("show", "job.yaml", "mugg")
    assert (told.code, told.out) == (2, "")
    assert told.err == "adbatch: no variant and no row is called mugg; did you mean mug?\n"


def test_what_a_vendor_said_forges_nothing(tmp_path: Path, adbatch: Adbatch) -> None:
    """Control characters in what a vendor said do not reach the terminal; in JSON they are escaped."""
    write_project(tmp_path)
    request = make_request("jivox", "text", {"prompt": "Headline for Mug"})
    state = State(tmp_path / ".adbatch", "live")
    with Journal.open(state.journal("small"), "live") as journal:
        refusal = Answered(3.0, request.id, "submit", Refused("no \x1b[2Jnudity\u202e"))
        journal.commit([Planned(1.0, request, step="copy"), Sent(2.0, request.id, "submit"), refusal])
    told = adbatch("show", "job.yaml", "mug")
    assert "why      no �[2Jnudity�" in told.out
    assert "next     change what is asked" in told.out
    assert "submit: refused: no �[2Jnudity�" in told.out
    assert "\x1b" not in adbatch("show", "job.yaml", "mug", "--json").out


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_it_fits_the_terminal(tmp_path: Path, adbatch: Adbatch, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    """Text is wrapped to the terminal's width, within reason; addresses are left whole so that they can be copied."""
    monkeypatch.setenv("COLUMNS", str(columns))
    write_project(
        tmp_path, COPY.replace("Headline for", "Headline of at most thirty characters, in the tone of an old friend " * 3)
    )
    told = adbatch("show", "job.yaml", "mug")
    assert max(len(line) for line in told.out.splitlines() if "http" not in line) <= max(columns, 60)


def test_a_vendor_that_was_asked_often_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Polls that all said the same are one line with how many there were, and the time they took together."""
    monkeypatch.setenv("COLUMNS", "160")
    request = make_request("sivi", "media", {"prompt": "Mug"})
    facts: list[Fact] = [Planned(0.0, request), Sent(0.0, request.id, "submit"), Answered(1.0, request.id, "submit", Queued("t"))]
    for at in range(2, 40, 2):
        facts += [Sent(float(at), request.id, "poll"), Answered(at + 1.0, request.id, "poll", Queued(""))]
    facts += [Sent(40.0, request.id, "poll"), Answered(41.0, request.id, "poll", Done((Link("https://cdn.example/a.png"),)))]
    lines = list(_history(list(moments_of(facts))))
    assert len(lines) == 5
    assert lines[3].endswith("+1.000 s  20 polls, still running at 1970-01-01T00:00:39.000Z")
    assert lines[4].endswith("poll: done: a link to https://cdn.example/a.png")
