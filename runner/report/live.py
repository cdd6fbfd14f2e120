"""The gallery served on this machine: live while a run goes on, and taking decisions as they are made.

Only 127.0.0.1 is listened on, and every address begins with a token that nobody can guess, so other people's pages in the same
browser cannot ask for anything. A request must name this very host (a name that was made to lead here is refused), one that changes
something must come from this very page, and no answer allows another origin to read it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final, TypeAlias

from aiohttp import web
from pydantic import ValidationError

from runner.decisions import Decision, decisions_beside, save_decisions
from runner.desk import load_files, output_of, state_of
from runner.edge.outputs import REPORT
from runner.edge.published import open_published
from runner.edge.rehearsal import Stage
from runner.edge.state import State, read_holder
from runner.errors import AdbatchError, Held, Usage
from runner.reading.study import mode_of
from runner.report.page import ICON, PAGE, Folder
from runner.report.source import make_report
from runner.report.viewing import watch_mark

EVERY: Final = 2.0
"""Seconds between two looks for news."""
LARGEST: Final = 4 << 20
"""Bytes of a message with decisions."""
KINDS: Final[Mapping[str, str]] = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".webp": "image/webp",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".gif": "image/gif",
    ".avif": "image/avif",
    ".mp4": "video/mp4",
}
"""What is served; of anything else nothing is known."""
FENCES: Final[Mapping[str, str]] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
WAITING: Final = (
    "<!doctype html><meta charset=utf-8><meta http-equiv=refresh content=2><title>adbatch</title>"
    "<p>Nothing to see yet: waiting for the run."
)

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Counter:
    """What is asked over the counter of one job's gallery; `follow` keeps it up to date."""

    def __init__(self, job: Path, stage: Stage | None) -> None:
        project_file, job_file = load_files(job)
        self._job, self._stage, self._name = job, stage, job_file.job.name
        self.output = output_of(project_file, job_file).resolve()
        self._state = State(state_of(project_file), mode_of(stage))
        self._folder = Folder(self.output / REPORT)
        self._writing = asyncio.Lock()
        self.token = secrets.token_urlsafe(24)
        self.trouble = ""

    async def follow(self) -> None:
        """Look for news for ever: a run that goes on is told that somebody watches, what nobody holds is made anew."""
        while True:
            await asyncio.to_thread(self.look)
            await asyncio.sleep(EVERY)

    def look(self) -> None:
        """Look once."""
        try:
            make_report(self._job, self._stage)
            self.trouble = ""
        except Held:
            self.trouble = "a run goes on"
            watch_mark(self._state, self._name).touch(0o600)
        except AdbatchError as failure:
            self.trouble = str(failure).splitlines()[0]

    def app(self) -> web.Application:
        """Everything that can be asked."""
        app = web.Application(client_max_size=LARGEST, middlewares=[self._fence])
        app.router.add_get(f"/{{token}}/{REPORT}/api/news", self._news)
        app.router.add_post(f"/{{token}}/{REPORT}/api/decisions", self._decide)
        app.router.add_get("/{token}/{path:.*}", self._file)
        return app

    @web.middleware
    async def _fence(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let nothing in that was not made by this page on this machine."""
        socket = request.transport.get_extra_info("sockname") if request.transport else None
        hosts = {f"{name}:{socket[1]}" for name in ("127.0.0.1", "localhost")} if socket else set()
        given = request.match_info.get("token", "").encode("utf-8", "replace")
        if request.host not in hosts or not secrets.compare_digest(given, self.token.encode()):
            return web.Response(status=404, text="there is nothing here\n", headers=FENCES)
        origin = request.headers.get("Origin")
        if origin is not None and origin not in {f"http://{host}" for host in hosts}:
            return web.Response(status=403, text="this page is not yours\n", headers=FENCES)
        response = await handler(request)
        response.headers.update(FENCES)
        return response

    async def _news(self, _: web.Request) -> web.Response:
        running = read_holder(self._state.journal(self._name).parent) is not None
        told = "a run goes on" if running else self.trouble if self.trouble != "a run goes on" else ""
        return web.json_response({"edition": await asyncio.to_thread(self._folder.stamp), "running": told})

    async def _decide(self, request: web.Request) -> web.Response:
        if request.content_type != "application/json" or request.headers.get("Origin") is None:
            return web.Response(status=415, text="decisions are JSON and come from the page\n")
        try:
            given, taken = self._read(await request.json())
        except (ValueError, ValidationError, KeyError, TypeError, AttributeError):
            return web.Response(status=400, text="these are no decisions\n")
        async with self._writing:
            try:
                await asyncio.to_thread(save_decisions, decisions_beside(self._job), given, taken)
            except AdbatchError as failure:
                return web.Response(status=409, text=f"{failure}\n")
        return web.json_response({"saved": len(given) + len(taken)})

    def _read(self, told: Mapping[str, Any]) -> tuple[list[Decision], list[tuple[str, str, str, str]]]:
        given, taken = list[Decision](), list[tuple[str, str, str, str]]()
        for one in told["decisions"]:
            decision = Decision.model_validate({**one, "job": self._name, "decision": one["decision"] or "approved"})
            if one["decision"]:
                given.append(decision)
            else:
                taken.append(decision.about)
        return given, taken

    async def _file(self, request: web.Request) -> web.StreamResponse:
        path = request.match_info["path"]
        if not path:
            raise web.HTTPFound(f"/{self.token}/{REPORT}/{PAGE}")
        kind = "image/svg+xml" if path == f"{REPORT}/page/{ICON}" else KINDS.get(Path(path).suffix.lower())
        if kind is None:
            raise web.HTTPNotFound(text="there is nothing here\n")
        data = await asyncio.to_thread(self._bytes, path)
        if path == f"{REPORT}/{PAGE}":
            data = self._alive(data)
        if data is None:
            raise web.HTTPNotFound(text="there is nothing here\n")
        return web.Response(body=data, headers={"Content-Type": kind})

    def _bytes(self, path: str) -> bytes | None:
        file = open_published(self.output, path)
        if file is None:
            return None
        with file:
            return file.read()

    def _alive(self, page: bytes | None) -> bytes:
        """The page with the word that somebody serves it, and which edition it is."""
        if page is None:
            return WAITING.encode()
        return page.replace(b"<html lang", f'<html data-live="{self._folder.stamp() or ""}" lang'.encode(), 1)


@asynccontextmanager
async def open_counter(job: Path, stage: Stage | None, port: int = 0) -> AsyncIterator[tuple[Counter, str]]:
    """The gallery of the job, served for the length of the block; its address. Raises `Usage` for a port that is taken."""
    counter = Counter(job, stage)
    runner = web.AppRunner(counter.app(), access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port)
        try:
            await site.start()
        except OSError as error:
            raise Usage(f"port {port} cannot be listened on ({error.strerror}); name another with --port") from error
        yield counter, f"http://127.0.0.1:{runner.addresses[0][1]}/{counter.token}/"
    finally:
        await runner.cleanup()


def serve_report(job: Path, stage: Stage | None, port: int, say: Callable[[str], None]) -> None:
    """Serve the gallery until somebody presses Ctrl-C. Raises as `make_report`, and `Usage` for a port that is taken."""

    async def serve() -> None:
        async with open_counter(job, stage, port) as (counter, address):
            say(f"the gallery is at {address}report/{PAGE} (Ctrl-C ends it); decisions go to {decisions_beside(job)}")
            await counter.follow()

    with suppress(KeyboardInterrupt):
        asyncio.run(serve())
