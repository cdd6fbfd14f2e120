"""`adbatch providers`: what can be asked of whom, as the vendors' documents say it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from runner.fields import Field, Offer
    from runner.providers.contract import Provider
    from runner.providers.registry import Account, Catalog, Lane


@click.command()
@click.argument("name", required=False)
@click.argument("account", required=False)
@click.option("--sandbox", is_flag=True, help="With test: ask the emulated vendor that plays it; no key, no money.")
@click.option("--yes", is_flag=True, help="With test: send the examples; live, they are only shown without it.")
def command(name: str | None, account: str | None, sandbox: bool, yes: bool) -> int:
    """List every operation, or all fields, limits and options of one provider (`vyro`) or operation (`vyro/ai-background`).

    `adbatch providers test ACCOUNT` tries out a vendor that the project describes: it sends the examples of its description, one by
    one, and shows what goes out, what comes back and what is found in it. Live, each costs what a request costs.
    """
    from runner.errors import Usage

    if name == "test" and account is not None:
        from runner.cli.tryouts import try_account

        return try_account(account, sandbox, yes)
    if name == "test" or account is not None or sandbox or yes:
        raise Usage("write adbatch providers [NAME], or adbatch providers test ACCOUNT [--sandbox] [--yes]")
    _show(name)
    return 0


def _show(name: str | None) -> None:
    from runner.cli.render import give
    from runner.errors import Usage
    from runner.fields import suggest
    from runner.providers.registry import KINDS, Account, open_catalog, suggest_kind

    catalog = open_catalog({**{kind: Account() for kind in KINDS}, **_described()})
    kind, _, operation = (name or "").partition("/")
    if not name:
        give("\n".join(f"{use:<24} {offer.operation.summary}{_at(catalog, use)}" for use, offer in catalog.offers.items()))
        return
    if kind not in catalog.lanes:
        raise Usage(f"{kind} is not a provider{suggest_kind(kind)}")
    offered = {use.partition("/")[2]: offer for use, offer in catalog.offers.items() if use.startswith(f"{kind}/")}
    if operation and operation not in offered:
        raise Usage(f"{kind} has no operation {operation}{suggest(operation, offered)}")
    if not operation:
        give("\n".join(_provider_lines(catalog.lanes[kind], catalog.lanes[kind].provider)))
    for each in [operation] if operation else offered:
        give("\n".join(_operation_lines(kind, offered[each])))


def _described() -> dict[str, Account]:
    """The accounts whose vendor the project around here describes."""
    from pathlib import Path

    from runner.job.load import load_project
    from runner.providers.http import describe_provider
    from runner.providers.registry import DESCRIBED, Account

    project_file = load_project(Path.cwd())
    named = ((name, spec.describe) for name, spec in project_file.project.providers.items() if spec.describe is not None)
    return {name: Account(DESCRIBED, provider=describe_provider(project_file.vendors[path].vendor)) for name, path in named}


def _at(catalog: Catalog, use: str) -> str:
    """Where a server is that speaks another's API."""
    lane = catalog.lanes[use.partition("/")[0]]
    return "" if lane.kind == lane.name else f", as {lane.kind} at {lane.options['base_url']}"


def _provider_lines(lane: Lane, provider: Provider) -> Iterator[str]:
    yield f"{lane.name}: {provider.DOC}"
    yield f"  base_url: {provider.BASE_URL}"
    for secret, variable in provider.KEYS.items():
        yield f"  {secret}: {{env: {variable}}}{' (optional)' if secret in lane.optional else ''}"
    limits = [f"{window.most} in {window.seconds:g} s" for window in lane.limits.rate]
    limits += [f"{window.most} tokens in {window.seconds:g} s" for window in lane.limits.tokens]
    limits += [f"{lane.limits.concurrent} at once"] if lane.limits.concurrent else []
    limits += [f"{lane.limits.queued} queued"] if lane.limits.queued else []
    yield f"  limits: {', '.join(limits) or 'none documented'}"
    if provider.OPTIONS:
        yield "  options:"
        yield from _field_lines(provider.OPTIONS, "    ")


def _operation_lines(kind: str, offer: Offer) -> Iterator[str]:
    operation = offer.operation
    yield f"\n{kind}/{operation.name}: {operation.summary}"
    yield f"  gives {operation.gives}; {operation.doc}"
    if offer.batch is not None:
        yield "  lane: batch sends it by batch: cheaper, answered within a day"
    yield from _field_lines(operation.fields, "  ")


def _field_lines(fields: Mapping[str, Field], indent: str) -> Iterator[str]:
    for name, field in fields.items():
        yield f"{indent}{name}: {', '.join(_traits(field))}{f' — {field.doc}' if field.doc else ''}"
        yield from _field_lines(field.fields, indent + "  ")
        if field.item is not None:
            yield from _field_lines(field.item.fields, indent + "  ")


def _traits(field: Field) -> Iterator[str]:
    yield "/".join(field.takes) + " image" if field.takes else field.kind
    if field.required:
        yield "required"
    if field.choices:
        shown = " | ".join(map(str, field.choices[:12]))
        more = f" and {len(field.choices) - 12} more" if len(field.choices) > 12 else ""
        yield f"one of {shown}{more}{' or another' if field.open_choices else ''}"
    if field.low is not None or field.high is not None:
        yield " to ".join(f"{bound:.15g}" if bound is not None else "…" for bound in (field.low, field.high))
    if field.most is not None:
        yield f"at most {field.most}"
    if field.default is not None:
        yield f"default {field.default}"
    if field.assumed:
        yield "assumed: the vendor's documents do not say"
