"""The workshop opens everything a run needs before anything is sent, and keeps what somebody edited."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
from PIL import Image

from runner.budgets import purses_of
from runner.desk import Desk, load_files, open_desk
from runner.edge.clock import SystemClock
from runner.edge.media import Bad, Media
from runner.edge.rehearsal import Stage
from runner.edge.state import State
from runner.errors import OurSide, Usage
from runner.facts import Answered, Planned, Saved, Sent
from runner.feed import read_rows
from runner.loom import Outcome, Yield
from runner.outcomes import GONE
from runner.records import Answer, Artifact, Blob, make_request
from runner.sandbox.serve import describe
from runner.verdicts import Done, Held, Lost
from runner.workshop import SMALL, TORN_AFTER, Workshop, lanes_used, open_workshop
from tests.edge.test_worker import hire
from tests.projects import COPY, MEDIUM, PROJECT, SCENE, open_stage_here, write_project

STAGE: Final = Stage("http://127.0.0.1:5", "test-key", describe("http://127.0.0.1:5", "test-key")["vendors"])
REQUEST: Final = make_request("jivox", "text", {"prompt": "x"})


def png(colour: str = "red") -> bytes:
    """A small picture."""
    file = io.BytesIO()
    Image.new("RGB", (4, 3), colour).save(file, "PNG")
    return file.getvalue()


def desk_of(folder: Path, steps: str = COPY, stage: Stage | None = STAGE, **more: Any) -> Desk:
    """The desk of a small project, staged unless told otherwise."""
    return open_desk(load_files(write_project(folder, steps, **more)), stage)


@asynccontextmanager
async def opened(folder: Path, steps: str = COPY, **more: Any) -> AsyncIterator[Workshop]:
    """An open workshop on the stage."""
    state = State(folder / ".adbatch", "sandbox")
    async with open_workshop(desk_of(folder, steps, **more), state, STAGE, SystemClock()) as shop:
        yield shop


def yields(shop: Workshop, artifact: Artifact) -> list[Yield]:
    """What the first step of each variant of two rows gave."""
    [step] = shop.desk.plan.needs
    source = shop.desk.source((shop.desk.folder / "feed.csv",), ("feed.csv",))
    return [Yield(each, step, Outcome("done", REQUEST, (artifact,)), {}) for each in shop.desk.plan.variants(read_rows(source))]


@pytest.mark.parametrize(
    ("project", "why"),
    [
        (
            "version: 1\nproviders:\n  jivox: {account: '7', key: {env: ADBATCH_TEST_UNSET}}\n",
            "variable ADBATCH_TEST_UNSET is not set",
        ),
        ("version: 1\nproviders:\n  jivox: {account: '7', key: {file: /nowhere/key}}\n", "/nowhere/key cannot be read"),
    ],
)
async def test_a_missing_key_stops_before_anything_is_touched(tmp_path: Path, project: str, why: str) -> None:
    """Without a key nothing is opened, nothing is written to the output folder and nothing is sent."""
    desk = desk_of(tmp_path, stage=None, project=project)
    with pytest.raises(OurSide, match=f"jivox: .*{why}"):
        async with open_workshop(desk, State(tmp_path / ".adbatch", "live"), None, SystemClock()):
            pass
    assert not (tmp_path / "out").exists()
    assert not list((tmp_path / ".adbatch").rglob("journal.db"))


async def test_all_missing_keys_are_told_at_once(tmp_path: Path) -> None:
    """Each with the line of the project file that names it, or its account where the key has the provider's own name."""
    jivox = "  jivox:\n    account: '7'\n    key: {env: ADBATCH_TEST_UNSET}\n"
    project = f"version: 1\nproviders:\n{jivox}  sivi: {{key: {{env: ADBATCH_TEST_NO}}}}\n"
    steps = COPY + MEDIUM
    desk = desk_of(tmp_path, steps, stage=None, project=project)
    with pytest.raises(OurSide) as told:
        async with open_workshop(desk, State(tmp_path / ".adbatch", "live"), None, SystemClock()):
            pass
    lines = str(told.value).replace(f"{tmp_path}/", "").splitlines()
    assert [line.partition(" is not")[0] for line in lines] == [
        "adbatch.yaml:5: jivox: no key: environment variable ADBATCH_TEST_UNSET",
        "adbatch.yaml:6: sivi: no key: environment variable ADBATCH_TEST_NO",
    ]


