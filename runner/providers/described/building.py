"""Requests made into calls as a description has it: addresses, queries, headers, bodies.

What is filled into an address is one piece of it, percent-encoded, whatever it holds. A param that the description puts somewhere
(into the path, the query, or another place of the body) travels there and nowhere else; all others stand at the top of the body
under their own names. A place whose value was not given takes its key along.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

from runner.job.vendor import FieldSpec, OperationSpec, Vendor
from runner.job.vendor_forms import Slot, pieces_of, slots_of
from runner.providers.contract import Options, form_text, segment
from runner.providers.described.fields import kind_of
from runner.providers.pictures import BASE64, with_assets
from runner.records import BLOB_SCHEME, Asset, FormBody, Json, JsonBody, Part, Request, SecretHeader

ABSENT: Final = object()


class Filling:
    """What the places of a text stand for: options of the account, params of the request, the job's ticket."""

    def __init__(self, options: Options, params: Mapping[str, Any], ticket: str = "") -> None:
        self._known: dict[str, Mapping[str, Any]] = {"options": options, "params": params, "ticket": {"": ticket}}

    def value(self, slot: Slot) -> Any:
        """What stands for the place; `ABSENT` where nothing was given."""
        value = self._known[slot.whose].get(slot.name)
        return ABSENT if value is None else value

    def text(self, text: str, encoded: bool = False) -> str | None:
        """The text with its places filled, percent-encoded where wanted; None where one of them stands for nothing."""
        filled = []
        for piece in pieces_of(text):
            if isinstance(piece, str):
                filled.append(piece)
                continue
            value = self.value(piece)
            if value is ABSENT:
                return None
            plain = form_text(value)
            filled.append(segment(plain) if encoded and not piece.raw else plain)
        return "".join(filled)

    def tree(self, value: Any) -> Any:
        """A value with its places filled; a text that is only a place takes its type. `ABSENT` where it stands for nothing."""
        if isinstance(value, str):
            pieces = pieces_of(value)
            if len(pieces) == 1 and isinstance(pieces[0], Slot):
                return self.value(pieces[0])
            text = self.text(value)
            return ABSENT if text is None else text
        if isinstance(value, dict):
            filled = {name: self.tree(inner) for name, inner in value.items()}
            return {name: inner for name, inner in filled.items() if inner is not ABSENT}
        if isinstance(value, list):
            return [inner for inner in map(self.tree, value) if inner is not ABSENT]
        return value


def address(base_url: str, path: str, query: Mapping[str, Any], filling: Filling) -> str:
    """The URL: the path below `base_url` and the query's parameters, those left out that stand for nothing."""
    asked = [f"{quote(name, safe='')}={quote(text, safe='')}" for name, text in _parameters(query, filling)]
    return f"{base_url}{filling.text(path, encoded=True) or ''}{'?' if asked else ''}{'&'.join(asked)}"


def _parameters(query: Mapping[str, Any], filling: Filling) -> Iterator[tuple[str, str]]:
    for name, wanted in query.items():
        if isinstance(wanted, dict):
            yield name, json.dumps(_plain(filling.tree(wanted["json"])), ensure_ascii=False, separators=(",", ":"))
            continue
        value = filling.tree(wanted)
        if value is not ABSENT:
            yield name, form_text(value)


def _plain(value: Any) -> Any:
    return {} if value is ABSENT else value


def headers_of(vendor: Vendor, filling: Filling) -> tuple[tuple[str, str], ...]:
    """The headers of every call; one that holds an option which is not set is left out."""
    told = ((name, filling.text(text)) for name, text in vendor.headers.items())
    return tuple((name, text) for name, text in told if text)


def secrets_of(vendor: Vendor, options: Options) -> tuple[SecretHeader, ...]:
    """The headers that carry the account's secrets, by name."""
    keys = options.get("keys")
    held = keys if isinstance(keys, tuple) else ()
    return tuple(SecretHeader(spec.header, name, spec.form) for name, spec in vendor.secrets.items() if name in held)


def body_of(spec: OperationSpec, request: Request, options: Options) -> JsonBody | FormBody:
    """The body of a submit."""
    multipart = spec.body == "multipart"
    names = [*spec.fields, *sorted(request.params.keys() - spec.fields.keys())]
    brought = {name: _bring(spec.fields.get(name), request.params[name], multipart) for name in names if name in request.params}
    placed = placed_params(spec)
    body = Filling(options, brought).tree(spec.send) | {name: value for name, value in brought.items() if name not in placed}
    if not multipart:
        return JsonBody(body)
    return FormBody(tuple(part for name, value in body.items() for part in _parts(name, value, spec.lists)))


def placed_params(spec: OperationSpec) -> frozenset[str]:
    """The params that the description puts somewhere itself."""
    places = slots_of([spec.path, *spec.query.values(), spec.send])
    return frozenset(slot.name for slot in places if slot.whose == "params")


def _bring(field: FieldSpec | None, value: Any, multipart: bool) -> Any:
    """A param as it travels: pictures as assets, wherever its field says that there is one."""
    kind = "any" if field is None else kind_of(field)
    if field is None or kind == "any":
        return _part_of(value) if multipart else with_assets(value, BASE64)
    if kind == "image" and isinstance(value, str):
        return Asset(value) if multipart else with_assets(value, field.form or "")
    if kind == "list" and isinstance(value, list | tuple):
        return [_bring(field.items, item, multipart) for item in value]
    if kind == "map" and isinstance(value, Mapping):
        return {name: _bring(field.properties.get(name), inner, multipart) for name, inner in value.items()}
    return value


def _part_of(value: Json) -> Json | Asset:
    return Asset(value) if isinstance(value, str) and value.startswith(BLOB_SCHEME) else value


def _parts(name: str, value: Any, lists: str) -> Iterator[Part]:
    """The parts that a value makes; nothing for null, which a form cannot say."""
    if value is None:
        return
    pictures = isinstance(value, list) and any(isinstance(item, Asset) for item in value)
    if isinstance(value, list | tuple) and (lists != "json" or pictures):
        suffix = "[]" if lists == "brackets" else ""
        yield from (Part(f"{name}{suffix}", _text(item)) for item in value)
    else:
        yield Part(name, _text(value))


def _text(value: Any) -> str | Asset:
    return value if isinstance(value, Asset) else form_text(value)
