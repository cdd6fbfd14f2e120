"""Two sides compared: every variant that differs, with what changed and why, one after the other and never all at once.

Differences come in small batches, so that the journal is asked once for each and memory does not grow with the results. A pair of
pictures is measured once however many variants share it, and a measuring has an end: decoding ten thousand pictures takes minutes
that nobody has ordered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Final

from runner.comparison.causes import Cause, compare_manifests, compare_requests, same_request, told_causes
from runner.comparison.differences import Difference, PartPair, StepDifference, compare_lines
from runner.comparison.joining import Joined, Pair
from runner.comparison.measuring import Distance, measure
from runner.comparison.sides import Side
from runner.edge.histories import is_sha256
from runner.errors import OurSide
from runner.frozen import frozen
from runner.records import Request

BATCH: Final = 100
"""Differences whose requests are looked up together."""
MOST_MEASURED: Final = 2_000
"""Pairs of pictures that are measured where nobody says how many."""
NOT_AT_HAND: Final = "not at hand: neither in the state folder nor where it was published"
UNMEASURED: Final = "not measured: --measure N measures more pictures"


@frozen
class _Batch:
    """Differences, and what their requests asked on either side."""

    differences: list[Difference]
    then: Mapping[str, Request]
    now: Mapping[str, Request]


class Comparison:
    """Compares two sides; `counts` says how many variants are the same, changed, added and removed, once all were met.

    `measured` is the number of pairs of pictures whose distance is found out.
    """

    def __init__(self, then: Side, now: Side, measured: int = MOST_MEASURED) -> None:
        self.then, self.now = then, now
        self.beside: list[Cause] = compare_manifests(then.manifest, now.manifest)
        self.counts: Counter[str] = Counter(same=0, changed=0, added=0, removed=0)
        self._left = measured
        self._known: dict[tuple[str, str], PartPair] = {}

    @property
    def differs(self) -> bool:
        """Whether any variant was changed, added or removed, as far as they were met."""
        return bool(self.counts["changed"] + self.counts["added"] + self.counts["removed"])

    def differences(self) -> Iterator[Difference]:
        """Every variant that is not the same: the changed as they are met, then the removed, then the added. Raises `OurSide`."""
        joined = Joined(self.then.results, self.now.results)
        met = (self._compare(pair) for pair in joined.pairs())
        while batch := list(islice(met, BATCH)):
            asked = self._asked(batch)
            for difference in batch:
                if difference.how == "changed" and not difference.steps and difference.status[0] == difference.status[1]:
                    self.counts["same"] += 1  # the same, told in another order or with other white space
                    continue
                self.counts[difference.how] += 1
                yield self._explained(difference, asked)
        self.counts["same"] += joined.same

    def as_json(self) -> dict[str, Any]:
        """What is told before the first difference."""
        beside = [cause.as_json() for cause in self.beside]
        return {"then": self.then.as_json(), "now": self.now.as_json(), "beside": beside}

    def _compare(self, pair: Pair) -> Difference:
        try:
            return compare_lines(pair.then, pair.now)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            key = (pair.now or pair.then or {}).get("key")
            raise OurSide(f"{self.then.name} or {self.now.name}: the line of {key} names files as adbatch does not") from error

    def _asked(self, batch: list[Difference]) -> _Batch:
        changed = [step for difference in batch if difference.how == "changed" for step in difference.steps]
        old, new = (_ids(steps) for steps in ([step.then for step in changed], [step.now for step in changed]))
        return _Batch(batch, self.then.requests(old), self.now.requests(new))

    def _explained(self, difference: Difference, asked: _Batch) -> Difference:
        sources = {file["sha256"]: step.name for step in difference.steps for file in _made(step)}
        sources |= {file["source"]: step.name for step in difference.steps for file in _made(step) if "source" in file}
        steps = []
        for step in difference.steps:
            causes = tuple(_causes(step, asked, sources)) if difference.how == "changed" else tuple(told_causes({}, step.now))
            steps.append(replace(step, causes=causes, parts=tuple(self._measured(part) for part in step.parts)))
        return replace(difference, steps=tuple(steps))

    def _measured(self, pair: PartPair) -> PartPair:
        if pair.kind != "picture" or pair.is_same or pair.then is None or pair.now is None:
            return pair
        known = (pair.then.digest, pair.now.digest)
        if known not in self._known:
            if not self._left:
                return replace(pair, unseen=UNMEASURED)
            self._left -= 1
            distance, unseen = self._measure(pair)
            self._known[known] = PartPair(None, None, (), distance, unseen)
        return replace(pair, distance=self._known[known].distance, unseen=self._known[known].unseen)

    def _measure(self, pair: PartPair) -> tuple[Distance | None, str]:
        assert pair.then is not None
        assert pair.now is not None
        one, other = self.then.picture(pair.then) or self.now.picture(pair.then), self.now.picture(pair.now)
        other = other or self.then.picture(pair.now)
        if one is None or other is None:
            which = " and ".join(name for name, path in (("the old picture", one), ("the new picture", other)) if path is None)
            return None, f"{which}: {NOT_AT_HAND}"
        distance = measure(one, other)
        return distance, "" if distance is not None else "not a picture that can be read"


def _causes(step: StepDifference, asked: _Batch, sources: Mapping[str, str]) -> Iterator[Cause]:
    yield from told_causes(step.then, step.now)
    old, new = step.then.get("request"), step.now.get("request")
    if old is None or new is None:
        return
    if old == new:
        yield from same_request(step.then, step.now)
    else:
        yield from compare_requests(asked.then.get(old) or asked.now.get(old), asked.now.get(new) or asked.then.get(new), sources)


def _ids(steps: list[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(step["request"] for step in steps if is_sha256(step.get("request"))))


def _made(step: StepDifference) -> list[Mapping[str, Any]]:
    return [*step.then.get("files", ()), *step.then.get("held", ()), *step.now.get("files", ()), *step.now.get("held", ())]


def diff_schema_text() -> str:
    """The JSON Schema (2020-12) of what `adbatch diff --json` prints."""
    return Path(__file__).with_name("diff.schema.json").read_text("utf-8")
