"""The turnstile: whatever runs share a lane, their sum stays within its limits, and each gets its turn.

Long, because each of its promises needs several runs, a clock of their own, and a vendor that answers them all.
"""

from __future__ import annotations

import json
import os
import random
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from runner.core.conductor import Conductor
from runner.core.gate import LEAD
from runner.core.windows import GUARD, RESERVE
from runner.edge.clock import GRAIN, VirtualClock
from runner.edge.turnstile import SKEW, STALE, Ring, Scale, Turnstile
from runner.errors import OurSide
from runner.facts import Answered, Planned, Saved
from runner.fields import Field, Operation, Polling
from runner.records import Limits, Send, Window, make_request
from runner.verdicts import Busy, Done, Queued, Text, Verdict

OPERATIONS = {
    "pen/text": Operation("text", "text", {"prompt": Field("text")}),
    "pen/job": Operation("job", "text", {"prompt": Field("text")}, polling=Polling(1.0, 1.5, 10.0), deadline=600.0),
}


WEIGHT, USED = 10, 6
"""What a request is believed to weigh, and what it did."""


class Run:
    """A run with `count` requests, its vendor answering after random delays in virtual time."""

    def __init__(
        self, folder: Path, limits: Limits, clock: VirtualClock, count: int = 0, *, operation: str = "text", seed: int = 0
    ) -> None:
        self.clock, self.dice = clock, random.Random(seed)
        self.turnstile = Turnstile(folder, {"pen": limits}, clock, clock.now)
        self.conductor = Conductor({"pen": limits}, OPERATIONS, weigh={"pen": lambda _: WEIGHT})
        self.flying: list[tuple[float, int, Send]] = []
        self.sent: list[tuple[float, str]] = []
        self.tickets: set[str] = set()
        self.done = 0
        with self.turnstile.turn(self.conductor):
            pass
        for number in range(count):
            request = make_request("pen", operation, {"prompt": f"{seed}-{number}"})
            self.conductor.feed(Planned(clock.now(), request))

    def turn(self) -> list[Send]:
        """Take in what has come by now, and let leave what may."""
        now = self.clock.now()
        for entry in [entry for entry in self.flying if entry[0] <= now + GRAIN]:
            self.flying.remove(entry)
            self.answer(entry[2])
        with self.turnstile.turn(self.conductor):
            sends = self.conductor.due(now)
        for send in sends:
            self.sent.append((now, send.step))
            self.flying.append((now + self.dice.uniform(0.05, 3.0), len(self.sent), send))
        return sends

    def answer(self, send: Send, verdict: Verdict | None = None) -> None:
        """The vendor's answer to a call: jobs are queued, a poll finds every third done, everything else is done at once."""
        now, name = self.clock.now(), send.request.id
        queued = send.request.operation == "job" and (send.step == "submit" or self.dice.random() < 0.6)
        verdict = verdict or (Queued(f"t{name[:8]}") if queued else Done((Text("x"),), used=USED))
        self.conductor.feed(Answered(now, name, send.step, verdict))
        (self.tickets.add if isinstance(verdict, Queued) else self.tickets.discard)(name)
        for life in self.conductor.landed():
            self.conductor.feed(Saved(now, life.request.id, ()))
            self.done += 1

    def land(self, send: Send, verdict: Verdict | None = None) -> list[Send]:
        """The call that flies is answered now; what leaves in the turn that follows."""
        self.flying.clear()
        self.answer(send, verdict)
        return self.turn()

    def wake_at(self) -> float | None:
        """When this run has something to do next."""
        moments = [entry[0] for entry in self.flying]
        at = self.conductor.wake_at(self.clock.now())
        return min([*moments, *([] if at is None else [at])], default=None)


def play(runs: list[Run], clock: VirtualClock) -> Iterator[None]:
    """Turn all runs until none has anything to do, in an order drawn anew each time; yields after every turn."""
    dice = random.Random(1)
    while moments := [at for run in runs if (at := run.wake_at()) is not None]:
        clock.advance(max(min(moments) - clock.now(), 0.0) + GRAIN)
        for run in dice.sample(runs, len(runs)):
            run.turn()
            yield


