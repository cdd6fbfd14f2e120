"""What was said to a vendor and what came back, for a person to read.

Calls are made again by the provider's own pure functions, so what is shown is what a run sends, and nothing is sent to show it.
Keys appear by name only, bytes as what they are and how many. The journal's facts become moments: when, how long after the last,
and in words a person knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

from runner.edge.blobs import Blobs
from runner.edge.media import HEAD_BYTES, sniff
from runner.facts import Answered, Fact, Planned, Resolved, Saved, Sent, Stopped, kind_of
from runner.frozen import frozen
from runner.providers.contract import fetch
from runner.providers.registry import Lane
from runner.records import BLOB_SCHEME, Artifact, Asset, Call, FormBody, JsonBody, Request, SecretHeader
from runner.verdicts import Barred, Broken, Busy, Data, Done, Held, Item, Link, Lost, Queued, Refused, Text, Verdict

SUBMIT_WORDS: Final[Mapping[type[Any], str]] = {
    Done: "answered",
    Queued: "accepted and queued",
    Busy: "too fast, not accepted",
    Broken: "went wrong, surely not accepted",
    Lost: "no telling whether it was accepted",
    Refused: "refused",
    Barred: "not accepted, the account is closed to us",
}
LATER_WORDS: Final[Mapping[type[Any], str]] = {
    **SUBMIT_WORDS,
    Done: "done",
    Queued: "still running",
    Busy: "too fast",
    Broken: "went wrong",
    Lost: "went wrong",
}
"""What a verdict means to a person, after a submit, and after a poll or a download, which cost nothing."""


@frozen
class Moment:
    """A fact: when (RFC 3339, UTC), seconds after the one before (None for the first), its word in the journal, and what happened.

    `step` is `submit`, `poll` or `fetch` where the fact is about one, `verdict` the word for what the vendor's answer meant.
    """

    at: str
    after: float | None
    kind: str
    what: str
    step: str | None = None
    verdict: str | None = None


@frozen
class Spoken:
    """A call in readable form: `headers` with secrets by name, `body` with bytes described; `form` says that it is multipart."""

    step: str
    method: str
    url: str
    headers: Mapping[str, str]
    body: Any = None
    form: bool = False


@frozen
class Speaker:
    """Who speaks for an account: its lane, the store its pictures are in (None: there is none), and whether it only plays."""

    lane: Lane
    blobs: Blobs | None
    plays: bool = False


def spoken_calls(speaker: Speaker, request: Request, facts: Sequence[Fact]) -> Iterator[Spoken]:
    """The calls for the request: its submit, then a poll and the downloads, as far as its facts tell of a ticket and of links."""
    lane = speaker.lane
    yield spoken(lane.provider.submit(request, lane.options), speaker)
    ticket, links = "", list[str]()
    for fact in facts:
        if isinstance(fact, Planned) and fact.fresh:
            ticket, links = "", []
        elif isinstance(fact, Answered) and isinstance(fact.verdict, Queued):
            ticket = fact.verdict.ticket or ticket
        elif isinstance(fact, Answered) and isinstance(fact.verdict, Done):
            links += [item.url for item in fact.verdict.items if isinstance(item, Link)]
        elif isinstance(fact, Resolved):
            ticket = fact.ticket or ticket
    if ticket:
        with suppress(ValueError):  # a ticket of an operation that is never polled, which somebody may have told us
            yield spoken(lane.provider.poll(request, ticket, lane.options), speaker)
    for link in dict.fromkeys(links):
        yield spoken(fetch(link), speaker)


def spoken(call: Call, speaker: Speaker) -> Spoken:
    """The call without a secret and without bytes. What a signed link carries after its `?` is left out: it is as good as a key."""
    headers = dict(call.headers) | {secret.header: _secret(secret, speaker) for secret in call.secrets}
    url = call.url if call.purpose != "fetch" else _unsigned(call.url)
    if isinstance(call.body, FormBody):
        body: Any = [[part.name, _shown(part.value, "", speaker.blobs)] for part in call.body.parts]
        return Spoken(call.purpose, call.method, url, headers, body, form=True)
    body = _shown(call.body.value, call.body.asset_prefix, speaker.blobs) if isinstance(call.body, JsonBody) else None
    return Spoken(call.purpose, call.method, url, headers, body)


def moments_of(facts: Sequence[Fact]) -> Iterator[Moment]:
    """The facts of one request, in the order they became known."""
    before: float | None = None
    for fact in facts:
        after = None if before is None else round(fact.at - before, 3)
        step = fact.step if isinstance(fact, Sent | Answered) else None
        verdict = type(fact.verdict).__name__.lower() if isinstance(fact, Answered) else None
        yield Moment(moment(fact.at), after, kind_of(fact), _what(fact), step, verdict)
        before = fact.at


def moment(at: float) -> str:
    """A moment as RFC 3339 in UTC, to the millisecond."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def size_in_words(size: int) -> str:
    """`512 bytes`, `34 kB`, `1.2 MB`."""
    if size < 1000:
        return f"{size} byte{'s' if size != 1 else ''}"
    return f"{size / 1000:.0f} kB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"


