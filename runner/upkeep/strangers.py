"""Strangers: results that lie in the output folder and that the state folder knows nothing of.

A fresh checkout brings `results.jsonl` without the journal that bought what it names, and so does an old copy of the state folder:
its journal has the right name and has not heard of the last nights. A run there would buy all of it again, so it refuses and names
the ways out. Looking costs nothing where the results are those that a run of this very journal noted when it ended.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from runner.budgets import is_free
from runner.desk import Desk
from runner.edge.journal import Run
from runner.edge.outputs import RESULTS
from runner.edge.published import results_digest
from runner.edge.register import Register, open_register
from runner.errors import Stranger
from runner.loom import LookUp, Loom, Outcome
from runner.providers.registry import Catalog
from runner.records import Artifact, Money, Variant
from runner.results import weave
from runner.workshop import Workshop

WORDS: Final = frozenset({"text/plain", "application/json"})
"""Media types of files that are made of words the line has itself."""


def refuse_strangers(shop: Workshop, variants: Iterator[Variant], meant: frozenset[str]) -> None:
    """Raise `Stranger` if these variants would ask for what results.jsonl has already.

    `variants` are those with something left to do; steps that are `meant` to be bought anew, or not to be asked, are left out.
    """
    desk = shop.desk
    digest = results_digest(desk.output)
    if digest is None or is_own(shop.journal.runs(), digest) or meant >= desk.plan.needs.keys():
        return
    apart = _with_readers(desk.plan.needs, meant)
    counts: Counter[tuple[str, str]] = Counter()
    with open_register(desk.output / RESULTS) as register:
        believer = Believer(shop.look_up, register)
        for woven in weave(Loom(desk.plan), variants, believer.look_up):
            for step, outcome in woven.outcomes.items():
                if step in apart or outcome.request is None or is_free(desk, outcome.request.use):
                    continue
                if believer.meets(outcome.request.id):
                    counts[step, outcome.request.use] += 1
    if counts:
        raise Stranger(_refusal(desk, counts, shop.state.mode == "sandbox"))


class Believer:
    """Looks requests up in the journal, and believes the lines of results.jsonl of those it does not know.

    So it is seen how far a run would get that bought all of it again: what one line says, a later step may read.
    """

    def __init__(self, known: LookUp, register: Register) -> None:
        self._known, self._register = known, register
        self._strange: set[str] = set()
        self._met: set[str] = set()

    def look_up(self, ids: Sequence[str]) -> Mapping[str, Outcome]:
        """What the journal knows, else what a line says."""
        found = dict(self._known(ids))
        for name in self._register.find([name for name in ids if name not in found or found[name].status == "waiting"]):
            self._strange.add(name)
            found[name] = Outcome("done", None, _believed(next(self._register.read(name))))
        return found

    def meets(self, request_id: str) -> bool:
        """Whether only a line knows this request, and nobody asked before."""
        new = request_id in self._strange and request_id not in self._met
        self._met.add(request_id)
        return new


def _believed(step: Mapping[str, Any]) -> tuple[Artifact, ...]:
    """What a line says that a step gave, unverified."""
    words = [Artifact("text", text=str(step["text"]))] if "text" in step else []
    values = [Artifact("json", data=step["json"])] if "json" in step else []
    files = step.get("files")
    told = [file for file in files if isinstance(file, dict)] if isinstance(files, list) else []
    return (*words, *values, *(_file(file) for file in told if file.get("media_type") not in WORDS))


def _file(told: Mapping[str, Any]) -> Artifact:
    size = {"size": told.get("bytes"), "width": told.get("width"), "height": told.get("height")}
    return Artifact("file", sha256=str(told.get("source") or told.get("sha256")), media_type=told.get("media_type"), **size)


def _with_readers(needs: Mapping[str, frozenset[str]], meant: frozenset[str]) -> frozenset[str]:
    """These steps and all that read them, however far: they will ask something else."""
    apart = set(meant)
    while more := {step for step, read in needs.items() if step not in apart and read & apart}:
        apart |= more
    return frozenset(apart)


def is_own(runs: Sequence[Run], digest: str) -> bool:
    """Whether results with this sha256 are what one of these runs left."""
    return any(run.meta.get("results") == digest for run in runs)


def _refusal(desk: Desk, counts: Mapping[tuple[str, str], int], sandbox: bool) -> str:
    job, more = desk.job_file.document.file.rpartition(":")[2], " --sandbox" if sandbox else ""
    steps = ", ".join(f"{count} {step}" for (step, _), count in counts.items())
    return "\n".join(
        [
            f"{desk.output / RESULTS} names {sum(counts.values())} bought results that the state folder does not know ({steps});",
            f"to buy them again would cost {_price(desk.catalog, counts)}. Nothing was sent. Instead:",
            f"    adbatch adopt {job}{more}",
            "        takes them in, with the files beside them",
            "    adbatch import-state FILE",
            "        if the state was exported where they were bought",
            f"    adbatch run {job}{more} --fresh all",
            "        buys them again, on purpose",
        ]
    )


def _price(catalog: Catalog, counts: Mapping[tuple[str, str], int]) -> str:
    """What so many requests of each operation cost at most; an unknown price is told as such."""
    sums: dict[str, Decimal] = {}
    unknown = 0
    for (_, use), count in counts.items():
        price = catalog.offers[use].operation.price
        if price is None:
            unknown += count
        else:
            sums[price.currency] = sums.get(price.currency, Decimal(0)) + price.amount * count
    known = [str(Money(amount, currency)) for currency, amount in sorted(sums.items())]
    return " + ".join([*known, *([f"{unknown} of unknown price"] if unknown else [])])
