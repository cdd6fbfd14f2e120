"""The shadow of what will be asked: identities of steps that read an answer which is still to come.

What is asked after an answer cannot be told before it; but two variants whose step reads the same answers, and the same of
everything else, will ask the same. So a blocked step is identified by the requests it waits for, and by what it renders without
them. `adbatch check` identifies every step of every variant in that way (`runner.job.symbolic`), here only blocked ones are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import orjson

from runner.job.memo import Scale
from runner.job.plan import Plan
from runner.job.rendering import Prompt, Scope, Unrenderable, build, prompts_in
from runner.job.steps import StepPlan, bring_pictures, pictured
from runner.loom import Woven
from runner.records import Row

DUMP: Final = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS
WAITS: Final = "<answer>"


class Shadow:
    """Identities of blocked steps, a row at a time."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._casts = {step.name: Cast(step, plan) for step in plan.steps}
        self._row: Row | None = None
        self._at = -1
        self._found: dict[str, int | None] = {}
        self._scope: Scope = {}

    def identify(self, woven: Woven, cell: int, step: str) -> int | None:
        """A 64-bit identity of what the variant will ask of this step; None where it surely skips it."""
        variant = woven.variant
        if variant.row is not self._row:
            self._row = variant.row
            self._scope = self._plan.scope(variant.row, {}, 0, 0, {})
            for cast in self._casts.values():
                cast.forget()
        if variant.index != self._at:
            self._at, self._found = variant.index, {}
            self._scope |= {"matrix": variant.cell, "variant": variant.number, "seed": variant.seed}
        return self._identity(woven, cell, step)

    def _identity(self, woven: Woven, cell: int, step: str) -> int | None:
        if step not in self._found:
            request = woven.outcomes[step].request
            if request is not None:
                self._found[step] = int(request.id[:16], 16)
            elif woven.outcomes[step].status == "skipped":
                self._found[step] = None
            else:
                upstream = {need: self._identity(woven, cell, need) for need in self._casts[step].needs}
                self._found[step] = self._casts[step].identify(self._scope, upstream, cell, woven.variant.number)
        return self._found[step]


class Cast:
    """One step's identities, remembered as far as they are the same for a row's variants."""

    def __init__(self, step: StepPlan, plan: Plan) -> None:
        self.needs = tuple(sorted(step.needs))
        self._step, self._plan = step, plan
        self._scale = Scale(step.reads, plan.cells, plan.job.variants)
        self._pictured = pictured(step.offer.operation)
        prompts = [*prompts_in(step.shape), *prompts_in(step.when)]
        templates = sorted({(name, plan.template_digests().get(name)) for prompt in prompts for name in prompt.files})
        self._prefix = _dump([step.spec.use, step.spec.again, step.spec.with_, templates])
        later = [prompt for prompt in prompts if prompt.steps]
        self._others = tuple(sorted({read for prompt in later for read in prompt.reads if not read.startswith("steps")}))
        self._known: dict[tuple[int, tuple[int | None, ...]], int | None] = {}

    def forget(self) -> None:
        """A new row: what depends on the row is no longer known."""
        if self._scale.by_row:
            self._known.clear()

    def identify(self, scope: Scope, upstream: Mapping[str, int | None], cell: int, number: int) -> int | None:
        """The identity, given those of the steps it reads."""
        key = (self._scale.key(cell, number), tuple(upstream.values()))
        if key not in self._known:
            self._known[key] = self._render(scope, key[1])
        return self._known[key]

    def _render(self, scope: Scope, upstream: tuple[int | None, ...]) -> int | None:
        when = self._step.when
        try:
            if when is not None and not when.steps and not when.render(scope):
                return None
            rendered = build(self._step.shape, lambda prompt: _read(prompt, scope))
        except Unrenderable:
            return None
        if self._pictured and isinstance(rendered, dict):
            rendered = bring_pictures(self._step.varying.fields, rendered, self._bring)
        asked = [rendered, upstream, [_value(scope, name) for name in self._others]]
        return int.from_bytes(hashlib.blake2b(self._prefix + _dump(asked), digest_size=8).digest(), "big")

    def _bring(self, text: str, path: Any) -> str:
        return text if text == WAITS else self._plan.bring(text, path, (), [])


def _read(prompt: Prompt, scope: Scope) -> Any:
    return WAITS if prompt.steps else prompt.render(scope)


def _value(scope: Scope, read: str) -> Any:
    """What `row.title` is in `scope`; None where there is no such thing."""
    root, _, name = read.partition(".")
    value = scope[root]
    return value.get(name) if name and isinstance(value, Mapping) else value


def _dump(asked: Any) -> bytes:
    try:
        return orjson.dumps(asked, default=str, option=DUMP)
    except TypeError:  # half a surrogate pair
        return repr(asked).encode("utf-8", "replace")
