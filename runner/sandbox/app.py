"""The sandbox as a web application: all vendors under one origin, on loopback, with a ledger to look into.

It is closed to everybody but its owner: only loopback host names are answered (a web page in a browser cannot reach it by DNS
rebinding), nothing is sent across origins, and every vendor route wants the sandbox's key in that vendor's own header.
"""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final, cast

import orjson
from aiohttp import BodyPartReader, web

from runner.sandbox.batches import Act, batch_routes
from runner.sandbox.damage import Hangup, Silence
from runner.sandbox.desk import Desk, Memory, Settings
from runner.sandbox.intake import Ask, Field, Refusal, Reply
from runner.sandbox.vendor import Vendor
from runner.sandbox.vendors import VENDORS

MOST_BODY: Final = 64 * 1024 * 1024
MOST_UPLOAD: Final = 256 * 1024 * 1024
"""Bytes of a form that brings a file of requests."""
WORKERS: Final = 2
STALL: Final = 3600.0
FLOOD: Final = 32 * 1024 * 1024
"""Bytes of an answer that goes on and on: more than an honest answer or picture has."""
FILLER: Final = b" " * 65536
DRIP: Final = 0.05
"""Seconds between the bytes of an answer that drips, and between two looks whether anybody still waits for one that stalls."""
HOSTS: Final = ("127.0.0.1", "localhost")
DESK: Final = web.AppKey("DESK", Desk)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_app(settings: Settings, clock: Callable[[], float] = time.time, memory: Memory | None = None) -> web.Application:
    """The application for these settings. Bind it to 127.0.0.1 only; `serve` does. Results are looked up in `memory` first."""
    app = web.Application(client_max_size=MOST_BODY, middlewares=[_only_loopback])
    workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="pictures")
    desk = app[DESK] = Desk(settings, workers, clock, memory)
    for vendor in VENDORS.values():
        _add_vendor(app, desk, vendor)
    app.router.add_get(
        "/files/{token}/{name}", _answering(lambda ask, _request: desk.fetch(ask.path["token"], ask.path["name"], ask.query), desk)
    )
    app.router.add_get("/ledger", _owned(desk, _show_ledger))
    app.router.add_get("/calls", _owned(desk, _show_calls))

    async def close(app: web.Application) -> None:
        workers.shutdown(wait=False, cancel_futures=True)
        desk.close()

    app.on_cleanup.append(close)
    return app


def _add_vendor(app: web.Application, desk: Desk, vendor: Vendor) -> None:
    """Routes of one vendor: what is bought, asked, deleted and read, and its own 404 for the rest."""

    def route(method: str, path: str, act: Act, most: int = MOST_BODY) -> None:
        handler = _answering(lambda ask, request: act(ask, f"http://{request.host}"), desk, most)
        app.router.add_route(method, path if path.startswith("/") else f"{vendor.prefix}/{path}", handler)

    for method, path, act in _ways(desk, vendor):
        route(method, path, act)
    for method, path, act in batch_routes(desk, vendor):
        route(method, path, act, MOST_UPLOAD)
    for submit in vendor.submits:
        for method in submit.methods:
            route(method, submit.path, partial(desk.submit, vendor, submit))

    async def lost(ask: Ask, origin: str) -> Reply:
        vendor.admit(ask, desk.settings.key)
        return vendor.missing

    route("*", "{rest:.*}", lost)


def _ways(desk: Desk, vendor: Vendor) -> Iterator[tuple[str, str, Act]]:
    """What can be done with what was bought, and what can be read."""
    for poll in vendor.polls:
        yield "GET", poll.path, partial(desk.poll, vendor, poll)
    for cancel in vendor.cancels:
        yield cancel.method, cancel.path, partial(desk.cancel, vendor, cancel)
    for deletion in vendor.deletions:
        yield "DELETE", deletion.path, partial(desk.delete, vendor, deletion)
    for page in vendor.pages:
        yield "GET", page.path, partial(desk.read, vendor, page)


