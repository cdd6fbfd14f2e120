"""Where a job stands."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runner.edge.journal import Journal
from runner.edge.state import State
from runner.facts import Answered, Fact, Planned, Saved, Sent, Stopped
from runner.reading.overview import LATEST, Due, LaneView, oversee, span_in_words
from runner.records import Artifact, Json, Request, make_request
from runner.verdicts import Done, Lost, Queued, Refused, Text
from tests.projects import COPY, MEDIUM, PROJECT, write_project
from tests.staging import play, write_pictured

NOW = datetime(2026, 3, 1, 7, 0, tzinfo=UTC).timestamp()
PRICED = f"{PROJECT}prices: {{jivox/text: {{each: 0.25, currency: USD}}}}\nbudget: {{cost: 50 USD}}\n"


def note(path: Path, facts: Iterable[Fact] = (), runs: Iterable[tuple[float, float | None, dict[str, Json]]] = ()) -> None:
    """Write facts and runs into the live journal of the job."""
    state = State(path.parent / ".adbatch", "live")
    with Journal.open(state.journal("small"), "live") as journal:
        journal.commit(list(facts))
        for started, ended, meta in runs:
            number = journal.begin_run(started, meta)
            if ended is not None:
                journal.end_run(number, ended, meta)


def copy_of(number: int) -> Request:
    """A request for a text."""
    return make_request("jivox", "text", {"prompt": f"Headline {number}"})


def life_of(request: Request, step: str, *after: Fact) -> list[Fact]:
    """A request that was planned and sent, and what came after."""
    return [Planned(1.0, request, step=step), Sent(2.0, request.id, "submit"), *after]


def submitted(request: Request, verdict: object) -> Answered:
    """The answer to a submit."""
    return Answered(60.0, request.id, "submit", verdict)  # type: ignore[arg-type]


def test_requests_are_counted_by_step_and_operation(tmp_path: Path) -> None:
    """Every status is counted where it belongs, with since when and at what cost, in the order the job writes its steps."""
    path = write_project(tmp_path, COPY + MEDIUM, project=PRICED)
    done, refused, lost, killed, new, failed = map(copy_of, range(6))
    queued = make_request("sivi", "media", {"prompt": "Mug"})
    facts: list[Fact] = life_of(queued, "medium", submitted(queued, Queued("t-1")))
    text = Artifact("text", text="Hi")
    facts += life_of(done, "copy", submitted(done, Done((Text("Hi"),))), Saved(4.0, done.id, (text,)))
    facts += life_of(refused, "copy", submitted(refused, Refused("no")))
    facts += life_of(lost, "copy", submitted(lost, Lost("reset")))
    facts += life_of(killed, "copy")
    facts += [Planned(1.0, new, step="copy"), Planned(1.0, failed, step="copy"), Stopped(2.0, failed.id, "failed", "no route")]
    note(path, facts)
    copy, medium = oversee(path, None, NOW).steps
    assert (copy.step, copy.use, copy.at_most, copy.queued_since) == ("copy", "jivox/text", "0.50 USD", None)
    assert copy.counts == {"done": 1, "refused": 1, "uncertain": 2, "waiting": 1, "failed": 1}
    assert (medium.step, medium.counts, medium.queued_since) == ("medium", {"queued": 1}, "1970-01-01T00:01:00Z")


def test_many_requests_are_counted_page_by_page(tmp_path: Path) -> None:
    """More unfinished requests than one page holds are all counted, and once."""
    path = write_project(tmp_path)
    note(path, [Planned(1.0, copy_of(number), step="copy") for number in range(1203)])
    (step,) = oversee(path, None, NOW).steps
    assert step.counts == {"waiting": 1203}


def test_a_result_bought_anew_counts_as_what_it_is_now(tmp_path: Path) -> None:
    """A saved request that was ordered anew and refused is refused, not done."""
    path, request = write_project(tmp_path), copy_of(1)
    facts = life_of(
        request, "copy", submitted(request, Done((Text("Hi"),))), Saved(4.0, request.id, (Artifact("text", text="Hi"),))
    )
    facts += [Planned(5.0, request, fresh=True, step="copy"), Sent(6.0, request.id, "submit"), submitted(request, Refused("no"))]
    note(path, facts)
    assert [step.counts for step in oversee(path, None, NOW).steps] == [{"refused": 1}]


def test_a_job_that_was_never_run_makes_nothing(tmp_path: Path) -> None:
    """Without a journal there are lanes and budgets, no counts and no runs, and no state folder afterwards."""
    overview = oversee(write_project(tmp_path, project=PRICED), None, NOW)
    assert (overview.steps, overview.runs, overview.results, overview.due) == ((), (), "none", None)
    assert overview.lanes == (LaneView("jivox", "8 at once"),)
    assert overview.budgets == ("50 USD a run (project)",)
    assert not (tmp_path / ".adbatch").exists()


def test_limits_are_told_as_configured(tmp_path: Path) -> None:
    """A lane's windows, concurrency, queue and deadline are those of the account."""
    limits = "limits: {rate: [50/1m, 1000/1h], concurrent: 4, queued: 10, deadline: 15m}"
    path = write_project(tmp_path, MEDIUM, project=f"version: 1\nproviders:\n  sivi: {{{limits}}}\n")
    (lane,) = oversee(path, None, NOW).lanes
    assert lane.limits == "50 in 1 min, 1000 in 1 h, 4 at once, 10 queued, deadline 15 min"


