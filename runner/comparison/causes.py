"""Why a step is not as it was: what its two requests ask, compared name by name, and what stands beside the results.

A request is what it asks for, so another answer comes from another request, from the same one bought anew, or from another way of
finishing it. What was asked is in the journal; where that is not at hand, the causes say so and do not guess.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from runner.frozen import frozen
from runner.records import BLOB_SCHEME, Request

LONGEST: Final = 20_000
"""Characters of a value that are told."""
BESIDE: Final = ("job", "project", "vendors", "feed", "templates", "git", "versions", "mode", "journal")
"""What a manifest says of what a run was made from."""
UNKNOWN: Final = "what was asked is in no journal at hand"


@frozen
class Cause:
    """One reason: a name (`prompt`, `size.width`, `bought`), its values then and now (None: not there), or a `note` alone."""

    name: str
    then: Any = None
    now: Any = None
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        """The same for machines."""
        return {"name": self.name, "note": self.note} if self.note else {"name": self.name, "then": self.then, "now": self.now}


def compare_requests(then: Request | None, now: Request | None, sources: Mapping[str, str]) -> Iterator[Cause]:
    """What two requests ask differently, by name. `sources` says which step a file (by its sha256) came from."""
    if then is None or now is None:
        yield Cause("request", note=UNKNOWN)
        return
    if then.use != now.use:
        yield Cause("use", then.use, now.use)
    old, new = dict(_flat(then.params)), dict(_flat(now.params))
    for name in sorted(dict.fromkeys((*old, *new))):
        if old.get(name, _ABSENT) != new.get(name, _ABSENT):
            yield Cause(name, _shown(old.get(name), sources), _shown(new.get(name), sources))
    if then.again != now.again:
        yield Cause("again", then.again, now.again)


def same_request(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Cause]:
    """Why one request has two results: it was bought anew, or what came was finished otherwise. Both are a step's fields."""
    old, new = ([file.get("source") or file.get("sha256") for file in _files(step)] for step in (then, now))
    if old and old == new and _digests(then) != _digests(now):
        yield Cause("finish", note="the same picture was bought, and finished or marked otherwise")
    elif _digests(then) != _digests(now) or then.get("text") != now.get("text") or then.get("json") != now.get("json"):
        yield Cause("bought", note="the same request has another answer: it was bought anew")


def told_causes(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Cause]:
    """What the lines themselves say of a failure, then or now."""
    if then.get("why") != now.get("why"):
        yield Cause("why", then.get("why"), now.get("why"))


def compare_manifests(then: Mapping[str, Any] | None, now: Mapping[str, Any] | None) -> list[Cause]:
    """What the two runs were made from differently, by name (`feed.sha256`, `templates.headline.j2`, `git.commit`)."""
    if then is None or now is None:
        return []
    old, new = ({name: value for name in BESIDE for name, value in _flat({name: told.get(name)})} for told in (then, now))
    return [Cause(name, old.get(name), new.get(name)) for name in dict.fromkeys((*old, *new)) if old.get(name) != new.get(name)]


_ABSENT: Final = object()


def _flat(value: Any, way: str = "") -> Iterator[tuple[str, Any]]:
    """Every value inside with its name: `size.width`, `images.0`."""
    if isinstance(value, Mapping) and value:
        for name, part in value.items():
            yield from _flat(part, f"{way}.{name}" if way else str(name))
    elif isinstance(value, list) and value:
        for index, part in enumerate(value):
            yield from _flat(part, f"{way}.{index}")
    else:
        yield way, value


def _shown(value: Any, sources: Mapping[str, str]) -> Any:
    if not isinstance(value, str):
        return value
    if value.startswith(BLOB_SCHEME):
        digest = value.removeprefix(BLOB_SCHEME)
        return f"{sources[digest]}'s file {digest[:12]}" if digest in sources else f"file {digest[:12]}"
    return value if len(value) <= LONGEST else f"{value[:LONGEST]}… ({len(value)} characters)"


def _files(step: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [*step.get("files", ()), *step.get("held", ())]


def _digests(step: Mapping[str, Any]) -> list[Any]:
    return [file.get("sha256") for file in _files(step)]
