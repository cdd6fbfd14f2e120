from __future__ import annotations

from typing import Any

import pytest
import yaml

from runner.job.grammar import explain

LOADERS = [pytest.param(yaml.SafeLoader, id="python"), pytest.param(getattr(yaml, "CSafeLoader", yaml.SafeLoader), id="libyaml")]
FIT = "; mend the indentation, or put quotes around the whole text"


def _explained(text: str, loader: Any) -> tuple[str, tuple[int, int]]:
    with pytest.raises(yaml.MarkedYAMLError) as caught:
        list(yaml.parse(text, Loader=loader))
    return explain(caught.value, tuple(text.splitlines()))


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize(
    ("text", "message", "mark"),
    [
        ("a: b: c", "a second colon; put quotes around text that holds `: `, or mend the indentation", (0, 4)),
        ("a: x\n  b: y", "a second colon; put quotes around text that holds `: `, or mend the indentation", (1, 3)),
        ("a:\n\t- x", "a tab cannot indent or begin a value; use spaces", (1, 0)),
        ("a: b\n\tc: d", "a tab cannot indent or begin a value; use spaces", (1, 0)),
        ("a: >\n\tx", "a tab cannot indent or begin a value; use spaces", (1, 0)),
        ("a: @x", "text cannot begin with @; put quotes around it", (0, 3)),
        ("a: `x`", "text cannot begin with `; put quotes around it", (0, 3)),
        ("a: %x", "text cannot begin with %; put quotes around it", (0, 3)),
        ("k: - a", "a list cannot begin here; put `- ` on a line of its own", (0, 3)),
        ('a: "x\nb: 2\n', "this quote is never closed", (0, 3)),
        ("a: 'x\n", "this quote is never closed", (0, 3)),
        ("a: 1\nfoo\nb: 2", "neither `key: value` nor text that goes on; a colon or a quote is missing", (1, 0)),
        ("a:\n - [1, 2\nb: 3", "a comma is missing, or the [ of line 2 is not closed", (2, 1)),
        ("a: {x: 1\nb: 3\n", "a comma is missing, or the { of line 1 is not closed", (1, 1)),
        ('a: "x" y', "does not fit what began in line 1" + FIT, (0, 7)),
        ("z: 0\na:\n  b: 1\n c: 2", "does not fit what began in line 1" + FIT, (3, 1)),
        ("- a\nb: 1", "does not fit what began in line 1" + FIT, (1, 0)),
        ("a: ]", "a value cannot begin with ]; put quotes around it, or take it out", (0, 3)),
        ("a: [1,,2]", "a value cannot begin with ,; put quotes around it, or take it out", (0, 6)),
        ("{a: 1}}", "something is left over after the end of the document; mend the brackets or the indentation", (0, 6)),
        ("a: |x\n b", "text after | or > begins on the next line", (0, 4)),
        ("a: &", "& and * are for anchors; put quotes around text that begins with them", (0, 4)),
        ("a: *", "& and * are for anchors; put quotes around text that begins with them", (0, 4)),
    ],
)
def test_explain(loader, text, message, mark):
    """Either parser's complaint becomes one sentence with a remedy, at the place a person has to look at."""
    assert _explained(text, loader) == (message, mark)


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize("text", ['a: "\\q"', 'a: "\\xZZ"'])
def test_unknown_escape(loader, text):
    """A backslash in double quotes that means nothing is named, on its line."""
    message, mark = _explained(text, loader)
    assert message == "an unknown \\ escape; write \\\\, or use single quotes"
    assert mark[0] == 0


@pytest.mark.parametrize("loader", LOADERS)
def test_unknown_words_pass_through(loader):
    """A problem nobody wrote a sentence for is passed on in the parser's own words."""
    message, mark = _explained("%YAML 3.0\n---\na", loader)
    assert message.startswith("is not YAML: 'found incompatible YAML document")
    assert mark == (0, 0)
