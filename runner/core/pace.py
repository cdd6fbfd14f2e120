"""How fast and how much at once, where nobody has declared it: learned from answers.

Two things are learned, each only where no limit is declared. How many calls at once (`Crowd`): a few at first, a few more with
each round of good answers, for as long as more at once does not just mean that each takes longer. And how many a second (`Rate`).

The law is AIMD (Chiu and Jain, "Analysis of the Increase and Decrease Algorithms for Congestion Avoidance", 1989) with the curve
of CUBIC (RFC 9438, section 4.2) for the way back: what is blamed for a 429 (RFC 6585, section 4) shrinks once per episode, by a
tenth or so, is soon near the ceiling that was found, long about it, and then goes beyond. The oftener the same ceiling is found,
the longer the curve. A Retry-After (RFC 9110, section 10.2.3) is waited for as it stands. Of an outage (5xx, no answer) nothing is
learned: it says that the vendor is ill, not that we are too fast.

A rate is read off what was accepted in the span over which the vendor counts, and that span is the shortest that explains the
refusal: about as much must have left within it as was ever accepted in so long a time. So it is never below what was really
answered, and nothing is read off a few calls, or off a time in which nobody wanted anything.

A crowd that was cut sends evenly, not in volleys whenever the last volley is answered (pacing: Aggarwal, Savage and Anderson,
"Understanding the Performance of TCP Pacing", 2000). With even sending the two are one by Little's law, so it matters little
which is blamed first; for good the crowd is blamed only where more were out than in any call that was accepted.

Calls leave evenly, and what was late is caught up with; yet never do more leave within the span than at an even pace, counted from
when they really left. Otherwise a burst after each slow commit is refused, and the ceiling that it seems to show is too low.

Everything follows from the facts and from when calls really left, so a replay learns the same.
"""

from __future__ import annotations

from collections import deque
from itertools import takewhile
from math import ceil
from typing import Final

from runner.core.windows import Passage

CEILING: Final = 100
"""Calls in flight where no limit is declared: sockets are finite, and a crash leaves every submit in flight uncertain."""
START: Final = 8
"""Calls in flight to begin with, where nothing at all is declared."""
GROWTH: Final = 0.25
"""How many more calls at once each good answer of the fuller half allows, until the vendor first objects."""
INFLATED: Final = 2.0
"""How many times as long answers may take on average as at best, for the crowd to grow on."""
THRICE: Final = 3
"""Episodes in a row in which more were out than in any call that was accepted: once may be chance."""
FEW: Final = 4
"""Calls out, fewer than which are no crowd: chance alone makes three of two, and a rate serves as well for so few."""
HASTY: Final = 2
"""How often in a row it may shrink within the shortest span."""
HEADROOM: Final = 1.2
"""How many times as fast as its crowd is answered a lane may send."""
SMOOTH: Final = 16
"""Answers over which the latency is averaged; the best average is believed for some `FORGET` answers."""
FORGET: Final = 2048

CUT: Final = 0.1
SHALLOW: Final = 0.25
"""The part by which a ceiling is undercut after an episode, and how much of it where the ceiling is known: it proved `ALIKE`."""
FIRST_SPAN: Final = 2.0
LONGEST_SPAN: Final = 60.0
STRETCH: Final = 5.0
"""Seconds until a curve is back at its ceiling; stretched each time the ceiling proves `ALIKE`, shrunk if not,
or if it is met before so much of them is over: then the ceiling is not what we met."""
ALIKE: Final = 0.15
EARLY: Final = 0.1
STEEP: Final = 0.8
"""The part of a rate that one more episode leaves at least: holds make what was accepted of late look little."""

