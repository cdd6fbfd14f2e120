"""Cells of tables that people open in spreadsheets, and machines read.

A spreadsheet runs what begins with `=`, `+`, `-`, `@`, a tab or a line end as a formula, wherever the file came from, and texts
here come from feeds and models. So a text that begins so gets an apostrophe before it, which spreadsheets take for "this is text"
(OWASP, "CSV Injection", owasp.org/www-community/attacks/CSV_Injection). Numbers stay numbers.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable
from typing import Any, Final

FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""The wide ones are run in some locales."""
HARMLESS: Final = re.compile(r"[\w.+@-]*", re.ASCII)
"""An identifier: without brackets, marks of exclamation and strokes nothing is called and nothing is started."""
UNSAID: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
BREAKS: Final = re.compile(r"\s*[\t\r\n\v\f\x1c-\x1e\x85\u2028\u2029]\s*")


def said(value: Any) -> str:
    """A value as a cell has it: text as it is, nothing as nothing, yes and no in lower case, lists and maps as JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return UNSAID.sub("", value)
    return json.dumps(value, ensure_ascii=False)


def safe(value: Any) -> str:
    """The cell, with an apostrophe before a text that a spreadsheet would run."""
    text = said(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(FORMULA) else text


def safe_id(text: str) -> str:
    """The name of a product, which must stay what it is for the platform to know it: made safe only where it could do harm."""
    return text if HARMLESS.fullmatch(text) else safe(text)


def one_line(text: str) -> str:
    """The text without line ends and tabs, for formats that have one line for a product."""
    return BREAKS.sub(" ", UNSAID.sub("", text)).strip()


def csv_line(cells: Iterable[str]) -> bytes:
    """A line of CSV (quoted as RFC 4180 has it, one line feed at the end), UTF-8 without half surrogate pairs.

    Line ends within a cell are line feeds: a carriage return alone is not quoted by every writer, and ends a line for many readers.
    """
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cell.replace("\r\n", "\n").replace("\r", "\n") for cell in cells)
    return out.getvalue().encode("utf-8", "replace")


def tsv_line(cells: Iterable[str]) -> bytes:
    """A line of TSV; the cells hold no tabs and line ends (`one_line`), and one that begins with a quote is quoted."""
    quoted = ('"' + cell.replace('"', '""') + '"' if cell.startswith('"') else cell for cell in cells)
    return ("\t".join(quoted) + "\n").encode("utf-8", "replace")
