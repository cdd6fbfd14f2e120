from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import pytest
from jinja2 import DictLoader
from jinja2.exceptions import SecurityError, TemplateError, TemplateSyntaxError, UndefinedError
from markupsafe import Markup

from runner.job.fence import Fence, Lacking
from runner.job.filters import Echo, Growth


class Price(str):
    """Text with a declared property, as a feed's price is."""

    __slots__ = ()

    @property
    def amount(self) -> Decimal:
        return Decimal(self.split()[0])


ROW = {
    "title": "Mug",
    "items": "four",
    "price": Price("5 USD"),
    "tags": ["a", "b"],
    "none": None,
    "deep": {"x": 1},
    "big": "x" * 60_000,
}


def render(text: str, **more: Any) -> str:
    """`text` rendered for ROW and `more`."""
    fence = Fence()
    fence.purse.left = 1_000_000
    return fence.from_string(text).render(row=ROW, **more)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{{ row.title }}", "Mug"),
        ("{{ row['title'] }}", "Mug"),
        ("{{ row.items }}", "four"),
        ("{{ row['items'] }}", "four"),
        ("{{ row.price }} {{ row.price.amount * 2 }}", "5 USD 10"),
        ("{{ row.tags[0] }}{{ row.tags[-1] }}", "ab"),
        ("{{ row.deep.x }}", "1"),
        ("{{ row.title.upper() }}", "MUG"),
        ("{{ row.title[1:] }}", "ug"),
        ("{% for name, value in row.deep.items() %}{{ name }}={{ value }}{% endfor %}", "x=1"),
        ("{% for t in row.tags %}{{ loop.index }}{{ t }}{% endfor %}", "1a2b"),
        ("{% macro m(x) %}<{{ x }}>{% endmacro %}{{ m(1) }}", "<1>"),
        ("{% set x %}a{{ 1 }}{% endset %}{{ x }}", "a1"),
        ("{{ 'a' ~ 1 ~ 'b' }}", "a1b"),
        ("{{ 'ab' * 2 }}{{ 2 ** 8 }}{{ 7 % 4 }}{{ 1 + 1 }}", "abab25632"),
        ("{% for i in range(3) %}{{ i }}{% endfor %}", "012"),
        ("{{ row.colr is defined }}{{ row.colr | default('-') }}", "False-"),
        ("{{ row.get('colr', '-') }}", "-"),
    ],
)
def test_ordinary_templates_work(text, said):
    """Keys come before methods, declared properties of data are readable, and the language is Jinja's."""
    assert render(text) == said


@pytest.mark.parametrize(
    "text",
    [
        "{{ row.__class__ }}",
        "{{ row.title.__class__.__mro__ }}",
        "{{ row.title.format }}",
        "{{ row.title.format_map({}) }}",
        "{{ row.price.__dict__ }}",
        "{{ ''['__class__'] }}",
        "{{ row.tags.append(1) }}",
        "{{ row.pop('title') }}",
        "{{ row.update(a=1) }}",
        "{{ range.__globals__ }}",
        "{{ self._TemplateReference__context }}",
        "{{ row.title.upper.__self__ }}",
        "{% for t in row.tags %}{{ loop.__init__.__globals__ }}{% endfor %}",
        "{% macro m() %}{% endmacro %}{{ m.__call__.__globals__ }}",
        "{{ row.tags | map(attribute='__class__') | list | tojson }}",
        "{{ [row] | map(attribute='title.__class__') | first }}",
        "{{ row.title() }}",
        "{{ 5() }}",
        "{{ '%s' % row }}",
        "{{ '%999999999d' % 1 }}",
    ],
)
def test_no_way_leads_out(text):
    """Underscored names, methods that are not listed, and calls of what is no function are errors."""
    with pytest.raises((TemplateError, TypeError)):
        render(text)


