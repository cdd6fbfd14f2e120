"""Asking for many variants: what is the same for all of a row, or for all rows, is found out once.

A plan asks for one variant at a time and keeps nothing. Whoever goes over a million of them asks through an `Asking`: it builds a
row's names once; a step that reads neither the cell nor the number (nor a step that does) is rendered once for the row, and one
that does not read the row either, once; and what a check has made of the row already is not made again. What it gives is what the
plan gives, in any order of variants, fastest in plan order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

from runner.errors import Invalid
from runner.job.expect import Expected
from runner.job.finishing import Finishing
from runner.job.memo import Scale
from runner.job.model import Job
from runner.job.plan import Approves, Plan, Skipped, StepResult
from runner.job.rendering import Scope
from runner.records import Request, Row, Variant

MOST_KNOWN: Final = 10_000
"""Answers remembered of one step; a matrix may have more cells, and then the latest are found out again."""

Asked: TypeAlias = Request | Skipped | Invalid
Inputs: TypeAlias = tuple[StepResult | None, ...]


class Asking:
    """A plan with a memory of one row. Not for two threads at a time."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._cells, self._numbers = len(plan.cells), plan.job.variants
        self._scales = {step.name: Scale(step.reads, plan.cells, plan.job.variants) for step in plan.steps}
        self._needs = {step.name: tuple(step.needs) for step in plan.steps}
        self._known: dict[str, dict[int, tuple[Inputs, Asked]]] = {step.name: {} for step in plan.steps}
        self._row: Row | None = None
        self._variant: Variant | None = None
        self._scope: Scope = {}

    @property
    def job(self) -> Job:
        """The job that asks."""
        return self._plan.job

    @property
    def approves(self) -> Approves | None:
        """Which files may be published, as the plan has it; None: all."""
        return self._plan.approves

    def ask(self, variant: Variant, step: str, results: Mapping[str, StepResult], number: int = 1) -> Request | Skipped:
        """What this variant asks of this step, as `Plan.ask` says it. Raises `Invalid`."""
        scale, key = self._scales[step], self.key(variant, step)
        if number == 1 and (request := self._plan.beginning.asked(variant.row, step, key)) is not None:
            return request
        scope = self._scope_of(variant)
        if number > 1:
            return self._plan.ask(variant, step, results, scope, number)
        if scale.is_finest and scale.by_row:
            return self._plan.ask(variant, step, results, scope)
        inputs = tuple(results.get(need) for need in self._needs[step])
        known = self._known[step].get(key)
        if known is None or known[0] != inputs:
            known = inputs, self._find_out(variant, step, results, scope)
            self._remember(step, key, known)
        if isinstance(known[1], Invalid):
            raise known[1]
        return known[1]

    def key(self, variant: Variant, step: str) -> int:
        """The same for two variants of a row exactly if the step cannot tell them apart."""
        return self._scales[step].key(variant.index // self._numbers % self._cells, variant.number)

    def expectation(self, variant: Variant, step: str, results: Mapping[str, StepResult]) -> Expected:
        """What this variant expects of the step's answer. Raises `Invalid`."""
        return self._plan.expectation(variant, step, results, self._scope_of(variant))

    def finishing(self, variant: Variant, step: str) -> Finishing | None:
        """What the step's pictures are made into, as `Plan.finishing` says it. Raises `Invalid`."""
        return self._plan.finishing(variant, step, self._scope_of(variant))

    def save_path(self, variant: Variant, step: str) -> str:
        """Where the step's result goes, as `Plan.save_path` says it. Raises `Invalid`."""
        return self._plan.save_path(variant, step, self._scope_of(variant))

    def _find_out(self, variant: Variant, step: str, results: Mapping[str, StepResult], scope: Scope) -> Asked:
        try:
            return self._plan.ask(variant, step, results, scope)
        except Invalid as mistake:
            return mistake

    def _remember(self, step: str, key: int, known: tuple[Inputs, Asked]) -> None:
        if len(self._known[step]) >= MOST_KNOWN:
            self._known[step].clear()
        self._known[step][key] = known

    def _scope_of(self, variant: Variant) -> Scope:
        if variant is self._variant:
            return self._scope
        if variant.row is not self._row:
            self._row = variant.row
            self._scope = self._plan.scope_of(variant)
            for step, known in self._known.items():
                if self._scales[step].by_row:
                    known.clear()
        else:
            self._scope.update(matrix=variant.cell, variant=variant.number, seed=variant.seed)
        self._variant = variant
        return self._scope
