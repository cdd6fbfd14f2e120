"""The meter of a template: what its work costs, and how it is made to pay.

A few characters of template can ask for years of work: loops in loops, lists of lists of one text, a file that includes ten that
include ten. Nothing of that is forbidden; all of it is paid for from a purse of work, filled anew for each rendering. `weigh` tells
what a value unfolds to, however cleverly its parts are shared; `Metered` rewrites the syntax tree so that turns, bodies,
comparisons and joined texts pay before they happen. What cannot be paid stops at once, in process.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, KeysView, Mapping, ValuesView
from decimal import Decimal
from typing import Any, Final

from jinja2 import nodes
from jinja2.exceptions import SecurityError, TemplateSyntaxError
from jinja2.runtime import Undefined
from jinja2.visitor import NodeTransformer

from runner.job.filters import Growth, bounded

WORK: Final = 1_000_000
"""The purse of one rendering, spent on characters (1 each), nodes of the syntax (1), turns (20), filters (5) and calls (100)."""
TURN: Final = 20
CALL: Final = 100
FILTERING: Final = 5
SCATTERED: Final = 5
"""A character costs so much more where a text falls apart into a list of them: each becomes an object of its own."""
SCATTERING: Final = frozenset({"list", "sort", "unique", "reverse", "map", "select", "reject", "min", "max", "split", "rsplit"})
PASSING: Final = frozenset({"default", "d", "first", "last", "length", "count", "items", "omit", "pick"})
"""Filters that hand on what they are given without looking inside."""
DRAWING: Final = frozenset(
    {"list", "join", "sum", "sort", "unique", "map", "select", "reject", "selectattr", "rejectattr", "min", "max", "reverse"}
)
"""Filters that may be given an iterator; anything else would print its address."""
PLAIN: Final = (str, int, float, Decimal, Undefined, type(None))
MANY: Final = (list, tuple, range, KeysView, ValuesView)


class Purse:
    """The work a rendering may still do."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = WORK

    def pay(self, price: int) -> None:
        """Raises `Growth` when there is no work left. Nothing is ever paid back."""
        self.left -= max(price, 0)
        if self.left < 0:
            raise Growth("does too much: too many turns, calls or characters; make the template smaller")


