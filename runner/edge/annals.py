"""The journal as a whole: read in the order of ids, and taught what another journal of the same job knows.

A run only ever appends to its journal. Merging two journals is the one exception: a request that went on in both places gets a
history in which the facts of the other stand where they belong, and the runs of both are numbered anew by when they started. Each
batch is one transaction, so a merge that is killed leaves a journal that knows some requests better and none worse.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from runner.edge.journal import Journal, Run
from runner.edge.writing import dump, load_queries, seal
from runner.facts import Fact, kind_of, to_json


class Annals(Journal):
    """An open journal that can be read in a canonical order, and rewritten by a merge."""

    def ids(self, after: str = "") -> Iterator[str]:
        """The ids of all requests, in their own order; those up to `after` are left out."""
        last = bytes.fromhex(after)
        while names := self._ids(last):
            yield from (name.hex() for name in names)
            last = names[-1]

    def rewrite(self, histories: Mapping[str, Sequence[Fact]]) -> None:
        """Let these be all the facts of these requests, in one transaction that is on disk when this returns."""
        queries = load_queries()
        with self._lock, self._transaction() as connection:
            numbers = self._number(connection, histories)
            for name, facts in histories.items():
                connection.execute(queries["forget"], (numbers[name],))
                rows = [(fact.id, fact.at, kind_of(fact), dump(to_json(fact))) for fact in facts]
                connection.executemany(queries["add_fact"], [(numbers[name], *row[1:], seal(*row)) for row in rows])

    def rewrite_runs(self, runs: Iterable[Run]) -> None:
        """Let these be all the runs, numbered from 1 in this order."""
        queries = load_queries()
        with self._lock, self._transaction() as connection:
            connection.execute(queries["forget_runs"])
            rows = [(number, run.started, run.ended, dump(run.meta)) for number, run in enumerate(runs, 1)]
            connection.executemany(queries["add_run"], rows)

    def _ids(self, after: bytes) -> list[bytes]:
        with self._lock, self._reading() as connection:
            return [digest for (digest,) in connection.execute(load_queries()["ids"], (after,))]
