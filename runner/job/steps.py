"""A job's steps, compiled: what each asks, what it reads, and the order that follows from it.

Nobody writes `needs:`. A step that reads `steps.cutout.file` comes after `cutout`; a circle is a complaint. What can be known of
a step without any row is checked here, once: the operation, the names of its fields, every constant. What is left to check on each
row is a smaller operation (`varying`) that knows only the fields that vary.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, Literal, TypeAlias

from runner.errors import Complaint
from runner.fields import HTTP_URL, PENDING, Field, Gives, Offer, Operation, Path, Problem, check_params, suggest
from runner.frozen import frozen
from runner.job.document import Document, dotted
from runner.job.expectation import compile_expect
from runner.job.model import Job, StepSpec
from runner.job.names import ROOTS
from runner.job.prompts import Compiler
from runner.job.rendering import Prompt, Shape, build, prompts_in
from runner.job.speech import shorten
from runner.records import BLOB_SCHEME

BEFORE_SENDING: Final = ROOTS - {"steps"}
MOST_SHOWN: Final = 12

Files: TypeAlias = Callable[[str], str]
"""Brings a picture of the project: its path as the job writes it to `blob:<sha256>`. Raises `ValueError` saying what is wrong."""


@frozen
class StepPlan:
    """One step, compiled. `shape` is `with:`, `needs` the steps it reads, `reads` all names it depends on, through steps too."""

    name: str
    spec: StepSpec
    offer: Offer
    shape: Shape
    when: Prompt | None
    save: Prompt | str | None
    expect: Mapping[str, Shape]
    needs: frozenset[str]
    reads: frozenset[str]
    varying: Operation
    finish: Mapping[str, Shape] = dataclasses.field(default_factory=dict)

    @property
    def path(self) -> Path:
        """Where the job has the step."""
        return ("steps", self.name)

    @property
    def tries(self) -> int:
        """How many requests may be asked for one answer that is as expected: the first, and what `on_fail: {retry: n}` adds."""
        expect = self.spec.expect
        return 1 if expect is None or expect.on_fail is None else 1 + expect.on_fail.retry

    @property
    def publishes(self) -> bool:
        """Whether its results become files under the output folder: pictures always do, other results where `save:` says so."""
        return self.save is not None or self.offer.operation.gives in {"file", "files"}


def compile_steps(job: Job, catalog: Mapping[str, Offer], compiler: Compiler, files: Files) -> tuple[StepPlan, ...]:
    """The steps in the order they can be asked. Mistakes go to `compiler.complaints`; a step that has no operation is left out."""
    compiled = [
        _compile(name, spec, catalog[spec.use], compiler, files)
        for name, spec in job.steps.items()
        if _is_offered(name, spec, catalog, compiler)
    ]
    return _ordered(compiled, compiler)


def bring_pictures(fields: Mapping[str, Field], values: Any, bring: Callable[[str, Path], str], path: Path = ()) -> Any:
    """`values` with every text under a field of kind image, at any depth, replaced by what `bring` makes of it (URLs stay)."""
    if not isinstance(values, Mapping):
        return values
    changed = {
        name: _bring(spec, values[name], bring, (*path, name))
        for name, spec in fields.items()
        if name in values and _has_picture(spec)
    }
    return {**values, **changed} if changed else values


def pictured(operation: Operation) -> dict[str, Field]:
    """The fields of the operation that are a picture or have one inside, at any depth."""
    return {name: spec for name, spec in operation.fields.items() if _has_picture(spec)}


def _has_picture(spec: Field) -> bool:
    return (
        spec.kind == "image" or (spec.item is not None and _has_picture(spec.item)) or any(map(_has_picture, spec.fields.values()))
    )


def _bring(spec: Field, value: Any, bring: Callable[[str, Path], str], path: Path) -> Any:
    if spec.kind == "image":
        return bring(value, path) if isinstance(value, str) and value and not HTTP_URL.match(value) else value
    if spec.item is not None and isinstance(value, list):
        return [_bring(spec.item, part, bring, (*path, index)) for index, part in enumerate(value)]
    if spec.item is not None and isinstance(value, Mapping):
        return {name: _bring(spec.item, part, bring, (*path, name)) for name, part in value.items()}
    return bring_pictures(spec.fields, value, bring, path)


def _is_offered(name: str, spec: StepSpec, catalog: Mapping[str, Offer], compiler: Compiler) -> bool:
    if spec.use in catalog:
        if spec.lane == "batch" and catalog[spec.use].batch is None:
            able = [use for use, offer in catalog.items() if offer.batch is not None and use.startswith(f"{spec.provider}/")]
            cure = f"; {' and '.join(able)} can" if able else "; leave lane out"
            where: Path = ("steps", name, "lane")
            compiler.complain(f"{spec.use} cannot go by batch{cure}", where)
        return True
    path = ("steps", name, "use")
    provider = spec.use.partition("/")[0]
    siblings = [use for use in catalog if use.startswith(f"{provider}/")] or sorted({use.partition("/")[0] for use in catalog})
    message = f"there is no {spec.use}{suggest(spec.use, catalog) if _is_near(spec.use, catalog) else suggest(spec.use, siblings)}"
    compiler.complain(message, path)
    _compile_parts(name, spec, compiler)
    return False


def _is_near(use: str, catalog: Mapping[str, Offer]) -> bool:
    return "did you mean" in suggest(use, catalog)


def _compile_parts(
    name: str, spec: StepSpec, compiler: Compiler, gives: str | None = None
) -> tuple[Shape, Any, Any, dict[str, Shape]]:
    """`with`, `when`, `save` and `expect`; their own mistakes are complained about whether or not the operation is known."""
    path: Path = ("steps", name)
    shape = compiler.shape(spec.with_, (*path, "with"))
    when = None if spec.when is None else compiler.expression(spec.when, (*path, "when"), ROOTS)
    save = None if spec.save is None else compiler.shape(spec.save, (*path, "save"), BEFORE_SENDING)
    if isinstance(spec.save, str) and ".." in spec.save.split("/"):
        compiler.complain("leads out of the output folder; leave out the .. or move output.dir", (*path, "save"))
    return shape, when, None if save is PENDING else save, compile_expect(name, spec.expect, gives, compiler)


def _compile(name: str, spec: StepSpec, offer: Offer, compiler: Compiler, files: Files) -> StepPlan:
    shape, when, save, expect = _compile_parts(name, spec, compiler, offer.operation.gives)
    prompts = [*prompts_in(shape), *prompts_in(list(expect.values())), *prompts_in(when)]
    finish = _compile_finish(name, spec, offer.operation.gives, compiler)
    needs = frozenset(step for prompt in prompts for step in prompt.steps)
    asking = [*prompts_in(shape), *prompts_in(when)]
    reads = frozenset(read for prompt in asking for read in prompt.reads)
    problems = list(_static_problems(offer, spec, shape, files))
    for problem in problems:
        compiler.complaints.append(problem_complaint(problem, ("steps", name, "with"), compiler.document))
    varying = _varying(offer.operation, shape, {problem.path[0] for problem in problems if problem.path})
    return StepPlan(name, spec, offer, shape, when, save, expect, needs, reads, varying, finish)


def _compile_finish(name: str, spec: StepSpec, gives: Gives, compiler: Compiler) -> dict[str, Shape]:
    """The words of `finish:`; they read no answers, so that what is finished is known before it comes."""
    if spec.finish is not None and gives == "text":
        compiler.complain("is for pictures, and the step gives a text", ("steps", name, "finish"))
    words = {} if spec.finish is None else spec.finish.model_dump(exclude_none=True)
    shapes = {word: compiler.shape(value, ("steps", name, "finish", word), BEFORE_SENDING) for word, value in words.items()}
    return {word: shape for word, shape in shapes.items() if shape is not PENDING}


def problem_complaint(problem: Problem, above: Path, document: Document) -> Complaint:
    """The complaint about what is wrong below `above`; it points at a name that should not be there, else at the value."""
    path = (*above, *problem.path)
    of: Literal["key", "value"] = "key" if problem.message.startswith(("not a field", "not an axis")) else "value"
    return Complaint(shorten(problem.message), dotted(path), document.place(path, of))


def _static_problems(offer: Offer, spec: StepSpec, shape: Shape, files: Files) -> Iterator[Problem]:
    """What is wrong with the step on every row alike."""
    if not isinstance(shape, dict):
        return
    missing: list[Problem] = []

    def bring(text: str, path: Path) -> str:
        try:
            if text.startswith(BLOB_SCHEME):
                raise ValueError(f"{BLOB_SCHEME} names bytes of ours; write a path, a URL or {{{{ steps.NAME.file }}}}")
            return files(text)
        except ValueError as wrong:
            missing.append(Problem(path, str(wrong)))
            return PENDING  # type: ignore[return-value]

    params = bring_pictures(offer.operation.fields, {**offer.defaults, **build(shape, lambda _: PENDING)}, bring)
    yield from missing
    yield from check_params(offer.operation, spec.use, params)


def _varying(operation: Operation, shape: Shape, wrong: set[str | int]) -> Operation:
    """The operation reduced to what must be checked on each row; all of it where `with` is one expression."""
    if not isinstance(shape, dict):
        return operation
    names = {name for name, part in shape.items() if prompts_in(part) and name not in wrong}
    fields = {name: dataclasses.replace(spec, required=False) for name, spec in operation.fields.items() if name in names}
    rules = tuple(rule for rule in operation.rules if names & set(rule.names) and not wrong & set(rule.names))
    return dataclasses.replace(operation, fields=fields, rules=rules, open=True)


def _ordered(steps: Iterable[StepPlan], compiler: Compiler) -> tuple[StepPlan, ...]:
    """Written order, but each after what it needs, its `reads` grown by theirs. Steps in a circle are a complaint and left out."""
    waiting = {step.name: step for step in steps}
    done: dict[str, StepPlan] = {}
    while ready := next((step for step in waiting.values() if not step.needs & waiting.keys()), None):
        del waiting[ready.name]
        upstream = (done[name].reads for name in ready.needs if name in done)
        done[ready.name] = dataclasses.replace(ready, reads=ready.reads.union(*upstream))
    if waiting:
        path = ("steps", next(iter(waiting)))
        message = f"steps wait for each other: {_shown(_circle(waiting))}; one of them must not read the next"
        compiler.complaints.append(Complaint(message, dotted(path), compiler.document.place(path, "key")))
    return tuple(done.values())


def _circle(waiting: Mapping[str, StepPlan]) -> list[str]:
    way = [next(iter(waiting))]
    while True:
        after = min(waiting[way[-1]].needs & waiting.keys())
        if after in way:
            return [*way[way.index(after) :], after]
        way.append(after)


def _shown(way: list[str]) -> str:
    """The way from step to step; of a long one, its beginning and its end."""
    return " → ".join(way if len(way) <= MOST_SHOWN else [*way[: MOST_SHOWN - 2], "…", way[-1]])
