"""What is not as expected fails, is kept, or is asked for again; the run that buys and the pass that tells agree, whatever came."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.core.lifecycle import recall
from runner.core.purse import Purse
from runner.edge.outputs import load_schema
from runner.job.asking import Asking
from runner.job.plan import Plan
from runner.jury import Jury, Queue, compared_steps
from runner.loom import Loom, Outcome, Woven
from runner.outcomes import outcome_of
from runner.records import Artifact, Blob, Look, Send
from runner.results import variant_line, weave
from runner.verdicts import Done, Held, Refused, Text, Verdict
from runner.workflow import Order, run_job
from tests.fakes import Floor, MemoryLedger, make_plan, make_rows
from tests.projects import Listener, billed, open_stage_here, write_project
from tests.schemas import misfits

SEEDED = '{use: pen/text, with: {prompt: "{{ row.title }} {{ seed }}"}, expect: {max_chars: 4'
PICTURE = '{use: pen/picture, with: {prompt: "{{ row.title }} {{ seed }}"}, expect: {unlike_siblings: 6'
READER = '  ad: {use: pen/text, with: {prompt: "{{ steps.copy.text }}"}}\n'


def answers(*texts: str) -> Callable[[Send], Verdict]:
    """A vendor that gives these texts one after the other, and the last one for ever; to the step that reads them, `ad`."""
    left = list(texts)

    def script(send: Send) -> Verdict:
        if str(send.request.params["prompt"]) in texts:
            return Done((Text("ad"),))
        return Done((Text(left.pop(0) if len(left) > 1 else left[0]),))

    return script


def told(plan: Plan, ledger: MemoryLedger, rows: int = 1) -> list[dict[str, Any]]:
    """The lines of results.jsonl, from the journal alone."""

    def look_up(ids: Any) -> Mapping[str, Outcome]:
        lives = {name: recall(facts) for name, facts in ledger.histories(ids).items()}
        return {name: outcome_of(life) for name, life in lives.items() if life is not None}

    return [json.loads(variant_line(plan, woven)) for woven in weave(Loom(plan), plan.variants(make_rows(rows)), look_up)]


async def test_what_is_not_as_expected_fails_and_keeps_what_came(tmp_path: Path) -> None:
    """Its checks are told, nothing reads it, and it is not asked for again by itself."""
    plan = make_plan(tmp_path, f"  copy: {SEEDED}}}}}\n{READER}")
    floor = Floor(plan, make_rows(1), answers("too long"))
    await floor.run()
    [line] = told(plan, floor.ledger)
    copy = line["steps"]["copy"]
    assert (copy["status"], copy["text"], copy["why"]) == ("failed", "too long", "not as expected: 8 characters, at most 4 wanted")
    assert copy["checks"] == [{"name": "max_chars", "ok": False, "wanted": 4, "got": 8}]
    assert line["steps"]["ad"]["status"] == "blocked"
    assert floor.vendor.count() == 1


async def test_what_is_kept_is_flagged(tmp_path: Path) -> None:
    """It is done, later steps read it, and it says what is wrong with it."""
    plan = make_plan(tmp_path, f"  copy: {SEEDED}, on_fail: keep}}}}\n{READER}")
    floor = Floor(plan, make_rows(1), answers("too long"))
    assert await floor.run() == {"copy": 1, "ad": 1}
    [line] = told(plan, floor.ledger)
    assert (line["status"], line["steps"]["copy"]["flagged"]) == ("done", True)
    assert line["steps"]["copy"]["why"] == "not as expected: 8 characters, at most 4 wanted"
    assert line["steps"]["ad"]["text"] == "ad"


async def test_a_try_asks_for_another_request(tmp_path: Path) -> None:
    """With the next seed, until one is as expected; the results say which it was, and nothing is bought once more."""
    plan = make_plan(tmp_path, f"  copy: {SEEDED}, on_fail: {{retry: 5}}}}}}\n{READER}")
    floor = Floor(plan, make_rows(1), answers("too long", "longer still", "fits"))
    assert await floor.run() == {"copy": 1, "ad": 1}
    seeds = [int(str(send.request.params["prompt"]).split()[-1]) for send in floor.vendor.sends[:3]]
    assert seeds == [seeds[0], seeds[0] + 1, seeds[0] + 2]
    [line] = told(plan, floor.ledger)
    assert (line["steps"]["copy"]["text"], line["steps"]["copy"]["try"]) == ("fits", 3)
    again = Floor(plan, make_rows(1), answers("never asked"), ledger=floor.ledger)
    await again.run()
    assert again.vendor.count() == 0
    assert told(plan, again.ledger) == [line]


@pytest.mark.parametrize(("then", "status"), [("fail", "failed"), ("keep", "done")])
async def test_the_last_try_stands(tmp_path: Path, then: str, status: str) -> None:
    """When all are used up, it fails or is kept, whichever the job says."""
    plan = make_plan(tmp_path, f"  copy: {SEEDED}, on_fail: {{retry: 2, then: {then}}}}}}}\n")
    floor = Floor(plan, make_rows(1), answers("first too", "second too", "third too"))
    await floor.run()
    [line] = told(plan, floor.ledger)
    copy = line["steps"]["copy"]
    assert (copy["status"], copy["text"], copy["try"], floor.vendor.count()) == (status, "third too", 3, 3)


async def test_a_try_that_is_refused_says_so(tmp_path: Path) -> None:
    """A later try ends as any request may end, and it is told which it was."""
    plan = make_plan(tmp_path, f"  copy: {SEEDED}, on_fail: {{retry: 2}}}}}}\n")
    verdicts: list[Verdict] = [Done((Text("too long"),)), Refused("not today")]
    floor = Floor(plan, make_rows(1), lambda send: verdicts.pop(0))
    await floor.run()
    [line] = told(plan, floor.ledger)
    assert (line["steps"]["copy"]["status"], line["steps"]["copy"]["try"]) == ("refused", 2)


async def test_tries_stay_within_the_budget(tmp_path: Path) -> None:
    """A try for which nothing is left waits for the next run, which goes on with it."""
    plan = make_plan(tmp_path, f"  copy: {SEEDED}, on_fail: {{retry: 3}}}}}}\n")
    floor = Floor(plan, make_rows(1), answers("too long"), purse=Purse(2))
    await floor.run()
    [line] = told(plan, floor.ledger)
    assert (floor.vendor.count(), line["steps"]["copy"]["status"], line["steps"]["copy"]["try"]) == (2, "waiting", 3)
    more = Floor(plan, make_rows(1), answers("fits"), ledger=floor.ledger)
    await more.run()
    [line] = told(plan, floor.ledger)
    assert (more.vendor.count(), line["steps"]["copy"]["text"], line["steps"]["copy"]["try"]) == (1, "fits", 3)


async def test_those_who_share_a_request_share_its_tries(tmp_path: Path) -> None:
    """Fifty rows that want the same thing pay for each try once."""
    plan = make_plan(tmp_path, "  copy: {use: pen/text, with: {prompt: season}, expect: {max_chars: 4, on_fail: {retry: 2}}}\n")
    floor = Floor(plan, make_rows(50), answers("too long", "fits"))
    await floor.run()
    assert floor.vendor.count() == 2
    assert {line["steps"]["copy"]["try"] for line in told(plan, floor.ledger, 50)} == {2}


def sha_of(prompt: str, kinds: int) -> str:
    """The name of the picture for a prompt: one of so many, by its seed."""
    return hashlib.sha256(str(int(hashlib.sha256(prompt.encode()).hexdigest(), 16) % kinds).encode()).hexdigest()


def look_at(sha256: str) -> Look:
    """Pictures with different names look different."""
    return Look("rgb", False, 1, 99, int(sha256[:16], 16))


def gallery(folder: Path, then: str, kinds: int, variants: int) -> tuple[Plan, Callable[[Send], Verdict]]:
    """A plan whose pictures are compared, and a vendor that knows only so many."""
    steps = f"  pic: {PICTURE}, on_fail: {then}}}}}\n"
    plan = make_plan(folder, steps, f"variants: {variants}\n")
    plan.look_at = look_at
    return plan, lambda send: Done((Held(Blob(sha_of(str(send.request.params["prompt"]), kinds), 3)),))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(1, 5)),
    st.integers(1, 12),
    st.sampled_from(["fail", "{retry: 2}", "{retry: 2, then: keep}"]),
)
async def test_a_run_and_its_telling_agree_wherever_it_was_stopped(
    tmp_path: Path, sizes: tuple[int, int, int], stop: int, then: str
) -> None:
    """Siblings are judged in plan order, whoever comes first; a run that was stopped and goes on ends as one that was not."""
    rows, kinds, variants = sizes
    plan, script = gallery(tmp_path, then, kinds, variants)
    whole = Floor(plan, make_rows(rows), script)
    await whole.run()
    lines = told(plan, whole.ledger, rows)
    done = {(done.variant.key, done.outcome.artifacts[0].sha256) for done in whole.published}
    assert done == {(line["key"], line["steps"]["pic"]["files"][0]["sha256"]) for line in lines if line["status"] == "done"}

    ledger = MemoryLedger()
    stopped = Floor(plan, make_rows(rows), ledger=ledger, window=2)

    def until(send: Send) -> Verdict:
        if stopped.vendor.count() >= stop:
            stopped.engine.drain()
        return script(send)

    stopped.vendor.script = until
    await stopped.run()
    after = Floor(plan, make_rows(rows), script, ledger=ledger)
    await after.run()
    assert told(plan, ledger, rows) == lines
    assert stopped.vendor.count() + after.vendor.count() == whole.vendor.count()


async def test_no_two_siblings_that_stand_look_alike(tmp_path: Path) -> None:
    """With three pictures in the world, three of five variants stand, and every other says whom it resembles."""
    plan, script = gallery(tmp_path, "fail", 3, 12)
    floor = Floor(plan, make_rows(1), script)
    await floor.run()
    lines = told(plan, floor.ledger)
    standing = [line["steps"]["pic"]["files"][0]["sha256"] for line in lines if line["status"] == "done"]
    assert len(standing) == len(set(standing)) == 3
    assert {line["steps"]["pic"]["checks"][0]["got"] for line in lines if line["status"] == "failed"} == {0}


def test_pictures_that_went_in_are_the_source(tmp_path: Path) -> None:
    """Wherever in the request they stand; a picture that is nearly the one it was made from is a copy."""
    plan = make_plan(tmp_path, "  pic: {use: pen/picture, with: {prompt: x, image: a.png}, expect: {unlike_source: 6}}\n")
    plan.look_at = look_at
    [variant] = plan.variants(make_rows(1))
    request = plan.ask(variant, "pic", {})
    assert request is not None
    jury = Jury(plan, Asking(plan))
    same, other = (Artifact("file", sha256=name * 64, media_type="image/png") for name in "0f")
    verdict = jury.judge(variant, "pic", request, [same], {})  # type: ignore[arg-type]
    assert verdict.wrong == "looks like the picture it was made from: 0 of 64 bits differ, more than 6 wanted"
    assert jury.judge(variant, "pic", request, [other], {}).checks[0].got == 64  # type: ignore[arg-type]


def test_what_comes_early_waits_for_those_before_it() -> None:
    """A queue gives out what it holds when its turn has come."""
    queue = Queue()
    for index in (4, 5, 7):
        queue.join(index)
    assert (queue.is_first(4), queue.is_first(5), len(queue)) == (True, False, 3)
    queue.hold(7, "late")
    assert queue.leave(5) is None
    assert queue.leave(4) == "late"
    assert queue.leave(7) is None
    assert not queue


def test_only_compared_steps_are_compared(tmp_path: Path) -> None:
    """Others need no order."""
    assert compared_steps(make_plan(tmp_path, f"  copy: {SEEDED}}}}}\n")) == frozenset()
    assert compared_steps(make_plan(tmp_path, f"  pic: {PICTURE}}}}}\n")) == {"pic"}


def test_a_variant_says_nothing_before_its_end(tmp_path: Path) -> None:
    """A try that is due leaves the step open."""
    plan = make_plan(tmp_path, f"  copy: {SEEDED}, on_fail: {{retry: 1}}}}}}\n")
    loom = Loom(plan)
    loom.take_up(next(plan.variants(make_rows(1))))
    [ask] = loom.asks()
    loom.settle(ask.request.id, Outcome("done", ask.request, (Artifact("text", "too long"),)))
    assert not loom.finished()
    [second] = loom.asks()
    loom.settle(second.request.id, Outcome("done", second.request, (Artifact("text", "fits"),)))
    [woven] = loom.finished()
    assert isinstance(woven, Woven)
    assert (woven.outcomes["copy"].number, woven.outcomes["copy"].flagged) == (2, False)


async def test_a_real_run_tells_the_same_the_second_time(tmp_path: Path) -> None:
    """With real pictures: looks come from the journal, nothing is bought again, and the bytes of results.jsonl are the same."""
    steps = """\
  copy:
    use: jivox/text
    with: {prompt: "Headline for {{ row.title }}"}
    expect: {max_chars: 5, on_fail: {retry: 1, then: keep}}
  cut:
    use: vyro/text-to-png
    with: {prompt: "{{ row.title }}", style: realistic, seed: "{{ seed }}"}
    expect: {unlike_siblings: 6, mode: rgb, blank: forbidden, on_fail: {retry: 1}}
"""
    job = write_project(tmp_path, steps, "variants: 2\noutput: {dir: out}\n")
    async with open_stage_here(tmp_path / "vendors") as stage:
        first = await run_job(Order(job, True, stage=stage), Listener())
        bought, lines = billed(tmp_path / "vendors"), (tmp_path / "out/results.jsonl").read_bytes()
        (tmp_path / "out/results.jsonl").unlink()
        second = await run_job(Order(job, True, stage=stage), Listener())
    assert (tmp_path / "out/results.jsonl").read_bytes() == lines
    assert billed(tmp_path / "vendors") == bought
    assert first.told.results.counts == second.told.results.counts
    told_first = json.loads(lines.splitlines()[0])["steps"]
    assert told_first["copy"]["flagged"]
    assert [check["name"] for check in told_first["cut"]["checks"]] == ["mode", "blank", "unlike_siblings"]
    schema = load_schema("results")
    assert [wrong for line in lines.splitlines() for wrong in misfits(json.loads(line), schema)] == []