async def test_only_keys_of_accounts_in_use_are_needed(tmp_path: Path) -> None:
    """An account that no step asks may lack its key."""
    key = tmp_path / "key"
    key.write_text("test-key\n")
    key.chmod(0o600)
    project = (
        f"version: 1\nproviders:\n  jivox: {{account: '7', key: {{file: {key}}}}}\n  sivi: {{key: {{env: ADBATCH_TEST_UNSET}}}}\n"
    )
    desk = desk_of(tmp_path, stage=None, project=project)
    async with open_workshop(desk, State(tmp_path / ".adbatch", "live"), None, SystemClock()) as shop:
        assert shop.state.mode == "live"


async def test_on_a_stage_every_secret_is_the_stages(tmp_path: Path) -> None:
    """No key of ours is looked up on a stage: accounts whose keys are nowhere talk to the emulated vendors, user key and all."""
    project = "version: 1\nproviders:\n  placewise: {club: mall, key: {env: ADBATCH_UNSET}, user_key: {file: /nowhere/user}}\n"
    step = "  tale: {use: placewise/text, with: {prompt: A mug}}\n"
    async with open_stage_here(tmp_path / "vendors") as stage:
        desk = desk_of(tmp_path, COPY + step, stage, project=project)
        async with open_workshop(desk, State(tmp_path / ".adbatch", "sandbox"), stage, SystemClock()) as shop:
            for lane, operation, params in (("placewise", "text", {"prompt": "A mug"}), ("jivox", "text", {"prompt": "A mug"})):
                opened = desk.catalog.lanes[lane]
                call = opened.provider.submit(make_request(lane, operation, params), opened.options)
                reply = await shop.transport.perform(lane, call)
                assert isinstance(reply, Answer)
                assert reply.status in (200, 201), reply.body


async def test_what_is_torn_is_swept(tmp_path: Path) -> None:
    """Half-written blobs of long ago and half-written outputs are gone; what another run may be writing now is left alone."""
    state = State(tmp_path / ".adbatch", "sandbox")
    blobs = state.blobs()
    old, new = blobs.root / ".torn-old", blobs.root / ".torn-new"
    for torn in (old, new):
        torn.write_bytes(b"half")
    long_ago = SystemClock().now() - TORN_AFTER - 60
    os.utime(old, (long_ago, long_ago))
    (tmp_path / "out" / ".adbatch-tmp").mkdir(parents=True)
    async with opened(tmp_path):
        assert (old.exists(), new.exists()) == (False, True)
        assert not (tmp_path / "out" / ".adbatch-tmp").exists()


async def test_the_sandbox_does_not_write_over_live_results(tmp_path: Path) -> None:
    """An output folder with live results is not given to a sandbox run."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "manifest.json").write_text('{"mode": "live"}')
    with pytest.raises(Usage, match="holds results of a live run"):
        async with opened(tmp_path):
            pass


async def test_files_are_published_where_the_job_wants_them(tmp_path: Path) -> None:
    """A text becomes a file of its own, at the path of each variant."""
    async with opened(tmp_path) as shop:
        ready = yields(shop, Artifact("text", text="Hello"))
        shop.publish(ready)
        assert [list(done.files[done.step]) for done in ready] == [["mug/copy.txt"], ["hat/copy.txt"]]
        assert {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.txt")} == {
            "mug/copy.txt",
            "hat/copy.txt",
        }
        assert (tmp_path / "out" / "mug" / "copy.txt").read_text() == "Hello\n"


async def test_json_is_published_by_save(tmp_path: Path) -> None:
    """A JSON result that the job saves is a .json file."""
    step = '  task: {use: placewise/text, with: {prompt: A mug}, save: "{{ row.id }}/task"}\n'
    async with opened(tmp_path, step) as shop:
        shop.publish(yields(shop, Artifact("json", data={"id": 7})))
        assert (tmp_path / "out" / "hat" / "task.json").read_text() == '{\n  "id": 7\n}\n'


async def test_what_somebody_edited_is_kept_and_told_once(tmp_path: Path) -> None:
    """A published file that was edited stays as it is, and is named once however many variants share it."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "side.txt").write_text("mine\n")
    step = "  side: {use: jivox/text, with: {prompt: season}, save: side}\n"
    async with opened(tmp_path, step) as shop:
        shop.publish(yields(shop, Artifact("text", text="Hello")))
        assert list(shop.kept) == ["side.txt"]
        assert (tmp_path / "out" / "side.txt").read_text() == "mine\n"


