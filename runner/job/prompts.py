"""Values of a job that are computed: texts with `{{ … }}`, expressions, template files. Compiled once, rendered many times.

- A text that is exactly one `{{ expression }}` keeps the expression's own type; any other text renders to text.
- `{template: x.j2}` is the text that file renders to, without its last line end.
- What a value reads is known from its syntax (`Prompt.reads`), so whatever does not read the cell is rendered once per row.
- Data is never rendered: what a row, a var or an answer says goes into the text as it is, `{{` and all.

Mistakes found while compiling are collected as complaints with their place, in the YAML or in the template file. A mistake found
while rendering is `Unrenderable`; who renders knows the row.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from jinja2 import nodes
from jinja2.exceptions import TemplateError, TemplateNotFound, TemplateSyntaxError
from jinja2.utils import missing

from runner.errors import Complaint, Place
from runner.fields import PENDING, Path, suggest
from runner.job.document import Document, dotted
from runner.job.fence import Fence, Lacking
from runner.job.filters import FILTERS, TESTS
from runner.job.names import ROOTS, Known, Reading, readings, wrong_name
from runner.job.rendering import Prompt, Shape, Unrenderable, failed_at, only_expression, runner, text_runner
from runner.job.speech import shorten
from runner.job.templates import Templates

TOO_DEEP: Final = (SyntaxError, RecursionError, MemoryError, ValueError, OverflowError)
"""What Python says of generated code that nests beyond its means, and of numbers of thousands of digits."""
MARKS: Final = ("{{", "{%", "{#")
ENDS: Final = {"token 'end of print statement'": "the end of the expression", "'end of print statement'": "its end"}
"""Jinja's words for where an expression ends, and those of somebody who wrote no `print`."""
UNKNOWN_WORD: Final = re.compile(r"No (filter|test) named '(\w+)'")