@pytest.mark.parametrize(
    "text",
    [
        "{{ 'x' * 10**10 }}",
        "{{ 10**10 * 'x' }}",
        "{{ [0] * 10**9 }}",
        "{{ 9 ** 9999 }}",
        "{{ 1 << 10**9 }}",
        "{{ (2 ** 600) * (2 ** 600) }}",
        "{% for i in range(10**9) %}{% endfor %}",
        "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
        "{% for a in row.big %}{% for b in row.big %}{% endfor %}{% endfor %}",
        "{% set a = row.big %}" + "{% set a = a ~ a %}" * 30 + "{{ a }}",
        "{% set a = row.big %}" + "{% set a = a + a %}" * 30 + "{{ a }}",
        "{% set x %}{% for i in range(9999) %}{{ row.big }}{% endfor %}{% endset %}",
        "{% for i in range(9999) %}" + "y" * 5000 + "{% endfor %}",
        "{% macro f(n) %}{{ f(n) }}{{ f(n) }}{% endmacro %}{{ f(1) }}",
        "{{ row.big | list | join(row.big) }}",
        "{{ row.big | replace('x', row.big) }}",
        "{{ 'a' | center(10**9) }}",
        "{{ 'a'.ljust(10**9) }}",
        "{{ 'a'.zfill(10**9) }}",
        "{{ '{:>999999999}'.format(1) }}",
        "{{ 1.5 | round(10**9, 'floor') }}",
    ],
)
def test_bombs_are_stopped_in_process(text):
    """Whatever would grow or run without end is refused within a moment, not killed from outside."""
    start = time.process_time()
    with pytest.raises((TemplateError, TypeError, ValueError, RecursionError)):
        render(text)
    assert time.process_time() - start < 2


def test_the_purse_pays_for_turns_calls_and_characters():
    """Work beyond the purse is refused; with the purse full again the same template renders."""
    fence = Fence()
    template = fence.from_string("{% for i in range(3) %}{{ i }}{% endfor %}")
    fence.purse.left = 150
    with pytest.raises(Growth, match="does too much"):
        template.render()
    fence.purse.left = 100 + 3 * (20 + 2 + 1)  # the call; three turns of two nodes and one printed character
    assert template.render() == "012"
    assert fence.purse.left == 0


@pytest.mark.parametrize(
    ("text", "owner", "message"),
    [
        ("{{ row.tilte }}", ROW, "has no tilte; did you mean title?"),
        ("{{ row['tilte'] }}", ROW, "has no tilte; did you mean title?"),
        ("{{ row.deep.y }}", ROW["deep"], "has no y; it takes x"),
        ("{{ row.title.colour }}", "Mug", "has no colour"),
        ("{{ row.tags[9] }}", ROW["tags"], "has no 9"),
        ("{{ row['x' * 99] }}", ROW, "has no '" + "x" * 58 + "…; it takes big, deep, items, none, price, tags, title"),
        ("{{ row.tilte.upper() }}", ROW, "has no tilte; did you mean title?"),
        ("{% if row.tilte %}{% endif %}", ROW, "has no tilte; did you mean title?"),
    ],
)
def test_undefined_is_an_error_that_knows_what_lacked_it(text, owner, message):
    """The error carries the map and the name, and says what was meant."""
    with pytest.raises(Lacking) as raised:
        render(text)
    assert raised.value.owner == owner
    assert str(raised.value) == message
    assert isinstance(raised.value, UndefinedError)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{ row.none }}", "prints an empty value"),
        ("{{ row.tags }}", "prints a list"),
        ("{{ row.deep }}", "prints a dict"),
        ("{{ row.deep.keys }}", r"prints the method keys; write keys\(\)"),
    ],
)
def test_values_without_a_spelling_are_not_printed(text, message):
    """null, lists, maps and methods in a text are surely a mistake: `None` in an ad helps nobody."""
    with pytest.raises(TypeError, match=message):
        render(text)


def test_a_stand_in_gives_itself_for_whatever_is_read():
    """What an earlier step will answer can be read at any depth, and its text methods work."""
    assert render("{{ e.a.b[3].c }} {{ e.upper() }}", e=Echo("later")) == "later LATER"


