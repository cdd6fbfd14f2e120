"""Addresses that a vendor's answer names and that have to be asked again with the account's key.

Queues give back whole URLs (`polling_url`, `status_url`, `urls.get`) and say not to build them. Such a URL becomes the job's ticket
only if it lies at the account's own origin or, where the account goes straight to the vendor, at one of the vendor's hosts: the
key goes nowhere else, and the transport judges by the same hosts once more. At the account's own origin the ticket is the path, so
that a proxy or an emulation on another port finds it again. Any other ticket is an id, for which the vendor's file knows a path.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import urlsplit

from runner.providers.contract import Options, link_of, ticket_of

NEXT_STAGE: Final = "\N{RIGHTWARDS ARROW}"
"""What a poll's `Queued` says where the job is to be asked for at the next address of its ticket (`pack`).

With a mark behind it, where the next stage has the same ticket with that mark before it.
"""


def hosts_for(base_url: str, hosts: Iterable[str]) -> tuple[str, ...]:
    """Those of a vendor's `hosts` (each with all below it) that an account's key may go to beside its `base_url`.

    None where the account itself goes elsewhere, to a proxy or an emulation: whose key it has then is not known.
    """
    own = tuple(hosts)
    return own if _is_at(base_url, own) else ()


def ticket_at(url: Any, options: Options, hosts: Iterable[str] = ()) -> str | None:
    """The ticket for a URL that the key may go to: its path and query at the account's own origin, else all of it; else None."""
    link = link_of(url)
    if link is None or not link.isascii() or "#" in link:
        return None
    base_url = str(options["base_url"])
    origin = _origin(base_url)
    if link.startswith(f"{origin}/"):
        return ticket_of(link[len(origin) :])
    return ticket_of(link) if _is_at(link, hosts_for(base_url, hosts)) else None


def address_of(ticket: str, options: Options, hosts: Iterable[str] = ()) -> str | None:
    """The URL a ticket of `ticket_at` stands for; None for a ticket that is a mere id."""
    link = f"{_origin(str(options['base_url']))}{ticket}" if ticket.startswith("/") else ticket
    return link if ticket_at(link, options, hosts) == ticket else None


def pack(*tickets: str) -> str | None:
    """Addresses to be asked one after the other as one ticket; None where they are too long for one."""
    return ticket_of(json.dumps(tickets, separators=(",", ":")))


def unpack(ticket: str) -> tuple[str, ...]:
    """What was packed, the present stage first; any other ticket is its own only stage."""
    try:
        stages = json.loads(ticket) if ticket.startswith('["') else None
    except ValueError:
        stages = None
    return tuple(stages) if isinstance(stages, list) and all(isinstance(stage, str) for stage in stages) else (ticket,)


def next_ticket(ticket: str, said: str) -> str:
    """The ticket a job has once a poll of `ticket` said `said`: the same where that is empty, the rest of it for `NEXT_STAGE`."""
    if not said.startswith(NEXT_STAGE):
        return said or ticket
    if mark := said.removeprefix(NEXT_STAGE):
        return ticket if ticket.startswith(mark) else mark + ticket
    stages = unpack(ticket)
    return (pack(*stages[1:]) if len(stages) > 1 else None) or ticket


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _is_at(url: str, hosts: Iterable[str]) -> bool:
    """Whether an https URL on the usual port is at one of the hosts or below it."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    return parts.scheme == "https" and port in (None, 443) and any(host == own or host.endswith(f".{own}") for own in hosts)