async def test_a_picture_is_measured(tmp_path: Path) -> None:
    """A blob that decodes is an artifact with its type and size."""
    async with opened(tmp_path) as shop:
        blob = await shop.store(png())
        assert await shop.inspect(blob) == Media("image/png", "png", 4, 3)
        assert await shop.measure(blob) == Artifact("file", None, None, blob.sha256, blob.size, "image/png", 4, 3)
        assert shop.judged == {}


async def test_only_large_pictures_wait_for_a_bench(tmp_path: Path) -> None:
    """Where all processors are at work a small picture is decoded all the same, and a large one after that."""
    file = io.BytesIO()
    Image.effect_noise((1_000, 1_000), 100).save(file, "PNG")
    assert len(file.getvalue()) > SMALL
    async with opened(tmp_path) as shop:
        small, large = await shop.store(png()), await shop.store(file.getvalue())
        while not shop.benches.locked():
            await shop.benches.acquire()
        waiting = asyncio.create_task(shop.inspect(large))
        assert await shop.inspect(small) == Media("image/png", "png", 4, 3)
        assert not waiting.done()
        shop.benches.release()
        assert await waiting == Media("image/png", "png", 1_000, 1_000)


async def test_what_a_worker_has_seen_counts_as_if_we_had_looked(tmp_path: Path) -> None:
    """Once one is hired, what he says of a picture is known, and what he finds bad is set aside; what is gone is gone."""
    async with opened(tmp_path) as shop:
        good, bad, gone = await shop.store(png()), await shop.store(png()[:40]), Blob("ab" * 32, 3)
        looked = await shop.measure(good)
        hire(shop.worker)
        assert [await shop.measure(blob) for blob in (good, gone)] == [looked, GONE]
        assert isinstance(await shop.inspect(bad), Bad)
        assert not shop.blobs.has(bad.sha256)
        assert shop.worker._child is not None
        assert shop.worker._child.poll() is None
    assert shop.worker._child.poll() is not None


async def test_somebody_gets_ready_for_many_files(tmp_path: Path) -> None:
    """Not for a few, nor for what the journal has already; for some hundred pictures before the first of them is here."""
    async with opened(tmp_path, COPY + SCENE) as shop:
        for number in range(100):
            request = make_request("jivox", "text", {"prompt": str(number)})
            shop.journal.commit([Planned(1, request), Saved(2, request.id, (Artifact("text", text="x"),))])
        shop.foresee({"copy": 150, "scene": 100})
        shop.foresee({"scene": 220})
        assert shop.worker._child is None
        shop.foresee({"copy": 20, "scene": 260})
        assert (shop.worker._child is not None) == ((os.cpu_count() or 1) > 1)


async def test_bad_bytes_are_set_aside_however_many_wait(tmp_path: Path) -> None:
    """Requests that got the same bad bytes hear the same reason; the bytes are kept apart and never published."""
    async with opened(tmp_path) as shop:
        blob = await shop.store(png()[:40])
        said = await asyncio.gather(*(shop.measure(blob) for _ in range(8)), shop.inspect(blob))
        assert len({str(why) for why in said[:8]}) == 1
        assert isinstance(said[8], Bad)
        assert said[0] == said[8].why
        assert not shop.blobs.has(blob.sha256)
        assert shop.blobs.path(blob.sha256).with_name(f"{blob.sha256}.rejected").exists()
        assert await shop.measure(blob) == said[0]


