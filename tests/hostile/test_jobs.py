"""No job file ends in a traceback, takes long, or takes much: whatever is in it, it is a job or a list of mistakes."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.cli import main
from runner.errors import Complaint, Invalid, Usage
from runner.inspection import check_job
from runner.job.load import read_job, read_project
from runner.job.matrix import MOST_CELLS, problems
from tests.hostile.memory import growth
from tests.hostile.mutations import NASTY, mutate
from tests.hostile.pace import slowness

ROOT = Path(__file__).resolve().parent.parent.parent
MUTATIONS = 30_000 if os.environ.get("ADBATCH_SOAK") else 1_000
PARTS = 5
LONGEST_SECONDS = 2.0
JOBS = ["jobs/summer-sale.yaml", *sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("examples/*/jobs/*.yaml"))]
SHARES = {name: MUTATIONS // 40 if name == JOBS[0] else MUTATIONS * 39 // 160 for name in JOBS}
"""The largest job takes ten times as long to check as the others."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository's own jobs, feeds and templates."""
    copy = tmp_path_factory.mktemp("project")
    for folder in ("examples", "jobs", "templates"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    shutil.copy(ROOT / "adbatch.yaml", copy)
    return copy


def is_short(complaint: Complaint) -> bool:
    """Whether a complaint says something, and not too much."""
    return 0 < len(complaint.message) < 2000


def verdict_of(path: Path) -> str:
    """How checking the job ends, one of the ways that are allowed; and within two seconds of work."""
    began = time.thread_time()
    try:
        check_job(path)
        ending = "sound"
    except Invalid as mistakes:
        ending = "invalid" if mistakes.complaints and all(map(is_short, mistakes.complaints)) else str(mistakes)
    except Usage:
        ending = "usage"
    took = time.thread_time() - began
    assert took < LONGEST_SECONDS * slowness(), f"{took:.1f} s"
    return ending


@pytest.mark.soak
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("name", JOBS)
def test_a_job_gone_wrong_is_told_or_sound(project: Path, name: str, part: int) -> None:
    """A thousand mutations (thirty thousand to soak) of the repository's jobs: sound, or mistakes in words, in two seconds."""
    text = (ROOT / name).read_text(encoding="utf-8")
    path = (project / name).with_name(f"mutated-{part}.yaml")
    share = SHARES[name] // PARTS
    endings = []
    for seed in range(part * share, (part + 1) * share):
        path.write_bytes(mutate(text, seed))
        try:
            endings.append(verdict_of(path))
        except Exception as surprise:
            surprise.add_note(f"{name}, seed {seed}")
            raise
    assert set(endings) <= {"sound", "invalid", "usage"}
    assert endings.count("invalid") > share // 2


@pytest.mark.parametrize("seed", range(0, 300, 10))
def test_the_door_tells_every_mistake_in_words(project: Path, seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Through the command itself: exit code 0 or 2, and nothing on the screen that moves the cursor or shows our code."""
    name = JOBS[seed // 10 % len(JOBS)]
    path = (project / name).with_name("door.yaml")
    path.write_bytes(mutate((ROOT / name).read_text(encoding="utf-8"), seed + 1))
    with pytest.raises(SystemExit) as ended:
        main(["check", str(path)])
    shown = capsys.readouterr()
    assert ended.value.code in (0, 2)
    assert "Traceback" not in shown.err
    assert not {"\x1b", "\x00", "\u202e"} & set(shown.out + shown.err)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400) | st.text(max_size=400).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_a_job_a_project_or_mistakes(raw: bytes) -> None:
    """Bytes from nowhere end in a job, a project, or complaints with their place."""
    for read in (read_job, read_project):
        try:
            read(raw, "x.yaml")
        except Invalid as mistakes:
            unplaced = [complaint for complaint in mistakes.complaints if complaint.place is None]
        else:
            unplaced = []
        assert unplaced == []


HEAD = (
    "version: 1\nname: x\nfeed: {path: f.csv}\noutput: {dir: out}\n"
    "steps: {a: {use: vyro/text-to-image, with: {prompt: x, style: realistic}}}\n"
)
AXES = "".join(f"  a{number}: [{', '.join(map(str, range(1000)))}]\n" for number in range(3))
LAUGHS = "".join(f"l{number}: &l{number} [{', '.join([f'*l{number - 1}'] * 9) if number else 'x'}]\n" for number in range(9))


HARMLESS = {"billion laughs in a line", "long lines of nothing", "a million comments"}


def lines_of(count: int, of: Callable[[int], str]) -> str:
    """`count` lines, each made from its number."""
    return "".join(of(number) for number in range(count))


BOMBS = {
    "a thousand million cells": f"{HEAD}matrix:\n{AXES}",
    "a hundred thousand cells and many rules": f"{HEAD}matrix:\n  a: {list(range(300))}\n  b: {list(range(300))}\n  exclude:\n"
    + "".join(f"    - {{a: {number}, b: 5}}\n" for number in range(300)),
    "an include for every cell": f"{HEAD}matrix:\n  a: {list(range(300))}\n  b: {list(range(300))}\n  include:\n"
    + "".join(f"    - {{a: {number}, c: 5}}\n" for number in range(300)),
    "billion laughs": f"{HEAD}vars:\n{LAUGHS}",
    "billion laughs in a line": f"{HEAD}vars: {{a: &a [x, x, x, x, x, x], b: &b [*a, *a, *a, *a, *a, *a], c: [*b, *b, *b]}}\n",
    "merges of merges": f"{HEAD}vars:\n  a: &a {{x: 1}}\n" + "".join(f"  b{n}: {{<<: [*a, *a, *a]}}\n" for n in range(900)),
    "deep in brackets": HEAD + "vars: " + "[" * 200_000,
    "deep in maps": HEAD + "vars: " + "{a: " * 100_000,
    "deep in dashes": HEAD + "vars:\n  " + "- " * 100_000,
    "deep in lines": HEAD + "".join(" " * number + "a:\n" for number in range(1200)),
    "an anchor inside itself": f"{HEAD}vars: &a {{x: *a}}\n",
    "a hundred thousand anchors": HEAD + "vars: [" + ", ".join(f"&a{number} x" for number in range(60_000)) + "]\n",
    "ten thousand twins": HEAD + "x: 1\n" * 9000,
    "ten thousand strangers": HEAD + "".join(f"x{number}: 1\n" for number in range(9000)),
    "ten thousand fields": HEAD.replace("prompt: x", "prompt: x, " + ", ".join(f"promp{number}: 1" for number in range(6000))),
    "ten thousand tags": HEAD + "vars: [" + ", ".join(["!!python/name:os.system x"] * 6000) + "]\n",
    "a long key": HEAD + f"? {'k' * 900_000}\n: 1\n",
    "a long text": HEAD + f"x: {'k' * 900_000}\n",
    "a long number": HEAD + f"x: {'9' * 900_000}\n",
    "a long hexadecimal": HEAD + f"x: 0x{'f' * 900_000}\n",
    "a long quoted text": HEAD + 'x: "' + "\\x41" * 200_000 + '"\n',
    "a long block": HEAD + "x: |\n" + "  line\n" * 100_000,
    "long lines of nothing": HEAD + " " * 900_000,
    "a million comments": HEAD + "#\n" * 400_000,
    "a million documents": HEAD + "---\n" * 200_000,
    "names nearly alike": HEAD.replace(
        "prompt: x", "prompt: '" + lines_of(60, lambda n: f"{{{{ vars.{'a' * 100}b{'a' * 90}{n} }}}} ") + "'"
    )
    + "vars:\n"
    + lines_of(300, lambda n: f"  {'a' * 190}{n}: 1\n"),
    "short names nearly alike": HEAD.replace(
        "prompt: x", "prompt: '" + lines_of(300, lambda n: f"{{{{ vars.aaabaaa{n} }}}} ") + "'"
    )
    + "vars:\n"
    + lines_of(1000, lambda n: f"  aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa{n}: 1\n"),
    "a thousand steps in a row": HEAD.partition("steps")[0]
    + "steps:\n"
    + "".join(f"  s{n}: {{use: jivox/text, with: {{prompt: '{{{{ steps.s{n + 1}.text }}}}'}}}}\n" for n in range(500)),
    "a thousand steps in a circle": HEAD.partition("steps")[0]
    + "steps:\n"
    + "".join(f"  s{n}: {{use: jivox/text, with: {{prompt: '{{{{ steps.s{(n + 1) % 500}.text }}}}'}}}}\n" for n in range(500)),
    "larger than a mebibyte": HEAD + "#" * (2 << 20),
    "a flood of small values": HEAD + "vars: [" + "1," * 500_000 + "]\n",
}


@pytest.mark.parametrize("name", BOMBS)
def test_no_job_file_takes_much(tmp_path: Path, name: str) -> None:
    """Each bomb is refused, or does no harm, within two seconds and a hundred megabytes."""
    path = tmp_path / "job.yaml"
    path.write_text(BOMBS[name])
    (tmp_path / "f.csv").write_text("id\n1\n")
    with growth() as grown:
        assert verdict_of(path) == ("sound" if name in HARMLESS else "invalid")
    assert grown.bytes < 100 << 20


def test_a_matrix_is_refused_from_its_count_alone(tmp_path: Path) -> None:
    """10⁹ cells, and 10⁹⁰: half a second at the most, though a busy machine collects its garbage meanwhile."""
    for axes in (3, 30):
        text = f"{HEAD}matrix:\n" + "".join(f"  a{number}: {list(range(1000 if axes == 3 else 400))}\n" for number in range(axes))
        job, _ = read_job(text.encode(), "job.yaml")
        began = time.thread_time()
        [problem] = problems(job.matrix)
        assert time.thread_time() - began < 0.5
        assert f"at most {MOST_CELLS:,} are allowed" in problem.message


def test_the_nasty_values_are_many() -> None:
    """There are a hundred of them, so that each kind of field meets each kind of value."""
    assert len(NASTY) >= 90
