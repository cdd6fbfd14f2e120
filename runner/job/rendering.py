"""Compiled values at work: what a job computes, rendered in the scope of one variant to plain JSON.

A `Prompt` is one value; a `Shape` is JSON with prompts in it. Most values are just a name (`{{ row.image_link }}`): those are
walked, not run. Whatever comes out is made plain (a price is its text, a decimal a number) and bounded, so what follows never meets
a surprise. A mistake is `Unrenderable`; who renders knows the row.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, ItemsView, Iterable, KeysView, Mapping, ValuesView
from decimal import Decimal
from typing import Any, Final, TypeAlias

from jinja2 import nodes
from jinja2.environment import Template
from jinja2.exceptions import TemplateError
from jinja2.runtime import Undefined

from runner.errors import Place
from runner.fields import Path
from runner.frozen import frozen
from runner.job.fence import WORK, Fence, spoken
from runner.job.names import ROOTS

LONGEST_VALUE: Final = 64 * 1024
"""Characters of one rendered value."""
LARGEST_INTEGER: Final = 2**53 - 1
RENDER_ERRORS: Final = (TemplateError, ArithmeticError, TypeError, ValueError, LookupError, AttributeError, RecursionError)
"""What a template can do wrong while it runs; anything else is our own mistake."""
LISTS: Final = (list, tuple, range, Generator, KeysView, ValuesView, ItemsView)

Scope: TypeAlias = dict[str, Any]
"""The names a template sees: row, matrix, vars, variant, seed, steps, job."""
Run: TypeAlias = Callable[[Scope], Any]
Shape: TypeAlias = Any
"""JSON in which a `Prompt` may stand for any value."""


class Unrenderable(Exception):
    """A value could not be rendered. `place` is in a template file, None for the job's own text; `owner` is what lacked a name."""

    def __init__(self, message: str, path: Path, place: Place | None = None, owner: object = None) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.place = place
        self.owner = owner


@frozen
class Prompt:
    """One computed value. `path` is where the job has it, `reads` the dotted names it needs, `run` renders it.

    `files` are the template files it draws on, however deep one includes another.
    """

    path: Path
    reads: frozenset[str]
    steps: frozenset[str]
    run: Run
    fail: Callable[[BaseException], Unrenderable]
    files: frozenset[str] = frozenset()

    def render(self, scope: Scope) -> Any:
        """The value, made of plain JSON types. Raises `Unrenderable`."""
        try:
            return self.run(scope)
        except RENDER_ERRORS as error:
            raise self.fail(error) from None


def build(shape: Shape, read: Callable[[Prompt], Any]) -> Any:
    """The shape with every prompt replaced by what `read` says of it."""
    kind = type(shape)
    if kind is Prompt:
        return read(shape)
    if kind is dict:
        return {name: part if type(part) is str else build(part, read) for name, part in shape.items()}
    if kind is list:
        return [build(part, read) for part in shape]
    return shape


def prompts_in(shape: Shape) -> list[Prompt]:
    """Every prompt of the shape, in order."""
    if isinstance(shape, Prompt):
        return [shape]
    parts: Iterable[Any] = shape.values() if isinstance(shape, dict) else shape if isinstance(shape, list) else ()
    return [prompt for part in parts for prompt in prompts_in(part)]


def only_expression(tree: nodes.Template) -> nodes.Expr | None:
    """The expression of a text that is exactly one `{{ expression }}`, else None."""
    if len(tree.body) != 1 or not isinstance(tree.body[0], nodes.Output) or len(tree.body[0].nodes) != 1:
        return None
    only = tree.body[0].nodes[0]
    return None if isinstance(only, nodes.TemplateData) else only


def runner(fence: Fence, tree: nodes.Template) -> Run:
    """What renders `tree`: to the type of its expression where it is exactly one, else to text."""
    expression = only_expression(tree)
    if expression is None:
        pieces = _pieces(tree)
        return text_runner(fence, fence.from_string(tree)) if pieces is None else _pieces_runner(fence, pieces)
    chain = _chain(expression)
    if chain:
        return _chain_runner(fence, chain)
    body: list[nodes.Node] = [nodes.Assign(nodes.Name("result", "store"), expression, lineno=1)]
    return _value_runner(fence, fence.from_string(nodes.Template(body, lineno=1)))


def _chain(node: nodes.Node) -> tuple[str, ...]:
    """`row.price.amount` as its parts; empty for anything else. Most values are just that, and a walk is ten times faster."""
    if isinstance(node, nodes.Name):
        return (node.name,) if node.name in ROOTS else ()
    if isinstance(node, nodes.Getattr):
        before = _chain(node.node)
        return (*before, node.attr) if before else ()
    return ()