def test_calls_of_data_are_refused():
    """A value that is callable in Python is still not a function here."""
    with pytest.raises(SecurityError):
        render("{{ f() }}", f=type)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["x" * 70_000], "more than 65,536 characters in one"),
        (["x" * 60_000] * 5, "more than 262,144 characters in all templates of a job"),
        (["{{ [" + "1," * 6_000 + "] }}"], "more than 5,000 names, texts and operations in one"),
        (["{{ [" + "1," * 4_000 + "] }}"] * 5, "more than 20,000 names, texts and operations in all templates of a job"),
    ],
)
def test_there_is_an_end_to_what_is_read(texts, message):
    """One template and all of a job's together are bounded, in characters and in what compiling takes time for."""
    fence = Fence()
    *fine, last = texts
    for text in fine:
        fence.from_string(text)
    with pytest.raises(TemplateSyntaxError, match=message):
        fence.from_string(last)


@pytest.mark.parametrize("text", ["{{ row.title.upper ~ '' }}", "{{ range ~ '' }}", "{{ row.tags ~ '' }}", "{{ row.none ~ 'x' }}"])
def test_joined_texts_are_spelled_as_printed_ones(text):
    """What has no spelling has none beside `~` either: an address would make every run ask anew."""
    with pytest.raises(TypeError, match="prints"):
        render(text)


def test_text_of_another_class_lends_only_its_declared_properties():
    """HTML-safe text has a `format` that reads any attribute of anything; a price has an amount."""
    with pytest.raises(UndefinedError, match="has no format"):
        render("{{ html.format(row) }}", html=Markup("{0.__class__}"))
    assert render("{{ row.price.amount }}") == "5"


DRAWINGS = {
    "parts.svg.j2": "{% macro card(t) %}<g>{{ t }}{% if caller is defined %}{{ caller() }}{% endif %}</g>{% endmacro %}",
    "prose.j2": "{% macro say(t) %}{{ t }}{% endmacro %}{% import 'parts.svg.j2' as p %}{{ p.card(bad) }}",
}


def draw(text: str) -> str:
    """What `text` prints as a drawing, with `bad` being markup that came with a feed."""
    fence = Fence(DictLoader({**DRAWINGS, "drawing.svg.j2": "{% import 'parts.svg.j2' as p %}" + text}))
    fence.purse.left = 1_000_000
    return fence.get_template("drawing.svg.j2").render(bad="<&>")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{{ bad }}", "&lt;&amp;&gt;"),
        ("{{ p.card(bad) }}", "<g>&lt;&amp;&gt;</g>"),
        ("{% call p.card('x') %}<i>{{ bad }}</i>{% endcall %}", "<g>x<i>&lt;&amp;&gt;</i></g>"),
        ("{% set s %}<s>{{ bad }}</s>{% endset %}{{ s }}", "<s>&lt;&amp;&gt;</s>"),
        ("{{ p.card(p.card(bad)) }}", "<g><g>&lt;&amp;&gt;</g></g>"),
        ("{{ p.card(1) ~ bad }}", "<g>1</g>&lt;&amp;&gt;"),
        ("{{ p.card(1) if bad else '' }}{{ (p.card(2) or bad) }}", "<g>1</g><g>2</g>"),
        ("{{ p.card(1) | upper }}", "&lt;G&gt;1&lt;/G&gt;"),
        ("{{ p.card(1)[:2] ~ bad }}", "&lt;g&lt;&amp;&gt;"),
        ("{{ p.card(1) + bad }}", "&lt;g&gt;1&lt;/g&gt;&lt;&amp;&gt;"),
    ],
)
def test_a_drawing_escapes_values_once_and_its_own_markup_never(text: str, said: str) -> None:
    """What macros and set blocks have made is markup; whatever is made of that by an operation is text again."""
    assert draw(text) == said


@pytest.mark.parametrize("text", ["{% include 'prose.j2' %}", "{% from 'prose.j2' import say %}", "{% extends 'prose.j2' %}"])
def test_a_drawing_takes_in_only_drawings(text: str) -> None:
    """What prose prints is not escaped, so it stays out; prose may use a drawing, which is text there."""
    with pytest.raises(TemplateSyntaxError, match="only other drawings"):
        draw(text)
    fence = Fence(DictLoader(DRAWINGS))
    fence.purse.left = 1_000_000
    assert fence.get_template("prose.j2").render(bad="<&>") == "<g>&lt;&amp;&gt;</g>"
