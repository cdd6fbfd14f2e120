"""The fence around the template language: Jinja that can read its names and make text, and nothing else.

Jinja's own sandbox stops attribute escapes; this goes further, because job files arrive in pull requests. A dot reads a key of a
map or one of a short list of text methods, never a Python attribute. What can grow without end (`*`, `**`, `+`, `~`, `%`, range,
loops, macros, filters) is measured while it runs: values of at most a million characters, and a purse of work per rendering
that loop turns, calls and printed characters are paid from. Nothing random, nothing from outside, no template made from data.

Undefined is an error, and the error knows which map lacked which name (`Lacking`), so that it can say what was meant.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from types import BuiltinMethodType, MethodType
from typing import Any, Final, NoReturn

from jinja2 import StrictUndefined, nodes
from jinja2.exceptions import SecurityError, TemplateSyntaxError, UndefinedError
from jinja2.loaders import BaseLoader
from jinja2.runtime import BlockReference, Context, LoopContext, Macro, TemplateReference, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing
from jinja2.visitor import NodeTransformer

from runner.fields import suggest
from runner.job.filters import FILTERS, TESTS, Echo, Growth, bounded

WORK: Final = 1_000_000
"""The purse of one rendering: a printed character costs 1, a loop's turn 20 and its own text, a call 100."""
TURN: Final = 20
CALL: Final = 100
LONGEST_RANGE: Final = 10_000

TEXT_METHODS: Final = frozenset(
    {
        "capitalize",
        "casefold",
        "count",
        "endswith",
        "find",
        "isalnum",
        "isalpha",
        "isdigit",
        "islower",
        "isupper",
        "lower",
        "lstrip",
    }
    | {"partition", "removeprefix", "removesuffix", "rfind", "rpartition", "rsplit", "rstrip", "split", "splitlines"}
    | {"startswith", "strip", "swapcase", "title", "upper"}
)
"""Methods of text that yield no more than they were given."""
MAP_METHODS: Final = frozenset({"get", "items", "keys", "values"})
INSIDE: Final = (LoopContext, Macro, BlockReference, TemplateReference)
CALLABLE: Final = (BuiltinMethodType, MethodType, *INSIDE)


class Lacking(UndefinedError):
    """A name that `owner` does not have was used. `owner` is `missing` for a name of the template itself."""

    def __init__(self, message: str, owner: Any, name: str) -> None:
        super().__init__(message)
        self.owner = owner
        self.name = name


class Missing(StrictUndefined):
    """An undefined value: any use but `is defined` and `default()` raises `Lacking`."""

    __slots__ = ()

    def __init__(self, hint: str | None = None, obj: Any = missing, name: str | None = None, exc: Any = UndefinedError) -> None:
        super().__init__(hint, obj, name, exc)
        make: Any = lambda message: Lacking(message, obj, str(name))  # noqa: E731 - Jinja wants a maker of exceptions here
        self._undefined_exception = make

    @property
    def _undefined_message(self) -> str:
        known = [str(name) for name in self._undefined_obj] if isinstance(self._undefined_obj, Mapping) else []
        return f"has no {self._undefined_name}{suggest(str(self._undefined_name), known)}"