def _answering(act: Callable[[Ask, web.Request], Awaitable[Reply]], desk: Desk, most: int = MOST_BODY) -> Handler:
    """A handler that reads the ask and sends the reply, a refusal, nothing at all, or silence. A form may have `most` bytes."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return await _send(request, await act(await _read_ask(request, desk, most), request))
        except Refusal as refusal:
            return await _send(request, refusal.reply)
        except Hangup:
            _hang_up(request)
        except Silence:
            await _keep_silent(request)
        return web.Response(status=500)

    return handle


def _is_gone(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


async def _keep_silent(request: web.Request) -> None:
    """For an hour, or until nobody waits any more."""
    for _ in range(int(STALL / DRIP)):
        if _is_gone(request):
            return
        await asyncio.sleep(DRIP)


def _hang_up(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


async def _read_ask(request: web.Request, desk: Desk, most: int) -> Ask:
    form: dict[str, Field] = {}
    body = b""
    if request.content_type == "multipart/form-data":
        try:
            form = await _read_form(request, most)
        except ValueError as error:
            raise Refusal(Reply(400, b'{"error": "unreadable multipart body"}')) from error
    elif request.can_read_body:
        body = await request.read()
    return Ask(
        method=request.method,
        path=dict(request.match_info),
        query=dict(request.query),
        headers={name.lower(): value for name, value in request.headers.items()},
        media_type=request.content_type if body or form else "",
        body=body,
        form=form,
        own=desk.store.own,
    )


async def _read_form(request: web.Request, most: int) -> dict[str, Field]:
    """The parts of a multipart body: those with a file name as bytes, others as text; `name[]` or a repeated name is a list."""
    form: dict[str, Field] = {}
    room = most
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader) or not part.name:
            raise ValueError("a part is nested or nameless")
        data = bytes(await part.read())
        room -= len(data)
        if room < 0:
            raise web.HTTPRequestEntityTooLarge(most, most - room)
        _add_part(form, part.name, data if part.filename is not None else data.decode())
    return form


def _add_part(form: dict[str, Field], name: str, value: str | bytes) -> None:
    name, is_list = name.removesuffix("[]"), name.endswith("[]")
    before = form.get(name)
    if before is None:
        form[name] = cast("Field", [value]) if is_list else value
        return
    listed = [*before] if isinstance(before, list) else [before]
    if any(isinstance(each, str) != isinstance(value, str) for each in listed):
        raise ValueError("a field is given as a file and as text")
    form[name] = cast("Field", [*listed, value])


async def _send(request: web.Request, reply: Reply) -> web.StreamResponse:
    headers = {**dict(reply.headers), "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
    if reply.source is not None:
        return web.FileResponse(reply.source, headers={**headers, "Content-Type": reply.media_type}, status=reply.status)
    if reply.manner == "whole":
        return web.Response(status=reply.status, body=reply.body, content_type=reply.media_type, headers=headers)
    length = len(reply.body) + (FLOOD if reply.manner == "flood" else 0)
    headers |= {"Content-Type": reply.media_type, "Content-Length": str(length)}
    response = web.StreamResponse(status=reply.status, headers=headers)
    await response.prepare(request)
    await _send_badly(request, response, reply)
    return response


async def _send_badly(request: web.Request, response: web.StreamResponse, reply: Reply) -> None:
    """The body cut off, drop by drop, or with no end of filler behind it."""
    if reply.manner == "cut":
        await response.write(reply.body[: int(len(reply.body) * reply.part)])
        _hang_up(request)
    elif reply.manner == "flood":
        for piece in (reply.body, *[FILLER] * (FLOOD // len(FILLER))):
            await response.write(piece)
    else:
        for at in range(len(reply.body)):
            if _is_gone(request):
                return
            await response.write(reply.body[at : at + 1])
            await asyncio.sleep(DRIP)


def _owned(desk: Desk, show: Callable[[Desk, web.Request], Any]) -> Handler:
    """A handler for the owner's own eyes: it wants the sandbox's key as a bearer token."""

    async def handle(request: web.Request) -> web.StreamResponse:
        shown = request.headers.get("Authorization", "")
        if not hmac.compare_digest(shown.encode(), f"Bearer {desk.settings.key}".encode()):
            return web.json_response({"error": "send the sandbox's key as a bearer token"}, status=401)
        return web.Response(body=orjson.dumps(show(desk, request)), content_type="application/json")

    return handle


def _show_ledger(desk: Desk, request: web.Request) -> Any:
    return desk.ledger.summary() if "summary" in request.query else [entry.plain() for entry in desk.ledger.entries]


def _show_calls(desk: Desk, request: web.Request) -> Any:
    return [
        {"vendor": vendor, "operation": operation, "step": step, "count": count}
        for (vendor, operation, step), count in sorted(desk.calls.items())
    ]


@web.middleware
async def _only_loopback(request: web.Request, handler: Handler) -> web.StreamResponse:
    name = request.host.rpartition(":")[0] if ":" in request.host else request.host
    sockname = request.transport.get_extra_info("sockname") if request.transport else None
    port = request.host.rpartition(":")[2] if ":" in request.host else "80"
    if name not in HOSTS or (sockname and str(sockname[1]) != port):
        return web.json_response({"error": "this sandbox answers loopback names only"}, status=421)
    return await handler(request)
