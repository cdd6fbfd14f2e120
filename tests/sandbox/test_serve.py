from __future__ import annotations

import io
import json
import os
import select
import signal
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runner.errors import OurSide
from runner.sandbox.serve import Identity, describe, load_identity, main, save_identity

BODY = {"prompt": "hat on a beach", "width": 64, "height": 48}
Running = tuple["subprocess.Popen[str]", dict[str, Any]]


@pytest.fixture
def started() -> Iterator[Any]:
    """Start sandboxes as processes; whatever still runs at the end is killed."""
    processes: list[subprocess.Popen[str]] = []

    def begin(state: Path, *options: str) -> Running:
        command = [sys.executable, "-m", "runner.sandbox", "--state", str(state), "--queue", "0", "--latency", "0", *options]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        processes.append(process)
        assert process.stdout is not None
        return process, json.loads(process.stdout.readline())

    yield begin
    for process in processes:
        process.kill()
        process.wait(30)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def call(ready: dict[str, Any], vendor: str, path: str, body: object = None, headers: dict[str, str] | None = None) -> Any:
    """The JSON answer of a vendor, as a process of its own."""
    keys = {"jivox": {"jvx_apikey": ready["key"]}, "sivi": {"sivi-api-key": ready["key"]}}
    wanted = {**keys[vendor], "Content-Type": "application/json", **(headers or {})}
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(
        urllib.request.Request(ready["vendors"][vendor]["base_url"] + path, data, wanted), timeout=20
    ) as answer:
        return json.load(answer)


def fetch(link: str) -> bytes:
    """The bytes behind a link."""
    with urllib.request.urlopen(link, timeout=20) as answer:
        return bytes(answer.read())