def most_in(moments: list[float], seconds: float) -> int:
    """The largest number of moments in any span of so many seconds."""
    moments = sorted(moments)
    return max((sum(start <= at < start + seconds - 1e-6 for at in moments) for start in moments), default=0)


LIMITS = {
    "a window": Limits((Window(5, 10.0),)),
    "two windows": Limits((Window(3, 2.0), Window(10, 20.0))),
    "one at a time": Limits(concurrent=1),
    "three at a time": Limits(concurrent=3),
    "tickets": Limits(queued=2),
    "tokens": Limits(tokens=(Window(30, 10.0),), concurrent=100),
    "all": Limits((Window(6, 5.0),), 2, 3),
    "polls do not count": Limits((Window(2, 5.0),), 4, 5, polls_count=False),
}


@pytest.mark.parametrize("operation", ["text", "job"])
@pytest.mark.parametrize("name", LIMITS)
def test_the_sum_stays_within_the_limits(tmp_path: Path, name: str, operation: str) -> None:
    """However many runs share a lane, together they never send faster, never fly more and never hold more tickets than allowed."""
    limits, clock = LIMITS[name], VirtualClock()
    with ExitStack() as stack:
        runs = [Run(tmp_path, limits, clock, 5, operation=operation, seed=seed) for seed in range(3)]
        for run in runs:
            stack.enter_context(run.turnstile)
        for _ in play(runs, clock):
            assert sum(len(run.flying) for run in runs) <= (limits.concurrent or 100)
            opening = sum(send.step == "submit" for run in runs for _, _, send in run.flying) if operation == "job" else 0
            assert sum(len(run.tickets) for run in runs) + opening <= (limits.queued or 100)
        assert [run.done for run in runs] == [5] * 3
    counted = [at for run in runs for at, step in run.sent if limits.polls_count or step == "submit"]
    for window in limits.rate:
        assert most_in(counted, window.seconds) <= window.most
    submitted = [at for run in runs for at, step in run.sent if step == "submit"]
    for window in limits.tokens:
        assert most_in(submitted, window.seconds) <= window.most // USED


@pytest.mark.parametrize("limits", [Limits(concurrent=1), Limits(concurrent=3), Limits((Window(4, 10.0),))])
def test_nobody_is_starved(tmp_path: Path, limits: Limits) -> None:
    """A run that comes late gets as much as the one that was there, in turns."""
    clock = VirtualClock()
    with ExitStack() as stack:
        first = Run(tmp_path, limits, clock, 40, seed=1)
        stack.enter_context(first.turnstile)
        first.turn()
        second = Run(tmp_path, limits, clock, 20, seed=2)
        stack.enter_context(second.turnstile)
        before = len(first.sent)
        for _ in play([first, second], clock):
            if len(second.sent) == 20:
                break
        assert len(first.sent) - before <= 20 + 2 * 4


def test_a_lone_run_has_all_of_it(tmp_path: Path) -> None:
    """With nobody else there, a run goes as fast as without a turnstile, and wakes only for what is due."""
    clock, limits = VirtualClock(), Limits((Window(5, 10.0),))
    alone = Run(tmp_path, limits, clock, 12)
    began = clock.now()
    with alone.turnstile:
        assert len(alone.turn()) == 5
        assert alone.conductor.wake_at(clock.now()) == pytest.approx(began + 10 - LEAD, abs=LEAD)
        for _ in play([alone], clock):
            pass
    assert began + 20 - LEAD <= alone.sent[-1][0] <= began + 20 + 10 * RESERVE