SECOND: Final = 1.0
"""No rate is read off a shorter span: a vendor's window is hardly ever shorter."""
EVIDENCE: Final = 8
"""Calls that must have been accepted within a span for a rate to be read off."""
SPANS: Final = (SECOND, 2.0, 5.0, 10.0, 30.0, 60.0)
"""Spans a vendor may count over. Longer ones are quotas: they come with a Retry-After."""
FULL: Final = 0.4
"""The part of the most that was ever accepted in a span which makes one full: a fixed window lets two fills pass in one span."""
PATIENCE: Final = 0.6
"""The part of a span after which another refusal says something new, if the span has emptied meanwhile."""
BRIEF: Final = 0.25
"""The part of a span that a hold takes at most, unless it follows another: no call leaves before the span has room for it again."""
LOG: Final = 4096
"""Accepted calls that are remembered."""
TOLERANCE: Final = 0.02
"""Seconds a call may be early because the one before was late, and by which the ways of two calls to the vendor may differ."""
USED: Final = 2
"""How many times what really leaves a rate may grow to (as a window of TCP may, RFC 7661)."""
UNUSED: Final = 1.5
"""Intervals after which a pause is no longer the rate's doing: what is not used does not grow."""


class Curve:
    """A learned ceiling, and the way back to it and beyond; `grow` it by the seconds for which it was what limited us."""

    def __init__(self, ceiling: float) -> None:
        self.ceiling = ceiling
        self.cut = CUT
        self.span = FIRST_SPAN
        self.grown = 0.0

    @property
    def value(self) -> float:
        """What may be tried now."""
        return self.ceiling * (1.0 - self.cut * (1.0 - self.grown / self.span) ** 3)

    def grow(self, seconds: float) -> None:
        """It has limited us for so long, and nobody complained."""
        self.grown += seconds

    def find(self, ceiling: float) -> None:
        """Too much, and this was the ceiling."""
        alike = abs(ceiling - self.ceiling) <= ALIKE * self.ceiling and self.grown >= EARLY * self.span
        self.span = min(self.span * STRETCH, LONGEST_SPAN) if alike else max(self.span / STRETCH, FIRST_SPAN)
        self.cut = SHALLOW * CUT if alike else CUT
        self.ceiling, self.grown = ceiling, 0.0

    def lower(self, ceiling: float, seconds: float) -> None:
        """Still too much after `seconds`: the ceiling is at most this, and the vendor counts over a time at least as long."""
        self.ceiling, self.grown = min(self.ceiling, ceiling), 0.0
        self.span = max(FIRST_SPAN, min(seconds, LONGEST_SPAN))


