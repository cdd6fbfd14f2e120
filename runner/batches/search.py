"""Search: was a batch made of our file? Asked where the answer to the purchase was lost, or the run was killed around it.

No vendor's word tells how soon its list of batches shows a new one, nor that it shows all of them to every key. So a batch that is
there is taken up, and one that is not proves nothing: it is looked for again for a while, in a list that is read to its end, and
then its requests are parked as uncertain, with all that was found. A person with the vendor's dashboard can tell more than that.
"""

from __future__ import annotations

from typing import Final

from runner.batches.ways import TRIES, Way, pause_after
from runner.fields import Polling
from runner.providers.contract import SUCCESSES, Listed
from runner.records import Answer, NoAnswer
from runner.verdicts import Barred, Broken, Lost, Queued, Verdict

MOST_PAGES: Final = 100
"""Pages of a list that are read in one go."""
LONG_ENOUGH: Final = 2
"""After so many of the longest pauses it is of no use to look again: ten minutes, where nothing is emulated."""
LOOKED_FOR: Final = (
    "nobody can tell whether its batch was made: "
    "for {seconds:g} s none with the input file {file} was in the list at {place}, {found}"
)
HAS_FILE: Final = "though the account has that file; look at the vendor's dashboard"
HAS_NOTHING: Final = "nor that file in the account; was the key exchanged for another project's?"


async def find_batch(way: Way, file: str) -> Verdict | None:
    """`Queued` with the ticket of the batch made of `file`, None where there is none, else why that cannot be told now."""
    after = ""
    for _ in range(MOST_PAGES):
        reply = await way.ask(way.batching.recent(way.lane.options, after))
        said = Broken(reply.why) if isinstance(reply, NoAnswer) else way.batching.read_recent(reply, file)
        if not isinstance(said, Listed):
            return said
        if said.ticket is not None:
            return Queued(said.ticket, 0.0)
        if said.after is None:
            return None
        after = said.after
    return Broken(f"the vendor's list of batches has more than {MOST_PAGES} pages")


class Search:
    """Remembers since when a batch has been missed; `pace` says when to look again."""

    def __init__(self, pace: Polling) -> None:
        self._pace, self._seconds = pace, LONG_ENOUGH * pace.cap
        self._missed_since: dict[str, float] = {}

    async def find(self, way: Way, file: str, until: float | None = None) -> Verdict:
        """What became of the purchase. It is looked for `until` that moment, the end of the run, or something is known; else once.

        `Queued` without a ticket says that it is still to be looked for.
        """
        wrong = rounds = 0
        while True:
            said = await find_batch(way, file)
            now = way.rest.clock.now()
            if said is None and now >= self._missed_since.setdefault(file, now) + self._seconds:
                said = await self._give_up(way, file)
            wrong = wrong + 1 if isinstance(said, Broken) else 0
            if isinstance(said, Queued | Lost | Barred) or (said is not None and wrong >= TRIES):
                return said
            if until is None or way.rest.over or now >= until:
                return Queued("")
            await way.rest.nap(min(pause_after(said, rounds, self._pace), until - now))
            rounds += 1

    async def _give_up(self, way: Way, file: str) -> Verdict:
        """The doubt that stays where no batch of `file` is listed. Whether the account has the file tells whose list was read."""
        reply = await way.ask(way.batching.find_file(file, way.lane.options))
        has = isinstance(reply, Answer) and reply.status in SUCCESSES
        if not has and not (isinstance(reply, Answer) and reply.status == 404):
            return Broken(f"the vendor does not tell whether it has {file}")
        place = way.batching.recent(way.lane.options).url.partition("?")[0]
        found = HAS_FILE if has else HAS_NOTHING
        return Lost(LOOKED_FOR.format(seconds=self._seconds, file=file, place=place, found=found), final=True)