def _what(fact: Fact) -> str:
    if isinstance(fact, Planned):
        return f"planned{f' for step {fact.step}' if fact.step else ''}{', to be bought anew' if fact.fresh else ''}"
    if isinstance(fact, Sent):
        tries = f", try {fact.attempt}" if fact.attempt > 1 else ""
        return f"{_step(fact.step, fact.part)} left{tries}"
    if isinstance(fact, Answered):
        return f"{_step(fact.step, fact.part)}: {_answer(fact)}"
    if isinstance(fact, Saved):
        return f"saved: {_artifacts(fact.artifacts)}"
    if isinstance(fact, Stopped):
        return f"stopped ({fact.how}): {fact.why}"
    return _settled(fact)


def _settled(fact: Resolved) -> str:
    if fact.how == "adopted":
        return f"brought here by {fact.who}{f': {fact.why}' if fact.why else ''}"
    told = f", ticket {fact.ticket}" if fact.ticket else f", with {_artifacts(fact.artifacts)}" if fact.artifacts else ""
    return f"{fact.who} said: {fact.how.replace('_', ' ')}{told}{f' ({fact.why})' if fact.why else ''}"


def _step(step: str, part: int) -> str:
    return {"submit": "submit", "poll": "poll"}.get(step) or f"download{f' {part + 1}' if part else ''}"


def _answer(fact: Answered) -> str:
    if isinstance(fact.verdict, Busy) and fact.verdict.unsent:
        return fact.verdict.why
    word = (SUBMIT_WORDS if fact.step == "submit" else LATER_WORDS)[type(fact.verdict)]
    if isinstance(fact.verdict, Lost) and fact.verdict.final:
        word = "no telling what became of it"
    said = _said(fact.verdict)
    kept = f" (the answer is kept as blob {fact.raw[:12]})" if fact.raw and isinstance(fact.verdict, Lost | Refused) else ""
    return f"{word}{f': {said}' if said else ''}{kept}"


def _said(verdict: Verdict) -> str:
    """What the vendor said, in its words where it used any."""
    if isinstance(verdict, Done):
        return ", ".join(map(_item, verdict.items)) + (f" ({verdict.note})" if verdict.note else "")
    if isinstance(verdict, Queued):
        told = [f"ticket {verdict.ticket}"] if verdict.ticket else []
        told += [f"ask again after {verdict.after:g} s"] if verdict.after else []
        return ", ".join([*told, *([verdict.note] if verdict.note else [])])
    wait = f" (wait {verdict.after:g} s)" if isinstance(verdict, Busy | Broken) and verdict.after else ""
    return f"{verdict.why}{wait}"


def _item(item: Item) -> str:
    match item:
        case Text():
            return f"a text of {len(item.text)} characters"
        case Data():
            return "a JSON value"
        case Link():
            return f"a link to {_unsigned(item.url)}"
        case Held():
            return f"{size_in_words(item.blob.size)}"
    return "bytes"


def _artifacts(artifacts: Sequence[Artifact]) -> str:
    told = []
    for artifact in artifacts:
        size = f", {artifact.width} × {artifact.height}" if artifact.width else ""
        file = f"{artifact.media_type}, {size_in_words(artifact.size or 0)}{size}"
        told.append({"text": "a text", "json": "a JSON value"}.get(artifact.kind) or file)
    return "; ".join(told) or "nothing"


def _secret(secret: SecretHeader, speaker: Speaker) -> str:
    kept = None if speaker.plays else speaker.lane.secrets.get(secret.secret)
    where = " of the sandbox" if speaker.plays else "" if kept is None else f" from {f'${kept.env}' if kept.env else kept.file}"
    return secret.form.replace("{}", f"<{secret.secret}{where}>")


def _shown(value: object, prefix: str, blobs: Blobs | None) -> Any:
    """The value with every asset described instead of its bytes."""
    if isinstance(value, Asset):
        described = _asset(value.ref, blobs)
        return value.form.replace("{type}", "<its media type>").replace("{data}", described) if value.form else prefix + described
    if isinstance(value, Mapping):
        return {name: _shown(part, prefix, blobs) for name, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_shown(part, prefix, blobs) for part in value]
    return value


def _asset(ref: str, blobs: Blobs | None) -> str:
    if not ref.startswith(BLOB_SCHEME):
        return f"<the bytes of {ref}>"
    sha256 = ref.removeprefix(BLOB_SCHEME)
    if blobs is None or not blobs.has(sha256):
        return f"<blob {sha256[:12]}>"
    with blobs.path(sha256).open("rb") as file:
        kind = sniff(file.read(HEAD_BYTES))
    return f"<blob {sha256[:12]}, {size_in_words(blobs.size(sha256))}{f', {kind.media_type}' if kind else ''}>"


def _unsigned(url: str) -> str:
    address, mark, _ = url.partition("?")
    return f"{address}{mark}{'…' if mark else ''}"
