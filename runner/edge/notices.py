"""Notices to people and their monitors: a JSON document to a webhook, a ping to a check.

Addresses are the project file's own, so they may lie in a private network; https is asked for except on this machine, redirects are
not followed, and whoever does not answer in time is asked once more and then left alone. Nothing here ever raises for what the
other side does: a notice that did not get through is a line for a person. Many such addresses are as good as a key, so they are
masked in whatever is printed.

A ping is what Healthchecks understands (healthchecks.io/docs/http_api): POST to the address itself for success, `/start`, or
`/<exit code>`, with `rid` (a UUID) to tell the runs of one check apart and text in the body.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import urlsplit

import aiohttp
import orjson
from yarl import URL

from runner.edge.redaction import learn, redact
from runner.edge.secrets import load_secrets
from runner.edge.sessions import open_session
from runner.edge.trust import trusted
from runner.errors import OurSide
from runner.frozen import frozen
from runner.job.forms import read_address
from runner.job.project import Notify, SecretRef

Event: TypeAlias = Literal["start", "success", "failure"]

PATIENCE: Final = 10.0
"""Seconds one try may take."""
MOST_TEXT: Final = 10_000
"""Characters of a ping's body; Healthchecks keeps the first 100 kB."""
TRIES: Final = 2


@frozen
class Notice:
    """One thing to tell. `exit` is how the run ended, None at its start or where nobody knows; `document` is for the webhook."""

    event: Event
    exit: int | None
    text: str
    document: Mapping[str, Any]


@frozen
class _Letter:
    """What goes where."""

    name: str
    url: URL
    body: bytes
    kind: str


class Notices:
    """Whom to tell of one run. `run` is its UUID; `troubles` are lines about addresses that cannot be used."""

    def __init__(self, notify: Notify, environ: Mapping[str, str], run: str) -> None:
        self._on, self._run = frozenset(notify.on), run
        self._places: dict[str, str] = {}
        self.troubles: list[str] = []
        for name, place in (("webhook", notify.webhook), ("ping", notify.ping)):
            if place is not None:
                self._settle(name, place, environ)

    def _settle(self, name: str, place: str | SecretRef, environ: Mapping[str, str]) -> None:
        try:
            address = place if isinstance(place, str) else _look_up(name, place, environ)
            self._places[name] = read_address(address)
        except OurSide as failure:
            self.troubles.append(f"nobody is told: {failure}")
            return
        except ValueError:
            self.troubles.append(f"nobody is told: notify.{name} is not an https address")
            return
        if name == "ping" or not isinstance(place, str):
            learn([address, urlsplit(address).path.strip("/")])

    async def tell(self, notice: Notice, patience: float = PATIENCE, tries: int = TRIES) -> list[str]:
        """Tell everybody who wants to know; returns a line for each who could not be told."""
        if notice.event not in self._on or not self._places:
            return []
        document = redact(orjson.dumps(notice.document).decode()).encode()
        letters = {
            "webhook": _Letter("webhook", URL(self._places.get("webhook", "")), document, "application/json"),
            "ping": _Letter("ping", self._ping_url(notice), redact(notice.text)[:MOST_TEXT].encode(), "text/plain; charset=utf-8"),
        }
        async with open_session(_dial, len(letters), 0) as session:
            sent = (_post(session, letters[name], patience, tries) for name in self._places)
            return [line for line in await asyncio.gather(*sent) if line]

    def _ping_url(self, notice: Notice) -> URL:
        suffix = {"start": "/start", "success": ""}.get(notice.event, "/fail" if notice.exit is None else f"/{notice.exit}")
        url = URL(self._places.get("ping", ""))
        return url.with_path(url.path.rstrip("/") + suffix, keep_query=True).update_query(rid=self._run)


def _look_up(name: str, place: SecretRef, environ: Mapping[str, str]) -> str:
    return load_secrets("notify", {name: place}, environ).reveal(name)


async def _post(session: aiohttp.ClientSession, letter: _Letter, patience: float, tries: int) -> str:
    """Empty, or why it did not get through."""
    why = ""
    settings: dict[str, Any] = {"headers": {"Content-Type": letter.kind}, "timeout": aiohttp.ClientTimeout(patience)}
    settings["ssl"] = await trusted(letter.url.scheme)
    for _ in range(tries):
        try:
            async with session.post(letter.url, data=letter.body, allow_redirects=False, **settings) as reply:
                if reply.status < 300:
                    return ""
                why = f"answered {reply.status}"
                if reply.status < 500 and reply.status != 429:
                    break
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            why = f"could not be reached ({type(error).__name__})"
    return f"notify.{letter.name}: {letter.url.host} {why}; this changes nothing for the run"


def _dial(info: tuple[Any, ...]) -> socket.socket:
    family, kind, protocol = info[:3]
    opened = socket.socket(family=family, type=kind, proto=protocol)
    opened.setblocking(False)
    return opened
