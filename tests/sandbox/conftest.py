from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from runner.sandbox.app import make_app
from runner.sandbox.desk import Memory, Settings
from tests.projects import DRAWN

KEY = "test-key"
HEADERS = {
    "jivox": {"jvx_apikey": KEY},
    "sivi": {"sivi-api-key": KEY},
    "vyro": {"Authorization": f"Bearer {KEY}"},
    "placewise": {
        "X-User-Agent": "tests",
        "X-Product-Name": "tests",
        "X-Loyalty-Club-Slug": "mall",
        "X-Client-Authorization": KEY,
    },
    "replicate": {"Authorization": f"Bearer {KEY}"},
    "fal": {"Authorization": f"Key {KEY}"},
    "bfl": {"x-key": KEY},
    "bfl-eu1": {"x-key": KEY},
    "stability": {"Authorization": f"Bearer {KEY}"},
    "gemini": {"x-goog-api-key": KEY},
    "openai": {"Authorization": f"Bearer {KEY}"},
}


class Clock:
    """A clock that tests move by hand."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Sandbox:
    """A running sandbox and a client for it."""

    server: TestServer
    client: aiohttp.ClientSession
    clock: Clock
    headers: dict[str, dict[str, str]] = field(default_factory=lambda: HEADERS)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    async def call(self, method: str, path: str, **options: Any) -> tuple[int, bytes, str]:
        """Status, body and media type of a call with the vendor's own headers."""
        headers = {**self.headers.get(path.split("/")[1], {}), **options.pop("headers", {})}
        async with self.client.request(method, self.url + path, headers=headers, **options) as response:
            return response.status, await response.read(), response.content_type

    async def post(self, path: str, body: Any = None, **options: Any) -> tuple[int, Any]:
        """Status and JSON of a POST with a JSON body."""
        status, answer, _ = await self.call("POST", path, json=body, **options)
        return status, json.loads(answer or b"null")

    async def send(self, path: str, **fields: Any) -> tuple[int, bytes]:
        """Status and body of a multipart POST; bytes go as files, lists as repeated fields."""
        with aiohttp.MultipartWriter("form-data") as form:
            for name, value in fields.items():
                for one in value if isinstance(value, list) else [value]:
                    part = form.append(one)
                    if isinstance(one, bytes):
                        part.set_content_disposition("form-data", name=name, filename=f"{name}.png")
                    else:
                        part.set_content_disposition("form-data", name=name)
        status, body, _ = await self.call("POST", path, data=form)
        return status, body

    async def head(self, method: str, path: str, **options: Any) -> tuple[int, Any, dict[str, str]]:
        """Status, JSON and headers (in lower case) of a call with the vendor's own headers."""
        headers = {**self.headers.get(path.split("/")[1], {}), **options.pop("headers", {})}
        async with self.client.request(method, self.url + path, headers=headers, **options) as response:
            return response.status, await response.json(), {name.lower(): value for name, value in response.headers.items()}

    async def get(self, path: str, **options: Any) -> tuple[int, Any]:
        """Status and JSON of a GET."""
        status, body, _ = await self.call("GET", path, **options)
        return status, json.loads(body or b"null")

    async def fetch(self, link: str) -> bytes:
        """The bytes behind a result link, which needs no key."""
        async with self.client.get(link) as response:
            assert response.status == 200, await response.text()
            return await response.read()

    async def ledger(self) -> Any:
        """The ledger's entries."""
        return (await self.get("/ledger", headers={"Authorization": f"Bearer {KEY}"}))[1]


Start = Callable[..., Awaitable[Sandbox]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Start sandboxes on loopback; answers are immediate and jobs take ten seconds of the hand-moved clock.

    What one has drawn the others need not draw again, unless `memory` is None.
    """
    running: list[Sandbox] = []

    async def begin(memory: Memory | None = DRAWN, **settings: Any) -> Sandbox:
        clock = Clock()
        wanted = Settings(**{"state": tmp_path / "state", "key": KEY, "latency": 0.0, "queue": 10.0, **settings})
        server = TestServer(make_app(wanted, clock, memory), host="127.0.0.1")
        await server.start_server()
        running.append(Sandbox(server, aiohttp.ClientSession(), clock))
        return running[-1]

    yield begin
    for sandbox in running:
        await sandbox.client.close()
        await sandbox.server.close()


@pytest.fixture
async def sandbox(start: Start) -> Sandbox:
    """A sandbox with no faults."""
    return await start()