class Compiler:
    """Compiles a job's values; `complaints` collects what is wrong with them."""

    def __init__(self, document: Document, templates: Templates, known: Known) -> None:
        self.document = document
        self.templates = templates
        self.known = known
        self.fence = Fence(templates)
        self.complaints: list[Complaint] = []

    def shape(self, value: Any, path: Path, allowed: frozenset[str] = ROOTS) -> Shape:
        """`value` with its texts compiled; `path` is where it stands, `allowed` the names it may read. What is wrong is PENDING."""
        if isinstance(value, str):
            return (self.text(value, path, allowed) or PENDING) if any(map(value.__contains__, MARKS)) else value
        if isinstance(value, Mapping):
            if value.keys() == {"template"}:
                return self.template(value["template"], (*path, "template"), allowed) or PENDING
            return {name: self.shape(part, (*path, name), allowed) for name, part in value.items()}
        if isinstance(value, list):
            return [self.shape(part, (*path, index), allowed) for index, part in enumerate(value)]
        return value

    def text(self, text: str, path: Path, allowed: frozenset[str]) -> Prompt | None:
        """A text of the job; None where it has mistakes, which are in `complaints`."""
        return self._compile(lambda: self.fence.parse(_inner(self.fence, text)), path, allowed)

    def expression(self, text: str, path: Path, allowed: frozenset[str]) -> Prompt | None:
        """A bare expression, as `where` and `when` have it; `{{ }}` around it do no harm."""
        bare = text.strip()
        whole = bare if bare.startswith("{{") and bare.endswith("}}") else f"{{{{ {bare} }}}}"

        def parse() -> nodes.Template:
            tree = self.fence.parse(whole)
            if only_expression(tree) is None:
                raise TemplateSyntaxError("needs one expression, such as row.stock == 'yes'", 1)
            return tree

        return self._compile(parse, path, allowed)

    def template(self, name: Any, path: Path, allowed: frozenset[str]) -> Prompt | None:
        """The file called `name` in the templates folder, always rendered to text."""
        if not isinstance(name, str):
            self.complain("needs the name of a file in the templates folder", path)
            return None
        return self._compile(lambda: self.fence.parse_file(name), path, allowed, name)

    def _compile(
        self, parse: Callable[[], nodes.Template], path: Path, allowed: frozenset[str], file: str | None = None
    ) -> Prompt | None:
        try:
            tree = parse()
            drawn: set[str] = {file} if file else set()
            found = list(readings(self.fence, tree, file, (file,) if file else (), drawn))
            if self._wrong_names(found, path, allowed):
                return None
            run = runner(self.fence, tree) if file is None else text_runner(self.fence, self.fence.get_template(file))
        except TemplateSyntaxError as error:
            self.complain(_syntax_message(error), path, self._file_place(error.name, error.lineno))
            return None
        except TemplateNotFound as error:
            self.complain(error.message or f"there is no template {error.name}", path)
            return None
        except TemplateError as error:
            self.complain(f"fails whatever the row says: {error}", path)
            return None
        except TOO_DEEP:
            self.complain("not a template: nested too deeply, or a number is too long", path)
            return None
        steps = frozenset(reading.parts[1] for reading in found if reading.parts[0] == "steps")
        reads = frozenset(reading.name for reading in found)
        return Prompt(path, reads, steps, run, lambda error: self._failure(error, path, found), frozenset(drawn))

    def _wrong_names(self, found: list[Reading], path: Path, allowed: frozenset[str]) -> bool:
        wrong: dict[str, Reading] = {}
        for reading in found:
            message = wrong_name(reading, allowed, self.known)
            if message is not None:
                wrong.setdefault(message, reading)
        for message, reading in wrong.items():
            self.complain(message, path, self._file_place(reading.file, reading.line, reading.parts[-1]))
        return bool(wrong)

    def complain(self, message: str, path: Path, place: Place | None = None) -> None:
        """Collect a mistake: at `place`, or where the job's value at `path` begins."""
        self.complaints.append(Complaint(shorten(message), dotted(path), place or self.document.place(path)))

    def _file_place(self, file: str | None, line: int, near: str = "") -> Place | None:
        return None if file is None else self.templates.place(file, line, near)

    def _failure(self, error: BaseException, path: Path, found: list[Reading]) -> Unrenderable:
        file, line = failed_at(error)
        if isinstance(error, Lacking) and error.owner is missing:
            message = f"there is no {error.name} here; an imported file sees it with: import … with context"
            return Unrenderable(message, path, self._file_place(file, line, error.name))
        if isinstance(error, Lacking):
            owners = {
                ".".join(reading.parts[: reading.parts.index(error.name)]) for reading in found if error.name in reading.parts[1:]
            }
            message = f"{owners.pop() if len(owners) == 1 else 'the value'} {error}"
            return Unrenderable(message, path, self._file_place(file, line, error.name), error.owner)
        if isinstance(error, RecursionError):
            return Unrenderable("calls itself without end", path, self._file_place(file, line))
        message = " ".join(str(error).split())[:300] or type(error).__name__
        return Unrenderable(message, path, self._file_place(file, line))


def _owner(reading: Reading, name: str) -> str:
    """`row.price` for what was read as `row.price.amout`, the name being `amout`."""
    return ".".join(reading.parts[: reading.parts.index(name, 1)])


def _inner(fence: Fence, text: str) -> str:
    """`text` without the white space around it where it is one expression; a block scalar has a line end after it."""
    bare = text.strip()
    if bare != text and bare.startswith("{{") and bare.endswith("}}") and only_expression(fence.parse(bare)) is not None:
        return bare
    return text


def _syntax_message(error: TemplateSyntaxError) -> str:
    unknown = UNKNOWN_WORD.match(error.message or "")
    if unknown is None:
        said = (error.message or "syntax error").rstrip(".")
        for jinjas, ours in ENDS.items():
            said = said.replace(jinjas, ours)
        return f"not a template: {said}" + ("; write == to compare" if said.endswith("got '='") else "")
    kind, word = unknown.groups()
    known = [name for name in (FILTERS if kind == "filter" else TESTS) if name.isidentifier()]
    return f"there is no {kind} {word}{suggest(word, known)}"
