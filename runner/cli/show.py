"""`adbatch show`: one variant, from feed line to file."""

from __future__ import annotations

import json
import re
import shutil
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from runner.loom import Woven
    from runner.reading.lineage import Value
    from runner.reading.portrait import Bill, Column, File, Portrait, Sharers, StepView
    from runner.reading.transcript import Moment, Spoken

NARROWEST, WIDEST, UNKNOWN = 60, 120, 100
"""Columns that text is wrapped to: the terminal's, within these; the last where there is none."""

DIGEST: Final = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
"""A sha256; its beginning is enough for a person."""

LONGEST: Final = 600
"""Characters of one value that are shown; `--json` has them all."""


FEW: Final = 4
"""Moments of polling that are told one by one."""


@click.command()
@click.argument("job", type=click.Path(path_type=Path))
@click.argument("variant", metavar="KEY")
@click.option("--sandbox", is_flag=True, help="What sandbox runs made of it.")
@click.option("--json", "as_json", is_flag=True, help="Everything, as JSON on stdout.")
def command(job: Path, variant: str, sandbox: bool, as_json: bool) -> None:
    """Tell all about one variant: row, requests, calls, history, files, cost, and what to do next.

    KEY is a variant's key as results.jsonl has it, such as 'mug|locale=en-US|1' (in quotes), or a row's key: its variants are then
    listed, and one that is alone is told in full. Nothing is sent, no key is needed; what was not asked yet shows what would be.

    --json gives {job, mode, key, status, row, line, columns: [{name, value, feed_name, read}], cell, number, of, seed, output,
    steps: [{name, status, use, place, why, next, state, request, again, ticket, asks: [{field, value, place, by, templates, reads:
    [{name, value, place}]}], calls: [{step, method, url, headers, body, form}], history: [{at, after, kind, what, step, verdict}],
    text, data, files: [{path, presence, sha256, bytes, media_type, width, height}], cost: {each, billed, uncertain, accrued},
    shared: {variants, keys, all}}]}; for several variants {variants: [{key, status, steps: {NAME: status}}]}.
    """
    from runner.cli.backdrop import paint_stage
    from runner.cli.render import give, printable
    from runner.reading.portrait import find_variants, look_at, portray
    from runner.reading.study import open_study

    with open_study(job, paint_stage(sandbox)) as study:
        known, order = look_at(study, find_variants(study, variant)), list(study.job_file.job.steps)
        if len(known) == 1:
            portrait = portray(study, known[0])
            give(_json(_plain(portrait)) if as_json else printable("\n".join(_portrait(portrait))))
        else:
            give(
                _json({"variants": [_short(woven, order) for woven in known]})
                if as_json
                else printable("\n".join(_list(known, order)))
            )


def _plain(portrait: Portrait) -> dict[str, Any]:
    from dataclasses import asdict

    return {**asdict(portrait), "output": str(portrait.output)}


def _json(value: object) -> str:
    """JSON in UTF-8; half a surrogate pair, which a feed may hold, becomes `?`."""
    return json.dumps(value, ensure_ascii=False, indent=2).encode("utf-8", "replace").decode()


def _short(woven: Woven, order: Sequence[str]) -> dict[str, Any]:
    steps = {name: woven.outcomes[name].status for name in order}
    return {"key": woven.variant.key, "status": woven.status, "steps": steps}


def _list(known: Sequence[Woven], order: Sequence[str]) -> Iterator[str]:
    widest = max(len(woven.variant.key) for woven in known)
    for woven in known:
        steps = "  ".join(f"{name} {woven.outcomes[name].status}" for name in order)
        yield f"{woven.variant.key:<{widest}}  {woven.status:<9}  {steps}"


def _portrait(portrait: Portrait) -> Iterator[str]:
    yield f"{portrait.key}: {portrait.status}  (job {portrait.job}, {portrait.mode})"
    yield ""
    yield f"row {portrait.row}  {portrait.line}"
    yield from _columns(portrait.columns)
    for name, value in portrait.cell.items():
        yield from _wrapped(f"{name} = {_value(value)}", "  matrix.")
    yield f"  variant = {portrait.number} of {portrait.of}, seed = {portrait.seed}"
    for step in portrait.steps:
        yield ""
        yield from _step(step, portrait)


def _columns(columns: Sequence[Column]) -> Iterator[str]:
    for column in columns:
        if column.read:
            renamed = f'  (column "{column.feed_name}")' if column.feed_name != column.name else ""
            yield from _wrapped(f"{column.name} = {_value(column.value)}{renamed}", "  row.")
    unread = [column.name for column in columns if not column.read]
    if unread:
        yield from _wrapped(f"read by no template: {', '.join(unread)}", "  ")


def _step(step: StepView, portrait: Portrait) -> Iterator[str]:
    yield f"step {step.name}: {step.status}  ({step.use}, {step.place})"
    for head, text in _gist(step, portrait):
        yield from _wrapped(text, f"  {head:<9}")
    if step.request is None:
        return
    yield "  asks"
    for value in step.asks:
        yield from _asked(value)
    yield "  calls" if step.history else "  calls, as they would go out"
    for call in step.calls:
        yield from _call(call)
    yield "  history" if step.history else "  history: not asked yet"
    yield from _history(step.history)


