"""Requests before their answers: what a step asks, as far as it can be told while earlier steps have not answered.

A value that reads an answer is rendered with a stand-in, to find names it lacks, and is pending for the vendor's rules. The
*symbolic identity* of a request fingerprints what it asks; pending values stand in it as the identities of the steps they read
and everything else they read. So equal symbolic identities are one request for certain; different ones may turn out to be one.
Where nothing is pending it is, nearly always, the beginning of the request's own id, and the request is there already.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import orjson

from runner.census import fingerprint
from runner.errors import Place
from runner.fields import PENDING, Path, Problem, check_params
from runner.job.document import dotted
from runner.job.expectation import read_expected
from runner.job.filters import Echo
from runner.job.finishing import finishing_of
from runner.job.names import OFFERS
from runner.job.plan import Plan
from runner.job.rendering import Prompt, Scope, Unrenderable, build
from runner.job.steps import StepPlan, bring_pictures, pictured
from runner.records import BLOB_SCHEME, Request, make_simple_request

BROKEN: Final = 0
"""The identity of a request that could not be rendered."""
DUMP: Final = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS
STAND_IN: Final = Echo("An answer that is not known yet")
STAND_INS: Final = {
    "text": STAND_IN,
    "json": STAND_IN,
    "file": Echo(f"{BLOB_SCHEME}{'0' * 64}"),
    "files": [Echo(f"{BLOB_SCHEME}{'0' * 64}")],
}

Note: TypeAlias = Callable[[str, Path, Place | None], None]
"""Takes a mistake: message, where the job has the value, where a template file has it."""
Identities: TypeAlias = Mapping[str, int | None]
"""Steps of a variant asked so far; None for one that is skipped."""


class Symbol:
    """One step's requests, symbolically."""

    def __init__(self, plan: Plan, step: StepPlan, note: Note) -> None:
        self.step = step
        self._plan = plan
        self._note = note
        self._pictured = pictured(step.varying)
        self._asks = step.spec.provider, step.spec.operation
        self._prefix = orjson.dumps([step.spec.use, step.spec.again])
        self.stand_in = {what: STAND_INS[what] for what in OFFERS[step.offer.operation.gives]}

    def ask(self, scope: Scope, identities: Identities) -> tuple[int | None, Request | None]:
        """The 64-bit symbolic identity of what is asked, and the request where it was made for that.

        None where the step is skipped, BROKEN where a mistake was noted. A picture that is the same on every row is a path yet.
        """
        tokens: list[Any] = []
        try:
            if self.step.when is not None and not self._read(self.step.when, scope, identities, tokens):
                return None, None
            rendered = build(self.step.shape, lambda prompt: self._read(prompt, scope, identities, tokens))
        except Unrenderable as wrong:
            if wrong.owner is scope["steps"]:
                return None, None
            self._note(wrong.message, wrong.path, wrong.place)
            return BROKEN, None
        params = self._params(rendered)
        if params is None:
            return BROKEN, None
        request = None if tokens else self._request(params)
        return (self._fingerprint(params, tokens), None) if request is None else (int(request.id[:16], 16) or 1, request)

    def judge(self, scope: Scope, identities: Identities) -> None:
        """Notes what is wrong with `expect:`."""
        try:
            values = build(dict(self.step.expect), lambda prompt: self._read(prompt, scope, identities, []))
            read_expected({name: value for name, value in values.items() if value is not PENDING}, self.step.path)
        except Unrenderable as wrong:
            if wrong.owner is not scope["steps"]:
                self._note(wrong.message, wrong.path, wrong.place)

    def finish(self, scope: Scope, identity: int) -> int:
        """The identity of what is published: of one answer, `finish:` may make several files. Notes what is wrong with it."""
        if not self.step.finish:
            return identity
        try:
            wish = finishing_of(build(dict(self.step.finish), lambda prompt: prompt.render(scope)), None)
        except Unrenderable as wrong:
            self._note(wrong.message, wrong.path, wrong.place)
        except ValueError as wrong:
            self._note(str(wrong), (*self.step.path, "finish"), None)
        else:
            return fingerprint(f"{identity} {wish.digest}")
        return BROKEN

    def _read(self, prompt: Prompt, scope: Scope, identities: Identities, tokens: list[Any]) -> Any:
        """The value, or PENDING with its token where it reads an answer. A stand-in's mistakes count only for names no map has."""
        if not prompt.steps:
            return prompt.render(scope)
        try:
            prompt.render(scope)
        except Unrenderable as wrong:
            if isinstance(wrong.owner, Mapping):
                raise
        upstream = [identities.get(name) for name in sorted(prompt.steps)]
        others = [_value(scope, read) for read in sorted(prompt.reads) if not read.startswith("steps")]
        tokens.append([dotted(prompt.path), upstream, others])
        return PENDING

    def _params(self, rendered: Any) -> Mapping[str, Any] | None:
        """The checked params; None where they have mistakes, which are noted. A `with` that is all pending is an empty map."""
        if rendered is PENDING:
            return {}
        above = (*self.step.path, "with")
        if not isinstance(rendered, dict):
            self._note(f"must give a map of fields, got {type(rendered).__name__}", above, None)
            return None
        params: dict[str, Any] = {**self.step.offer.defaults, **rendered}
        wrong: list[Problem] = []
        if self._pictured:
            params = bring_pictures(self._pictured, params, lambda text, path: self._plan.bring(text, path, (), wrong))
        wrong += check_params(self.step.varying, self.step.spec.use, params)
        for problem in wrong:
            self._note(problem.message, (*above, *problem.path), None)
        return None if wrong else params

    def _request(self, params: Mapping[str, Any]) -> Request | None:
        """The request, where its id is had as fast as a fingerprint."""
        try:
            return make_simple_request(*self._asks, params, self.step.spec.again)
        except ValueError:  # whoever asks for it is told
            return None

    def _fingerprint(self, params: Mapping[str, Any], tokens: list[Any]) -> int:
        try:
            asked = orjson.dumps([params, tokens], default=_token, option=DUMP)
        except TypeError as wrong:
            self._note(f"cannot be sent as JSON: {wrong}", (*self.step.path, "with"), None)
            return BROKEN
        return int.from_bytes(hashlib.blake2b(self._prefix + asked, digest_size=8).digest(), "big") or 1


def _value(scope: Scope, read: str) -> Any:
    """What `row.title` is in `scope`; None where there is no such thing."""
    root, _, name = read.partition(".")
    value = scope[root]
    return value.get(name) if name and isinstance(value, Mapping) else value


def _token(value: object) -> Any:
    """Orjson's way to what it does not know: a pending value says nothing here (its token does), the rest is its text."""
    return None if value is PENDING else str(value)
