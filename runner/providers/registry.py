"""The vendors, and the project file's accounts made into lanes.

`PROVIDERS` is a visible dict: a new vendor is one line here. `open_catalog` takes accounts as plain data, so that this room need
not know how the project file is written, and answers with everything a job can use. Mistakes come back as values that carry their
way in the project file; what is only missing (an account id) is kept apart, because it matters only to who uses that lane.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import field, replace
from typing import Any, Final, Protocol

from runner.fields import Offer, Operation, Polling, Problem, check_params, suggest
from runner.frozen import frozen
from runner.providers import bfl, fal, gemini, jivox, local, openai, placewise, replicate, sivi, stability, vyro
from runner.providers.contract import Batching, Options, Provider, Weighing
from runner.providers.openai_presets import PRESETS
from runner.records import BY_BATCH, Json, Limits, Money

PROVIDERS: Final[Mapping[str, Provider]] = {
    "bfl": bfl,
    "fal": fal,
    "gemini": gemini,
    "jivox": jivox,
    "local": local,
    "openai": openai,
    "placewise": placewise,
    "replicate": replicate,
    "sivi": sivi,
    "stability": stability,
    "vyro": vyro,
}
"""Every kind of provider by the name a project file gives it."""

KINDS: Final[Mapping[str, Provider]] = {**PROVIDERS, **PRESETS}
"""All that a project file can name: those of a file of their own, and those that are a row of data."""


DESCRIBED: Final = "http"
"""The kind of an account whose vendor the project describes itself (`runner.providers.http`)."""

LOCAL: Final = local.NAME
"""The kind of what is carried out on this machine."""

BATCH_DEADLINE: Final = 25 * 3600.0
"""Seconds a batch may take: the vendor's day, and an hour for telling that it is over."""


class Reference(Protocol):
    """Where a secret is kept: exactly one of the two is set."""

    @property
    def env(self) -> str | None:
        """The name of an environment variable."""

    @property
    def file(self) -> str | None:
        """The path of a file."""


@frozen
class Variable:
    """The environment variable a provider's secret is kept in where the project file says nothing."""

    env: str
    file: None = None


def as_documented(limits: Limits) -> Limits:
    """The limits in force where the project file sets none."""
    return limits


@frozen
class Account:
    """One entry under `providers:` as plain data; a `kind` of None means the entry's own name.

    `secrets` says where each is kept, `limits` turns the documented limits into those in force, `options` is all the rest.
    `base_url` is believed to be one: whoever read the project file has checked it. An account whose vendor the project itself
    describes brings its own `provider`.
    """

    kind: str | None = None
    base_url: str | None = None
    options: Mapping[str, Json] = field(default_factory=dict)
    secrets: Mapping[str, Reference] = field(default_factory=dict)
    limits: Callable[[Limits], Limits] = as_documented
    provider: Provider | None = None

    def takes(self, option: str) -> bool:
        """Whether the account has such an option, as far as that can be told by itself."""
        return self.provider is None or option in self.provider.OPTIONS


@frozen
class Lane:
    """An account that can be asked: who speaks for it, its checked options, its limits, and where its secrets are kept."""

    name: str
    kind: str
    provider: Provider
    options: Options
    limits: Limits
    secrets: Mapping[str, Reference]

    @property
    def optional(self) -> frozenset[str]:
        """The secrets that may be missing."""
        return optional_keys(self.provider, str(self.options["base_url"]))


@frozen
class Catalog:
    """All a job can use: lanes by name, and what each offers by `lane/operation`.

    `problems` are mistakes of the project file, with the way to them (`("providers", "sivi", "plam")`). `lacking` are, by lane, the
    required options nobody gave: mistakes only of a job that uses that lane.
    """

    lanes: Mapping[str, Lane]
    offers: Mapping[str, Offer]
    problems: tuple[Problem, ...] = ()
    lacking: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)


def open_catalog(accounts: Mapping[str, Account], prices: Mapping[str, Money] | None = None) -> Catalog:
    """Lanes and offers of the project's accounts, and of every known kind under its own name with its defaults.

    `prices` (by use) replace what an operation says of its price: the most that one submit can cost.
    """
    prices = prices or {}
    everyone = {**{kind: Account() for kind in everywhere() if kind not in accounts}, **accounts}
    problems: list[Problem] = []
    lanes: dict[str, Lane] = {}
    lacking: dict[str, tuple[Problem, ...]] = {}
    for name, account in everyone.items():
        kind = account.kind or name
        provider = account.provider or KINDS.get(kind)
        if provider is None:
            problems.append(_unknown_kind(name, account))
            continue
        problems += _mistakes(name, account, provider)
        lanes[name] = _open_lane(name, kind, account)
        problems += _uncounted(lanes[name])
        missing = tuple(_missing(lanes[name], account))
        if missing:
            lacking[name] = missing
    offers = {use: offer for lane in lanes.values() for use, offer in _offers(lane, prices)}
    named = [*offers, *(f"{use}{BY_BATCH}" for use, offer in offers.items() if offer.batch)]
    problems += [Problem(("prices", use), f"nothing is called {use}{suggest(use, named)}") for use in prices if use not in named]
    return Catalog(lanes, offers, tuple(problems), lacking)


def suggest_kind(name: str) -> str:
    """`suggest` among the kinds; where none is near, those that have a file of their own."""
    near = suggest(name, KINDS)
    return near if "did you mean" in near else suggest(name, PROVIDERS)


def _unknown_kind(name: str, account: Account) -> Problem:
    if account.kind is None:
        return Problem(("providers", name), f"{name} is not a kind of provider{suggest_kind(name)}; kind: names one")
    return Problem(("providers", name, "kind"), f"{account.kind} is not a kind of provider{suggest_kind(account.kind)}")


