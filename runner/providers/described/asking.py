"""Asking JSON a question: JMESPath that cannot fail, and what its answers are worth.

What a vendor sends is a stranger's, so a query that a wrong type, an odd number or a missing way brings to nothing has found
nothing. A query itself comes from the project and is bounded where it is read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from jmespath.exceptions import JMESPathError

from runner.job.vendor_forms import compile_query
from runner.providers.contract import read_json
from runner.records import Answer


def ask(query: str | None, value: Any) -> Any:
    """What the query finds; None where there is no query, or nothing, or it cannot be asked of this."""
    if query is None:
        return None
    try:
        return compile_query(query).search(value)
    except (JMESPathError, ValueError, TypeError, ArithmeticError, LookupError, AttributeError, RecursionError):
        return None


def holds(query: str | None, value: Any) -> bool:
    """Whether the query finds something that JMESPath calls true: not null, not false, not empty. 0 is true."""
    found = ask(query, value)
    return found is not None and found is not False and found not in ("", [], {})


def texts_of(found: Any) -> Iterator[str]:
    """The texts found, however deep in lists, in the vendor's order."""
    waiting = [found]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            waiting.extend(reversed(value))


def journalable(found: Any) -> Any:
    """What was found as JSON that can be written again; None where it cannot: a query's arithmetic may leave what JSON has."""
    try:
        return read_json(Answer(200, {}, json.dumps(found, allow_nan=False).encode()))
    except (ValueError, TypeError, RecursionError):
        return None