def weigh(value: Any) -> int:
    """Characters and items in `value`, shared parts counted each time they are met; an iterator weighs 1.

    Raises `Growth` beyond what a value may have, `SecurityError` for what is no data: a method, a macro, a loop.
    """
    kind = type(value)
    if kind is str:
        return len(value)
    if kind is int or isinstance(value, PLAIN):
        return len(value) if isinstance(value, str) else 1
    total, waiting = 0, [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            total += len(part)
        elif isinstance(part, Mapping):
            total += len(part)
            bounded(total)
            waiting += part.keys()
            waiting += part.values()
        elif isinstance(part, MANY) or type(part).__name__ == "dict_items":
            total += len(part)
            bounded(total)
            waiting += () if isinstance(part, range) else part
        elif not isinstance(part, (*PLAIN, Iterator)):
            raise SecurityError(f"a {type(part).__name__} is no value to work with")
        bounded(total)
    return max(total, 1)


def metered(name: str, work: Callable[..., Any], purse: Purse) -> Callable[..., Any]:
    """The filter or test called `name`, paying for what it is given before it works on it."""
    skipped = int(hasattr(work, "jinja_pass_arg"))
    times = SCATTERED if name in SCATTERING else 1
    passing, drawing = name in PASSING, name in DRAWING or name in PASSING

    @functools.wraps(work)
    def pay_and_work(*args: Any, **named: Any) -> Any:
        given = args[skipped]
        if not drawing and isinstance(given, Iterator):
            raise TypeError(f"{name}: needs a value, got the items of one; write … | list or … | join(', ') before it")
        price = FILTERING + (1 if passing else weigh(given) * times)
        for other in args[skipped + 1 :]:
            price += weigh(other)
        purse.pay(price + sum(map(weigh, named.values())) if named else price)
        return work(*args, **named)

    return pay_and_work


def price_of(body: list[nodes.Node]) -> int:
    """What doing `body` once costs before it does anything: its nodes, and the characters written out in it."""
    found = [part for node in body for part in (node, *node.find_all(nodes.Node))]
    return len(found) + sum(len(part.data) for part in found if isinstance(part, nodes.TemplateData)) + sum(map(_constant, found))


def _constant(node: nodes.Node) -> int:
    return len(node.value) if isinstance(node, nodes.Const) and isinstance(node.value, str) else 0


class Metered(NodeTransformer):
    """Rewrites a syntax tree so that it pays. Raises Jinja's `TemplateSyntaxError` for the little that is not allowed at all."""

    def whole(self, tree: nodes.Template, is_file: bool) -> nodes.Template:
        """The tree of a template; a file pays each time it is included or imported."""
        toll = self._toll(tree.body) if is_file else []
        self.generic_visit(tree)
        tree.body = [*toll, *tree.body]
        return tree

    def visit_For(self, node: nodes.For) -> nodes.For:  # noqa: N802 - Jinja's name
        """`{% for x in xs %}` becomes `{% for x in xs | _turns(price) %}`; a recursive loop pays by its calls too."""
        price = TURN + price_of(node.body)
        self.generic_visit(node)
        node.iter = _filtered(node.iter, "_turns", nodes.Const(price, lineno=node.lineno))
        return node

    def visit_Macro(self, node: nodes.Macro) -> nodes.Macro:  # noqa: N802
        """What can be called pays for its body with each call; so does what a call brings along, and a block."""
        return self._pay_for_body(node)  # type: ignore[no-any-return]

    visit_CallBlock = visit_Block = visit_Macro  # noqa: N815

    def visit_Const(self, node: nodes.Const) -> nodes.Const:  # noqa: N802
        """`1e999` is infinite, which generated code cannot say."""
        if isinstance(node.value, float) and not math.isfinite(node.value):
            raise TemplateSyntaxError("a number is too large", node.lineno)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Filter:  # noqa: N802
        """`a ~ b ~ c` becomes `[a, b, c] | _joined`."""
        self.generic_visit(node)
        return _filtered(nodes.List(node.nodes, lineno=node.lineno), "_joined")

    def visit_Compare(self, node: nodes.Compare) -> nodes.Compare:  # noqa: N802
        """Both sides of a comparison are weighed: two values can be alike in a thousand million places."""
        self.generic_visit(node)
        node.expr = _weighed(node.expr)
        for operand in node.ops:
            operand.expr = _weighed(operand.expr)
        return node

    def visit_Pair(self, node: nodes.Pair) -> nodes.Pair:  # noqa: N802
        """The key of a map is weighed, because looking it up walks all of it."""
        self.generic_visit(node)
        node.key = _weighed(node.key)
        return node

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Getitem:  # noqa: N802
        """What is sliced is copied."""
        self.generic_visit(node)
        node.node = _weighed(node.node) if isinstance(node.arg, nodes.Slice) else node.node
        return node

    def visit_Filter(self, node: nodes.Filter) -> nodes.Filter:  # noqa: N802
        """The meter's own filters are not for templates."""
        if node.name.startswith("_"):
            raise TemplateSyntaxError(f"No filter named '{node.name}'.", node.lineno)
        self.generic_visit(node)
        return node

    def visit_AssignBlock(self, node: nodes.AssignBlock) -> nodes.AssignBlock:  # noqa: N802
        """What `{% set x %}…{% endset %}` has printed is known as such: in a drawing it is escaped already."""
        self.generic_visit(node)
        if node.filter is None:
            node.filter = nodes.Filter(None, "_captured", [], [], None, None, lineno=node.lineno)
        return node

    def visit_ScopedEvalContextModifier(self, node: nodes.Node) -> nodes.Node:  # noqa: N802
        """`{% autoescape %}` makes HTML of texts, whose methods read any attribute of anything."""
        raise TemplateSyntaxError("autoescape is not available: prompts are plain text", node.lineno)

    def _pay_for_body(self, node: Any) -> Any:
        toll = self._toll(node.body)
        self.generic_visit(node)
        node.body = [*toll, *node.body]
        return node

    def _toll(self, body: list[nodes.Node]) -> list[nodes.Node]:
        line = body[0].lineno if body else 1
        return [nodes.ExprStmt(_filtered(nodes.Const(price_of(body), lineno=line), "_paid"), lineno=line)]


def _filtered(node: Any, name: str, *args: nodes.Expr) -> nodes.Filter:
    return nodes.Filter(node, name, list(args), [], None, None, lineno=node.lineno)


def _weighed(node: nodes.Expr) -> nodes.Expr:
    return node if isinstance(node, nodes.Const) else _filtered(node, "_weighed")
