"""The crash harness: real runs over real HTTP against a sandbox that survives them, killed at moments drawn from a seed.

A sandbox keeps the ledger of what a vendor would bill. Beside each job that is killed stands its twin, which is left in peace; what
the two leave must be the same, except for what nobody can know. `Victim.faults` says what was broken of that.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, time
from typing import Any, Final

from PIL import Image

ROOT: Final = Path(__file__).parents[2]
KILLED: Final = -signal.SIGKILL
ENDED: Final = frozenset({0, 4})
"""Exit codes of a run that has nothing left to do: all done, or all but what is uncertain."""
PACE: Final = 10.0
"""How much faster than real time the runs' clock goes: waiting for the next poll finds no mistakes."""
QUICK: Final = ("--latency", "5", "--queue", "40")
"""Sandbox arguments for answers in milliseconds."""

PROJECT: Final = 'version: 1\nproviders: {jivox: {account: "1042"}, placewise: {club: mugs}, sivi: {brand: acme}}\n'
STEPS: Final[Mapping[str, str]] = {
    "headline": '{use: jivox/text, with: {prompt: "Headline for {{ row.title }}"}, save: "{{ row.id }}/headline"}',
    "cutout": '{use: jivox/trim, with: {image: "{{ row.id }}.png"}}',
    "packshot": '{use: vyro/remove-background, with: {image: "{{ row.id }}.png"}}',
    "message": '{use: placewise/text, with: {prompt: "{{ steps.headline.text }}"}, save: "{{ row.id }}/message"}',
    "teaser": '{use: placewise/image, with: {prompt: "{{ row.title }}"}}',
    "mood": '{use: sivi/media, with: {prompt: "{{ row.title }}", dimensions: {width: 1024, height: 1024}, model: flux-schnell}}',
}
"""Steps to draw a job from: answers at once as text, link or bytes, queued jobs, and one that reads another."""


SWIFT: Final = ("cutout", "packshot", "message")
"""Steps that cost the sandbox no drawing to speak of."""


