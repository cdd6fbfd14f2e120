"""The emulated vendors as a child process: there, answering, and gone when we are."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import orjson
import pytest

from runner.edge.rehearsal import Stage, calling, open_stage, without_keys
from runner.errors import OurSide

BODY = {"prompt": "hat on a beach", "width": 64, "height": 48}
VENDORS = ["bfl", "fal", "gemini", "jivox", "openai", "placewise", "replicate", "sivi", "stability", "vyro"]


async def ask(stage: Stage) -> tuple[int, dict[str, object]]:
    """Status and JSON of one picture bought on this stage."""
    url = stage.vendors["jivox"]["base_url"] + "/accounts/1/imageGen"
    async with aiohttp.ClientSession() as session, session.post(url, json=BODY, headers={"jvx_apikey": stage.key}) as answer:
        return answer.status, await answer.json()


async def bought(stage: Stage) -> int:
    """How many entries the ledger has."""
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {stage.key}"}) as session,
        session.get(stage.url + "/ledger") as answer,
    ):
        return len(await answer.json())


async def answers(stage: Stage) -> bool:
    """Whether anybody listens where the stage was."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", int(stage.url.rpartition(":")[2]))
    except ConnectionRefusedError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


async def test_it_starts_answers_and_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Inside the block every vendor is on loopback and takes the one key; after it nobody listens, and the state is still there.

    Standing in a folder that has a `runner` of its own does not matter.
    """
    (tmp_path / "runner").mkdir()
    (tmp_path / "runner" / "__init__.py").write_text("raise SystemExit('not this one')\n")
    monkeypatch.chdir(tmp_path)
    async with open_stage(tmp_path / "vendors", ("--latency", "0")) as stage:
        assert stage.url.startswith("http://127.0.0.1:")
        assert sorted(stage.vendors) == VENDORS
        assert all(vendor["base_url"].startswith(stage.url) for vendor in stage.vendors.values())
        status, answer = await ask(stage)
        assert (status, await bought(stage)) == (200, 1)
        assert str(answer["imageUrl"]).startswith(stage.url)
        refused, _ = await ask(Stage(stage.url, "test-key", stage.vendors))
        assert refused == 401
    assert not await answers(stage)
    identity = tmp_path / "vendors" / "sandbox.json"
    assert orjson.loads(identity.read_bytes())["key"] == stage.key
    assert stat.S_IMODE(identity.stat().st_mode) == 0o600


async def test_it_ends_when_the_block_fails_and_remembers(tmp_path: Path) -> None:
    """An exception inside the block goes on unchanged after the child ended; the next stage on the folder knows what was bought."""
    stages: list[Stage] = []

    async def fail() -> None:
        async with open_stage(tmp_path, ("--latency", "0")) as opened:
            stages.append(opened)
            await ask(opened)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    [stage] = stages
    assert not await answers(stage)
    async with AsyncExitStack() as house:
        again = await house.enter_async_context(open_stage(tmp_path, ("--latency", "0")))
        assert (again.url, again.key) == (stage.url, stage.key)
        assert await bought(again) == 1
        async with asyncio.timeout(4):  # by itself: one that has to be killed is given 5 seconds first
            await house.aclose()


async def test_players_that_were_called_before_play_on_the_stage(tmp_path: Path) -> None:
    """Their process is the stage's; it ends with the stage, and by itself."""
    with calling() as players:
        assert players is not None
        async with open_stage(tmp_path / "vendors", ("--latency", "0"), players) as stage:
            assert stage.pid == players.pid
            assert (await ask(stage))[0] == 200
        assert players.returncode == 0


def test_players_nobody_needs_are_sent_home() -> None:
    """Where no stage was opened for them they do not outlive the block, and where none are wanted none are called."""
    with calling() as players:
        assert players is not None
        assert players.poll() is None
    assert players.returncode == -signal.SIGKILL
    with calling(wanted=False) as nobody:
        assert nobody is None


async def test_one_that_does_not_come_up_is_our_side(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A child that ends without a word is `OurSide` with a remedy; why, it says itself on stderr."""
    with pytest.raises(OurSide, match="the sandbox did not start; try `adbatch sandbox` to see why"):
        async with open_stage(tmp_path / "vendors", ("--faults", "hail")):
            raise AssertionError("there is no stage")
    assert "hail" in capfd.readouterr().err


async def test_a_state_folder_that_cannot_be_is_our_side(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A file in the folder's place ends the same way."""
    (tmp_path / "vendors").write_text("in the way")
    with pytest.raises(OurSide, match="the sandbox did not start"):
        async with open_stage(tmp_path / "vendors"):
            raise AssertionError("there is no stage")
    assert "cannot use" in capfd.readouterr().err


async def test_a_ctrl_c_for_us_does_not_reach_the_vendors(tmp_path: Path) -> None:
    """They are no part of our process group, so what flies can land; and if they are killed, leaving the block is no failure."""
    async with open_stage(tmp_path) as stage:
        assert stage.pid is not None
        assert os.getpgid(stage.pid) == stage.pid != os.getpgid(0)
        os.kill(stage.pid, signal.SIGKILL)
    with pytest.raises(ProcessLookupError):
        os.kill(stage.pid, 0)


async def test_a_killed_parent_leaves_no_orphan(tmp_path: Path) -> None:
    """Whoever opened the stage and is killed without a chance to tidy up takes the vendors along."""
    code = f"""
import asyncio
from pathlib import Path
from runner.edge.rehearsal import open_stage
async def main():
    async with open_stage(Path({str(tmp_path)!r})) as stage:
        print(stage.url, flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    assert parent.stdout is not None
    stage = Stage((await parent.stdout.readline()).decode().strip(), "test-key", {})
    reader, writer = await asyncio.open_connection("127.0.0.1", int(stage.url.rpartition(":")[2]))
    parent.kill()
    await parent.wait()
    assert await asyncio.wait_for(reader.read(), 10) == b""
    writer.close()
    assert not await answers(stage)


@pytest.mark.parametrize("name", ["JIVOX_API_KEY", "PLACEWISE_TOKEN", "my_secret", "DB_PASSWORD", "AWS_CREDENTIALS_FILE", "Apikey"])
def test_what_sounds_like_a_secret_is_not_handed_on(name: str) -> None:
    """The child's environment is ours without the variables that hold keys."""
    assert without_keys({name: "test-key", "PATH": "/bin", "LANG": "C"}) == {"PATH": "/bin", "LANG": "C"}


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="no /proc here")
async def test_the_vendors_see_no_key_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the child could read of its environment holds no key, even where ours does."""
    monkeypatch.setenv("JIVOX_API_KEY", "test-key-of-the-parent")
    async with open_stage(tmp_path / "vendors") as stage:
        environ = await asyncio.to_thread(Path(f"/proc/{stage.pid}/environ").read_bytes)
    assert b"PATH=" in environ
    assert b"test-key-of-the-parent" not in environ
