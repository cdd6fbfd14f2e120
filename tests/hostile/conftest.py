"""What these tests share with those of the edge: a server on loopback that says what it is told to."""

from __future__ import annotations

from tests.edge.conftest import vendor

__all__ = ["vendor"]