class Rate:
    """How many calls may leave in a second; no limit until there is evidence for one.

    Refusals come at once, results take their time: so whatever left before a call that is refused, and was not refused itself,
    counts as accepted. The vendor is thought to count over `span` seconds: the shortest that explains what it refused.
    """

    def __init__(self) -> None:
        self.curve: Curve | None = None
        self.span = SECOND
        self.next_at = float("-inf")
        self.last_at = 0.0
        self.begun_at: float | None = None
        self.cut_at = float("-inf")
        self.left = self.episodes = 0
        self.read = False
        self._log: deque[Passage] = deque(maxlen=LOG)
        self._recent: deque[Passage] = deque()

    def opens_at(self, now: float) -> float:
        """The moment from which one more call may leave."""
        return max(now, self._free_at())

    def sent(self, passage: Passage, open_since: float, lag: float = 0.0) -> int:
        """A call leaves, which the rest of the lane would have let go from `open_since`; how many left since the last episode.

        `lag` is how long it takes from deciding to leaving: what was late by no more is caught up with. When it has really left,
        the `passage` is told.
        """
        at = passage.at
        if self.begun_at is None or at - max(open_since, self.last_at, self._free_at()) > SECOND:
            self.begun_at = at  # nobody wanted anything: what was not asked for tells nothing of a limit
        if self.curve is not None:
            interval = 1.0 / self.curve.value
            if self.curve.value <= USED * (len(self._recent) + 1):
                self.curve.grow(min(at - self.last_at, UNUSED * interval))
            self.next_at = max(self.next_at, at - max(TOLERANCE, lag)) + interval
        self._log.append(passage)
        recent = self._recent
        recent.append(passage)
        while recent[0].at <= at - SECOND:
            recent.popleft()
        self.last_at = at
        self.left += 1
        return self.left - 1

    def refuse_too(self, sent_at: float) -> None:
        """Another one that left before the last episode is refused: it was no accepted one, and what was read off too much."""
        if self._take_back(sent_at) and self.curve is not None and self.read and sent_at > self.cut_at - self.span:
            self.curve.ceiling = max(self.curve.ceiling - 1 / self.span, EVIDENCE / self.span)

    def refuse(self, at: float, sent_at: float) -> None:
        """An episode begins: a call that left at `sent_at` is refused, and the rate is to blame.

        Soon after the last one it says nothing new: what was full then is still.
        """
        over = (at - self.cut_at) / self.span
        if (over >= 1 or (over >= PATIENCE and not self.explains(sent_at))) and self._learn(sent_at):
            self.cut_at = at

    def episode(self, sent_at: float) -> None:
        """A call that left then is refused, whoever is to blame."""
        self._take_back(sent_at)
        self.left, self.read = 0, False
        self.episodes += 1

    def explains(self, at: float) -> bool:
        """Whether about as much left within the span as ever was accepted in one."""
        return self._explains(at, self.span)

    def shorten(self, at: float, hold: float, brief: bool) -> float:
        """What to make of a hold, where no wait is named and the rate is known: calls leave more slowly now, so a breath will do.

        After the longest span nothing counts any more that was accepted before.
        """
        if self.curve is None:
            return hold
        hold = min(hold, self.span * (BRIEF if brief else 1.0))
        oldest = next((one.at for one in self._log if one.at > at - SPANS[-1]), at)
        drained = oldest + SPANS[-1] + TOLERANCE - at
        return drained if max(hold / 8, SECOND) < drained < hold else hold

    def _free_at(self) -> float:
        """The moment from which the next may leave; what is late is caught up with as long as the span has room for it."""
        if self.curve is None:
            return float("-inf")
        most = ceil(self.curve.value * self.span)
        return self.next_at if len(self._log) < most else max(self.next_at, self._log[-most].at + self.span)

    def _explains(self, at: float, span: float) -> bool:
        return self._count(at, span) >= max(FULL * self._fullest(span), EVIDENCE)

    def _learn(self, at: float) -> bool:
        """Find the shortest span that explains a refusal, and read the rate off it; where none does, cut what there is."""
        busy = at - (at if self.begun_at is None else self.begun_at)
        spans = [span for span in SPANS if span >= self.span and (span == self.span or span < 2 * busy)]
        span = next((span for span in spans if self._explains(at, span)), None)
        if span is None:
            if self.curve is not None:
                self.curve.find(self.curve.value)
            return self.curve is not None
        rate, self.read = self._count(at, span) / span, True
        if self.curve is None:
            self.curve = Curve(rate)
        elif span > self.span:
            self.curve.lower(rate, span)
        else:
            self.curve.find(min(max(rate, STEEP * self.curve.value), self.curve.value))
            self.curve.span = max(self.curve.span, span)
        self.span = span
        return True

    def _take_back(self, sent_at: float) -> bool:
        for passages in (self._recent, self._log):
            passage = next((one for one in reversed(passages) if one.at <= sent_at), None)
            if passage is not None:
                passages.remove(passage)
        return passage is not None

    def _count(self, at: float, seconds: float) -> int:
        """Calls accepted in the last so many seconds."""
        return sum(one.at <= at for one in takewhile(lambda one: one.at > at - seconds - TOLERANCE, reversed(self._log)))

    def _fullest(self, seconds: float) -> int:
        """The most calls accepted in any so many seconds."""
        moments, first, most = [one.at for one in self._log], 0, 0
        for last, moment in enumerate(moments):
            while moments[first] <= moment - seconds:
                first += 1
            most = max(most, last - first + 1)
        return most

    def snapshot(self) -> tuple[object, ...]:
        """Everything that changes, as a comparable value."""
        curve = None if self.curve is None else tuple(vars(self.curve).values())
        counts = (self.left, self.episodes, len(self._log))
        return curve, self.span, self.next_at, self.last_at, self.begun_at, self.cut_at, counts