def ledger(ready: dict[str, Any]) -> Any:
    """The ledger's entries."""
    request = urllib.request.Request(ready["url"] + "/ledger", headers={"Authorization": f"Bearer {ready['key']}"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def test_the_ledger_survives_a_kill(started: Any, tmp_path: Path):
    """After SIGKILL and a new start on the same folder, ledger, open tickets and old links answer as before."""
    process, ready = started(tmp_path / "state")
    media = {"prompt": "hat", "dimensions": {"width": 1024, "height": 1024}, "bId": "b", "model": "z-image-turbo"}
    link = call(ready, "jivox", "/accounts/1/imageGen", BODY)["imageUrl"]
    ticket = call(ready, "sivi", "/general/media/generate", media)["body"]["requestId"]
    before, picture = ledger(ready), fetch(link)
    process.send_signal(signal.SIGKILL)
    process.wait(30)
    _, again = started(tmp_path / "state")
    assert (again["url"], again["key"]) == (ready["url"], ready["key"])
    assert ledger(again) == before
    assert fetch(link) == picture
    query = urllib.request.quote(json.dumps({"requestId": ticket}))  # type: ignore[attr-defined]
    status = call(again, "sivi", f"/general/get-request-status?queryParams={query}")["body"]
    assert status["status"] == "completed"
    assert fetch(status["result"]["media"]["url"])[:4] == b"\x89PNG"


def test_two_processes_make_identical_pictures(started: Any, tmp_path: Path):
    """The same ask in another process, folder and order gives identical bytes."""
    pictures = []
    for name in ("a", "b"):
        _, ready = started(tmp_path / name, "--seed", str(len(name)))
        if name == "b":
            call(ready, "jivox", "/accounts/2/imageGen", {**BODY, "prompt": "something else"})
        pictures.append(fetch(call(ready, "jivox", "/accounts/1/imageGen", BODY)["imageUrl"]))
    assert pictures[0] == pictures[1]


def test_a_folder_has_one_sandbox_at_a_time(started: Any, tmp_path: Path):
    """The next sandbox on a folder waits until the last one has ended, and gets its port and its key."""
    first, told = started(tmp_path / "state", "--with-parent")
    argv = [sys.executable, "-m", "runner.sandbox", "--state", str(tmp_path / "state"), "--with-parent"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as second:
        assert second.stdin is not None
        assert second.stdout is not None
        assert not select.select([second.stdout], [], [], 1.0)[0]
        first.stdin.close()
        again = json.loads(second.stdout.readline())
        second.stdin.close()
    assert first.wait(30) == 0
    assert (again["url"], again["key"]) == (told["url"], told["key"])


@pytest.mark.parametrize("cue", [b"", b'["--help"]\n'])
def test_it_waits_for_its_cue(cue: bytes):
    """With --cued its arguments come as a line of JSON on standard input; where none comes, nothing is played and nothing wrong."""
    argv = [sys.executable, "-m", "runner.sandbox", "--cued"]
    ended = subprocess.run(argv, input=cue, capture_output=True, timeout=30, check=True)
    assert (b"--state" in ended.stdout, ended.stderr) == (bool(cue), b"")


def test_an_orphan_ends(started: Any, tmp_path: Path):
    """With --with-parent the process ends when its standard input closes, as it does when its parent dies."""
    process, _ = started(tmp_path / "state", "--with-parent")
    assert process.poll() is None
    process.stdin.close()
    assert process.wait(30) == 0


def test_it_ends_on_sigterm_and_keeps_its_secret(started: Any, tmp_path: Path):
    """SIGTERM ends it with 0; the identity is readable by the owner alone, and the port is loopback's."""
    process, ready = started(tmp_path / "state")
    assert ready["url"].startswith("http://127.0.0.1:")
    assert ready["pid"] == process.pid
    assert stat.S_IMODE((tmp_path / "state" / "sandbox.json").stat().st_mode) == 0o600
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0


def test_a_taken_port_is_replaced_only_if_nobody_asked_for_it(started: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """A remembered port that is taken gives another one; a demanded port that is taken is an error with its remedy."""
    _, first = started(tmp_path / "a")
    port = int(first["url"].rpartition(":")[2])
    (tmp_path / "b").mkdir()
    save_identity(tmp_path / "b", Identity("test-key", port))
    _, second = started(tmp_path / "b")
    assert second["key"] == "test-key"
    assert second["url"] != first["url"]
    assert main(["--state", str(tmp_path / "c"), "--port", str(port)]) == 3
    assert "choose another --port" in capsys.readouterr().err


def test_the_ready_line_says_everything():
    """Every vendor's base URL and options are in it, the poll URL of Placewise among them."""
    ready = describe("http://127.0.0.1:5", "test-key")
    assert {name: vendor["base_url"] for name, vendor in ready["vendors"].items()} == {
        "jivox": "http://127.0.0.1:5/jivox/v2",
        "sivi": "http://127.0.0.1:5/sivi/v2",
        "vyro": "http://127.0.0.1:5/vyro/v2",
        "placewise": "http://127.0.0.1:5/placewise/v1",
        "replicate": "http://127.0.0.1:5/replicate/v1",
        "fal": "http://127.0.0.1:5/fal",
        "bfl": "http://127.0.0.1:5/bfl/v1",
        "stability": "http://127.0.0.1:5/stability/v2beta",
        "gemini": "http://127.0.0.1:5/gemini/v1beta",
        "openai": "http://127.0.0.1:5/openai/v1",
    }
    assert ready["vendors"]["placewise"]["options"]["poll_url"] == "http://127.0.0.1:5/placewise/v1/ml/tasks/{id}"
    assert ready["pid"] == os.getpid()


def test_identities_are_random_and_kept(tmp_path: Path):
    """A fresh folder gets a random key; a kept one is given back; a damaged one is refused with the remedy."""
    assert load_identity(tmp_path / "a").key != load_identity(tmp_path / "b").key
    save_identity(tmp_path / "a", Identity("test-key", 7))
    assert load_identity(tmp_path / "a") == Identity("test-key", 7)
    (tmp_path / "a" / "sandbox.json").write_text("{")
    with pytest.raises(OurSide, match="remove it"):
        load_identity(tmp_path / "a")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--credits", "sivi"], "VENDOR=NUMBER"),
        (["--credits", "acme=3"], "no such vendor"),
        (["--faults", "breezy"], "none, rainy, stormy"),
        (["--latency", "-1"], "0 or more"),
    ],
)
def test_wrong_options_are_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str):
    """A wrong option ends with 2 and says what would be right."""
    assert main(["--state", str(tmp_path / "state"), *options], io.StringIO()) == 2
    assert message in capsys.readouterr().err
