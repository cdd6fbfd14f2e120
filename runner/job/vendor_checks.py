"""Whether the parts of a vendor's description fit each other.

Each part may be right and the whole still nonsense: a path that names an option nobody declared, a text promised that no query
finds, a key put into an address, where every proxy on the way would log it. All such mistakes are found here, as values with their
way in the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from runner.fields import Path, Problem, suggest
from runner.job.vendor import AnswerSpec, FieldSpec, OperationSpec, PollSpec, RuleSpec, Vendor
from runner.job.vendor_forms import NULL, Slot, slots_of, stray_braces

OURS: Final = frozenset({"host", "content-length", "content-type", "transfer-encoding", "connection", "cookie", "authorization"})
"""Headers a description cannot set: the transport writes them, or they would hold a key."""
FILES: Final = frozenset({"file", "files"})
RESERVED: Final = frozenset({"base_url", "keys", "kind", "describe", "limits"})


def problems_of(vendor: Vendor) -> list[Problem]:
    """Every mistake between the parts of a description."""
    problems = [*_headers(vendor), *_options(vendor), *_errors(vendor)]
    if vendor.limits.tokens and not any(operation.tokens for operation in vendor.operations.values()):
        told = "no operation says how it uses up tokens; give one tokens: {used: …}, where the answer counts them"
        problems.append(Problem(("limits", "tokens"), told))
    for name, operation in vendor.operations.items():
        problems += _operation(vendor, operation, ("operations", name))
    return problems


def is_required(option: FieldSpec) -> bool:
    """Whether an account must give the option: it has no default, and may not be null."""
    return option.default is None and NULL not in (option.type or ())


def _headers(vendor: Vendor) -> Iterator[Problem]:
    taken = {secret.header.lower(): name for name, secret in vendor.secrets.items()}
    for name, text in vendor.headers.items():
        way = ("headers", name)
        if name.lower() in taken:
            yield Problem(way, f"is the header of the secret {taken[name.lower()]}")
        elif name.lower() in OURS:
            yield Problem(way, "is no header a description sets; one that holds a key belongs under secrets: {key: {header: …}}")
        yield from _places(vendor, None, text, way)
    if len(taken) < len(vendor.secrets):
        yield Problem(("secrets",), "two secrets travel in the same header")


def _options(vendor: Vendor) -> Iterator[Problem]:
    for name, option in vendor.options.items():
        way = ("options", name)
        if name in RESERVED or name in vendor.secrets:
            yield Problem(way, f"{name} is a word of the project file's own; give the option another name")
        yield from _field(vendor, option, way, inner=True)


def _errors(vendor: Vendor) -> Iterator[Problem]:
    for status in vendor.errors.status:
        if status.startswith(("1", "2")):
            yield Problem(("errors", "status", status), f"{status} is no failure; what a success means is told by its body: told:")


def _operation(vendor: Vendor, operation: OperationSpec, way: Path) -> Iterator[Problem]:
    yield from _address(vendor, operation, operation.path, (*way, "path"))
    for part, value in (("query", operation.query), ("send", operation.send)):
        for name, inner in value.items():
            yield from _places(vendor, operation, inner, (*way, part, name))
    for name, field in operation.fields.items():
        yield from _field(vendor, field, (*way, "fields", name))
    yield from _unknown(operation.required, operation.fields, (*way, "required"), "a field of this operation")
    for number, rule in enumerate(operation.rules):
        yield from _rule(operation, rule, (*way, "rules", number))
    yield from _result(operation, way)
    if operation.method == "GET":
        yield from _bodiless(operation, way)
    if operation.poll is not None:
        yield from _poll(vendor, operation, operation.poll, (*way, "poll"))


def _bodiless(operation: OperationSpec, way: Path) -> Iterator[Problem]:
    """What a GET could not say, for it has no body."""
    places = [slot for slot in slots_of([operation.path, *operation.query.values()]) if slot.whose == "params"]
    if operation.send:
        yield Problem((*way, "send"), "a GET has no body; write it under query:")
    if operation.open:
        yield Problem((*way, "open"), "a GET has no body in which further fields could be passed on")
    for name, field in operation.fields.items():
        if "image" in (field.type if isinstance(field.type, list) else [field.type]):
            yield Problem((*way, "fields", name), "a GET has no body in which a picture could travel")
        elif all(slot.name != name for slot in places):
            yield Problem((*way, "fields", name), f"a GET has no body; put {{params.{name}}} into path: or query:")


def _address(vendor: Vendor, operation: OperationSpec, path: str, way: Path, polled: bool = False) -> Iterator[Problem]:
    if not re.match(r"/[^/]|/$", path) and not path.startswith("{+options."):
        yield Problem(way, f"needs a path below base_url that begins with one /, such as /v1/images; got {path}")
    if "?" in path or "#" in path:
        yield Problem(way, "holds a query or fragment; write it under query:")
    yield from _places(vendor, operation, path, way, polled)
    for slot in slots_of(path):
        option = vendor.options.get(slot.name) if slot.whose == "options" else None
        polled_by = operation.poll.option if operation.poll is not None else None
        if option is not None and option.default is None and not is_required(option) and slot.name != polled_by:
            yield Problem(way, f"needs options.{slot.name}, which may be null; give it a default or take null from its type")
        if slot.raw and option is not None and not (option.pattern or option.enum):
            yield Problem(way, f"puts options.{slot.name} in as it is; give that option a pattern or an enum")
        if slot.whose == "params" and slot.name in operation.fields and slot.name not in operation.required:
            yield Problem(way, f"needs params.{slot.name}; list it under required:")


def _places(vendor: Vendor, operation: OperationSpec | None, value: Any, way: Path, polled: bool = False) -> Iterator[Problem]:
    """Places that name nothing, or what must not stand there."""
    for brace in stray_braces(value):
        word = brace.strip("{}+").rpartition(".")[2]
        if word in vendor.secrets:
            yield Problem(way, f"{brace}: a secret travels in a header only: secrets: {{{word}: {{env: …, header: …}}}}")
        else:
            yield Problem(way, f"{brace} is no place; there are {{options.NAME}}, {{params.NAME}} and, in a poll, {{ticket}}")
    for slot in slots_of(value):
        yield from _place(vendor, operation, slot, way, polled)


def _place(vendor: Vendor, operation: OperationSpec | None, slot: Slot, way: Path, polled: bool) -> Iterator[Problem]:
    if slot.whose == "ticket":
        if not polled:
            yield Problem(way, "{ticket} is known to a poll only")
    elif slot.whose == "options":
        if slot.name not in vendor.options:
            yield Problem(way, f"there is no option {slot.name}{suggest(slot.name, vendor.options)}")
    elif operation is None:
        yield Problem(way, f"{{{slot}}}: a header holds no params, only options")
    elif slot.raw:
        yield Problem(way, f"{{+{slot}}}: only an option stands in a text as it is")
    elif slot.name not in operation.fields and not operation.open:
        yield Problem(way, f"there is no field {slot.name}{suggest(slot.name, operation.fields)}")


def _field(vendor: Vendor, field: FieldSpec, way: Path, inner: bool = False) -> Iterator[Problem]:
    if field.option is not None:
        if inner:
            yield Problem((*way, "option"), "only a field at the top of an operation is filled in by an option")
        elif field.option not in vendor.options:
            yield Problem((*way, "option"), f"there is no option {field.option}{suggest(field.option, vendor.options)}")
    if field.pattern is not None:
        try:
            re.compile(field.pattern)
        except re.error as error:
            yield Problem((*way, "pattern"), f"is no regular expression: {error}")
    yield from _unknown(field.required, field.properties, (*way, "required"), "a property of this object")
    for name, part in field.properties.items():
        yield from _field(vendor, part, (*way, "properties", name), inner=True)
    if field.items is not None:
        yield from _field(vendor, field.items, (*way, "items"), inner=True)


def _rule(operation: OperationSpec, rule: RuleSpec, way: Path) -> Iterator[Problem]:
    listed: dict[str, Iterable[str]] = {word: getattr(rule, word) or () for word in ("one_of", "any_of", "excludes", "of")}
    for word, names in listed.items():
        yield from _unknown(names, operation.fields, (*way, word), "a field of this operation")
    for name, others in (rule.requires or {}).items():
        yield from _unknown([name, *others], operation.fields, (*way, "requires"), "a field of this operation")


def _unknown(names: Iterable[str], known: Mapping[str, Any], way: Path, what: str) -> Iterator[Problem]:
    yield from (Problem(way, f"{name} is not {what}{suggest(name, known)}") for name in names if name not in known)


def _result(operation: OperationSpec, way: Path) -> Iterator[Problem]:
    """What is promised must be found by something; a task is found by its id, a queued job by its poll."""
    poll, ticket = operation.poll, operation.id
    if poll is not None and ticket is None and poll.url is None:
        yield Problem((*way, "poll"), "needs the job's id to ask for: give the operation id:, or the poll url:")
    always_polled = poll is not None and poll.option is None
    if operation.gives == "task":
        if ticket is None and not operation.answer.json_:
            yield Problem((*way, "gives"), "task needs id: where the id stands in the answer")
    elif not always_polled and not _can_find(operation.answer, operation.gives):
        yield Problem((*way, "gives"), f"{operation.gives} is found by nothing; say where it stands under answer:")
    if poll is not None and not _can_find(poll.answer, poll.gives or operation.gives):
        yield Problem((*way, "poll", "answer"), f"{poll.gives or operation.gives} is found by nothing here")


def _can_find(answer: AnswerSpec, gives: str) -> bool:
    return ("file" if gives in FILES else gives) in answer.kinds


def _poll(vendor: Vendor, operation: OperationSpec, poll: PollSpec, way: Path) -> Iterator[Problem]:
    if poll.path is None and poll.url is None:
        yield Problem(way, "needs path: or url:, where to ask")
    if poll.path is not None:
        yield from _address(vendor, operation, poll.path, (*way, "path"), polled=True)
        if not any(slot.whose == "ticket" for slot in slots_of([poll.path, *poll.query.values()])):
            yield Problem((*way, "path"), "needs {ticket}, here or in its query")
    for name, value in poll.query.items():
        yield from _places(vendor, operation, value, (*way, "query", name), polled=True)
    if poll.option is not None and poll.option not in vendor.options:
        yield Problem((*way, "option"), f"there is no option {poll.option}{suggest(poll.option, vendor.options)}")
    if poll.result is not None:
        yield from _fetched(vendor, operation, poll, (*way, "result"))
    if poll.states is None and poll.statuses is None and poll.done_if is None:
        yield Problem(way, "needs states, statuses or done_if: how to tell that a job is done")


def _fetched(vendor: Vendor, operation: OperationSpec, poll: PollSpec, way: Path) -> Iterator[Problem]:
    """Where a result is asked for: at one place, and by an id only where there is one."""
    result = poll.result
    assert result is not None
    if (result.path is None) == (result.url is None):
        yield Problem(way, "needs either path: or url:, where to ask for the result")
    if result.path is not None:
        yield from _address(vendor, operation, result.path, (*way, "path"), polled=True)
        if not any(slot.whose == "ticket" for slot in slots_of(result.path)):
            yield Problem((*way, "path"), "needs {ticket}")
        if poll.path is None:
            yield Problem((*way, "path"), "needs poll.path beside it: an address that the answer names is no {ticket} to fill in")
    if poll.states is None and poll.statuses is None:
        yield Problem(way, "needs states or statuses: done_if tells of a result that is there already")
