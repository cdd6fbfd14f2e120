"""How fast and how much at once, where nobody has declared it: learned from answers.

Two things are learned, each only where no limit is declared. How many calls at once (`Crowd`): a few at first, an eighth more with
each round of good answers, for as long as more at once does not just mean that each takes longer. And how many a second (`Rate`):
nothing is known of it until the vendor says "too fast" a second time; then calls are spaced.

Who is to blame for a 429? A call that left into a fuller lane than any that was accepted blames the crowd, any other the rate. What
is blamed shrinks once per episode, by a tenth, and comes back along a cubic curve (CUBIC, RFC 9438, section 4.2): soon near the
ceiling that was found, long about it, and then beyond. The oftener the same ceiling is found, the longer the curve. An outage (5xx,
no answer) teaches nothing: it says that the vendor is ill, not that we are too fast.

Everything follows from the facts, so a replay learns the same.
"""

from __future__ import annotations

from collections import deque
from typing import Final

CEILING: Final = 100
"""Calls in flight where no limit is declared: sockets are finite, and a crash leaves every submit in flight uncertain."""
START: Final = 8
"""Calls in flight to begin with, where nothing at all is declared."""
GROWTH: Final = 0.25
"""How many more calls at once each good answer of the fuller half allows, until the vendor first objects."""
INFLATED: Final = 2.0
"""How many times as long answers may take on average as at best, for the crowd to grow on."""
NEARLY: Final = 0.8
"""How full, of the fullest that was ever accepted, a lane may be suspected of being too full."""
HASTY: Final = 2
"""How often in a row it may shrink within the shortest span."""
SMOOTH: Final = 16
"""Answers over which the latency is averaged; the best average is believed for some `FORGET` answers."""
FORGET: Final = 2048

CUT: Final = 0.1
"""The part by which a ceiling is undercut after an episode."""
FIRST_SPAN: Final = 4.0
LONGEST_SPAN: Final = 60.0
STRETCH: Final = 5.0
"""Seconds until a curve is back at its ceiling; stretched each time the ceiling proves `ALIKE`, shrunk if not,
or if it is met before so much of them is over: then the ceiling is not what we met."""
ALIKE: Final = 0.15
EARLY: Final = 0.1
CLIMB: Final = 0.3
STEEP: Final = 0.8
"""A rate that is refused while it still climbs was far too much: its ceiling falls by so much at once, but not below the mean."""

SECOND: Final = 1.0
"""No rate is read off a shorter span: a vendor's window is hardly ever shorter."""
EVIDENCE: Final = 2
"""Calls that must have been accepted for a rate to be read off; and one 429 is no pattern yet: the second may teach one."""
SLOWEST: Final = 1 / 60
"""Calls per second that are tried whatever the vendor says."""
TOLERANCE: Final = 0.02
"""Seconds a call may be early because the one before was late."""
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

    @property
    def is_steep(self) -> bool:
        """Whether it still climbs from where it was cut down to."""
        return self.grown < CLIMB * self.span

    def grow(self, seconds: float) -> None:
        """It has limited us for so long, and nobody complained."""
        self.grown += seconds

    def find(self, ceiling: float) -> None:
        """Too much, and this was the ceiling."""
        alike = abs(ceiling - self.ceiling) <= ALIKE * self.ceiling and self.grown >= EARLY * self.span
        self.span = min(self.span * STRETCH, LONGEST_SPAN) if alike else max(self.span / STRETCH, FIRST_SPAN)
        self.cut = CUT / 2 if alike else CUT
        self.ceiling, self.grown = ceiling, 0.0

    def lower(self, ceiling: float, seconds: float) -> None:
        """Still too much after `seconds`: the ceiling is at most this, and the vendor counts over a time at least as long."""
        self.ceiling, self.grown = min(self.ceiling, ceiling), 0.0
        self.span = max(self.span, min(seconds, LONGEST_SPAN))