async def test_bytes_that_are_gone_are_not_there(tmp_path: Path) -> None:
    """A landed blob that somebody removed is a reason, not a crash."""
    async with opened(tmp_path) as shop:
        assert await shop.measure(Blob("ab" * 32, 3)) == GONE
        assert shop.holds((Artifact("text", text="x"),))
        assert not shop.holds((Artifact("file", sha256="ab" * 32),))


async def test_the_journal_is_looked_up(tmp_path: Path) -> None:
    """What is known of a request is the fold of its facts, done only if its bytes are there; strangers are left out.

    Of what is done the last fact is all that is read, and it does not say what was asked.
    """
    async with opened(tmp_path) as shop:
        blob = await shop.store(png())
        file = Artifact("file", None, None, blob.sha256, blob.size, "image/png", 4, 3)
        lost, gone = make_request("jivox", "text", {"prompt": "y"}), make_request("jivox", "text", {"prompt": "z"})
        nowhere = Artifact("file", None, None, "cd" * 32, 3, "image/png", 4, 3)
        for request, artifact in ((REQUEST, file), (gone, nowhere)):
            held = Done((Held(Blob(str(artifact.sha256), 3)),))
            shop.journal.commit([Planned(1, request), Sent(2, request.id, "submit"), Answered(3, request.id, "submit", held)])
            shop.journal.commit([Saved(4, request.id, (artifact,))])
        shop.journal.commit([Planned(1, lost), Sent(2, lost.id, "submit"), Answered(3, lost.id, "submit", Lost("reset"))])
        known = shop.look_up([REQUEST.id, lost.id, gone.id, hashlib.sha256(b"stranger").hexdigest()])
    assert known == {
        REQUEST.id: Outcome("done", None, (file,)),
        lost.id: Outcome("uncertain", lost, (), "reset"),
        gone.id: Outcome("failed", None, (), GONE),
    }


def test_only_lanes_in_use_are_opened(tmp_path: Path) -> None:
    """A run has the lanes its steps ask, each once, in the job's order."""
    steps = SCENE.replace("steps.copy.text", "row.title") + COPY + COPY.replace("copy:", "more:").replace("/copy", "/more")
    assert [lane.name for lane in lanes_used(desk_of(tmp_path, steps))] == ["vyro", "jivox"]


@pytest.mark.parametrize(
    ("job", "project", "requests", "cost"),
    [
        ("", "", None, {}),
        ("{requests: 5}", "", 5, {}),
        ("", "{requests: 7}", 7, {}),
        ("{requests: 5}", "{requests: 7}", 5, {}),
        ("{requests: 9}", "{requests: 7}", 7, {}),
        ("{requests: 0}", "{requests: 7}", 0, {}),
        ("{cost: 20 USD}", "{cost: 50 USD}", None, {"USD": Decimal(20)}),
        ("{cost: 80 USD}", "{cost: 50 USD, requests: 3}", 3, {"USD": Decimal(50)}),
        ("{cost: 80 credits}", "{cost: 50 USD}", None, {"USD": Decimal(50), "credits": Decimal(80)}),
    ],
)
def test_a_job_may_only_lower_the_budget(
    tmp_path: Path, job: str, project: str, requests: int | None, cost: dict[str, Decimal]
) -> None:
    """Of two ceilings in one currency the lower one holds, whoever set it."""
    top = f"budget: {job}\n" if job else ""
    ours = f"budget: {project}\n" if project else ""
    purse = purses_of(desk_of(tmp_path, top=f"{top}output: {{dir: out}}\n", project=PROJECT + ours)).run
    assert (purse.requests, purse.cost) == (requests, cost)
