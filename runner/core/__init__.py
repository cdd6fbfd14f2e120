"""The brain of a run: pure decisions, without a clock, chance or I/O.

Four questions, a file each: what is a request now (`lifecycle`), what may leave now (`gate`), when again (`retry`, `polling`), and
who is next (`conductor`, on `agenda`). `tally` counts along. Nothing here waits, so everything here is tested in virtual time.
"""

from __future__ import annotations

from runner.core.conductor import Conductor, sent_fact
from runner.core.lifecycle import SETTLED, Life, fold, recall
from runner.core.purse import Purse, Purses
from runner.core.tally import Cost, LaneTally

__all__ = ["SETTLED", "Conductor", "Cost", "LaneTally", "Life", "Purse", "Purses", "fold", "recall", "sent_fact"]