def make_job(folder: Path, seed: int, rows: int = 0, steps: tuple[str, ...] = ()) -> Path:
    """A project in `folder` whose job follows from `seed`, with 8 to 18 requests unless told otherwise; returns the job file."""
    dice = random.Random(seed)
    drawn = {"mood"} if seed % 6 == 0 else {"teaser"} if seed % 3 == 0 else set()
    chosen = set(steps) or {"headline", *dice.sample(SWIFT, 2), *drawn}
    count = rows or dice.randint(2, 18 // len(chosen))
    (folder / "jobs").mkdir(parents=True)
    (folder / "adbatch.yaml").write_text(PROJECT, "utf-8")
    lines = ["id,title", *(f"r{n},Mug {seed}-{n}" for n in range(count))]
    (folder / "jobs" / "feed.csv").write_text("\n".join(lines) + "\n", "utf-8")
    for number in range(count):
        Image.new("RGB", (24, 24), (seed % 256, number * 9, seed // 256)).save(folder / "jobs" / f"r{number}.png")
    body = "".join(f"  {name}: {text}\n" for name, text in STEPS.items() if name in chosen)
    job = folder / "jobs" / "mugs.yaml"
    job.write_text(f"version: 1\nname: mugs\nfeed: {{path: feed.csv}}\nsteps:\n{body}output: {{dir: ../out}}\n", "utf-8")
    return job


def hang_up(process: subprocess.Popen[bytes]) -> None:
    """Close the pipes of a child that ends when its input does, and wait until it has."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    process.stdout.close()
    process.wait(30)


class Sandbox:
    """All vendors in a process of their own, which outlives every run. Use it as a context manager."""

    def __init__(self, state: Path, *arguments: str) -> None:
        self._ledger = state / "ledger.jsonl"
        argv = [sys.executable, "-m", "runner.sandbox", "--state", str(state), "--with-parent", *(arguments or QUICK)]
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        ready = json.loads(self._process.stdout.readline())
        self.stage: dict[str, Any] = {name: ready[name] for name in ("url", "key", "vendors")}

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: object) -> None:
        hang_up(self._process)

    def count(self) -> int:
        """How many submits it has accepted; of a line that is just being written, nothing is read."""
        return self._ledger.read_bytes().count(b"\n") if self._ledger.exists() else 0

    def bills(self, since: int = 0) -> list[dict[str, Any]]:
        """Accepted submits from number `since` on, oldest first."""
        return read_ledger(self._ledger)[since:]


def read_ledger(path: Path) -> list[dict[str, Any]]:
    """Accepted submits, oldest first; none where there is no ledger."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


class Forge:
    """The process that forks runs (see `tests.crash.forge`), itself run `under` a command. Use it as a context manager."""

    def __init__(self, log: Path, *under: str) -> None:
        self.log, self._since = log, time()
        argv = [*under, sys.executable, "-m", "tests.crash.forge"]
        self._process = subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self) -> Forge:
        return self

    def __exit__(self, *_: object) -> None:
        hang_up(self._process)

    def run(
        self, job: Path, stage: Mapping[str, Any], kill_after: float = 60.0, kill_at: Callable[[], bool] = bool, **more: Any
    ) -> int:
        """One run, killed after so many seconds or once `kill_at` is true, if it has not ended by then.

        Returns its exit code, `KILLED` if it was killed.
        """
        order = {"job": str(job), "stage": dict(stage), "log": str(self.log), "since": self._since, "pace": PACE, **more}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        pid = json.loads(self._process.stdout.readline())["pid"]
        until, ended = monotonic() + kill_after, False
        while not ended and monotonic() < until and not kill_at():
            rest = until - monotonic()
            ended = bool(select.select([self._process.stdout], [], [], max(rest if kill_at is bool else min(rest, 0.002), 0.0))[0])
        if not ended:
            os.kill(pid, signal.SIGKILL)
        status = int(json.loads(self._process.stdout.readline())["status"])
        self._process.stdin.write(b"\n")
        self._process.stdin.flush()
        return status


@dataclass
class Sweep:
    """Many jobs, each killed several times and then left to finish. `kills` counts those that hit a living run."""

    forge: Forge
    sandbox: Sandbox
    twin: Sandbox
    folder: Path
    dice: random.Random
    plant: str = ""
    kills: int = 0
    faults: list[str] = field(default_factory=list)
    uncertain: int = 0
    billed: int = 0

    def ruin(self, seed: int, most: int = 12, at_bills: bool = False) -> None:
        """Kill one job up to `most` times, let it finish, and note what is wrong with what it leaves.

        It is killed at random moments, or `at_bills`: each time the vendor has just billed, before the run can have heard of it.
        """
        peaceful = make_job(self.folder / f"{seed}-peace", seed)
        begun = monotonic()
        code = self.forge.run(peaceful, self.twin.stage)
        took = monotonic() - begun
        assert code == 0, self.forge.log.read_text("utf-8")
        job, before = make_job(self.folder / f"{seed}", seed), len(self.sandbox.bills())
        for _ in range(most):
            kill: dict[str, Any] = {"kill_at": self._next_bill()} if at_bills else {"kill_after": took * self.dice.random() ** 2}
            code = self._run(job, **kill)
            if code != KILLED:
                break
            self.kills += 1
        if code == KILLED:
            code = self._run(job)
        if code not in ENDED:
            self.faults.append(f"job {seed} ended with {code}: {self.forge.log.read_text('utf-8')[-2000:]}")
            return
        bills = self.sandbox.bills(before)
        self.billed += len(bills)
        self.faults += [f"job {seed}: {fault}" for fault in faults_of(job.parent.parent, peaceful.parent.parent, bills)]
        self.uncertain += sum(status == "uncertain" for _, status in statuses(job.parent.parent).values())

    def _next_bill(self) -> Callable[[], bool]:
        before = self.sandbox.count()
        return lambda: self.sandbox.count() > before

    def _run(self, job: Path, **kill: Any) -> int:
        code = self.forge.run(job, self.sandbox.stage, **kill, plant=self.plant)
        results = job.parent.parent / "out" / "results.jsonl"
        if results.exists():
            for line in results.read_text("utf-8").splitlines():
                json.loads(line)
        return code


@contextmanager
def open_sweep(folder: Path, seed: int, plant: str = "", arguments: tuple[str, ...] = QUICK) -> Iterator[Sweep]:
    """A sweep with its own forge and two sandboxes with these arguments, one for the twins that are left in peace."""
    stages = (Sandbox(folder / name, *arguments) for name in ("vendors", "twin"))
    with Forge(folder / "runs.log") as forge, next(stages) as sandbox, next(stages) as twin:
        yield Sweep(forge, sandbox, twin, folder, random.Random(seed), plant)


def faults_of(root: Path, peaceful: Path, bills: list[dict[str, Any]]) -> Iterator[str]:
    """What is wrong with a finished job: billed twice, lost, other results or files than its peaceful twin, leftovers."""
    for (vendor, operation, _), count in Counter((bill["vendor"], bill["operation"], bill["digest"]) for bill in bills).items():
        if count > 1:
            yield f"{vendor}/{operation} was billed {count} times for one request"
    yield from _lost(root, bills)
    yield from _differences(root, peaceful)
    yield from (f"left behind: {path.relative_to(root)}" for path in leftovers(root))


def statuses(root: Path) -> dict[str, tuple[str, str]]:
    """Vendor and status of every request that the results name, by its id."""
    steps = (step for line in read_lines(root) for step in line["steps"].values() if "request" in step)
    return {step["request"]: (step["provider"], step["status"]) for step in steps}


def read_lines(root: Path) -> list[dict[str, Any]]:
    """The lines of results.jsonl."""
    return [json.loads(line) for line in (root / "out" / "results.jsonl").read_text("utf-8").splitlines()]


def leftovers(root: Path) -> list[Path]:
    """Half-written files of runs that were killed; blobs excepted, which another job may be writing and which are swept later."""
    marks = (".adbatch-tmp", ".probe", ".journal.db.", ".part")
    return [path for path in root.rglob("*") if any(mark in path.name for mark in marks)]


def _lost(root: Path, bills: list[dict[str, Any]]) -> Iterator[str]:
    """A vendor's bill that no result stands for, or a result that nobody billed."""
    known = statuses(root).values()
    for vendor in {vendor for vendor, _ in known} | {bill["vendor"] for bill in bills}:
        billed = sum(bill["vendor"] == vendor for bill in bills)
        done, uncertain = (sum(one == (vendor, status) for one in known) for status in ("done", "uncertain"))
        if not done <= billed <= done + uncertain:
            yield f"{vendor} billed {billed}, but {done} are done and {uncertain} uncertain"


def _differences(root: Path, peaceful: Path) -> Iterator[str]:
    """Steps that are neither as in the peaceful twin nor uncertain nor blocked by such a one, and files that are not theirs."""
    for ours, theirs in zip(read_lines(root), read_lines(peaceful), strict=True):
        for name, step in ours["steps"].items():
            if step["status"] not in ("uncertain", "blocked") and step != theirs["steps"][name]:
                yield f"{ours['key']} {name} is {step}, in peace it is {theirs['steps'][name]}"
            for file in step.get("files", ()):
                if (root / "out" / file["path"]).read_bytes() != (peaceful / "out" / file["path"]).read_bytes():
                    yield f"{file['path']} has other bytes than in peace"
