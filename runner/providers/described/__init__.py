"""A vendor's description at work: fields and rules, calls, verdicts. Pure, like every provider; `http` puts it together."""

from __future__ import annotations

from runner.job.vendor import Vendor

__all__ = ["Vendor"]
