"""Answers made into verdicts as a description has it, with the caution of every provider.

A status that the description does not explain means what it means anywhere; a success in which nothing is found is in doubt; an
unknown word means still running; and an envelope that disagrees with HTTP makes the worse of the two. Nothing here raises,
whatever the vendor sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from runner.fields import Gives
from runner.frozen import frozen
from runner.job.vendor import AnswerSpec, PollSpec, ResultSpec, TellingSpec, Vendor
from runner.providers.addresses import NEXT_STAGE, ticket_at
from runner.providers.contract import (
    SAME_TICKET,
    SUCCESSES,
    Options,
    Table,
    Word,
    clip,
    doubt,
    link_of,
    message_of,
    read_json,
    read_status,
    still_running,
    ticket_of,
)
from runner.providers.described.asking import ask, holds, journalable, texts_of
from runner.providers.described.waiting import wait_of
from runner.providers.pictures import MOVING, PICTURE, inline_of
from runner.records import Answer, Request, Step
from runner.verdicts import Barred, Broken, Busy, Data, Done, Held, Item, Link, Lost, Queued, Refused, Text, Verdict

RESULT: Final = "result:"
"""Begins the ticket of a job that is done and whose result is still to be asked for by its id."""
NOT_AT_ONCE: Final = 1.0
"""Seconds between the two, so that a vendor that says done and gives nothing is not asked without a pause."""
WORDS: Final[Mapping[str, Word]] = {"busy": Busy, "broken": Broken, "lost": Lost, "refused": Refused, "barred": Barred}
WORSE: Final[list[type]] = [Busy, Broken, Refused, Barred, Lost]
"""Verdicts of failure, from the mildest to the worst: what may have been bought comes last."""


@frozen
class Exchange:
    """An answer, and what it is the answer to."""

    step: Step
    answer: Answer
    request: Request
    options: Options


class Reading:
    """One answer, read for one operation."""

    def __init__(self, vendor: Vendor, exchange: Exchange, hosts: tuple[str, ...]) -> None:
        self.vendor, self.spec = vendor, vendor.operations[exchange.request.operation]
        self.step, self.answer = exchange.step, exchange.answer
        self.request, self.options, self.hosts = exchange.request, exchange.options, hosts
        self.whole = read_json(exchange.answer)
        self.body = self._unwrapped()

    def _unwrapped(self) -> Any:
        """What queries are asked of: the body inside the envelope, or the whole where there is none."""
        envelope = self.vendor.envelope
        inside = ask(envelope.body, self.whole) if envelope is not None else None
        return inside if isinstance(inside, dict) else self.whole

    def submit(self, polled: bool, gives: Gives) -> Verdict:
        """The result where it is there at once, else the job's ticket. A task is its id."""
        failure = self.failure() or self.told()
        if failure is not None:
            return failure
        if gives == "task":
            return self._task()
        items = () if self.answer.status in self._not_done() else self.items(self.spec.answer, gives)
        if items:
            return self.done(items, self.spec.answer)
        ticket = self.ticket() if polled else None
        return Queued(ticket) if ticket else doubt(self.step, f"a success without {'an id' if polled else gives}")

    def _task(self) -> Verdict:
        number = ask(self.spec.id, self.body)
        if self.spec.id is not None and ticket_of(number) is None:
            return doubt(self.step, "a success without an id")
        items = self._data(self.spec.answer) or (() if number is None else (Data(number),))
        return Done(items) if items else doubt(self.step, "a success without an id")

    def poll(self, poll: PollSpec, gives: Gives) -> Verdict:
        """How far a queued job is: by words, by the HTTP status, or by what is there."""
        failure = self.failure()
        if failure is not None or self.answer.status in self._not_done():
            return failure or Queued(SAME_TICKET)
        state = ask(poll.states.at, self.body) if poll.states is not None else None
        if state is None and not isinstance(self.body, dict) and not poll.answer.bytes_ and poll.result is None:
            return Broken("a status that is no JSON object")
        word = state.strip().lower() if isinstance(state, str) else ""
        if poll.states is not None and word in _lowered(poll.states.failed):
            return Refused(f"the job {clip(word, 60)}: {self.reason(poll)}")
        return self._present(poll, gives) or self.told() or self._finished(poll, gives, word, state)

    def _present(self, poll: PollSpec, gives: Gives) -> Done | None:
        """The result, where its presence is what tells."""
        items = self.items(poll.answer, gives) if holds(poll.done_if, self.body) else ()
        return self.done(items, poll.answer) if items else None

    def _finished(self, poll: PollSpec, gives: Gives, word: str, state: Any) -> Verdict:
        if holds(poll.failed_if, self.body):
            return Refused(f"the job failed: {self.reason(poll)}")
        by_status = poll.statuses is not None and self.answer.status in poll.statuses.done
        by_word = poll.states is not None and word in _lowered(poll.states.done)
        fetched = poll.result is not None and state is None  # the result's own document tells no state
        if by_word or fetched or (by_status and poll.states is None):
            items = self.items(poll.answer, gives)
            if items:
                return self.done(items, poll.answer)
        if poll.result is not None and (by_word or (by_status and poll.states is None)):
            return self._elsewhere(poll.result)
        if by_word or by_status:
            return Broken(f"the job is {clip(word, 60) or self.answer.status}, but nothing is found where its result should stand")
        running = poll.states is not None and word in _lowered(poll.states.running)
        return Queued(SAME_TICKET) if running or poll.states is None else still_running(word or state)

    def _elsewhere(self, result: ResultSpec) -> Verdict:
        """The job is done; its result is asked for at another place."""
        if result.path is not None:
            return Queued(NEXT_STAGE + RESULT, NOT_AT_ONCE)
        ticket = ticket_at(ask(result.url, self.body), self.options, self.hosts)
        return Queued(ticket, NOT_AT_ONCE) if ticket else Broken("the job is done, but no address is named where its result is")

    def done(self, items: tuple[Item, ...], spec: AnswerSpec) -> Done:
        """The result, with what there is to remark about it and the tokens it took."""
        counts = ask(self.spec.tokens.used, self.body) if self.spec.tokens is not None else None
        told = counts if isinstance(counts, list) else [counts]
        used = sum(int(one) for one in told if isinstance(one, int | float) and not isinstance(one, bool) and 0 < one < 1e12)
        return Done(items, self.note(spec), used)

    def _not_done(self) -> list[int]:
        """Statuses that mean: still running."""
        poll = self.spec.poll
        return poll.statuses.running if poll is not None and poll.statuses is not None else []

    def ticket(self) -> str | None:
        """What to ask with: the URL the answer names, if the key may go there, else the id."""
        poll = self.spec.poll
        found = ticket_at(ask(poll.url, self.body), self.options, self.hosts) if poll is not None and poll.url is not None else None
        return found or ticket_of(ask(self.spec.id, self.body))

    def items(self, spec: AnswerSpec, gives: Gives) -> tuple[Item, ...]:
        """The result, as far as the answer holds one of what is promised that can be used."""
        if gives == "text":
            return self._texts(spec)
        if gives in ("json", "task"):
            return self._data(spec)
        blob = self.answer.blob
        if spec.bytes_ and blob is not None and blob.size and _is_media(self.answer):
            return (Held(blob),)
        return self._links(spec) or self._pictures(spec)

    def _texts(self, spec: AnswerSpec) -> tuple[Item, ...]:
        text = "\n".join(texts_of(ask(spec.text, self.body)))
        return (Text(text),) if text.strip() else ()

    def _links(self, spec: AnswerSpec) -> tuple[Item, ...]:
        found = dict.fromkeys(link for link in map(link_of, texts_of(ask(spec.links, self.body))) if link)
        return tuple(map(Link, found))

    def _pictures(self, spec: AnswerSpec) -> tuple[Item, ...]:
        return tuple(item for item in map(inline_of, texts_of(ask(spec.base64, self.body))) if item)

    def _data(self, spec: AnswerSpec) -> tuple[Item, ...]:
        value = journalable(ask(spec.json_, self.body)) if holds(spec.json_, self.body) else None
        return () if value is None else (Data(value),)

    def note(self, spec: AnswerSpec) -> str:
        """That fewer came than were asked for."""
        if spec.count is None:
            return ""
        asked, found = self.request.params.get(spec.count.asked), ask(spec.count.found, self.body)
        came = len(found) if isinstance(found, list) else found
        if isinstance(asked, bool) or not isinstance(asked, int) or isinstance(came, bool) or not isinstance(came, int):
            return ""
        return f"{came} of {asked} asked for" if came < asked else ""

    def message(self) -> str:
        """What the answer says went wrong."""
        own = self.vendor.errors.message
        found = next((text for text in texts_of(ask(own, self.whole)) if text.strip()), "") if own is not None else ""
        return clip(found) if found else message_of(self.whole)

    def reason(self, poll: PollSpec) -> str:
        """Why a job failed."""
        found = next((text for text in texts_of(ask(poll.reason, self.body)) if text.strip()), "")
        return clip(found) or message_of(self.body) or self.message() or "no reason given"

    def failure(self) -> Verdict | None:
        """What HTTP and envelope make of it together; None where all there is of them says success."""
        statuses = list(self._statuses())
        failures = [self._failed(status) for status in statuses if status not in SUCCESSES]
        if failures and len(failures) < len(statuses) and self.step == "submit":
            told = " and the envelope ".join(map(str, statuses))
            return Lost(f"HTTP says {told}: {self.message()}".rstrip(": "))
        if failures:
            return max(failures, key=lambda verdict: WORSE.index(type(verdict)))
        return None

    def told(self) -> Verdict | None:
        """What a telling makes of a success; None where none fits."""
        telling = self._telling(self.answer.status)
        return None if telling is None else self._waiting(_told(telling, self.step, self.message() or "the body says so"))

    def _statuses(self) -> Iterator[int]:
        """HTTP's own status and the envelope's, or the envelope's alone where it is to be believed."""
        envelope = self.vendor.envelope
        inner = ask(envelope.status, self.whole) if envelope is not None and envelope.status is not None else None
        told = inner if isinstance(inner, int) and not isinstance(inner, bool) else None
        decides = envelope is not None and envelope.believe == "envelope" and self.answer.status in SUCCESSES
        if told is None or not decides:
            yield self.answer.status
        if told is not None:
            yield told

    def _failed(self, status: int) -> Verdict:
        telling, table = self._telling(status), self._table(status)
        if telling is not None and telling.step == "poll":  # said of polls in so many words: it may end a job
            return self._waiting(_told(telling, self.step, f"{status}: {self.message()}".rstrip(": ")))
        if telling is not None:
            table = {status: WORDS[telling.means]}
        verdict = read_status(self.answer, self.step, self.message(), table, status)
        if telling is not None and telling.billed and isinstance(verdict, Refused):
            verdict = replace(verdict, billed=True)
        return self._waiting(verdict)

    def _table(self, status: int) -> Table:
        words = self.vendor.errors.status
        word = words.get(str(status)) or words.get(f"{status // 100}xx")
        return {status: WORDS[word]} if word is not None else {}

    def _telling(self, status: int) -> TellingSpec | None:
        return next((telling for telling in self.vendor.errors.told if self._fits(telling, status)), None)

    def _fits(self, telling: TellingSpec, status: int) -> bool:
        if telling.status is None:
            right = status not in SUCCESSES
        else:
            kind = f"{status // 100}xx"
            right = str(status) in telling.status or (kind in telling.status and (kind != "2xx" or status in SUCCESSES))
        says = telling.says is None or telling.says.lower() in self.message().lower()
        right = right and telling.step in (None, self.step)
        return right and says and (telling.if_ is None or holds(telling.if_, self.whole))

    def _waiting(self, verdict: Verdict) -> Verdict:
        if not isinstance(verdict, Busy | Broken):
            return verdict
        return replace(verdict, after=wait_of(self.answer, self.whole, self.vendor.wait))


def _told(telling: TellingSpec, step: Step, why: str) -> Verdict:
    """What a telling inside a success means. A poll is free: what would be lost there is asked again."""
    match telling.means:
        case "busy":
            return Busy(None, why)
        case "broken":
            return Broken(why)
        case "barred":
            return Barred(why)
        case "refused":
            return Refused(why, billed=telling.billed)
    return Lost(why) if step == "submit" else Broken(why)


def _is_media(answer: Answer) -> bool:
    """Whether a body begins as a picture or video, or is declared one: decoding will tell."""
    declared = answer.headers.get("content-type", "").lower().startswith(("image/", "video/"))
    return declared or bool(PICTURE.match(answer.body) or MOVING.match(answer.body))


def _lowered(words: list[str]) -> frozenset[str]:
    return frozenset(word.strip().lower() for word in words)