class Rate:
    """How many calls may leave in a second; no limit until there is evidence for one.

    Refusals come at once, results take their time: so whatever left before a call that is refused, and was not refused itself,
    counts as accepted.
    """

    def __init__(self) -> None:
        self.curve: Curve | None = None
        self.next_at = float("-inf")
        self.last_at = 0.0
        self.begun_at: float | None = None
        self.since = float("-inf")
        self.left = self.counted = self.episodes = 0
        self._before: tuple[float, int] | None = None
        self._recent: deque[float] = deque()

    def opens_at(self, now: float) -> float:
        """The moment from which one more call may leave."""
        return now if self.curve is None else self.next_at

    def sent(self, at: float) -> int:
        """A call leaves; how many have left before it since the last episode."""
        if self.begun_at is None:
            self.begun_at = at
        if self.curve is not None:
            interval = 1.0 / self.curve.value
            self.curve.grow(min(at - self.last_at, UNUSED * interval))
            self.next_at = max(self.next_at, at - TOLERANCE) + interval
        else:
            self._recent.append(at)
            while self._recent[0] <= at - SECOND:
                self._recent.popleft()
        self.last_at = at
        self.left += 1
        return self.left - 1

    def refuse_too(self, sent_at: float) -> None:
        """Another one that left before the last episode is refused: it was no accepted one, and perhaps hardly any was."""
        self._take_back(sent_at)
        self.counted = max(self.counted - 1, 0)
        if self._before is not None and self.counted < START:
            self.since, self.counted = self._before[0], self._before[1] + self.counted
            self._before = None

    def refuse(self, at: float, sent_at: float, ahead: int, guilty: bool) -> None:
        """An episode begins: a call that left at `sent_at`, `ahead` others before it, is refused; and the rate is `guilty` or not.

        If enough had left since the last episode, the rate at which they did was too much. If not, the pause was too short: then
        what was accepted before is spread over all of the time since.
        """
        begun_at = sent_at if self.begun_at is None else self.begun_at
        enough = ahead > 0 and (ahead >= START or at - begun_at >= SECOND)
        if enough:
            self._before = (self.since, self.counted)
            self.since, self.counted = begun_at, ahead
        else:
            self.counted += ahead
        self.begun_at, self.left = None, 0
        self.episodes += 1
        self._take_back(sent_at)
        if guilty:
            self._learn(at, sent_at, enough)

    def _take_back(self, sent_at: float) -> None:
        decided_at = max((moment for moment in self._recent if moment <= sent_at), default=None)
        if decided_at is not None:
            self._recent.remove(decided_at)

    def _learn(self, at: float, sent_at: float, enough: bool) -> None:
        seconds = max(at - self.since, SECOND)
        mean = max(self.counted / seconds, SLOWEST)
        if self.curve is None:
            lately = sum(sent_at - SECOND < moment < sent_at for moment in self._recent) / SECOND
            if self.episodes > 1 and self.counted >= EVIDENCE:
                self.curve = Curve(max(mean, lately))
                self._recent.clear()
        elif enough:
            value = min(self.curve.value, 2 * mean)
            self.curve.find(min(value, max(mean, STEEP * value)) if self.curve.is_steep else value)
        else:
            self.curve.lower(min(mean, self.curve.value), seconds)

    def snapshot(self) -> tuple[object, ...]:
        """Everything that changes, as a comparable value."""
        curve = None if self.curve is None else tuple(vars(self.curve).values())
        return curve, self.next_at, self.last_at, self.begun_at, self.since, self.left, self.counted, self.episodes


class Crowd:
    """How many calls may be in flight at once, up to `CEILING`."""

    def __init__(self, start: int) -> None:
        self.size = float(start)
        self.curve: Curve | None = None
        self.proven = 0
        self.hasty = 0
        self.least = 1.0
        self.cut_at = float("-inf")
        self.last_at: float | None = None
        self.heard = 0
        self.mean = 0.0
        self.best = float("inf")

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
        self.last_at = at

    def accept(self, flying: int, sent_at: float) -> None:
        """One that left with so many was accepted. Of those that left before the last episode it proves nothing."""
        if sent_at < self.cut_at:
            return
        self.proven = max(self.proven, flying)
        if self.curve is None and 2 * flying > self.most and not self.is_slowing:
            self.size = min(self.size + GROWTH, float(CEILING))

    def time(self, seconds: float) -> None:
        """A good answer took so long."""
        self.heard += 1
        self.mean += (seconds - self.mean) / min(self.heard, SMOOTH)
        if self.heard >= SMOOTH:
            self.best = self.mean if self.mean <= self.best else self.best + (self.mean - self.best) / FORGET

    def refuse(self, at: float, flying: int, others: int) -> bool:
        """Whether an episode is the crowd's fault, so that it shrinks: one is refused that left with so many, `others` still fly.

        It is where the lane was nearly as full as it may be, and as full as was ever proven, or fuller. But what comes back so soon
        again and again is no fault of the crowd.
        """
        if flying < NEARLY * max(self.proven, min(self.most, 2 * START)) or flying == 1:
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
        return self.size, curve, self.proven, self.hasty, self.least, self.cut_at, self.last_at, self.heard, self.mean, self.best
