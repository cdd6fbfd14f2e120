"""The fence around the template language: Jinja that can read its names and make text, and nothing else.

Jinja's own sandbox stops attribute escapes; this goes further, because job files arrive in pull requests. A dot reads a key of a
map or one of a short list of text methods, never a Python attribute. What can grow without end (`*`, `**`, `+`, `~`, `%`, range,
loops, macros, filters) is measured while it runs: values of at most a million characters, and a purse of work per rendering
(`runner.job.meter`). Nothing is computed before a row is there, so nothing is had for free. Nothing random, nothing from outside,
no template made from data.

Undefined is an error, and the error knows which map lacked which name (`Lacking`), so that it can say what was meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from types import BuiltinMethodType, MethodType
from typing import Any, Final, NoReturn

from jinja2 import StrictUndefined, nodes, pass_context
from jinja2.exceptions import SecurityError, TemplateSyntaxError, UndefinedError
from jinja2.loaders import BaseLoader
from jinja2.runtime import BlockReference, Context, LoopContext, Macro, TemplateReference, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing

from runner.fields import suggest
from runner.job.filters import COMPARING, FILTERS, TESTS, Echo, Growth, bounded
from runner.job.meter import CALL, SCATTERED, SCATTERING, WORK, Metered, Purse, metered, weigh
from runner.job.speech import LONGEST, clip

__all__ = ["WORK", "Fence", "Lacking", "Missing"]

LONGEST_RANGE: Final = 10_000
LONGEST_SOURCE: Final = 64 * 1024
"""Characters of one template; more could not be rendered either."""
MOST_SOURCE: Final = 256 * 1024
"""Characters of all templates of a job, each counted as often as it is read."""
LARGEST_TREE: Final = 5_000
"""Nodes of one syntax tree: what compiling takes time and memory for."""
MOST_NODES: Final = 20_000
"""Nodes of all of them."""

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
        name = str(self._undefined_name)
        return f"has no {name if len(name) <= LONGEST else clip(name)}{suggest(name, known)}"


DRAWN: Final = ".svg.j2"
"""How the names of templates end that make drawings: what they print is data inside XML, and nothing of it is markup."""
XML_MARKS: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})
DRAWING_FROM: Final = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)
UNSAYABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class Drawn(str):
    """Markup that a template of drawings has made itself, by a macro or a `set` block: its values are escaped already.

    Whatever is made of it (cut, joined, changed) is plain text, and escaped again. Jinja's own Markup is not used: it keeps its
    word through far more than can be vouched for.
    """

    __slots__ = ()


class Fence(ImmutableSandboxedEnvironment):
    """The environment a job's templates and expressions are compiled in. One rendering at a time: each refills `purse`."""

    intercepted_binops = frozenset({"+", "*", "**", "%", "<<"})

    def __init__(self, loader: BaseLoader | None = None) -> None:
        ours: dict[str, Any] = {"undefined": Missing, "finalize": self._printed, "optimized": False, "cache_size": -1}
        super().__init__(loader=loader, trim_blocks=True, lstrip_blocks=True, **ours)
        self.purse = purse = Purse()
        self.filters = {name: metered(name, work, purse) for name, work in FILTERS.items()}
        self.filters |= {"_turns": self._turns, "_joined": self._joined, "_weighed": self._weighed, "_paid": self._paid}
        self.filters["_captured"] = _captured
        self.tests = {name: metered(name, work, purse) if name in COMPARING else work for name, work in TESTS.items()}
        self.globals = {"range": self._range}
        self._read = self._nodes = 0

    def parse(self, source: str, name: str | None = None, filename: str | None = None) -> nodes.Template:
        """As Jinja's, within bounds. Raises `TemplateSyntaxError` where there is too much to read."""
        self._read += len(source)
        if len(source) > LONGEST_SOURCE or self._read > MOST_SOURCE:
            most, what = (LONGEST_SOURCE, "one") if len(source) > LONGEST_SOURCE else (MOST_SOURCE, "all templates of a job")
            self.refuse(f"more than {most:,} characters in {what}; shorten it", 1, name)
        tree = super().parse(source, name, filename)
        size = sum(1 for _ in tree.find_all(nodes.Node))
        self._nodes += size
        if size > LARGEST_TREE or self._nodes > MOST_NODES:
            most, what = (LARGEST_TREE, "one") if size > LARGEST_TREE else (MOST_NODES, "all templates of a job")
            self.refuse(f"more than {most:,} names, texts and operations in {what}; shorten it", 1, name)
        if (name or "").endswith(DRAWN):
            self._keep_to_drawings(tree, name)
        return tree

    def compile(self, source: Any, name: Any = None, filename: Any = None, raw: Any = False, defer_init: Any = False) -> Any:
        """As Jinja's, with everything measured that costs work."""
        tree = self.parse(source, name, filename) if isinstance(source, str) else source
        return super().compile(Metered().whole(tree, name is not None), name, filename, raw, defer_init)

    def parse_file(self, name: str) -> nodes.Template:
        """The syntax tree of a template file. Raises Jinja's errors for a file that is missing or wrong."""
        assert self.loader is not None
        source, filename, _ = self.loader.get_source(self, name)
        return self.parse(source, name, filename)

    def refuse(self, message: str, line: int, name: str | None) -> NoReturn:
        """Stop compiling: what stands in this line of that template is not allowed."""
        raise TemplateSyntaxError(message, line, name)

    def _keep_to_drawings(self, tree: nodes.Template, name: str | None) -> None:
        """What prose prints is not escaped, so a drawing takes in only drawings."""
        for node in tree.find_all(DRAWING_FROM):
            other: nodes.Node = node.template  # type: ignore[attr-defined]
            if not isinstance(other, nodes.Const) or not str(other.value).endswith(DRAWN):
                self.refuse(f"a drawing takes in only other drawings, templates called NAME{DRAWN}", node.lineno, name)

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
        """A call of something listed; costs work, a method of a text as much as the text is long."""
        __self.purse.pay(CALL)
        if isinstance(__obj, Undefined):
            str(__obj)
        if not isinstance(__obj, CALLABLE):
            raise SecurityError("is not something a template may call")
        called: Any = __obj
        if isinstance(owner := getattr(called, "__self__", None), str | Mapping):
            __self.purse.pay(_price_of_method(called.__name__, owner) + sum(map(weigh, (*args, *kwargs.values()))))
        made = __context.call(called, *args, **kwargs)
        return Drawn(made) if isinstance(called, Macro) and _is_drawing(__context) else made

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """`+`, `*`, `**`, `%` and `<<` with the size of the result known before it is made."""
        if operator == "%" and isinstance(left, str):
            raise SecurityError("% on text is not available; put the parts together with ~")
        if operator == "*":
            self.purse.pay(_allow_product(left, right))
        elif operator in {"**", "<<"}:
            _allow_power(left, right)
        elif isinstance(left, str | list | tuple) and isinstance(right, str | list | tuple):
            bounded(len(left) + len(right))
            self.purse.pay(len(left) + len(right))
        return super().call_binop(context, operator, left, right)

    def _attribute(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, Echo):
            return getattr(obj, attribute) if attribute in TEXT_METHODS else obj
        if isinstance(obj, Undefined):
            str(obj)
        if isinstance(obj, Mapping):
            return self._key(obj, attribute)
        if isinstance(obj, str):
            own = attribute in TEXT_METHODS or isinstance(vars(type(obj)).get(attribute), property)
            return getattr(obj, attribute) if own else Missing(None, obj, attribute)
        if isinstance(obj, INSIDE) or type(obj).__name__ == "TemplateModule":
            return super().getattr(obj, attribute)
        return Missing(None, obj, attribute)

    def _key(self, obj: Any, key: Any) -> Any:
        if isinstance(obj, Undefined):
            str(obj)
        if isinstance(obj, Echo):
            return obj
        self.purse.pay(weigh(key))
        try:
            return obj[key] if isinstance(obj, Mapping | str | list | tuple) else Missing(None, obj, key)
        except (LookupError, TypeError):
            return Missing(None, obj, key)

    @pass_context
    def _printed(self, context: Context, value: Any) -> Any:
        """What is printed; being given the context keeps Jinja from printing constants before they are paid for."""
        if not isinstance(value, str):
            value = spoken(value)
        if type(value) is not Drawn and _is_drawing(context):
            value = escape_xml(value)
        self.purse.pay(len(value))
        return value

    def _turns(self, values: Iterable[Any], price: int) -> Iterator[Any]:
        for value in values:
            self.purse.pay(price)
            yield value

    def _joined(self, parts: list[Any]) -> str:
        is_drawn = any(type(part) is Drawn for part in parts)
        texts = [part if isinstance(part, str) else spoken(part) for part in parts]
        if is_drawn:
            texts = [text if type(text) is Drawn else escape_xml(text) for text in texts]
        size = sum(map(len, texts))
        bounded(size)
        self.purse.pay(size)
        return Drawn("".join(texts)) if is_drawn else "".join(texts)

    def _weighed(self, value: Any) -> Any:
        self.purse.pay(weigh(value))
        return value

    def _paid(self, price: int) -> None:
        self.purse.pay(price)

    def _range(self, *bounds: int) -> range:
        asked = range(*bounds)
        if len(asked) > LONGEST_RANGE:
            raise Growth(f"range of {len(asked):,}; at most {LONGEST_RANGE:,} are allowed")
        return asked


