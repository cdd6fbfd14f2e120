"""How a value is shown inside a message: its kind, a little of it, on one line, never all of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

LONGEST: Final = 60
LONGEST_MESSAGE: Final = 1000


def clip(value: object) -> str:
    """A value on one line, in at most 60 characters."""
    shown = repr(value)
    return shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + "…"


def shorten(message: str) -> str:
    """A message that quotes names of the job, which may be of any length."""
    return message if len(message) <= LONGEST_MESSAGE else f"{message[: LONGEST_MESSAGE - 1]}…"


def say(value: object) -> str:
    """A value as a person reads it in a message: its kind, and a little of it."""
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "a map"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, bool):
        return str(value).lower()
    return f"the text {clip(value)}" if isinstance(value, str) else f"the number {clip(value)}"
