"""Fifty failing runs whose vendor quotes the key: it is in no file, no stream and no command line afterwards."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.edge.conftest import Hit, open_vendor
from tests.flight.starter import Starter
from tests.secrets.canaries import CANARIES, IMAGE, QUEUE, SPELLINGS, STREAM, TEXT, Place, command_lines, traces, with_canary

RUNS: Final = 50
STEPS: Final = {
    "text": 'jivox/text, with: {prompt: "{{ row.title }}"}, save: "{{ row.id }}"',
    "image": 'jivox/image, with: {prompt: "{{ row.title }}", width: 16, height: 16}',
    "stream": 'vyro/text-to-image, with: {prompt: "{{ row.title }}", style: realistic}',
    "queue": 'sivi/media, with: {prompt: "{{ row.title }}", bId: b, model: flux-schnell, dimensions: {width: 1024, height: 1024}}',
}
PLACES: Final[list[tuple[str, str, Place]]] = [
    (step, name, place)
    for step, places in {"text": TEXT, "image": IMAGE, "stream": STREAM, "queue": QUEUE}.items()
    for name, place in places.items()
]


def write_project(folder: Path, url: str, step: str) -> Path:
    """A project with one row, whose accounts are all at `url` with the key in CANARY."""
    folder.mkdir()
    accounts = f"{{key: {{env: CANARY}}, base_url: '{url}'"
    (folder / "adbatch.yaml").write_text(
        f'version: 1\nproviders:\n  jivox: {accounts}, account: "1"}}\n  vyro: {accounts}}}\n  sivi: {accounts}}}\n'
    )
    (folder / "feed.csv").write_text("id,title\nmug,Mug\n")
    (folder / "job.yaml").write_text(
        f"version: 1\nname: canary\nfeed: {{path: feed.csv}}\nsteps:\n  ad: {{use: {STEPS[step]}}}\noutput: {{dir: out}}\n"
    )
    return folder


async def fail(number: int, folder: Path, starter: Starter) -> str:
    """One run against a vendor that quotes one canary in one spelling at one place; its code and what was wrong with the test."""
    key = CANARIES[number % len(CANARIES)]
    word = list(SPELLINGS.values())[number // len(CANARIES) % len(SPELLINGS)](key)
    step, name, place = PLACES[number % len(PLACES)]
    seen: list[str] = []

    async def quote(hit: Hit, writer: asyncio.StreamWriter) -> None:
        seen.extend(value for value in hit.headers.values() if key in value.encode("latin-1").decode("utf-8", "replace"))
        writer.write(place(hit, word))
        if name in ("cut off", "no HTTP", "a bad status"):
            writer.close()

    async with open_vendor(quote) as vendor:
        project = write_project(folder / f"project-{number}", vendor.url, step)
        code, said = await starter.run("run", "job.yaml", "--json", "--record", cwd=project, CANARY=key)
    expected = {"200 the text itself": {0}}.get(name, {1, 4, 5})
    return "" if seen and code in expected else f"{number} {name}: {code}, key sent {len(seen)} times: {said}"


async def test_no_canary_is_left_anywhere(tmp_path: Path, starter: Starter) -> None:
    """Five canaries in six spellings at 26 places of a vendor's answers: no file below project, state, outputs or tmp holds one."""
    few = asyncio.Semaphore(4)

    async def one(number: int) -> str:
        async with few:
            return await fail(number, tmp_path, starter)

    assert [wrong for wrong in await asyncio.gather(*map(one, range(RUNS))) if wrong] == []
    assert traces([tmp_path, starter.folder]) == []
    assert with_canary(command_lines()) == []


def test_the_search_finds_what_is_there(tmp_path: Path) -> None:
    """A canary in whatever spelling, in a file of whatever kind, would have been found."""
    for number, (key, spell) in enumerate((key, spell) for key in CANARIES for spell in SPELLINGS.values()):
        (tmp_path / f"{number}.db").write_bytes(b"\0SQLite\0" + spell(key).encode() + b"\0")
    found = {line.partition(":")[0] for line in traces([tmp_path])}
    assert len(found) == len(CANARIES) * len(SPELLINGS)


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="no /proc here")
async def test_no_command_line_shows_a_key(tmp_path: Path) -> None:
    """While a run and its children live, no process shows the key on its command line."""
    lines: list[str] = []
    alive: list[bool] = []

    async def look(hit: Hit, writer: asyncio.StreamWriter) -> None:
        lines.extend(with_canary(command_lines()))
        alive.append(any("job.yaml" in line for line in command_lines()))
        writer.write(TEXT["400 JSON"](hit, CANARIES[0]))

    async with open_vendor(look) as vendor:
        project = write_project(tmp_path / "project", vendor.url, "text")
        environ = {**os.environ, "CANARY": CANARIES[0], "PYTHONPATH": str(Path(__file__).parents[2])}
        argv = [sys.executable, "-m", "runner.cli", "run", "job.yaml", "--quiet"]
        child = await asyncio.create_subprocess_exec(*argv, cwd=project, env=environ, stderr=asyncio.subprocess.PIPE)
        _, said = await child.communicate()
    assert (child.returncode, lines, alive) == (1, [], [True])
    assert CANARIES[0].encode() not in said


@pytest.mark.parametrize("key", ["test-key-canary\nX-Evil: 1", "test-key-canary-“quoted”", "test-key-canary-ключ"])
async def test_a_key_that_cannot_be_sent_is_not_told(tmp_path: Path, starter: Starter, key: str) -> None:
    """A key that no header can hold ends the run with 3 before anything is sent; only its name is told."""
    project = write_project(tmp_path / "project", "http://127.0.0.1:9", "text")
    code, said = await starter.run("run", "job.yaml", cwd=project, CANARY=key)
    assert (code, "jivox: environment variable CANARY has a line break or another character" in said) == (3, True)
    assert "test-key-canary" not in said


@pytest.mark.parametrize("umask", ["000", "002", "022", "077"])
async def test_what_a_run_keeps_is_private(tmp_path: Path, umask: str) -> None:
    """Everything in the state folder of a live run is its owner's alone, whatever the umask."""

    async def refuse(hit: Hit, writer: asyncio.StreamWriter) -> None:
        writer.write(TEXT["500 page"](hit, "nothing"))

    async with open_vendor(refuse) as vendor:
        project = write_project(tmp_path / "project", vendor.url, "text")
        argv = ["/bin/sh", "-c", f'umask {umask}; exec "$0" -m runner.cli run job.yaml --quiet --record', sys.executable]
        environ = {**os.environ, "CANARY": "test-key-of-mine", "PYTHONPATH": str(Path(__file__).parents[2])}
        child = await asyncio.create_subprocess_exec(*argv, cwd=project, env=environ, stderr=asyncio.subprocess.DEVNULL)
        assert await child.wait() == 4
    state = project / ".adbatch"
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (state, *state.rglob("*")) if path.is_dir()}
    assert modes == {0o700}
    assert {stat.S_IMODE(path.stat().st_mode) for path in state.rglob("*") if path.is_file()} == {0o600}