def test_a_planned_call_counts_from_its_moment_for_others(tmp_path: Path) -> None:
    """A run that was alone has decided early: whoever comes meanwhile knows when the call leaves, not when it was decided."""
    clock, limits = VirtualClock(), Limits((Window(1, 10.0),))
    began = clock.now()
    with (first := Run(tmp_path, limits, clock, 3)).turnstile:
        [send] = first.turn()
        first.land(send)
        clock.advance(9.98)
        assert len(first.turn()) == 1
        with (second := Run(tmp_path, limits, clock, 3, seed=1)).turnstile:
            assert second.turn() == []
            opens_at = second.conductor.gate("pen").opens_at("submit", clock.now())
    assert opens_at == pytest.approx(began + 20.0 + GUARD, abs=1e-4)


def test_a_window_outlives_its_run(tmp_path: Path) -> None:
    """What a run of another job sent just before still counts, once."""
    clock, limits = VirtualClock(), Limits((Window(5, 10.0),))
    with (first := Run(tmp_path, limits, clock, 3)).turnstile:
        assert len(first.turn()) == 3
    clock.advance(4.0)
    with (second := Run(tmp_path, limits, clock, 9, seed=1)).turnstile:
        assert len(second.turn()) == 2
        assert second.conductor.wake_at(clock.now()) == pytest.approx(clock.now() + 6.0 - LEAD, abs=LEAD)


def test_one_that_waits_longer_goes_first(tmp_path: Path) -> None:
    """When a call lands, its place goes to whoever has waited longest since its own last call, not to the one that had it."""
    clock, limits = VirtualClock(), Limits(concurrent=1)
    with (first := Run(tmp_path, limits, clock, 3)).turnstile, (second := Run(tmp_path, limits, clock, 3, seed=1)).turnstile:
        [send] = first.turn()
        clock.advance(0.1)
        assert second.turn() == []
        assert second.conductor.wake_at(clock.now()) == pytest.approx(clock.now() + 0.1)
        clock.advance(0.1)
        assert first.land(send) != []
        clock.advance(0.1)
        assert first.land(first.flying[0][2]) == []
        assert len(second.turn()) == 1


def idle(run: Run) -> None:
    """Ten seconds in which the run looks around and does nothing."""
    for _ in range(10):
        run.clock.advance(1.0)
        with run.turnstile.turn(run.conductor):
            pass


@pytest.mark.parametrize("time", [5, 7_000_000_000])
def test_one_that_comes_late_or_leaves_is_noticed(tmp_path: Path, time: int) -> None:
    """Though the folder has long been as it was, and is not read in every turn; whatever times its file system keeps."""
    clock, limits = VirtualClock(), Limits(concurrent=1)
    with (first := Run(tmp_path, limits, clock, 5)).turnstile:
        [send] = first.turn()
        os.utime(tmp_path, ns=(time, time))
        idle(first)
        with (late := Run(tmp_path, limits, clock, 3, seed=1)).turnstile:
            os.utime(tmp_path, ns=(time + 1, time + 1))
            assert late.turn() == []
            clock.advance(0.1)
            assert first.land(send) != []
            assert first.land(first.flying[0][2]) == []
            [last] = late.turn()
            os.utime(tmp_path, ns=(time, time))
            idle(first)
        assert len(first.turn()) == 1
    late.answer(last)


def test_one_that_waits_and_says_nothing_is_passed(tmp_path: Path) -> None:
    """A run that was stopped (Ctrl-Z) while it waited keeps nobody for long."""
    clock, limits = VirtualClock(), Limits(concurrent=1)
    with (first := Run(tmp_path, limits, clock, 3)).turnstile, (second := Run(tmp_path, limits, clock, 3, seed=1)).turnstile:
        [send] = first.turn()
        second.turn()
        clock.advance(STALE + 0.1)
        assert len(first.land(send)) == 1


def test_one_that_is_kept_by_its_vendor_does_not_wait(tmp_path: Path) -> None:
    """A run that was told to slow down stands in nobody's way meanwhile."""
    clock, limits = VirtualClock(), Limits(concurrent=1)
    with (first := Run(tmp_path, limits, clock, 3)).turnstile, (second := Run(tmp_path, limits, clock, 3, seed=1)).turnstile:
        [send] = first.turn()
        assert first.land(send, Busy(30.0)) == []
        assert len(second.turn()) == 1