def _open_lane(name: str, kind: str, account: Account) -> Lane:
    provider = account.provider or KINDS[kind]
    wrong = {problem.path[0] for problem in _wrong_options(account, provider)}
    options: dict[str, Json] = {option: spec.default for option, spec in provider.OPTIONS.items() if not spec.required}
    options |= {option: value for option, value in account.options.items() if option in provider.OPTIONS and option not in wrong}
    options["base_url"] = (account.base_url or provider.BASE_URL).rstrip("/")
    optional = optional_keys(provider, str(options["base_url"]))
    secrets: dict[str, Reference] = {
        secret: account.secrets.get(secret) or Variable(variable)
        for secret, variable in provider.KEYS.items()
        if secret in account.secrets or secret not in optional
    }
    options["keys"] = tuple(sorted(secrets))
    return Lane(name, kind_of(name, account), provider, options, account.limits(provider.limits(options)), secrets)


def everywhere() -> list[str]:
    """The kinds that every project has without naming them: all but servers on this very machine."""
    return [kind for kind, provider in KINDS.items() if provider.BASE_URL.startswith(("https:", "local:"))]


def is_local(kind: str) -> bool:
    """Whether a kind is this very machine: no vendor, no key, nothing that is sent."""
    return kind == LOCAL


def kind_of(name: str, account: Account) -> str:
    """The kind of an account, under the name of the file that speaks for it: for a row of data, the file it borrows from.

    A described vendor has the kind of whoever plays it in the sandbox, if anybody does.
    """
    if account.provider is not None:
        player = str(getattr(account.provider, "PLAYED_BY", None))
        return player if player in PROVIDERS and not is_local(player) else DESCRIBED
    kind = account.kind or name
    return openai.NAME if kind in PRESETS else kind


def optional_keys(provider: Provider, base_url: str) -> frozenset[str]:
    """The keys an account at this address may lack.

    A provider may say of an optional key that its own address needs it (`NEEDED_AT_HOME`). Anywhere else it is not even looked up
    unless the project file names it: whoever serves there has no business with it.
    """
    at_home = base_url == provider.BASE_URL
    return provider.OPTIONAL_KEYS - (getattr(provider, "NEEDED_AT_HOME", frozenset()) if at_home else frozenset())


def _offers(lane: Lane, prices: Mapping[str, Money]) -> Iterator[tuple[str, Offer]]:
    for name, operation in lane.provider.operations(lane.options).items():
        use = f"{lane.name}/{name}"
        ours: dict[str, Any] = {"price": prices[use]} if use in prices else {}
        if lane.limits.deadline is not None:
            ours["deadline"] = lane.limits.deadline
        offered = replace(operation, **ours)
        yield use, Offer(offered, lane.provider.defaults(name, lane.options), _batched(lane, offered, prices))


def _batched(lane: Lane, operation: Operation, prices: Mapping[str, Money]) -> Operation | None:
    """The operation as it goes by batch, None where it does not: cheaper, and slower."""
    batching: Batching | None = getattr(lane.provider, "BATCH", None)
    if batching is None or operation.name not in batching.ENDPOINTS:
        return None
    price = prices.get(f"{lane.name}/{operation.name}{BY_BATCH}")
    if price is None and operation.price is not None:
        price = Money(operation.price.amount / batching.DISCOUNT, operation.price.currency)
    deadline = BATCH_DEADLINE if lane.limits.deadline is None else lane.limits.deadline
    return replace(operation, price=price, polling=Polling(1.0), deadline=deadline)


def _missing(lane: Lane, account: Account) -> Iterator[Problem]:
    for option, spec in lane.provider.OPTIONS.items():
        if spec.required and option not in account.options and option not in account.secrets:
            remedy = f"write providers: {{{lane.name}: {{{option}: …}}}} in adbatch.yaml"
            yield Problem(("providers", lane.name), f"{lane.name} needs {option} ({spec.doc}); {remedy}")


def _uncounted(lane: Lane) -> Iterator[Problem]:
    if lane.limits.tokens and not isinstance(lane.provider, Weighing):
        told = f"{lane.provider.NAME} counts no tokens, so this would limit nothing; limit its requests: rate: [100/1m]"
        yield Problem(("providers", lane.name, "limits", "tokens"), told)


def _mistakes(name: str, account: Account, provider: Provider) -> Iterator[Problem]:
    known = [*provider.OPTIONS, *provider.KEYS, "kind", "base_url", "limits"]
    for option in account.options:
        if option in provider.KEYS:
            remedy = f"write {option}: {{env: NAME}} or {option}: {{file: PATH}}"
            yield Problem(("providers", name, option), f"{option} is a secret, so only its place is told; {remedy}")
        elif option not in provider.OPTIONS:
            yield Problem(("providers", name, option), f"not an option of {provider.NAME}{suggest(option, known)}")
    for secret in account.secrets:
        if secret not in provider.KEYS:
            cure = "; write its value instead" if secret in provider.OPTIONS else suggest(secret, provider.KEYS)
            yield Problem(("providers", name, secret), f"not a secret of {provider.NAME}{cure}")
    for problem in _wrong_options(account, provider):
        yield Problem(("providers", name, *problem.path), problem.message)


def _wrong_options(account: Account, provider: Provider) -> list[Problem]:
    """Problems with the values of known options; that a required one is missing is told elsewhere."""
    given = {option: value for option, value in account.options.items() if option in provider.OPTIONS}
    rules = Operation("options", "task", {option: provider.OPTIONS[option] for option in given})
    return check_params(rules, provider.NAME, given)
