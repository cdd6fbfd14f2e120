"""The sandbox as a process of its own: starts, says where it is in one line of JSON, and ends with whoever started it.

Port and key are random, kept in the state folder (mode 0600) and used again by the next start on the same folder, so that links and
tickets given out before a crash still answer. A folder has one sandbox at a time: the next waits until the one whose parent has
died is gone, so that ledger and port are its own. It never reads a key from the environment.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import secrets
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TextIO

import orjson
from aiohttp import web
from filelock import FileLock, Timeout

from runner.errors import AdbatchError, OurSide, Usage
from runner.frozen import frozen
from runner.sandbox.app import make_app
from runner.sandbox.behaviour import NAMED, load_faults
from runner.sandbox.desk import Settings
from runner.sandbox.vendors import VENDORS

LOOPBACK: Final = "127.0.0.1"
PATIENCE: Final = 10.0
"""Seconds to wait for a sandbox on the same folder to end."""


@frozen
class Identity:
    """What a state folder remembers between starts: the key and the last port (0: any)."""

    key: str
    port: int = 0


def main(argv: Sequence[str] | None = None, out: TextIO = sys.stdout) -> int:
    """Run the sandbox until it is told to stop; the exit code. `out` gets exactly one line, when it is ready.

    With `--cued` alone it waits for its arguments: one line of JSON on standard input, or the end of it.
    """
    argv = sys.argv[1:] if argv is None else argv
    if list(argv) == ["--cued"]:
        cue = sys.stdin.buffer.readline()
        if not cue:
            return 0
        argv = orjson.loads(cue)
    options = _parser().parse_args(argv)
    try:
        with _sole(options.state):
            settings, port = _read_settings(options)
            asyncio.run(_serve(settings, port, out, with_parent=options.with_parent))
    except AdbatchError as error:
        print(f"adbatch sandbox: {error}", file=sys.stderr)  # noqa: T201 - a process of its own has no other voice
        return error.exit_code
    return 0


def describe(url: str, key: str) -> dict[str, Any]:
    """What a client needs: `vendors` holds for each one its base URL and the options a project file would give it."""
    vendors = {name: vendor.prefix for name, vendor in VENDORS.items()}
    return {
        "url": url,
        "key": key,
        "pid": os.getpid(),
        "vendors": {
            name: {"base_url": url + prefix, "options": VENDORS[name].options(url + prefix)} for name, prefix in vendors.items()
        },
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m runner.sandbox", description="Emulated vendors on loopback.")
    parser.add_argument("--state", type=Path, required=True, help="folder for the ledger, tickets and results")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (default: the one used before, else any)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the faults")
    parser.add_argument("--faults", default="none", help=f"{', '.join(NAMED)}, or a JSON file")
    parser.add_argument("--latency", type=float, default=20, metavar="MS", help="how long an answer takes")
    parser.add_argument("--queue", type=float, default=400, metavar="MS", help="how long a queued job takes")
    parser.add_argument("--limits", choices=("off", "documented"), default="off", help="the vendors' own rate limits")
    parser.add_argument("--credits", action="append", default=[], metavar="VENDOR=N", help="a balance that runs out")
    parser.add_argument(
        "--expiry", type=float, metavar="S", help="results are gone so long after their end (default: as documented)"
    )
    parser.add_argument("--with-parent", action="store_true", help="end when standard input closes")
    return parser


def _read_settings(options: argparse.Namespace) -> tuple[Settings, int]:
    if options.latency < 0 or options.queue < 0 or (options.expiry is not None and options.expiry < 0):
        raise Usage("--latency and --queue are milliseconds, --expiry is seconds, 0 or more")
    identity = load_identity(options.state)
    settings = Settings(
        state=options.state,
        key=identity.key,
        seed=options.seed,
        faults=load_faults(options.faults),
        latency=options.latency / 1000,
        queue=options.queue / 1000,
        documented_limits=options.limits == "documented",
        credits=dict(_read_credits(text) for text in options.credits),
        expiry=options.expiry,
    )
    return settings, options.port or identity.port


def _read_credits(text: str) -> tuple[str, float]:
    vendor, _, amount = text.partition("=")
    try:
        balance = float(amount)
    except ValueError as error:
        raise Usage(f"--credits {text}: write VENDOR=NUMBER, such as sivi=10") from error
    if vendor not in VENDORS:
        raise Usage(f"--credits {text}: no such vendor; there are {', '.join(VENDORS)}")
    return vendor, balance


def load_identity(state: Path) -> Identity:
    """The identity kept in `state`, or a new random one. Raises `OurSide` if the folder cannot be used."""
    try:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        body: Mapping[str, Any] = orjson.loads((state / "sandbox.json").read_bytes())
        return Identity(str(body["key"]), int(body["port"]))
    except FileNotFoundError:
        return Identity(secrets.token_urlsafe(24))
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise OurSide(f"{state / 'sandbox.json'} is damaged; remove it (links given out before will then stop working)") from error
    except OSError as error:
        raise OurSide(f"cannot use {state} as the sandbox's folder: {error.strerror}") from error


def save_identity(state: Path, identity: Identity) -> None:
    """Keep the identity for the next start, readable by its owner only."""
    draft = state / "sandbox.json.part"
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(orjson.dumps({"key": identity.key, "port": identity.port}))
    draft.replace(state / "sandbox.json")


@contextlib.contextmanager
def _sole(state: Path) -> Iterator[None]:
    """Hold the folder; the lock is freed by the kernel when its holder dies."""
    lock = FileLock(state / "lock", timeout=PATIENCE, mode=0o600)
    try:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock.acquire()
    except Timeout:
        raise OurSide(f"another sandbox uses {state}; end it, or name another --state") from None
    except OSError as error:
        raise OurSide(f"cannot use {state} as the sandbox's folder: {error.strerror}") from error
    try:
        yield
    finally:
        lock.release()


def _bind(port: int, fallback: bool) -> socket.socket:
    """A socket on loopback: the wanted port, or any if that is taken and `fallback` allows it."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((LOOPBACK, port))
    except OSError as error:
        bound.close()
        if fallback and port:
            return _bind(0, fallback=False)
        raise OurSide(f"cannot listen on {LOOPBACK}:{port}: {error.strerror}; choose another --port") from error
    return bound


async def _serve(settings: Settings, port: int, out: TextIO, *, with_parent: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for ending in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(ending, stop.set)
    site = _bind(port, fallback=port == load_identity(settings.state).port)
    runner = web.AppRunner(make_app(settings), handler_cancellation=True, shutdown_timeout=0.5, access_log=None)
    await runner.setup()
    try:
        await web.SockSite(runner, site).start()
        number = int(site.getsockname()[1])
        save_identity(settings.state, Identity(settings.key, number))
        out.write(orjson.dumps(describe(f"http://{LOOPBACK}:{number}", settings.key)).decode() + "\n")
        out.flush()
        async with _watching_parent(stop, enabled=with_parent):
            await stop.wait()
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def _watching_parent(stop: asyncio.Event, *, enabled: bool) -> Any:
    """Set `stop` when standard input ends, which it does when the process that holds its other end dies, however it dies."""
    if not enabled:
        yield
        return
    loop = asyncio.get_running_loop()

    def watch() -> None:
        while os.read(sys.stdin.fileno(), 4096):
            pass
        with contextlib.suppress(RuntimeError):  # the loop is closed already: we are ending anyway
            loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=watch, name="parent", daemon=True).start()
    yield