class Crowd:
    """How many calls may be in flight at once, up to `CEILING`."""

    def __init__(self, start: int) -> None:
        self.size = float(start)
        self.curve: Curve | None = None
        self.proven = self.seen = self.since = self.suspected = 0
        self.episode_at = float("-inf")
        self.hasty = 0
        self.least = 1.0
        self.cut_at = float("-inf")
        self.last_at: float | None = None
        self.heard = 0
        self.mean = 0.0
        self.best = float("inf")
        self.next_at = float("-inf")
        self.told = 0
        self.usual = 0.0

    @property
    def most(self) -> int:
        """The calls that may be in flight."""
        return max(1, min(int(self.size if self.curve is None else self.curve.value), CEILING))

    @property
    def is_slowing(self) -> bool:
        """Whether answers take so much longer than at best that more at once would only wait for each other."""
        return self.heard >= SMOOTH and self.mean > INFLATED * self.best

    def sent(self, at: float, flying: int) -> None:
        """A call leaves, and so many fly with it."""
        if self.curve is not None and self.last_at is not None and self.most <= flying < CEILING and not self.is_slowing:
            self.curve.grow(min(at - self.last_at, self.curve.span / 4))
        if self.curve is not None and self.told >= SMOOTH:
            self.next_at = max(self.next_at, at - TOLERANCE) + self.usual / (HEADROOM * self.most)
        self.last_at = at

    def opens_at(self, now: float) -> float:
        """The moment from which one more call may leave, so that they do not all leave when the ones before are answered."""
        return max(now, self.next_at)

    def pass_by(self, seconds: float) -> None:
        """Any call was answered after so long."""
        self.told += 1
        self.usual += (seconds - self.usual) / min(self.told, SMOOTH)

    def accept(self, flying: int, sent_at: float) -> None:
        """One that left with so many was accepted. Of those that left before the last episode it proves nothing."""
        if sent_at < self.cut_at:
            return
        if sent_at >= self.episode_at:
            self.seen, self.since = max(self.seen, flying), self.since + 1
        if self.curve is None and 2 * flying > self.most and not self.is_slowing:
            self.size = min(self.size + (GROWTH if self.heard < SMOOTH else min(max(self.best, GROWTH), 1.0)), float(CEILING))

    def time(self, seconds: float) -> None:
        """A good answer took so long."""
        self.heard += 1
        self.mean += (seconds - self.mean) / min(self.heard, SMOOTH)
        if self.heard >= SMOOTH:
            self.best = self.mean if self.mean <= self.best else self.best + (self.mean - self.best) / FORGET

    def refuse(self, at: float, flying: int, others: int, fast: bool) -> bool:
        """Whether an episode is the crowd's fault, so that it shrinks: one is refused that left with so many, `others` still fly.

        It is where the lane was as full as it may be, or as was accepted of late. But where it was `fast`, too, that proves
        nothing, for more out at once is what faster means: then it must have been fuller than any that was accepted since the
        last episode, `THRICE` in a row. And what comes back so soon again and again is no fault of the crowd.
        """
        self.suspected = self.suspected + 1 if flying > self.seen and self.since >= SMOOTH else 0
        full = self.suspected >= THRICE if fast else flying >= min(self.most, max(self.proven, self.seen))
        self.proven, self.seen, self.since, self.episode_at = self.seen or self.proven, 0, 0, at
        if not full or flying < FEW:
            return False
        self.hasty = self.hasty + 1 if at < self.cut_at + FIRST_SPAN else 0
        if self.hasty > HASTY:
            return False
        self.cut_at, self.least = at, flying / 2
        ceiling = float(max(others, 1))
        if self.curve is None:
            self.curve = Curve(ceiling)
        else:
            self.curve.find(ceiling)
        return True

    def refuse_too(self) -> None:
        """Another one of those that left before the last episode is refused: so many fewer were accepted."""
        if self.curve is not None and self.curve.ceiling - 1 >= self.least:
            self.curve.ceiling -= 1

    def snapshot(self) -> tuple[object, ...]:
        """Everything that changes, as a comparable value."""
        curve = None if self.curve is None else tuple(vars(self.curve).values())
        known = (self.proven, self.seen, self.since, self.suspected, self.hasty, self.least, self.cut_at, self.last_at)
        return self.size, curve, known, self.next_at, self.told, self.usual, self.heard, self.mean, self.best
