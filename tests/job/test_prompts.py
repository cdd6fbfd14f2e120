from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.fields import PENDING
from runner.job.document import dotted, read_document
from runner.job.names import ROOTS, Known
from runner.job.prompts import Compiler
from runner.job.rendering import Prompt, Unrenderable, build
from runner.job.templates import Templates

SCOPE = {
    "row": {"title": "Mug {{ vars.brand }}", "n": 7, "tags": ["a", "b"], "id": "007"},
    "matrix": {"size": {"width": 300}},
    "vars": {"brand": "Acme"},
    "variant": 1,
    "seed": 42,
    "steps": {"cut": {"file": "blob:00"}},
    "job": {"name": "tiny"},
}


@pytest.fixture
def compiler(tmp_path: Path) -> Compiler:
    """A compiler for a job of two lines, with an empty templates folder."""
    document = read_document("a:\n  b: text\n  c: |\n    more\n", "job.yaml")
    known = Known(frozenset({"size"}), frozenset({"brand"}), {"cut": "file"})
    return Compiler(document, Templates(tmp_path, "templates"), known)


def render(compiler: Compiler, value: Any) -> Any:
    """The value compiled without complaint and rendered in SCOPE."""
    shape = compiler.shape(value, ("a", "b"))
    assert compiler.complaints == []
    return build(shape, lambda prompt: prompt.render(SCOPE))


@pytest.mark.parametrize(
    ("value", "rendered"),
    [
        ("plain", "plain"),
        ("a } b", "a } b"),
        (7, 7),
        (None, None),
        ("{{ row.n }}", 7),
        (" {{ row.n }} ", 7),
        ("{{ row.n }}\n", 7),
        ("{{- row.n -}}", 7),
        ("{{ row.n + 1 }}", 8),
        ("{{ row.n }}!", "7!"),
        ("{{ row.n }}{{ row.n }}", "77"),
        ("{{ row.tags }}", ["a", "b"]),
        ("{{ row | pick('n') }}", {"n": 7}),
        ("{{ {'a': {'b': row.n}} }}", {"a": {"b": 7}}),
        ("{{ matrix.size }}", {"width": 300}),
        ("{{ row.id }}", "007"),
        ("{{ seed }}", 42),
        ("{{ steps.cut.file }}", "blob:00"),
        ("{{ row.n > 5 }}", True),
        ("{{ row.tags | map('upper') }}", ["A", "B"]),
        ("{# a comment #}x", "x"),
        ("{% if row.n %}yes{% endif %}", "yes"),
        ({"x": ["{{ row.n }}", {"y": "{{ job.name }}"}]}, {"x": [7, {"y": "tiny"}]}),
        ({"template": "x", "other": 1}, {"template": "x", "other": 1}),
    ],
)
def test_one_expression_keeps_its_type_and_the_rest_is_text(compiler, value, rendered):
    """A text that is exactly one expression gives its value; any other gives text; structure stays."""
    result = render(compiler, value)
    assert result == rendered
    assert type(result) is type(rendered)


def test_data_is_never_rendered(compiler):
    """Braces in a row's value come out as they went in."""
    assert render(compiler, "{{ row.title }}") == "Mug {{ vars.brand }}"
    assert render(compiler, "A {{ row.title }}") == "A Mug {{ vars.brand }}"


def test_a_template_file_is_text_without_its_last_line_end(compiler, tmp_path):
    """{template: x.j2} renders the file; blocks leave no empty lines; even one expression is text."""
    (tmp_path / "h.j2").write_text("{% if row.n %}\nN is {{ row.n }}\n{% endif %}\nend\n", encoding="utf-8")
    (tmp_path / "n.j2").write_text("{{ row.n }}\n", encoding="utf-8")
    assert render(compiler, {"template": "h.j2"}) == "N is 7\nend"
    assert render(compiler, {"p": {"template": "n.j2"}}) == {"p": "7"}


