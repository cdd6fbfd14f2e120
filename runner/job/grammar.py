"""What a YAML parser means, said to the person who wrote the file.

A parser speaks of tokens; a writer thinks in quotes, colons and indentation. Both parsers of PyYAML are understood (libyaml's words
and those of the one in Python); a sentence for neither passes the parser's own words on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from runner.frozen import frozen
from runner.job.speech import clip


@frozen
class Sentence:
    """What to say when the parser's problem (or context) holds one of `words`.

    `{line}` is where the unfinished thing began, `{here}` the character at fault. `at_start` points to that beginning instead of
    where the parser noticed.
    """

    words: tuple[str, ...]
    says: str
    at_start: bool = False


SENTENCES: Final = (
    Sentence(("'\\t'", "tab character"), "a tab cannot indent or begin a value; use spaces"),
    Sentence(("cannot start any token",), "text cannot begin with {here}; put quotes around it"),
    Sentence(
        ("mapping values are not allowed",), "a second colon; put quotes around text that holds `: `, or mend the indentation"
    ),
    Sentence(("sequence entries are not allowed",), "a list cannot begin here; put `- ` on a line of its own"),
    Sentence(("unexpected end of stream",), "this quote is never closed", at_start=True),
    Sentence(
        ("could not find expected ':'",),
        "neither `key: value` nor text that goes on; a colon or a quote is missing",
        at_start=True,
    ),
    Sentence(("',' or ']'",), "a comma is missing, or the [ of line {line} is not closed"),
    Sentence(("',' or '}'",), "a comma is missing, or the {{ of line {line} is not closed"),
    Sentence(
        ("expected key", "expected <block end>", "'-' indicator"),
        "does not fit what began in line {line}; mend the indentation, or put quotes around the whole text",
    ),
    Sentence(("node content",), "a value cannot begin with {here}; put quotes around it, or take it out"),
    Sentence(("unknown escape", "hexdecimal", "hexadecimal numbers"), "an unknown \\ escape; write \\\\, or use single quotes"),
    Sentence(("<document start>",), "something is left over after the end of the document; mend the brackets or the indentation"),
    Sentence(("comment or line break", "chomping or indentation"), "text after | or > begins on the next line"),
    Sentence(("alphabetic or numeric",), "& and * are for anchors; put quotes around text that begins with them"),
)


def explain(error: Any, lines: Sequence[str]) -> tuple[str, tuple[int, int]]:
    """One sentence with the remedy for a `yaml.MarkedYAMLError`, and where to point: 0-based line and column."""
    problem = " ".join(str(error.problem or error.context or "").split())
    noticed, began = error.problem_mark or error.context_mark, error.context_mark or error.problem_mark
    here = lines[noticed.line][noticed.column : noticed.column + 1] if noticed.line < len(lines) else ""
    if here == "\t":
        problem = "tab character"
    for sentence in SENTENCES:
        if any(word in problem for word in sentence.words):
            mark = began if sentence.at_start else noticed
            return sentence.says.format(line=began.line + 1, here=here or "nothing"), (mark.line, mark.column)
    return f"is not YAML: {clip(problem)}", (noticed.line, noticed.column)
