"""What the journal knows of a request, as the gallery tells it: what was asked, how often, and what it cost.

No moment is told: the same requests with the same history are the same words, whenever the gallery is made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from runner.facts import Fact, Planned, Resolved, Saved, Sent
from runner.frozen import frozen
from runner.reading.portrait import Bill, bill_of
from runner.records import Artifact, Money, Request

PROMPTS: Final = ("prompt", "text_prompt", "about", "text", "messages", "input", "instructions")
"""Fields that say in words what is wanted, the plainest first."""
LONGEST: Final = 20_000
"""Characters of a value that are told; nobody reads more of it in a gallery."""

Histories: TypeAlias = Callable[[Sequence[str]], Mapping[str, Sequence[Fact]]]
"""The facts of each request that has any, oldest first."""
Prices: TypeAlias = Callable[[str], Money | None]
"""What one submit of `provider/operation` costs at most; None where nobody told us."""


@frozen
class Asked:
    """A request as far as the journal tells: what was asked, submits and polls, the bill, and the last result that was saved."""

    request: Request | None
    attempts: int
    polls: int
    bill: Bill
    saved: tuple[Artifact, ...]
    settled: str

    def as_json(self) -> dict[str, Any]:
        """The same for the page; what is not known is left out."""
        told: dict[str, Any] = {"attempts": self.attempts, "polls": self.polls, "billed": self.bill.billed}
        told |= {"each": self.bill.each, "cost": self.bill.accrued, "uncertain": self.bill.uncertain, "settled": self.settled}
        if self.request is not None:
            params = dict(self.request.params)
            told |= {"params": shorten(params), "prompt": prompt_of(params), "again": self.request.again}
            told["seed"] = params.get("seed")
        return {name: value for name, value in told.items() if value not in (None, "", 0)}


def read_asked(facts: Sequence[Fact], price: Prices) -> Asked:
    """The facts of one request, folded."""
    request = next((fact.request for fact in reversed(facts) if isinstance(fact, Planned)), None)
    sent = [fact.step for fact in facts if isinstance(fact, Sent)]
    saved = next((fact.artifacts for fact in reversed(facts) if isinstance(fact, Saved)), ())
    settled = [f"{fact.who}: {fact.how.replace('_', ' ')}" for fact in facts if isinstance(fact, Resolved)]
    bill = bill_of(None if request is None else price(request.use), facts)
    return Asked(request, sent.count("submit"), sent.count("poll"), bill, tuple(saved), "; ".join(settled))


def prompt_of(params: Mapping[str, Any]) -> str:
    """What the request says in words: the first field that is known for it, else its longest text."""
    named = next((params[name] for name in PROMPTS if isinstance(params.get(name), str)), None)
    if named is not None:
        return str(shorten(named))
    for name in PROMPTS:
        texts = sorted(_texts(params.get(name)), key=len)
        if texts:
            return str(shorten(texts[-1]))
    return ""


def shorten(value: Any) -> Any:
    """The value with every text of more than `LONGEST` characters cut."""
    if isinstance(value, str):
        return value if len(value) <= LONGEST else f"{value[:LONGEST]}… ({len(value)} characters)"
    if isinstance(value, Mapping):
        return {str(name): shorten(part) for name, part in value.items()}
    if isinstance(value, Sequence):
        return [shorten(part) for part in value]
    return value


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [text for part in value.values() for text in _texts(part)]
    if isinstance(value, Sequence):
        return [text for part in value for text in _texts(part)]
    return []