def test_what_is_read_is_known_statically(compiler):
    """A prompt knows its names and the steps among them before it ever runs."""
    prompt = compiler.shape("{{ row.title }} {{ steps.cut.file }} {{ matrix.size.width }}", ("a", "b"))
    assert isinstance(prompt, Prompt)
    assert prompt.reads == {"row.title", "steps.cut.file", "matrix.size"}
    assert prompt.steps == {"cut"}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("{{ row. }}", "not a template: expected name or number"),
        ("{% if row.n %}x", "not a template: Unexpected end of template"),
        ("{{ row.n | uper }}", "there is no filter uper; did you mean upper?"),
        ("{{ row.n | random }}", "there is no filter random"),
        ("{{ row.n is evne }}", "there is no test evne; did you mean even?"),
        ("{{ row.n if 1 .n }}", "fails whatever the row says: has no n"),
        ("{{ 1e999 }}", "not a template: a number is too large"),
        ("{{ " + "9" * 9999 + " }}", "not a template: nested too deeply, or a number is too long"),
        ("{{ " + "(" * 9999 + " }}", "not a template: nested too deeply"),
        ("{{ " + "[" * 99 + "1" + "]" * 99 + " + " + "(" * 300 + "1" + ")" * 300 + " }}", "not a template: nested too deeply"),
        ("{% for a in row.n %}" * 40 + "{% endfor %}" * 40, "not a template: nested too deeply"),
        ("{{ rwo.n }}", "there is no rwo here; did you mean row?"),
        ("{{ vars.brnd }}", "vars has no brnd; did you mean brand?"),
        ({"template": 7}, "needs the name of a file in the templates folder"),
        ({"template": "../x"}, "'../x' is not a name below templates/"),
        ({"template": "gone.j2"}, "there is no templates/gone.j2"),
    ],
)
def test_mistakes_are_complaints_with_their_place(compiler, value, message):
    """Each mistake is collected with the place of the value; the value itself is pending, so nothing else complains about it."""
    assert compiler.shape(value, ("a", "b")) is PENDING
    [complaint] = compiler.complaints
    assert complaint.message.startswith(message)
    assert complaint.path.startswith("a.b")
    assert (complaint.place.file, complaint.place.line) == ("job.yaml", 2)


def test_mistakes_of_a_template_file_point_into_it(compiler, tmp_path):
    """File, line, column and the line itself, also for a file that is included."""
    (tmp_path / "a.j2").write_text("one\n{% include 'b.j2' %}\n", encoding="utf-8")
    (tmp_path / "b.j2").write_text("two\nthree {{ vars.brnd }}\n", encoding="utf-8")
    (tmp_path / "c.j2").write_text("x\n\n{% if %}\n", encoding="utf-8")
    compiler.shape({"p": {"template": "a.j2"}, "q": {"template": "c.j2"}}, ("a",))
    places = [(complaint.place.file, complaint.place.line, complaint.place.column) for complaint in compiler.complaints]
    assert places == [("templates/b.j2", 2, 15), ("templates/c.j2", 3, 1)]
    assert compiler.complaints[0].place.text == "three {{ vars.brnd }}"
    assert compiler.complaints[0].path == "a.p.template"


@pytest.mark.parametrize(
    ("text", "value"),
    [("row.n > 5", True), ("{{ row.n > 5 }}", True), ("row.n in [1, 2]", False), ("{'a': {'b': 1}}", {"a": {"b": 1}})],
)
def test_expressions_may_be_bare(compiler, text, value):
    """`where` and `when` need no braces, and have the value of the expression."""
    prompt = compiler.expression(text, ("a", "b"), ROOTS)
    assert prompt.render(SCOPE) == value


@pytest.mark.parametrize("text", ["row.n }} {{ row.n", "", "row.n and", "{% if row.n %}", "x = 1"])
def test_what_is_no_single_expression_is_refused(compiler, text):
    """Text, statements and two expressions are no condition."""
    assert compiler.expression(text, ("a", "b"), ROOTS) is None
    assert [dotted(("a", "b"))] == [complaint.path for complaint in compiler.complaints]


def test_every_mistake_is_collected(compiler):
    """Several wrong values give several complaints at once."""
    compiler.shape({"x": "{{ rwo }}", "y": ["{{ vars.brnd }} {{ matrix.siz }}"]}, ("a",))
    assert len(compiler.complaints) == 3


PIECES = [
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "#}",
    "row",
    ".n",
    "title",
    "[",
    "]",
    "(",
    ")",
    "|",
    "upper",
    "join",
    " ",
    "if",
    "for",
    "in",
    "set",
    "end",
]
PIECES += [
    "endif",
    "endfor",
    "macro",
    "x",
    "=",
    "~",
    "*",
    "**",
    "%",
    "'",
    "1",
    "9" * 50,
    "1e999",
    "range",
    "is",
    "not",
    "-",
    ",",
    "{",
    "}",
    ":",
]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=2000)
@given(text=st.lists(st.sampled_from(PIECES), max_size=14).map(" ".join) | st.text("{}%#row.n|[]()'\"1~*-+ ", max_size=30))
def test_no_text_breaks_the_compiler(compiler, text):
    """Whatever a job says is compiled or complained about, and whatever was compiled renders or is Unrenderable, in a moment."""
    shape = compiler.shape("{{ " + text + " }}", ("a", "b"))
    assert (shape is PENDING) == bool(compiler.complaints)
    compiler.complaints.clear()
    if shape is not PENDING:
        with contextlib.suppress(Unrenderable):
            build(shape, lambda prompt: prompt.render(SCOPE))
