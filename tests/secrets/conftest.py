"""The process that starts runs."""

from __future__ import annotations

from tests.flight.conftest import starter

__all__ = ["starter"]