def _gist(step: StepView, portrait: Portrait) -> Iterator[tuple[str, str]]:
    """What most people came for, line by line under its heading."""
    shared = step.shared is not None and step.shared.variants > 1
    lines = (
        ("why", step.why),
        ("next", step.next),
        ("text", "" if step.text is None else _value(step.text)),
        ("json", "" if step.data is None else _value(step.data)),
        *(("file", _file(file, portrait.output)) for file in step.files),
        ("request", "" if step.request is None else f"{step.request[:16]}{_again(step)}{_ticket(step)}"),
        ("shared", _sharers(step.shared, portrait.key) if step.shared is not None and shared else ""),
        ("cost", "" if step.cost is None else _bill(step.cost)),
    )
    yield from ((head, text) for head, text in lines if text)


def _again(step: StepView) -> str:
    return f", again: {step.again}" if step.again > 1 else ""


def _ticket(step: StepView) -> str:
    return f", the vendor's ticket {step.ticket}" if step.ticket else ""


def _asked(value: Value) -> Iterator[str]:
    by = "" if value.by == "job" else f"  filled in by the account{f' ({value.place})' if value.place else ''}"
    template = f" ← {', '.join(value.templates)}" if value.templates else ""
    computed = bool(value.reads or template)
    place = "" if by or computed else f"  ({value.place})"
    yield from _wrapped(f"{value.field} = {_value(value.value)}{by}{place}", "    ")
    if computed and not by:
        yield f"      {value.place}{template}"
    for read in value.reads:
        place = f"  ({read.place})" if read.place else ""
        yield from _wrapped(f"{read.name} = {_value(read.value)}{place}", "        ")


def _call(call: Spoken) -> Iterator[str]:
    yield f"    {call.method} {call.url}"
    for name, value in call.headers.items():
        yield from _wrapped(f"{name}: {value}", "      ")
    if call.form:
        for name, value in call.body:
            yield from _wrapped(f"{name} = {_value(value)}", "      part ")
    elif call.body is not None:
        for line in json.dumps(call.body, ensure_ascii=False, indent=2, default=_mapping).splitlines():
            indent = len(line) - len(line.lstrip())
            yield from _wrapped(_value(line.strip()), " " * (6 + indent))


def _history(history: Sequence[Moment]) -> Iterator[str]:
    """The moments, one a line; polls that all heard that it still runs are one line together."""
    for dull, group in groupby(history, lambda moment: moment.step == "poll" and moment.verdict in (None, "queued")):
        moments = list(group)
        if dull and len(moments) > FEW:
            polls = sum(moment.kind == "sent" for moment in moments)
            heard = [moment.at for moment in moments if moment.verdict == "queued"]
            yield from _moment(moments[0], f"{polls} polls, still running at {heard[-1]}")
        else:
            yield from (line for moment in moments for line in _moment(moment, moment.what))


def _moment(moment: Moment, what: str) -> Iterator[str]:
    after = "" if moment.after is None else f"+{moment.after:.3f} s"
    yield from _wrapped(what, f"    {moment.at}  {after:>12}  ")


def _file(file: File, output: Path) -> str:
    from runner.cli.render import shown
    from runner.reading.transcript import size_in_words

    size = f", {file.width} × {file.height}" if file.width else ""
    notes = {"present": "", "missing": "; it is missing, the next run puts it back", "edited": "; somebody edited it"}
    return f"{shown(output / file.path)}  ({file.media_type}, {size_in_words(file.bytes)}{size}{notes[file.presence]})"


def _sharers(shared: Sharers, key: str) -> str:
    others = [name for name in shared.keys if name != key]
    more = shared.variants - 1 - len(others)
    rest = f", and {more} more" if more > 0 else ""
    who = f"the other{'s' if shared.variants > 2 else ''}: {', '.join(others)}{rest}"
    least = "" if shared.all else "at least "
    return f"wanted by {least}{shared.variants} variants, bought once; {who}"


def _bill(cost: Bill) -> str:
    each = "its price is unknown" if cost.each is None else f"at most {cost.each} each time"
    if not cost.billed:
        return f"nothing so far; {each}"
    times = "once" if cost.billed == 1 else f"{cost.billed} times"
    bought = f"bought {times}" if cost.uncertain < cost.billed else f"perhaps bought {times}"
    doubt = f", {cost.uncertain} of them perhaps" if 0 < cost.uncertain < cost.billed else ""
    total = "unknown" if cost.accrued is None else f"at most {cost.accrued}"
    return f"{total} ({bought}{doubt}; {each})"


def _value(value: Any) -> str:
    """Text as it is, anything else as JSON, on one line."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=_mapping)
    line = " ⏎ ".join(text.splitlines()) if "\n" in text or "\r" in text else text
    line = DIGEST.sub(lambda found: f"{found[0][:12]}…", line)
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}… ({len(line)} characters)"


def _mapping(value: Mapping[str, Any]) -> dict[str, Any]:
    return dict(value)


def _wrapped(text: str, head: str) -> Iterator[str]:
    """The text after `head`, wrapped to the terminal, what does not fit on the first line below its beginning."""
    width = min(max(shutil.get_terminal_size((UNKNOWN, 24)).columns, NARROWEST), WIDEST)
    below = " " * (len(head) + 2 if not head.strip() else len(head))
    yield from textwrap.wrap(
        text, width, initial_indent=head, subsequent_indent=below, break_long_words=False, break_on_hyphens=False
    ) or [head.rstrip()]