def _is_drawing(context: Context) -> bool:
    return (context.name or "").endswith(DRAWN)


@pass_context
def _captured(context: Context, text: str) -> str:
    """What a `set` block has printed."""
    return Drawn(text) if _is_drawing(context) else text


def escape_xml(text: str) -> str:
    """The text as it stands inside XML, in an attribute too; characters that XML cannot say are left out (XML 1.0 §2.2)."""
    plain = UNSAYABLE.sub("", text).translate(XML_MARKS)
    return str(plain)


def spoken(value: Any) -> str:
    """What a value is in a text. `None`, lists and maps have no spelling a reader would want in an ad."""
    if isinstance(value, int | float | Decimal | Undefined):
        return str(value)
    if value is None:
        raise TypeError("prints an empty value (null); write … | default('something', true)")
    if isinstance(value, BuiltinMethodType | MethodType):
        raise TypeError(f"prints the method {value.__name__}; write {value.__name__}()")
    raise TypeError(f"prints a {type(value).__name__} into a text; write … | join(', ') or … | tojson")


def _price_of_method(name: str, owner: str | Mapping[str, Any]) -> int:
    if not isinstance(owner, str):
        return 1
    return len(owner) * (SCATTERED if name in SCATTERING else 1)


def _allow_product(left: Any, right: Any) -> int:
    """The size of what `left * right` makes."""
    for many, times in ((left, right), (right, left)):
        if isinstance(many, str | list | tuple) and isinstance(times, int):
            size = len(many) * max(times, 0)
            bounded(size)
            return size
    if isinstance(left, int) and isinstance(right, int):
        _allow_bits(left.bit_length() + right.bit_length())
    return 1


def _allow_power(left: Any, right: Any) -> None:
    if isinstance(left, int) and isinstance(right, int):
        _allow_bits(max(left.bit_length(), 1) * abs(right))
    elif not isinstance(left, float) and not isinstance(right, float):
        raise SecurityError("powers are for plain numbers only")


def _allow_bits(bits: int) -> None:
    if bits > 1024:
        raise Growth("makes a number that is too large")