class Purse:
    """The work a rendering may still do."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = WORK

    def pay(self, price: int) -> None:
        """Raises `Growth` when there is no work left."""
        self.left -= price
        if self.left < 0:
            raise Growth("does too much: too many turns, calls or characters; make the template smaller")


class Fence(ImmutableSandboxedEnvironment):
    """The environment a job's templates and expressions are compiled in. One rendering at a time: each refills `purse`."""

    intercepted_binops = frozenset({"+", "*", "**", "%", "<<"})

    def __init__(self, loader: BaseLoader | None = None) -> None:
        super().__init__(loader=loader, undefined=Missing, finalize=self._printed, trim_blocks=True, lstrip_blocks=True)
        self.purse = Purse()
        self.filters = {**FILTERS, "_turns": self._turns, "_joined": self._joined}
        self.tests = dict(TESTS)
        self.globals = {"range": self._range}

    def compile(self, source: Any, name: Any = None, filename: Any = None, raw: Any = False, defer_init: Any = False) -> Any:
        """As Jinja's, with loops and `~` measured."""
        tree = self.parse(source, name, filename) if isinstance(source, str) else source
        self.purse.left = WORK
        return super().compile(Metered().visit(tree), name, filename, raw, defer_init)

    def parse_file(self, name: str) -> nodes.Template:
        """The syntax tree of a template file. Raises Jinja's errors for a file that is missing or wrong."""
        assert self.loader is not None
        source, filename, _ = self.loader.get_source(self, name)
        return self.parse(source, name, filename)

    def refuse(self, message: str, line: int, name: str | None) -> NoReturn:
        """Stop compiling: what stands in this line of that template is not allowed."""
        raise TemplateSyntaxError(message, line, name)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """`obj.attribute`: a key of a map, a listed method, or what the data's own class declares (a price's amount)."""
        if isinstance(obj, dict):
            if attribute in obj:
                return obj[attribute]
            return getattr(obj, attribute) if attribute in MAP_METHODS else Missing(None, obj, attribute)
        return self._attribute(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """`obj[argument]`: a key of a map, or a place in a list or text."""
        if isinstance(argument, str):
            return self.getattr(obj, argument) if argument not in MAP_METHODS else self._key(obj, argument)
        return self._key(obj, argument)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805 - as Jinja names them
        """A call of something listed; costs work."""
        __self.purse.pay(CALL)
        if isinstance(__obj, Undefined):
            str(__obj)
        if not isinstance(__obj, CALLABLE):
            raise SecurityError("is not something a template may call")
        called: Any = __obj
        return __context.call(called, *args, **kwargs)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """`+`, `*`, `**`, `%` and `<<` with the size of the result known before it is made."""
        if operator == "%" and isinstance(left, str):
            raise SecurityError("% on text is not available; put the parts together with ~")
        if operator == "*":
            _allow_product(left, right)
        elif operator in {"**", "<<"}:
            _allow_power(left, right)
        elif isinstance(left, str | list | tuple) and isinstance(right, str | list | tuple):
            bounded(len(left) + len(right))
        return super().call_binop(context, operator, left, right)

    def _attribute(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, Echo):
            return getattr(obj, attribute) if attribute in TEXT_METHODS else obj
        if isinstance(obj, Undefined):
            str(obj)
        if isinstance(obj, Mapping):
            return self._key(obj, attribute)
        if isinstance(obj, str):
            own = attribute in TEXT_METHODS or (attribute[:1] != "_" and attribute in type(obj).__dict__ and type(obj) is not str)
            return getattr(obj, attribute) if own else Missing(None, obj, attribute)
        if isinstance(obj, INSIDE) or type(obj).__name__ == "TemplateModule":
            return super().getattr(obj, attribute)
        return Missing(None, obj, attribute)

    def _key(self, obj: Any, key: Any) -> Any:
        if isinstance(obj, Undefined):
            str(obj)
        if isinstance(obj, Echo):
            return obj
        try:
            return obj[key] if isinstance(obj, Mapping | str | list | tuple) else Missing(None, obj, key)
        except (LookupError, TypeError):
            return Missing(None, obj, key)

    def _printed(self, value: Any) -> Any:
        if not isinstance(value, str):
            value = _spoken(value)
        self.purse.pay(len(value))
        return value

    def _turns(self, values: Iterable[Any], price: int) -> Iterator[Any]:
        for value in values:
            self.purse.pay(price)
            yield value

    def _joined(self, parts: list[Any]) -> str:
        texts = [str(part) for part in parts]
        bounded(sum(map(len, texts)))
        return "".join(texts)

    def _range(self, *bounds: int) -> range:
        asked = range(*bounds)
        if len(asked) > LONGEST_RANGE:
            raise Growth(f"range of {len(asked):,}; at most {LONGEST_RANGE:,} are allowed")
        return asked


class Metered(NodeTransformer):
    """Rewrites a template so that loops pay for their turns and `~` is measured before it joins."""

    def visit_For(self, node: nodes.For) -> nodes.For:  # noqa: N802 - Jinja's name
        """`{% for x in xs %}` becomes `{% for x in xs | _turns(price) %}`; a recursive loop pays by its calls too."""
        price = TURN + sum(len(data.data) for data in node.find_all(nodes.TemplateData))
        self.generic_visit(node)
        cost: nodes.Expr = nodes.Const(price, lineno=node.lineno)
        node.iter = nodes.Filter(node.iter, "_turns", [cost], [], None, None, lineno=node.lineno)
        return node

    def visit_Const(self, node: nodes.Const) -> nodes.Const:  # noqa: N802 - Jinja's name
        """`1e999` is infinite, which generated code cannot say."""
        if isinstance(node.value, float) and not math.isfinite(node.value):
            raise TemplateSyntaxError("a number is too large", node.lineno)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Filter:  # noqa: N802 - Jinja's name
        """`a ~ b ~ c` becomes `[a, b, c] | _joined`."""
        self.generic_visit(node)
        parts = nodes.List(node.nodes, lineno=node.lineno)
        return nodes.Filter(parts, "_joined", [], [], None, None, lineno=node.lineno)


def _spoken(value: Any) -> str:
    """What a value is in a text. `None`, lists and maps have no spelling a reader would want in an ad."""
    if isinstance(value, int | float | Decimal | Undefined):
        return str(value)
    if value is None:
        raise TypeError("prints an empty value (null); write … | default('something', true)")
    if isinstance(value, BuiltinMethodType | MethodType):
        raise TypeError(f"prints the method {value.__name__}; write {value.__name__}()")
    raise TypeError(f"prints a {type(value).__name__} into a text; write … | join(', ') or … | tojson")


def _allow_product(left: Any, right: Any) -> None:
    for many, times in ((left, right), (right, left)):
        if isinstance(many, str | list | tuple) and isinstance(times, int):
            bounded(len(many) * max(times, 0))
    if isinstance(left, int) and isinstance(right, int):
        _allow_bits(left.bit_length() + right.bit_length())


def _allow_power(left: Any, right: Any) -> None:
    if isinstance(left, int) and isinstance(right, int):
        _allow_bits(max(left.bit_length(), 1) * abs(right))
    elif not isinstance(left, float) and not isinstance(right, float):
        raise SecurityError("powers are for plain numbers only")


def _allow_bits(bits: int) -> None:
    if bits > 1024:
        raise Growth("makes a number that is too large")
