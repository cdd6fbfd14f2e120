"""A vendor that the project describes in YAML: the same contract as a file of this folder, without the file.

The description (`runner.job.vendor`) is data: where to send what, and where in the answer the result, the state and the reason
stand. What it does not say, every provider has in common: the cautious meaning of statuses, tickets that stay one piece of a URL,
keys that go to `base_url` and to the hosts it names and nowhere else, links that are downloaded without any.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from urllib.parse import urlsplit

from runner.fields import Field, Operation
from runner.providers.addresses import address_of
from runner.providers.contract import Options, Provider, never_polled, segment
from runner.providers.described import Vendor
from runner.providers.described.asking import ask
from runner.providers.described.building import Filling, address, body_of, headers_of, secrets_of
from runner.providers.described.fields import operations_of, options_of
from runner.providers.described.reading import RESULT, Exchange, Reading
from runner.providers.tokens import estimate
from runner.records import Answer, Call, Json, Limits, Request, Step
from runner.verdicts import Verdict


class Described:
    """A vendor as its description has it; satisfies `contract.Provider`. `PLAYED_BY` is the emulated vendor that plays it."""

    def __init__(self, vendor: Vendor) -> None:
        self._vendor = vendor
        self.NAME = vendor.name
        self.BASE_URL = vendor.base_url.rstrip("/")
        self.DOC = vendor.doc
        self.KEYS: Mapping[str, str] = {name: spec.env for name, spec in vendor.secrets.items()}
        self.OPTIONAL_KEYS = frozenset(name for name, spec in vendor.secrets.items() if spec.optional)
        self.OPTIONS: Mapping[str, Field] = options_of(vendor)
        self.HOSTS = (urlsplit(vendor.base_url).hostname or "", *vendor.hosts) if vendor.hosts else ()
        self.PLAYED_BY = vendor.sandbox

    @cached_property
    def examples(self) -> Mapping[str, tuple[Mapping[str, Json], ...]]:
        """The params that the description gives as examples, by operation."""
        return {name: tuple(spec.examples) for name, spec in self._vendor.operations.items()}

    @cached_property
    def _asked_once(self) -> Mapping[str, Operation]:
        return operations_of(self._vendor, lambda spec: spec.poll is not None and spec.poll.option is None)

    @cached_property
    def _asked_again(self) -> Mapping[str, Operation]:
        return operations_of(self._vendor, lambda spec: spec.poll is not None)

    def operations(self, options: Options) -> Mapping[str, Operation]:
        """What can be asked for. What is polled only with some option gives accordingly."""
        again = self._asked_again
        return {name: again[name] if self._is_polled(name, options) else once for name, once in self._asked_once.items()}

    def limits(self, options: Options) -> Limits:
        """The limits the description tells; eight calls at once where it tells none."""
        told = self._vendor.limits
        return told.over(Limits(concurrent=None if told.concurrent else 8))

    def defaults(self, operation: str, options: Options) -> Mapping[str, Json]:
        """The fields that an option of the account fills in."""
        named = {name: field.option for name, field in self._vendor.operations[operation].fields.items() if field.option}
        return {name: options[option] for name, option in named.items() if options.get(option) is not None}

    def submit(self, request: Request, options: Options) -> Call:
        """The call that the operation describes."""
        spec = self._vendor.operations[request.operation]
        filling = Filling(options, request.params)
        return Call(
            spec.method,
            address(str(options["base_url"]), spec.path, spec.query, filling),
            "submit",
            headers=headers_of(self._vendor, filling),
            secrets=secrets_of(self._vendor, options),
            body=None if spec.method == "GET" else body_of(spec, request, options),
            sink="blob" if spec.answer.bytes_ else "memory",
        )

    def poll(self, request: Request, ticket: str, options: Options) -> Call:
        """A GET of the URL the ticket stands for, or of the path for an id. Raises `ValueError` where nothing is polled."""
        spec = self._vendor.operations[request.operation]
        if spec.poll is None or not self._is_polled(request.operation, options):
            return never_polled(request, ticket, options)
        result = spec.poll.result
        done = result is not None and result.path is not None and ticket.startswith(RESULT)
        filling = Filling(options, request.params, ticket.removeprefix(RESULT) if done else ticket)
        named = spec.poll.url is not None or (result is not None and result.url is not None)
        url = address_of(ticket, options, self.HOSTS) if named else None
        path = (result.path if done and result is not None else spec.poll.path) or f"/{segment(ticket)}"
        return Call(
            "GET",
            url or address(str(options["base_url"]), path, {} if done else spec.poll.query, filling),
            "poll",
            headers=headers_of(self._vendor, filling),
            secrets=secrets_of(self._vendor, options),
            sink="blob" if spec.poll.answer.bytes_ else "memory",
        )

    def read(self, step: Step, answer: Answer, request: Request, options: Options) -> Verdict:
        """What the answer means by the description; what it does not explain is read with caution."""
        reading = Reading(self._vendor, Exchange(step, answer, request, options), self.HOSTS)
        polled = self._is_polled(request.operation, options)
        gives = (self._asked_again if polled else self._asked_once)[request.operation].gives
        poll = reading.spec.poll
        if step == "poll" and poll is not None:
            return reading.poll(poll, gives)
        return reading.submit(polled, gives)

    def _is_polled(self, operation: str, options: Options) -> bool:
        poll = self._vendor.operations[operation].poll
        return poll is not None and (poll.option is None or bool(options.get(poll.option)))


class Counting(Described):
    """A vendor whose description says how tokens are used up; satisfies `contract.Weighing`, too."""

    def weigh(self, request: Request, options: Options) -> int:
        """About how many tokens the request uses up; none where its operation has no word about tokens."""
        tokens = self._vendor.operations[request.operation].tokens
        return 0 if tokens is None else estimate(request.params, ask(tokens.most, dict(request.params)))


def describe_provider(vendor: Vendor) -> Provider:
    """The provider that a description makes."""
    return Counting(vendor) if any(spec.tokens for spec in vendor.operations.values()) else Described(vendor)
