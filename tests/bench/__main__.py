"""`make bench`: run the scenarios and print what they came to beside what they are meant to come to.

python -m tests.bench [NAME…]      quick: some minutes
BENCH_FULL=1 python -m tests.bench the figures of the table: an hour and more
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from tests.bench.peers import PEERS, Peer, run_peer
from tests.bench.rounds import adbatch, open_vendor, run_ours, run_raw
from tests.bench.scenarios import CELLS, GROWTH, PACE, SCALE, THROUGHPUT, Scenario, write_project, write_prompts

FULL: Final = bool(os.environ.get("BENCH_FULL"))
ROUNDS: Final = 5
PEER_ROUNDS: Final = 3


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the report: what was measured, what it is meant to be, what it was, and whether that is reached."""

    name: str
    goal: str
    got: str
    reached: bool | None

    def __str__(self) -> str:
        mark = {True: "yes", False: "**no**", None: ""}[self.reached]
        return f"| {self.name} | {self.goal} | {self.got} | {mark} |"


def throughput(name: str, scenario: Scenario, folder: Path) -> Iterator[Row]:
    """Ours and the bare client in turns; medians of the ratios.

    The speed is of whole processes, the CPU of what a request adds: a run of a single one is taken off, the second, as the first
    has to warm the disk, and to compile what was never run.
    """
    count = scenario.full if FULL else scenario.count
    write_prompts(folder / "prompts.jsonl", count)
    write_prompts(folder / "one.jsonl", 1)
    for _ in range(2):
        ours_alone = run_ours(scenario, folder / "ours", 1).cost
        raw_alone = run_raw(scenario, folder / "raw", folder / "one.jsonl").cost
    speed, going, cpu, rate, peak = [], [], [], [], []
    for _ in range(ROUNDS):
        ours = run_ours(scenario, folder / "ours", count).cost
        raw = run_raw(scenario, folder / "raw", folder / "prompts.jsonl").cost
        speed.append(raw.wall / ours.wall)
        going.append((raw.wall - raw_alone.wall) / (ours.wall - ours_alone.wall))
        cpu.append((ours.cpu - ours_alone.cpu) / (raw.cpu - raw_alone.cpu))
        rate.append(count / ours.wall)
        peak.append(ours.peak)
    got = (
        f"{median(speed):.2f} × raw ({median(going):.2f} × once started), CPU {median(cpu):.2f} × raw, "
        f"{median(rate):,.0f}/s, {median(peak):.0f} MB ({count:,} requests)"
    )
    least = {"chat": 0.65}.get(name, 0.5)
    yield Row(name, scenario.goal, got, median(speed) >= least and (name != "chat" or median(cpu) <= 1.8))


def peers(name: str, scenario: Scenario, folder: Path) -> Iterator[Row]:
    """Each of the others that is here and ours, in turns, on the same prompts."""
    count = scenario.full if FULL else 2_000
    write_prompts(folder / "prompts.jsonl", count)
    write_prompts(folder / "one.jsonl", 1)
    for title, peer in PEERS.items():
        times, got = _beside(peer, scenario, folder, count)
        yield Row(f"{name}: {title}", f"≥ {peer.goal:g} × as fast", got, None if times is None else times >= peer.goal)


def _beside(peer: Peer, scenario: Scenario, folder: Path, count: int) -> tuple[float | None, str]:
    """How many times as fast ours is than a peer, and what that was; no number where the peer cannot be measured.

    The speed is of whole processes, with nothing taken off. Two runs of one prompt go before on either side: the first warms the
    disk, and the second is taken off both for what is said of the time once started and of the CPU of a request.
    """
    rounds = []
    for number in (1, 1, *[count] * PEER_ROUNDS):
        prompts = folder / ("one.jsonl" if number == 1 else "prompts.jsonl")
        theirs = run_peer(peer, scenario, folder / "peer", prompts, os.environ)
        if isinstance(theirs, str):
            return None, theirs
        rounds.append((theirs.cost, run_ours(scenario, folder / "ours", number).cost))
    _, (alone, ours_alone), *rounds = rounds
    speed = median(cost.wall / ours.wall for cost, ours in rounds)
    going = median((cost.wall - alone.wall) / (ours.wall - ours_alone.wall) for cost, ours in rounds)
    cpu = median((cost.cpu - alone.cpu) / (ours.cpu - ours_alone.cpu) for cost, ours in rounds)
    rates = [count / median(pair[side].wall for pair in rounds) for side in (0, 1)]
    return speed, (
        f"{speed:.1f} × ({going:.1f} × once started), its CPU {cpu:.1f} ×, "
        f"{rates[1]:,.0f}/s beside {rates[0]:,.0f}/s ({count:,} requests)"
    )


