"""The names a template reads, known before it runs.

What a text reads decides the order of steps, what must be asked once per row and what once per cell, and why a request is new. It
is found in the syntax tree, through every file a template includes, imports or extends, so it errs on the side of reading too much.
Names are written with dots: `row.title`, `matrix.size`, `vars.brand`, `steps.cutout.file`, `seed`; a bare `row` is all of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from jinja2 import meta, nodes
from jinja2.exceptions import TemplateAssertionError

from runner.fields import Gives, suggest
from runner.frozen import frozen
from runner.job.fence import Fence

OFFERS: Final[Mapping[Gives, tuple[str, ...]]] = {
    "text": ("text", "json"),
    "json": ("json", "text"),
    "file": ("file", "files"),
    "files": ("files", "file"),
    "task": ("json",),
}
"""What `steps.<name>` offers after an operation that gives this; the first is what it is meant for."""
GIVEN: Final[Mapping[Gives, str]] = {
    "text": "text",
    "json": "JSON",
    "file": "a file",
    "files": "files",
    "task": "only a task id (as .json)",
}
JINJAS_OWN: Final = frozenset({"range", "self", "super", "caller", "varargs", "kwargs", "loop"})


@frozen
class Reading:
    """One place where a name is read: its parts, the template file (None: the job's own text) and the line in it.

    `guarded` names may be undefined: they stand directly under `is defined` or `default()`.
    """

    parts: tuple[str, ...]
    file: str | None
    line: int
    guarded: bool = False

    @property
    def name(self) -> str:
        """`row.title`, `steps.cutout.file`: as deep as it tells requests apart."""
        return ".".join(self.parts[: 3 if self.parts[0] == "steps" else 2])


@frozen
class Known:
    """What a job declares: names that are there in some cell, the vars, and what each step's operation gives (None: unknown).

    `links` are what a step with files offers besides, where results are read that are published already.
    """

    matrix: frozenset[str]
    vars: frozenset[str]
    steps: Mapping[str, Gives | None]
    links: tuple[str, ...] = ()


def readings(
    fence: Fence, tree: nodes.Template, file: str | None = None, above: tuple[str, ...] = (), seen: set[str] | None = None
) -> Iterator[Reading]:
    """Every name `tree` reads, through the files it refers to. Raises Jinja's errors for files that are missing or circular.

    A file says the same wherever it is included from, so each (`seen` are those so far) is read once.
    """
    seen = set() if seen is None else seen
    free = _free_names(tree, file) - JINJAS_OWN
    yield from _walk(tree, free, file, guarded=False)
    for node in tree.find_all((nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)):
        name = node.template  # type: ignore[attr-defined]
        if not (isinstance(name, nodes.Const) and isinstance(name.value, str)):
            fence.refuse("names a template by an expression; write its name in quotes", node.lineno, file)
        if name.value in above:
            fence.refuse(f"{' → '.join((*above, name.value))} is a circle of templates", node.lineno, file)
        if name.value not in seen:
            seen.add(name.value)
            yield from readings(fence, fence.parse_file(name.value), name.value, (*above, name.value), seen)


def wrong_name(reading: Reading, allowed: frozenset[str], known: Known) -> str | None:
    """What is wrong with a name, knowable without any row; None if nothing is."""
    root, *rest = reading.parts
    if root not in allowed:
        cure = suggest(root, allowed) if root not in ROOTS else f"; it takes {', '.join(sorted(allowed))}"
        return f"there is no {root} here{cure}"
    if root == "steps":
        return _wrong_step(rest, known.steps, known.links)
    declared = {"matrix": known.matrix, "vars": known.vars, "job": frozenset({"name"})}.get(root)
    if declared is None or not rest or rest[0] in declared or reading.guarded:
        return None
    return f"{root} has no {rest[0]}{suggest(rest[0], declared)}"


ROOTS: Final = frozenset({"row", "matrix", "vars", "variant", "seed", "steps", "job"})


def _wrong_step(rest: list[str], steps: Mapping[str, Gives | None], links: tuple[str, ...]) -> str | None:
    if not rest:
        return "steps must be read by name, such as steps.NAME.text, so that their order is known"
    step = rest[0]
    if step not in steps:
        return f"there is no step {step}{suggest(step, steps)}"
    gives = steps[step]
    if gives is None or len(rest) < 2 or rest[1] in OFFERS[gives] or ("file" in OFFERS[gives] and rest[1] in links):
        return None
    return f"steps.{step} gives {GIVEN[gives]}, not .{rest[1]}; write steps.{step}.{OFFERS[gives][0]}"


def _free_names(tree: nodes.Template, file: str | None) -> set[str]:
    """What the template needs from outside. What it sets only where an `if` holds is its own; rendering tells if it is not."""
    own = {name.name for name in tree.find_all(nodes.Name) if name.ctx == "store"}
    try:
        return meta.find_undeclared_variables(tree) - (own - ROOTS)
    except TemplateAssertionError as error:
        raise TemplateAssertionError(error.message or "", error.lineno, file) from None


def _walk(node: nodes.Node, free: set[str], file: str | None, *, guarded: bool) -> Iterator[Reading]:
    parts = chain_of(node)
    if parts and parts[0] in free:
        yield Reading(parts, file, node.lineno, guarded)
        return
    guards = _is_guard(node)
    for child in node.iter_child_nodes():
        yield from _walk(child, free, file, guarded=guards)


def chain_of(node: nodes.Node) -> tuple[str, ...]:
    """`a.b['c']` as ("a", "b", "c"); the part of it that is static, empty where there is none."""
    if isinstance(node, nodes.Name):
        return (node.name,) if node.ctx == "load" else ()
    if isinstance(node, nodes.Getattr):
        before = chain_of(node.node)
        return (*before, node.attr) if before else ()
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
        before = chain_of(node.node)
        return (*before, node.arg.value) if before else ()
    return ()


def _is_guard(node: nodes.Node) -> bool:
    if isinstance(node, nodes.Test):
        return node.name in {"defined", "undefined"}
    return isinstance(node, nodes.Filter) and node.name in {"default", "d"}