def test_runs_are_told_latest_first(tmp_path: Path) -> None:
    """The last runs with their ends; one that did not end is told as such; what closed a lane comes from the last."""
    path = write_project(tmp_path)
    ended: dict[str, Json] = {"exit": 5, "sent": {"jivox": 3}, "cost": "0.75 USD", "closed": {"jivox": "401: wrong key"}}
    runs: list[tuple[float, float | None, dict[str, Json]]] = [(float(at), at + 5.0, {"exit": 0}) for at in range(LATEST)]
    note(path, (), [*runs, (100.0, None, {}), (200.0, 265.0, ended)])
    overview = oversee(path, None, NOW)
    assert [run.number for run in overview.runs] == [7, 6, 5, 4, 3]
    assert overview.all_runs == 7
    last, killed, older = overview.runs[:3]
    assert (last.took, last.exit, last.sent, last.cost, last.started) == (65.0, 5, 3, "0.75 USD", "1970-01-01T00:03:20Z")
    assert last.meaning == "stopped by a budget, credits or a rejected key"
    assert (killed.took, killed.exit) == (None, None)
    assert "did not end" in killed.meaning
    assert (older.sent, older.cost) == (None, None)
    assert overview.lanes[0].closed == "401: wrong key"


@pytest.mark.parametrize(
    ("started", "due", "why"),
    [
        (datetime(2026, 3, 1, 6, 0, 30, tzinfo=UTC), False, "the last run began 2026-03-01 06:00 UTC"),
        (datetime(2026, 2, 28, 6, 0, 30, tzinfo=UTC), True, "2026-03-01 06:00 UTC has passed since the last run began"),
    ],
)
def test_it_is_told_when_a_run_is_due(tmp_path: Path, started: datetime, due: bool, why: str) -> None:
    """Whether a run is due and why, and when the next will be."""
    path = write_project(tmp_path, top='output: {dir: out}\nrefresh: {cron: "0 6 * * *"}\n')
    note(path, (), [(started.timestamp(), started.timestamp() + 9, {"exit": 0})])
    assert oversee(path, None, NOW).due == Due(due, why, "2026-03-02T06:00+00:00")


def test_while_a_run_holds_the_job_its_holder_is_told(tmp_path: Path) -> None:
    """A job that runs is not read; who holds it and since when is told, and its lanes all the same."""
    path = write_project(tmp_path)
    note(path)
    with State(tmp_path / ".adbatch", "live").lock("small", 5.0):
        overview = oversee(path, None, NOW)
    assert overview.held is not None
    assert overview.held["since"] == "1970-01-01T00:00:05Z"
    assert isinstance(overview.held["pid"], int)
    assert (overview.steps, overview.runs) == ((), ())
    assert overview.lanes


def test_after_a_real_run_all_of_it_is_told(tmp_path: Path) -> None:
    """A run notes what it sent and spent; the results are as written until somebody edits them; the other mode knows of it."""
    path = write_pictured(tmp_path)
    _, stage = play(path)
    overview = oversee(path, stage, NOW)
    counts = [(step.step, step.counts) for step in overview.steps]
    assert counts == [("copy", {"done": 2}), ("cutout", {"done": 2}), ("scene", {"done": 4})]
    (run,) = overview.runs
    assert (run.exit, run.sent, run.cost) == (0, 8, "8 of unknown price")
    assert overview.results == "as written"
    live = oversee(path, None, NOW)
    assert (live.results, live.other_mode, live.all_runs) == ("sandbox", True, 0)
    with (tmp_path / "out/results.jsonl").open("a") as file:
        file.write("\n")
    assert oversee(path, stage, NOW).results == "changed"


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0.1234, "0.123 s"),
        (59, "59 s"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (3600, "1 h"),
        (12_000, "3 h 20 min"),
        (200_000, "2 d 7 h"),
    ],
)
def test_spans_are_told_in_two_units(seconds: float, told: str) -> None:
    """A span is told in the two largest units that matter."""
    assert span_in_words(seconds) == told
