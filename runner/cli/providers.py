"""`adbatch providers`: what can be asked of whom, as the vendors' documents say it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from runner.fields import Field, Operation
    from runner.providers.contract import Provider
    from runner.providers.registry import Lane


@click.command()
@click.argument("name", required=False)
def command(name: str | None) -> None:
    """List every operation, or all fields, limits and options of one provider (`vyro`) or operation (`vyro/ai-background`)."""
    from runner.cli.render import give
    from runner.errors import Usage
    from runner.fields import suggest
    from runner.providers.registry import PROVIDERS, open_catalog

    catalog = open_catalog({})
    kind, _, operation = (name or "").partition("/")
    if not name:
        give("\n".join(f"{use:<24} {offer.operation.summary}" for use, offer in catalog.offers.items()))
        return
    if kind not in PROVIDERS:
        raise Usage(f"{kind} is not a provider{suggest(kind, PROVIDERS)}")
    offered = {use.partition("/")[2]: offer.operation for use, offer in catalog.offers.items() if use.startswith(f"{kind}/")}
    if operation and operation not in offered:
        raise Usage(f"{kind} has no operation {operation}{suggest(operation, offered)}")
    if not operation:
        give("\n".join(_provider_lines(catalog.lanes[kind], PROVIDERS[kind])))
    for each in [operation] if operation else offered:
        give("\n".join(_operation_lines(kind, offered[each])))


def _provider_lines(lane: Lane, provider: Provider) -> Iterator[str]:
    yield f"{lane.name}: {provider.DOC}"
    yield f"  base_url: {provider.BASE_URL}"
    for secret, variable in provider.KEYS.items():
        yield f"  {secret}: {{env: {variable}}}{' (optional)' if secret in provider.OPTIONAL_KEYS else ''}"
    limits = [f"{window.most} in {window.seconds:g} s" for window in lane.limits.rate]
    limits += [f"{lane.limits.concurrent} at once"] if lane.limits.concurrent else []
    limits += [f"{lane.limits.queued} queued"] if lane.limits.queued else []
    yield f"  limits: {', '.join(limits) or 'none documented'}"
    if provider.OPTIONS:
        yield "  options:"
        yield from _field_lines(provider.OPTIONS, "    ")


def _operation_lines(kind: str, operation: Operation) -> Iterator[str]:
    yield f"\n{kind}/{operation.name}: {operation.summary}"
    yield f"  gives {operation.gives}; {operation.doc}"
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
        yield " to ".join(f"{bound:g}" if bound is not None else "…" for bound in (field.low, field.high))
    if field.most is not None:
        yield f"at most {field.most}"
    if field.default is not None:
        yield f"default {field.default}"
    if field.assumed:
        yield "assumed: the vendor's documents do not say"
