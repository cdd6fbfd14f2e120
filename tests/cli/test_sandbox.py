"""`adbatch sandbox`: vendors on loopback, for as long as somebody wants them."""

from __future__ import annotations

import json
import os
import signal
import urllib.request
from pathlib import Path

from tests.cli.conftest import ENVIRON, Adbatch, start


def test_it_serves_until_interrupted_and_forgets(tmp_path: Path) -> None:
    """It says in one line where it is and answers there; Ctrl-C ends it with 0 and its folder is gone."""
    process = start(tmp_path, "sandbox", "--latency", "0", env={**ENVIRON, "TMPDIR": str(tmp_path)})
    assert process.stdout is not None
    ready = json.loads(process.stdout.readline())
    [state] = tmp_path.glob("adbatch-sandbox-*")
    assert (state / "sandbox.json").exists()
    asked = urllib.request.Request(f"{ready['url']}/ledger", headers={"Authorization": f"Bearer {ready['key']}"})
    with urllib.request.urlopen(asked, timeout=10) as answer:
        assert json.load(answer) == []
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "", "")
    assert not list(tmp_path.iterdir())


def test_a_folder_of_ones_own_is_kept(tmp_path: Path) -> None:
    """With --state the key of the last time is there again the next time."""
    keys = set()
    for _ in range(2):
        process = start(tmp_path, "sandbox", "--state", "vendors")
        assert process.stdout is not None
        keys.add(json.loads(process.stdout.readline())["key"])
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(20) == 0
        process.communicate()
    assert len(keys) == 1


def test_help_lists_what_can_be_ordered(adbatch: Adbatch) -> None:
    """`--help` is that of the sandbox itself, on stdout."""
    ended = adbatch("sandbox", "--help")
    assert (ended.code, ended.err) == (0, "")
    assert all(option in ended.out for option in ("--state", "--faults", "--latency", "--queue", "--credits"))


def test_a_wrong_order_ends_with_2(adbatch: Adbatch) -> None:
    """What the sandbox cannot be is explained on stderr."""
    ended = adbatch("sandbox", "--faults", "breezy")
    assert (ended.code, ended.out) == (2, "")
    assert "none, rainy, stormy" in ended.err