def pace(name: str, scenario: Scenario, folder: Path) -> Iterator[Row]:
    """What the vendor saw of one run."""
    count = scenario.full if FULL else scenario.count
    one = run_ours(scenario, folder / "ours", count)
    told, limit, span = one.told, scenario.vendor.get("limit", 0), scenario.vendor.get("span", 1.0)
    if not limit:
        calls = sum(told["calls"].values())
        rate = calls / one.cost.wall
        got = f"{rate:,.0f} exchanges/s, {one.cost.peak:.0f} MB ({count:,} jobs, {calls:,} exchanges)"
        yield Row(name, scenario.goal, got, rate >= 1_200 and one.cost.peak <= 150)
        return
    ideal = (-(-count // int(limit)) - 1) * span
    used = ideal / told["took"]
    most, refused = told["fullest"][f"{span:g}"], told["refused"]
    late = told["refused_late"] / max(told["late"], 1)
    got = f"{used:.3f} of the limit, {most} in {span:g} s at most, {refused} × 429 ({late:.2%} after 10 s)"
    hidden = name.startswith("hidden")
    yield Row(
        name, scenario.goal, got, (used >= 0.92 and late < 0.01) if hidden else (used >= 0.99 and most <= limit and not refused)
    )


def scale(name: str, scenario: Scenario, folder: Path) -> Iterator[Row]:
    """A plan of which everything has been bought: check, plan, run."""
    count = scenario.full if FULL else scenario.count
    share = count * CELLS / 1_000_000
    with open_vendor({}) as url:
        write_project(folder / "ours", scenario, url, count)
        adbatch(folder / "ours", "run", "job.yaml", "--quiet", "--no-report")
        (folder / "ours" / "feed.csv").touch()
        for words, most in (("check", 60), ("plan", 90), ("run", 60)):
            more = ("--quiet", "--no-report") if words == "run" else ()
            cost = adbatch(folder / "ours", words, "job.yaml", *more)
            got = f"{cost.wall:.1f} s, {cost.cpu:.1f} s CPU, {cost.peak:.0f} MB ({count * CELLS:,} variants)"
            yield Row(f"{name}: {words}", scenario.goal, got, (cost.wall < most and cost.peak <= 400) if share == 1 else None)


def growth(name: str, scenario: Scenario, folder: Path) -> Iterator[Row]:
    """The peak of ten times the requests."""
    count = scenario.full if FULL else scenario.count
    few, many = (run_ours(scenario, folder / "ours", number).cost for number in (count, 10 * count))
    times = many.peak / few.peak
    yield Row(
        name, scenario.goal, f"{times:.2f} × ({few.peak:.0f} to {many.peak:.0f} MB, {count:,} to {10 * count:,})", times <= 1.2
    )


def start(name: str, scenario: Scenario, folder: Path) -> Iterator[Row]:
    """How long it takes to say what there is, and to make one thing in the sandbox."""
    write_project(folder / "ours", THROUGHPUT["chat"], "http://127.0.0.1:9", 1)
    for words, most in ((("--help",), 0.3), (("run", "job.yaml", "--sandbox", "--quiet", "--no-report"), 2.0)):
        walls = []
        for _ in range(ROUNDS):
            walls.append(adbatch(folder / "ours", *words).wall)
            (folder / "ours" / "feed.csv").write_text(f"id,title,text\nr{len(walls)},Thing,{len(walls)}\n", "utf-8")
        yield Row(f"{name}: {words[0]}", f"< {most:g} s", f"{median(walls):.2f} s", median(walls) < most)


Runner = Callable[[str, Scenario, Path], Iterator[Row]]
ALL: Final[Mapping[str, tuple[Runner, Scenario]]] = {
    **{name: (throughput, scenario) for name, scenario in THROUGHPUT.items()},
    "peers": (peers, THROUGHPUT["chat"]),
    **{name: (pace, scenario) for name, scenario in PACE.items()},
    "scale": (scale, SCALE),
    "growth": (growth, GROWTH),
    "start": (start, GROWTH),
}


def main(names: list[str]) -> None:
    """Run the scenarios of these names, all where none is given, and print a table as they end."""
    print(f"{platform.python_version()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}\n")  # noqa: T201
    print("| scenario | goal | measured | reached |\n|---|---|---|---|")  # noqa: T201
    for name in names or ALL:
        work, scenario = ALL[name]
        with tempfile.TemporaryDirectory(prefix="adbatch-bench-") as folder:
            for row in work(name, scenario, Path(folder)):
                print(row, flush=True)  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