def _follow(fence: Fence, chain: tuple[str, ...], scope: Scope) -> Any:
    """What the chain names; a key of a plain map is had without asking the fence, which would say the same."""
    value = scope[chain[0]]
    for name in chain[1:]:
        value = value[name] if type(value) is dict and name in value else fence.getattr(value, name)
    return value


def _chain_runner(fence: Fence, chain: tuple[str, ...]) -> Run:
    return lambda scope: plain(_follow(fence, chain, scope))


def _pieces(tree: nodes.Template) -> list[str | tuple[str, ...]] | None:
    """The texts and names that a template consists of, one after the other; None where there is anything else in it."""
    if not all(isinstance(output, nodes.Output) for output in tree.body):
        return None
    parts = [part for output in tree.body for part in output.nodes]  # type: ignore[attr-defined]
    pieces = [part.data if isinstance(part, nodes.TemplateData) else _chain(part) for part in parts]
    return pieces if all(pieces) else None


def _pieces_runner(fence: Fence, pieces: list[str | tuple[str, ...]]) -> Run:
    """What `text_runner` does, without Jinja's ceremony: most prompts are a sentence with a few names in it."""

    def run(scope: Scope) -> str:
        texts: list[str] = []
        for piece in pieces:
            if isinstance(piece, str):
                texts.append(piece)
                continue
            value = _follow(fence, piece, scope)
            texts.append(value if isinstance(value, str) else spoken(value))
        size = sum(map(len, texts))
        return "".join(texts) if size <= LONGEST_VALUE else _too_long(size)

    return run


def _value_runner(fence: Fence, template: Template) -> Run:
    def run(scope: Scope) -> Any:
        fence.purse.left = WORK
        context = template.new_context(scope, shared=True)
        for _ in template.root_render_func(context):
            pass
        return plain(context.vars["result"], fence.purse.pay)

    return run


def text_runner(fence: Fence, template: Template) -> Run:
    """What renders the template to text, of at most 64 Ki characters."""

    def run(scope: Scope) -> str:
        fence.purse.left = WORK
        text = "".join(template.root_render_func(template.new_context(scope, shared=True)))
        return text if len(text) <= LONGEST_VALUE else _too_long(len(text))

    return run


def plain(value: Any, pay: Callable[[int], None] = lambda _: None) -> Any:
    """`value` in plain JSON types: prices as text, decimals as numbers, iterators as lists. Raises `TypeError`, `ValueError`.

    `pay` is told how many items each list or map has: one text in a list of lists of lists can be a thousand million.
    """
    kind = type(value)
    if kind is str:
        return value if len(value) <= LONGEST_VALUE else _too_long(len(value))
    if kind is bool or value is None:
        return value
    if isinstance(value, str | Undefined):
        return plain("".join(str(value)))
    return _number(value) if isinstance(value, int | float | Decimal) else _structure(value, pay)


def _structure(value: Any, pay: Callable[[int], None]) -> Any:
    if isinstance(value, Mapping):
        pay(len(value))
        return {plain(str(name)): plain(part, pay) for name, part in value.items()}
    if isinstance(value, LISTS):
        items: list[Any] = list(value)
        pay(len(items))
        return [plain(part, pay) for part in items]
    raise TypeError(f"gives a {type(value).__name__}, which is no value JSON can say")


def _number(value: float | Decimal) -> int | float:
    if not math.isfinite(value):
        raise ValueError(f"gives {value}, which is no number JSON can say")
    if isinstance(value, int) or (value == int(value) and isinstance(value, Decimal)):
        whole = int(value)
        if abs(whole) > LARGEST_INTEGER:
            raise ValueError("gives a whole number beyond 2^53, which JSON cannot say exactly; make it text")
        return whole
    return float(value)


def _too_long(size: int) -> str:
    raise ValueError(f"renders to {size:,} characters; at most {LONGEST_VALUE:,} are allowed (the filters truncate and width cut)")


def failed_at(error: BaseException) -> tuple[str | None, int]:
    """The template file and line the error came from; no file for the job's own text."""
    file, line, frame = None, 1, error.__traceback__
    while frame is not None:
        template = frame.tb_frame.f_globals.get("__jinja_template__")
        if template is not None:
            file, line = template.name, template.get_corresponding_lineno(frame.tb_lineno)
        frame = frame.tb_next
    return file, line
