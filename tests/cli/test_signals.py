"""Signals within one process: the first drains, the second cancels, and nothing of it is left behind."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from runner.cli.signals import HEARD, Reins
from runner.errors import Interrupted
from tests.fakes import Floor, make_plan, make_rows

COPY = '  copy: {use: pen/text, with: {prompt: "{{ row.title }}"}}\n'
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


async def heard(number: signal.Signals) -> None:
    """Send ourselves a signal and let the loop hear it."""
    os.kill(os.getpid(), number)
    over = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(0.02, over.set_result, None)
    await over


@pytest.mark.parametrize("number", HEARD)
async def test_the_first_signal_drains(tmp_path: Path, number: signal.Signals) -> None:
    """An engine that flies is drained with 128 and the signal's number, and the user is told what happens."""
    said: list[str] = []
    floor = Floor(make_plan(tmp_path, COPY), make_rows(3))
    with Reins(said.append) as reins:
        reins.steer(floor.engine)
        await heard(number)
    await floor.run()
    assert floor.engine.ending.interrupted == CODES[number]
    assert floor.vendor.sends == []
    assert said == ["stopping: what flies may land, the rest waits for the next run; once more stops now"]


@pytest.mark.parametrize("first", HEARD)
@pytest.mark.parametrize("second", HEARD)
async def test_the_second_signal_cancels(tmp_path: Path, first: signal.Signals, second: signal.Signals) -> None:
    """The block is cancelled by the second, whichever the first was, and ends with the second's code."""
    floor = Floor(make_plan(tmp_path, COPY), make_rows(3))

    async def run() -> None:
        with Reins(lambda _: None) as reins:
            reins.steer(floor.engine)
            await heard(first)
            await heard(second)

    with pytest.raises(Interrupted, match="what was in flight may have been accepted") as ended:
        await asyncio.create_task(run())
    assert ended.value.exit_code == CODES[second]


@pytest.mark.parametrize("number", HEARD)
async def test_without_an_engine_the_first_signal_cancels(number: signal.Signals) -> None:
    """Before anything can have been sent there is nothing to land."""

    async def run() -> None:
        with Reins(lambda _: None):
            await heard(number)

    with pytest.raises(Interrupted, match="stopped before anything was sent") as ended:
        await asyncio.create_task(run())
    assert ended.value.exit_code == CODES[number]


async def test_another_cancellation_stays_one() -> None:
    """A task that is cancelled for other reasons is not taken for an interrupted run."""

    async def run() -> None:
        with Reins(lambda _: None):
            await asyncio.get_running_loop().create_future()

    task = asyncio.create_task(run())
    await asyncio.wait([task], timeout=0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_signals_are_given_back(tmp_path: Path) -> None:
    """After the block, and after the second signal, Python treats signals as if we had not been there."""
    with Reins(lambda _: None):
        taken = [signal.getsignal(number) for number in HEARD]
    given = [signal.getsignal(number) for number in HEARD]
    assert given == [signal.default_int_handler, signal.SIG_DFL, signal.SIG_DFL]
    assert not set(taken) & set(given)


async def test_what_is_ignored_stays_ignored() -> None:
    """A signal that is ignored when the run begins is neither heard nor reset."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Reins(lambda _: None):
            await heard(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