@pytest.mark.parametrize("ending", ["close", "kill"])
def test_what_a_run_held_is_free_when_it_ends(tmp_path: Path, ending: str) -> None:
    """A run that ends, or is killed, leaves its place to the others; its file is gone."""
    code = f"""
import sys
from pathlib import Path
from runner.edge.clock import VirtualClock
from runner.records import Limits
from tests.edge.test_turnstile import Run
run = Run(Path({str(tmp_path)!r}), Limits(concurrent=1), VirtualClock(), 1)
run.turn()
print("flying", flush=True)
sys.stdin.readline()
run.turnstile.close()
"""
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "flying\n"
    with (ours := Run(tmp_path, Limits(concurrent=1), VirtualClock(), 1, seed=1)).turnstile:
        assert ours.turn() == []
        if ending == "kill":
            child.kill()
        child.communicate("\n")
        assert len(ours.turn()) == 1
        assert len(list(tmp_path.glob("*.run"))) == 1
    assert list(tmp_path.glob("*.run")) == []


def test_lanes_without_limits_need_no_turn(tmp_path: Path) -> None:
    """Where nothing is limited nothing is shared, and a run tells nobody anything."""
    with Turnstile(tmp_path, {"pen": Limits()}, VirtualClock()) as turnstile:
        with turnstile.turn(Conductor({"pen": Limits()}, OPERATIONS)):
            pass
        [told] = tmp_path.glob("*.run")
        assert told.read_bytes() == b""


def test_its_files_are_private(tmp_path: Path) -> None:
    """Whatever the umask, nobody else can read or write what runs tell each other."""
    before = os.umask(0)
    try:
        with (run := Run(tmp_path / "lanes", Limits((Window(5, 10.0),)), VirtualClock(), 2)).turnstile:
            run.turn()
            modes = {path.name.rpartition(".")[2]: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "lanes").iterdir()}
    finally:
        os.umask(before)
    assert modes == {"lock": 0o600, "run": 0o600, "sent": 0o600}
    assert stat.S_IMODE((tmp_path / "lanes").stat().st_mode) == 0o700


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    """A file in the way of the lock ends the run before anything is sent, and the message names the folder."""
    (tmp_path / "lock").mkdir()
    with pytest.raises(OurSide, match=rf"{tmp_path}: cannot be used \(Is a directory\); check its permissions"):
        Turnstile(tmp_path, {"pen": Limits(concurrent=1)}, VirtualClock())


@pytest.mark.parametrize(("ahead", "left"), [(4_993.0, 2), (SKEW / 2, 1)])
def test_moments_of_before_a_reboot_do_not_count(tmp_path: Path, ahead: float, left: int) -> None:
    """A monotonic clock begins anew with the machine: what lies far in its future was sent before, what is near is of now."""
    clock, limits = VirtualClock(), Limits((Window(2, 10.0),))
    with Turnstile(tmp_path, {"pen": limits}, clock, lambda: 7.0 + ahead) as before:
        conductor = Conductor({"pen": limits}, OPERATIONS)
        with before.turn(conductor):
            conductor.feed(Planned(clock.now(), make_request("pen", "text", {"prompt": "x"})))
            assert len(conductor.due(clock.now())) == 1
    with Turnstile(tmp_path, {"pen": limits}, clock, lambda: 7.0) as after:
        fresh = Conductor({"pen": limits}, OPERATIONS)
        with after.turn(fresh):
            for number in range(3):
                fresh.feed(Planned(clock.now(), make_request("pen", "text", {"prompt": f"{number}"})))
            assert len(fresh.due(clock.now())) == left


class Halting(VirtualClock):
    """A clock whose reader is held up for a while, right after the first time."""

    halts = 1

    def now(self) -> float:
        """The moment; the first reader loses half a second before going on."""
        moment = super().now()
        if self.halts:
            self.halts -= 1
            self.advance(0.5)
        return moment


