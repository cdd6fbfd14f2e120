"""What a run would do: every prospect counted once, causes with examples, and a fingerprint of what would be asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.facts import Answered, Fact, Planned, Resolved, Sent, Stopped
from runner.feed import read_rows
from runner.planning.preview import Preview, StepCount
from runner.reading.study import open_study
from runner.records import Request
from runner.sandbox.behaviour import Fault
from runner.selection import Choice
from runner.verdicts import Broken, Lost, Queued, Refused
from tests.forecasts import Bench, Later, counts, open_bench, whys
from tests.projects import COPY, SCENE

NEXT = """\
  slogan:
    use: jivox/text
    with: {prompt: "{{ row.id }}: {{ steps.copy.text }}"}
"""
TWINS = "id,title,picture\nmug,Mug,a\ncup,Mug,b\nhat,Hat,c\n"


def first_request(bench: Bench, step: str = "copy") -> Request:
    """What the first variant asks of a step that reads no other."""
    with open_study(bench.job, bench.stage) as study:
        plan = study.desk.plan
        asked = plan.ask(next(plan.variants(read_rows(study.source()))), step, {})
        assert isinstance(asked, Request)
        return asked


def note(bench: Bench, *facts: Fact) -> None:
    """These facts in the journal."""
    with bench.journal() as journal:
        journal.commit(facts)


def states(request: Request) -> dict[str, tuple[tuple[Fact, ...], dict[str, int], dict[str, tuple[int, list[str]]]]]:
    """What the journal may have of a request, and what is then told of two requests of which it is one."""
    planned, sent = Planned(1.0, request, step="copy"), Sent(2.0, request.id, "submit")

    def answered(verdict: object) -> Answered:
        return Answered(3.0, request.id, "submit", verdict)  # type: ignore[arg-type]

    lost = answered(Lost("reset"))
    first = {"first run": (1, list[str]())}
    return {
        "failed": (
            (planned, sent, answered(Broken("503")), Stopped(4.0, request.id, "failed", "3 tries: 503")),
            {"new": 1, "again": 1},
            {**first, "failed last time": (1, ["3 tries: 503"])},
        ),
        "settled": (
            (planned, sent, lost, Resolved(4.0, request.id, "not_billed", "somebody")),
            {"new": 1, "again": 1},
            {**first, "settled by hand": (1, ["not billed"])},
        ),
        "queued": ((planned, sent, answered(Queued("t1"))), {"new": 1, "resumed": 1}, first),
        "refused": ((planned, sent, answered(Refused("bad word"))), {"new": 1, "left": 1}, first),
        "uncertain": ((planned, sent, lost), {"new": 1, "uncertain": 1}, first),
        "not sent": ((planned,), {"new": 2}, {"first run": (2, [])}),
    }


@pytest.mark.parametrize("state", ["failed", "settled", "queued", "refused", "uncertain", "not sent"])
async def test_each_state_of_a_request_is_told(tmp_path: Path, state: str) -> None:
    """What the journal knows of a request decides what becomes of it, and of what reads it."""
    async with open_bench(tmp_path, COPY + NEXT) as bench:
        facts, told, why = states(first_request(bench))[state]
        await bench.plan()  # makes the state folder
        note(bench, *facts)
        forecast = await bench.plan()
        assert (counts(forecast), whys(forecast)) == (told, why)
        held = state in ("refused", "uncertain")
        assert counts(forecast, "slogan") == ({"blocked": 1, "stuck": 1} if held else {"blocked": 2})


async def test_a_request_is_counted_once(tmp_path: Path) -> None:
    """Two rows that ask the same are one request, whether new, there or blocked; rows and variants are counted as they are."""
    reader = NEXT.replace("{{ row.id }}: ", "")
    async with open_bench(tmp_path, COPY.replace("{{ row.id }}/copy", "{{ row.title }}") + reader, feed=TWINS) as bench:
        forecast = await bench.plan()
        assert (counts(forecast), counts(forecast, "slogan")) == ({"new": 2}, {"blocked": 2})
        assert (forecast.preview.rows, forecast.preview.variants) == (3, 3)
        await bench.run()
        assert counts(await bench.plan()) == {"reused": 2}


async def test_the_same_asked_by_two_steps_is_one(tmp_path: Path) -> None:
    """A request that two steps ask is counted with the first of them."""
    twin = COPY.replace("  copy:", "  twin:").replace("/copy", "/twin")
    async with open_bench(tmp_path, COPY + twin) as bench:
        forecast = await bench.plan()
        assert (counts(forecast), counts(forecast, "twin")) == ({"new": 2}, {})


async def test_fresh_asks_anew_and_blocks_what_reads_it(tmp_path: Path) -> None:
    """--fresh orders what is there, and what reads it waits for the new answer."""
    async with open_bench(tmp_path, COPY + NEXT) as bench:
        await bench.run()
        forecast = await bench.plan(fresh=frozenset({"copy"}))
        assert (counts(forecast), whys(forecast)) == ({"again": 2}, {"--fresh": (2, [])})
        assert (counts(forecast, "slogan"), whys(forecast, "slogan")) == ({"blocked": 2}, {"steps.copy is asked anew": (2, [])})
        everything = await bench.plan(fresh=frozenset())
        assert (counts(everything), counts(everything, "slogan")) == ({"again": 2}, {"blocked": 2})


async def test_results_that_are_too_old_are_asked_anew(tmp_path: Path) -> None:
    """With max_age a plan of a later day says so; today nothing is to be done."""
    async with open_bench(tmp_path, COPY, top="refresh: {max_age: 30d}\noutput: {dir: out}\n") as bench:
        await bench.run()
        assert (await bench.plan()).preview.idle
        forecast = await bench.plan(clock=Later(31))
        assert (counts(forecast), whys(forecast)) == ({"again": 2}, {"max_age passed": (2, ["31 days old"])})


async def test_a_step_that_is_left_out_is_not_asked_anew_for_its_age(tmp_path: Path) -> None:
    """What is too old is told only of the steps that are selected: the run asks for no other."""
    top = "refresh: {max_age: 30d}\noutput: {dir: out}\n"
    other = COPY.replace("copy", "other").replace("Headline", "Slogan")
    async with open_bench(tmp_path, COPY + other, top=top) as bench:
        await bench.run()
        forecast = await bench.plan(clock=Later(31), choice=Choice(steps=("copy",)))
        assert (counts(forecast), counts(forecast, "other")) == ({"again": 2}, {"reused": 2})


async def test_what_the_last_run_did_not_reach_is_not_asked_yet(tmp_path: Path) -> None:
    """After a run of some variants the others are new because nobody asked, not because anything changed."""
    async with open_bench(tmp_path, COPY) as bench:
        await bench.run(limit=1)
        forecast = await bench.plan()
        assert (counts(forecast), whys(forecast)) == ({"new": 1, "reused": 1}, {"not asked yet": (1, [])})


async def test_a_closed_lane_is_why_nothing_was_asked(tmp_path: Path) -> None:
    """What a run took up and could not send says what the vendor said; the lane says so too."""
    async with open_bench(tmp_path, COPY, faults=(Fault("no_credit", vendor="jivox"),)) as bench:
        await bench.run()
        forecast = await bench.plan()
        [(reason, (count, said))] = whys(forecast).items()
        assert (reason, count) == ("not asked yet", 2)
        [lane] = forecast.document["lanes"]
        assert lane["closed_last_run"] == said[0]


async def test_a_selection_restricts_what_is_told(tmp_path: Path) -> None:
    """Only selected variants and steps are counted, what a left-out step would give blocks nothing, and nothing is retired."""
    async with open_bench(tmp_path, COPY + NEXT, feed=TWINS) as bench:
        chosen = await bench.plan(choice=Choice(only="row.id != 'hat'"))
        assert (counts(chosen), counts(chosen, "slogan"), chosen.preview.variants) == ({"new": 1}, {"blocked": 2}, 2)
        steps = await bench.plan(choice=Choice(steps=("copy",)))
        assert (counts(steps), counts(steps, "slogan")) == ({"new": 2}, {})
        limited = await bench.plan(choice=Choice(limit=1))
        assert (counts(limited), counts(limited, "slogan")) == ({"new": 1}, {"blocked": 1})
        await bench.run()
        bench.edit("feed.csv", ("hat,Hat,c\n", ""))
        assert (await bench.plan()).preview.retired == 1
        assert (await bench.plan(choice=Choice(limit=9))).preview.retired == 0


async def test_a_refused_request_is_asked_again_where_that_is_selected(tmp_path: Path) -> None:
    """`--status refused` plans what was refused once more, and only that."""
    async with open_bench(tmp_path, COPY) as bench:
        request = first_request(bench)
        await bench.plan()
        refused = Answered(3.0, request.id, "submit", Refused("bad word"))
        note(bench, Planned(1.0, request, step="copy"), Sent(2.0, request.id, "submit"), refused)
        forecast = await bench.plan(choice=Choice(statuses=("refused",)))
        assert (counts(forecast), whys(forecast)) == ({"again": 1}, {"--status refused": (1, ["bad word"])})
        assert forecast.preview.variants == 1


async def test_a_step_that_is_skipped_is_not_told(tmp_path: Path) -> None:
    """Where `when` says no nothing is counted, and what reads the step is skipped with it."""
    skipping = COPY.replace("    save", "    when: row.id == 'mug'\n    save") + NEXT
    async with open_bench(tmp_path, skipping) as bench:
        forecast = await bench.plan()
        assert (counts(forecast), counts(forecast, "slogan")) == ({"new": 1}, {"blocked": 1})


async def test_lost_bytes_are_left_alone(tmp_path: Path) -> None:
    """A result whose bytes are gone is not bought again by itself, and the plan says what does that."""
    async with open_bench(tmp_path, COPY + SCENE) as bench:
        await bench.run()
        for blob in (tmp_path / ".adbatch/sandbox/blobs").rglob("*"):
            if blob.is_file() and blob.read_bytes()[:4] in (b"\x89PNG", b"\xff\xd8\xff\xe0", b"RIFF"):
                blob.unlink()
        forecast = await bench.plan()
        assert counts(forecast, "scene")["left"] == 2
        [trouble] = next(step for step in forecast.document["steps"] if step["step"] == "scene")["troubles"]
        assert "--fresh" in trouble["why"]


async def test_a_fingerprint_names_what_would_be_asked(tmp_path: Path) -> None:
    """It is the same for the same requests in any order, and another when one more is asked, blocked or settled."""
    async with open_bench(tmp_path, COPY + NEXT) as bench:
        first = (await bench.plan()).preview.fingerprint
        bench.edit("feed.csv", ("mug,Mug,mug.png\nhat,Hat,hat.png\n", "hat,Hat,hat.png\nmug,Mug,mug.png\n"))
        assert (await bench.plan()).preview.fingerprint == first
        bench.edit("job.yaml", ("{{ row.id }}: ", "{{ row.id }}; "))
        second = (await bench.plan()).preview.fingerprint
        note(bench, Planned(1.0, first_request(bench)), Sent(2.0, first_request(bench).id, "submit"))
        third = (await bench.plan()).preview.fingerprint
        assert len({first, second, third}) == 3
        await bench.run(limit=9)


def test_nothing_to_do_is_nothing_open_and_nothing_retired() -> None:
    """Requests that are there, left alone or uncertain are no work for a run; retired variants are."""
    step = StepCount()
    step.counts.update({"reused": 5, "left": 1, "uncertain": 1, "stuck": 1})
    assert Preview({"copy": step}).idle
    assert not Preview({"copy": step}, retired=1).idle
    step.counts["resumed"] += 1
    assert not Preview({"copy": step}).idle
    assert (step.asked, Preview({"copy": step, "scene": step}).total("reused")) == (0, 10)