def test_a_run_that_is_held_up_still_knows_what_time_it_is(tmp_path: Path) -> None:
    """Both clocks are looked at again where a look took long, so calls are counted when they left."""
    clock, limits = Halting(), Limits((Window(2, 10.0),))
    with Turnstile(tmp_path, {"pen": limits}, clock, lambda: VirtualClock.now(clock)) as late:
        conductor = Conductor({"pen": limits}, OPERATIONS)
        with late.turn(conductor):
            conductor.feed(Planned(clock.now(), make_request("pen", "text", {"prompt": "x"})))
            assert len(conductor.due(clock.now())) == 1
        handle = os.open(tmp_path / "pen.sent", os.O_RDONLY)
        assert Ring(handle, 1).news() == [clock.now()]
        os.close(handle)


@pytest.fixture
def ring_file(tmp_path: Path) -> Iterator[int]:
    """An open file for a ring."""
    handle = os.open(tmp_path / "x.sent", os.O_RDWR | os.O_CREAT, 0o600)
    yield handle
    os.close(handle)


def test_a_ring_tells_each_reader_what_is_new(ring_file: int) -> None:
    """Each reader gets what others have added since it last looked, and never its own."""
    one, two = Ring(ring_file, 4), Ring(ring_file, 4)
    one.add([1.0, 2.0])
    assert (one.news(), two.news(), two.news()) == ([], [1.0, 2.0], [])
    two.add([3.0])
    assert one.news() == [3.0]
    one.add([4.0])
    assert (one.news(), two.news()) == ([], [4.0])


def test_a_ring_keeps_the_newest(ring_file: int) -> None:
    """As many moments are kept as the most demanding reader needs; older ones are gone."""
    small, large = Ring(ring_file, 2), Ring(ring_file, 4)
    small.add([1.0, 2.0, 3.0])
    assert large.news() == [2.0, 3.0]
    large.add([4.0, 5.0, 6.0])
    assert small.news() == [4.0, 5.0, 6.0]
    small.add([7.0])
    assert Ring(ring_file, 2).news() == [4.0, 5.0, 6.0, 7.0]


@pytest.mark.parametrize("damage", [b"", b"\1", b"\1" * 16, b"\0" * 21])
def test_a_damaged_ring_is_begun_anew(ring_file: int, damage: bytes) -> None:
    """A file that is too short for what it says loses the past, not the run."""
    os.write(ring_file, damage)
    ring = Ring(ring_file, 2)
    ring.news()
    ring.add([1.0])
    assert Ring(ring_file, 2).news()[-1:] == [1.0]


def test_a_scale_tells_what_is_new_and_forgets_what_is_over(tmp_path: Path) -> None:
    """Tokens and corrections reach the other run once; what no window counts any more is not kept; a damaged file is begun anew."""
    handle = os.open(tmp_path / "x.tokens", os.O_RDWR | os.O_CREAT, 0o600)
    one, two = Scale(handle), Scale(handle)
    one.add([(1.0, 70), (2.0, 30)], 0.0)
    assert (one.news(), two.news(), two.news()) == ([], [(1.0, 70), (2.0, 30)], [])
    two.add([(2.0, -10)], 1.5)
    assert one.news() == [(2.0, -10)]
    assert Scale(handle).news() == [(2.0, 30), (2.0, -10)]
    os.truncate(handle, 5)
    two.add([(9.0, 1)], 0.0)
    assert Scale(handle).news() == [(9.0, 1)]
    os.close(handle)


def test_what_runs_tell_each_other_is_readable(tmp_path: Path) -> None:
    """Whoever looks into the folder can see who uses what."""
    with (run := Run(tmp_path, Limits(concurrent=3), VirtualClock(), 5)).turnstile:
        run.turn()
        [told] = tmp_path.glob("*.run")
        assert json.loads(told.read_text())["lanes"] == {"pen": {"flying": 3, "tickets": 3, "since": run.clock.now()}}
