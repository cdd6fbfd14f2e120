"""The hard questions every provider must answer: always a verdict, never an exception, never a guess about money.

A vendor's test lists its facts in a `Facts` and subclasses `HardQuestions`; the questions are asked of each of its operations.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, get_args
from urllib.parse import unquote, urlsplit

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.edge.bodies import find_assets
from runner.facts import Answered, from_json, to_json
from runner.fields import Field, Operation, check_params
from runner.providers.contract import Provider
from runner.providers.registry import Account, Lane, open_catalog
from runner.records import Answer, Blob, Call, FormBody, Json, JsonBody, Limits, Request, Step, make_request
from runner.verdicts import Barred, Broken, Busy, Done, Inline, Link, Lost, Queued, Refused, Text, Verdict

STEPS: tuple[Step, ...] = ("submit", "poll")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(24)
BAD_BODIES: dict[str, bytes] = {
    "empty": b"",
    "white": b" \r\n\t",
    "html": b"<!doctype html><html><body>Welcome</body></html>",
    "text": "Größe".encode("latin-1"),
    "cut": b'{"status": 200, "body": {"requ',
    "nan": b'{"id": NaN, "requestId": NaN, "text": NaN, "imageUrl": NaN}',
    "infinity": b'{"id": Infinity, "text": -Infinity}',
    "past a float": b'{"id": 1e999}',
    "past 64 bits": b'{"id": 99999999999999999999999999}',
    "5,000 digits": b'{"id": ' + b"9" * 5000 + b"}",
    "deep": b"[" * 100_000,
    "deep and closed": b'{"id":' * 300 + b"1" + b"}" * 300,
    "twice": b'{"text": "a", "text": "b", "id": 1, "id": 2}',
    "list": b'[{"id": 1}]',
    "word": b'"ok"',
    "null": b"null",
    "number": b"7",
    "no keys": b"{}",
    "utf-16": '{"id": 1}'.encode("utf-16"),
    "nul": b"\x00" * 40,
}
STRANGE_IDS: tuple[Json, ...] = (None, "", True, [], {}, "..", ".", "a\nb", "x" * 3000, 1.5)
WORDS = [
    *("status", "body", "requestId", "result", "variations", "variantImageUrl", "options", "media", "url", "message", "reason"),
    *("video", "generation", "uuid", "id", "code", "error", "text", "imageUrl", "image", "data", "detail", "contentSuggestions"),
    *("image_generation_task", "text_generation_task"),
]
STATES = [
    *("complete", "completed", "failed", "suspended", "error", "pending", "processing", "finished", "success", "done"),
    "https://cdn.example.com/a.png",
]

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from([*STATES, 200, 401, 429, 0])
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5), max_leaves=25
)
bodies = values.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=60)
headers = st.dictionaries(st.sampled_from(["retry-after", "content-type", "date"]), st.text(max_size=30), max_size=3)


@dataclass(frozen=True)
class Facts:
    """What a vendor's test knows: one right request of each operation, and a documented success of each.

    `successes` are answers to a submit; `options` are what an account must (or here does) set; `queued` are the operations whose
    submit gives a ticket.
    """

    provider: Provider
    params: Mapping[str, Mapping[str, Json]]
    successes: Mapping[str, Answer]
    options: Mapping[str, Json] = field(default_factory=dict)
    queued: frozenset[str] = frozenset()
    not_accepted: frozenset[int] = frozenset()

    @cached_property
    def lane(self) -> Lane:
        """The account as the project file would open it."""
        return open_catalog({"acme": Account(self.provider.NAME, options=self.options)}).lanes["acme"]

    def request(self, operation: str) -> Request:
        """The right request of `operation`."""
        return make_request("acme", operation, self.params[operation])

    def read(self, step: Step, answer: Answer, operation: str) -> Verdict:
        """What the provider makes of it."""
        return self.provider.read(step, answer, self.request(operation), self.lane.options)

    def asked(self) -> Iterator[tuple[str, Step]]:
        """Each operation with each step that can be made for it."""
        for operation in self.params:
            yield from ((operation, step) for step in (STEPS if operation in self.queued else STEPS[:1]))


def answer(status: int, body: object = b"", **more: str) -> Answer:
    """An answer with a JSON (or raw) body; `more` are headers with `_` for `-`."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, {name.replace("_", "-"): value for name, value in more.items()}, raw)


def picture(body: bytes = PNG, media_type: str = "application/octet-stream") -> Answer:
    """A 200 whose body was streamed to the store."""
    return Answer(200, {"content-type": media_type}, body, Blob("ab" * 32, len(body)))


def assert_journalable(verdict: Verdict) -> None:
    """The verdict is one of the seven, is not empty, and survives the journal."""
    assert isinstance(verdict, get_args(Verdict))
    if isinstance(verdict, Done):
        assert verdict.items
        assert all(item.url.lower().startswith(("http://", "https://")) for item in verdict.items if isinstance(item, Link))
        assert all(item.text.strip() for item in verdict.items if isinstance(item, Text))
        if any(isinstance(item, Inline) for item in verdict.items):
            return
    fact = Answered(1.0, "r", "submit", verdict)
    assert from_json("answered", 1.0, "r", orjson.loads(orjson.dumps(to_json(fact)))) == fact


class HardQuestions:
    """Asked of every operation of `facts`."""

    facts: ClassVar[Facts]

    def test_lists_a_request_and_a_success_of_every_operation(self) -> None:
        """No operation escapes the questions."""
        operations = self.facts.provider.operations(self.facts.lane.options)
        assert set(operations) == set(self.facts.params) == set(self.facts.successes)
        assert all(operation.name == name for name, operation in operations.items())

    def test_every_status_has_a_verdict(self) -> None:
        """Statuses 100 to 599 with an error's body give a verdict that can be journaled."""
        said = {"status": "error", "code": 1, "message": "no", "body": {"message": "no"}, "error": "no"}
        for operation, step in self.facts.asked():
            for status in range(100, 600):
                assert_journalable(self.facts.read(step, answer(status, said), operation))

    @pytest.mark.parametrize("name", BAD_BODIES)
    @pytest.mark.parametrize("status", [200, 201, 202])
    def test_a_success_that_cannot_be_read_is_in_doubt(self, name: str, status: int) -> None:
        """A 2xx with garbage is Lost for a submit, and asked again for a poll."""
        for operation, step in self.facts.asked():
            verdict = self.facts.read(step, answer(status, BAD_BODIES[name]), operation)
            if step == "submit":
                assert isinstance(verdict, Lost), (operation, verdict)
            else:
                assert isinstance(verdict, Broken | Queued), (operation, verdict)

    @pytest.mark.parametrize("name", BAD_BODIES)
    def test_failures_that_cannot_be_read_are_told_by_their_status(self, name: str) -> None:
        """Whatever the body of an error, its status alone gives a verdict, and never a success."""
        for operation, step in self.facts.asked():
            for status in (100, 204, 206, 301, 303, 400, 401, 402, 403, 404, 408, 409, 422, 425, 429, 500, 502, 503, 504, 520, 599):
                verdict = self.facts.read(step, answer(status, BAD_BODIES[name]), operation)
                assert_journalable(verdict)
                assert not isinstance(verdict, Done | Queued), (operation, status, verdict)

    def test_a_server_error_never_allows_a_second_purchase(self) -> None:
        """A 5xx leaves a submit in doubt unless the vendor documents that it was not accepted; a poll is asked again."""
        for operation, step in self.facts.asked():
            for status in {500, 501, 502, 503, 504, 507, 520, 524, 599} - self.facts.not_accepted:
                expected = Lost if step == "submit" else Broken
                assert isinstance(self.facts.read(step, answer(status, {"code": 1202, "message": "sorry"}), operation), expected)

    @pytest.mark.parametrize(
        ("status", "word"), [(401, Barred), (402, Barred), (429, Busy), (425, Busy), (422, Refused), (409, Lost)]
    )
    def test_plain_refusals_of_a_submit(self, status: int, word: type[Verdict]) -> None:
        """Key and credit close the lane, pace holds it, a wrong request is refused, a conflict is in doubt."""
        for operation in self.facts.params:
            assert isinstance(self.facts.read("submit", answer(status, {"message": "no"}), operation), word)

    def test_only_a_word_ends_a_job(self) -> None:
        """No 4xx or 5xx answer to a poll refuses a job that is already paid for."""
        for operation in self.facts.queued:
            for status in range(300, 600):
                verdict = self.facts.read("poll", answer(status, {"message": "no"}), operation)
                assert isinstance(verdict, Broken | Busy | Barred), (status, verdict)

    @pytest.mark.parametrize(
        "after", ["7", " 7 ", "7.5", "-1", "²", "1e9", "99999999", "", "soon", "Wed, 21 Oct 2099 07:28:00 GMT"]
    )
    def test_a_wait_is_a_number_within_an_hour_or_nothing(self, after: str) -> None:
        """Retry-After is believed only as far as it makes sense."""
        for operation in self.facts.params:
            verdict = self.facts.read("submit", answer(429, retry_after=after), operation)
            assert isinstance(verdict, Busy)
            assert verdict.after is None or 0 <= verdict.after <= 3600

    def test_a_documented_success_is_one(self) -> None:
        """The vendor's own sample answers give a result or a ticket."""
        for operation, success in self.facts.successes.items():
            verdict = self.facts.read("submit", success, operation)
            assert isinstance(verdict, Queued if operation in self.facts.queued else Done), (operation, verdict)
            assert_journalable(verdict)

    def test_a_truncated_success_is_in_doubt(self) -> None:
        """A JSON answer cut anywhere is Lost, wherever the cut falls."""
        for operation, success in self.facts.successes.items():
            if success.blob is None:
                for cut in range(len(success.body)):
                    verdict = self.facts.read("submit", Answer(success.status, success.headers, success.body[:cut]), operation)
                    assert isinstance(verdict, Lost), (operation, cut, verdict)

    def test_an_odd_success_is_not_believed(self) -> None:
        """204, 205, 206 and 226 say too little, even with a success's body."""
        for operation, success in self.facts.successes.items():
            for status in (203, 204, 205, 206, 226):
                odd = Answer(status, success.headers, success.body, success.blob)
                assert isinstance(self.facts.read("submit", odd, operation), Lost)

    @settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow])
    @given(st.data())
    def test_never_raises(self, data: st.DataObject) -> None:
        """Random answers, made of the vendors' own words, give verdicts that can be journaled."""
        operation, step = data.draw(st.sampled_from(list(self.facts.asked())))
        status = data.draw(st.sampled_from([200, 200, 200, 201, 202, 204, 302, 400, 401, 404, 429, 500, 503]))
        said = Answer(status, data.draw(headers), data.draw(bodies), data.draw(st.sampled_from([None, Blob("cd" * 32, 9)])))
        assert_journalable(self.facts.read(step, said, operation))

    def test_lone_surrogates_never_reach_the_journal(self) -> None:
        """Text that is not Unicode is mended on reading."""
        for operation, success in self.facts.successes.items():
            if success.blob is None:
                for odd in (rb"\ud800", b"\xed\xa0\x80"):
                    body = success.body.replace(b'": "', b'": "' + odd)
                    assert_journalable(self.facts.read("submit", Answer(200, {}, body), operation))

    def test_submits_are_posts_to_the_account_with_secrets_by_name(self) -> None:
        """The one call that may cost money is a POST below `base_url` that names the account's secrets and holds none."""
        lane = self.facts.lane
        for operation in self.facts.params:
            call = self.facts.provider.submit(self.facts.request(operation), lane.options)
            assert (call.method, call.purpose) == ("POST", "submit")
            self._assert_addressed(call, lane)
            assert isinstance(call.body, JsonBody | FormBody)

    def _assert_addressed(self, call: Call, lane: Lane) -> None:
        assert call.url.startswith(f"{lane.options['base_url']}/")
        assert call.secrets
        assert {secret.secret for secret in call.secrets} <= set(lane.secrets)
        assert all(secret.form.count("{}") == 1 for secret in call.secrets)
        assert not {name.lower() for name, _ in call.headers} & {secret.header.lower() for secret in call.secrets}
        assert "authorization" not in {name.lower() for name, _ in call.headers}

    def test_the_same_request_gives_the_same_call(self) -> None:
        """However the params are ordered, and without changing them."""
        lane = self.facts.lane
        for operation, params in self.facts.params.items():
            request = self.facts.request(operation)
            before = copy.deepcopy(dict(request.params))
            turned = make_request("acme", operation, dict(reversed(list(params.items()))))
            assert self.facts.provider.submit(request, lane.options) == self.facts.provider.submit(turned, lane.options)
            assert request.params == before

    def test_polls_are_gets_that_no_ticket_can_lead_astray(self) -> None:
        """A ticket is one piece of the URL, whatever the vendor put into it."""
        lane = self.facts.lane
        for operation in self.facts.queued:
            plain = urlsplit(self.facts.provider.poll(self.facts.request(operation), "T", lane.options).url)
            for ticket in (
                "0",
                "a/b",
                "../../x",
                "a?b=c#d",
                "ä ü",
                'quo"te',
                "%2e",
                "http://evil.example/",
                "{id}",
                "&requestId=1",
            ):
                call = self.facts.provider.poll(self.facts.request(operation), ticket, lane.options)
                assert (call.method, call.purpose, call.sink, call.body) == ("GET", "poll", "memory", None)
                self._assert_addressed(call, lane)
                parts = urlsplit(call.url)
                assert (parts.netloc, parts.path.count("/"), parts.fragment) == (plain.netloc, plain.path.count("/"), "")
                assert call.url.isascii()
                assert ticket in unquote(call.url).replace('\\"', '"')

    def test_the_sample_requests_are_right_and_a_slip_is_found(self) -> None:
        """Fields are the vendor's: the right ones pass, an unknown one is a problem unless the operation is open."""
        for name, operation in self.facts.provider.operations(self.facts.lane.options).items():
            params = self.facts.params[name]
            assert check_params(operation, f"acme/{name}", params) == []
            slip = check_params(operation, f"acme/{name}", {**params, "propmt": "x"})
            assert bool(slip) is not operation.open
            for required in (key for key, spec in operation.fields.items() if spec.required):
                left = {key: value for key, value in params.items() if key != required}
                assert check_params(operation, f"acme/{name}", left)

    def test_everything_is_documented(self) -> None:
        """Operations have a page and a summary, options and fields a line each, defaults are values the field would take."""
        provider = self.facts.provider
        assert provider.DOC.startswith("https://")
        assert provider.BASE_URL.startswith("https://")
        assert provider.OPTIONAL_KEYS.issubset(provider.KEYS)
        for operation in provider.operations(self.facts.lane.options).values():
            assert operation.doc.startswith("https://")
            assert operation.summary
            assert operation.deadline >= 60
            assert [name for name, spec in operation.fields.items() if not spec.doc] == []
            assert _wrong_defaults(operation.fields) == []
        assert [name for name, spec in provider.OPTIONS.items() if not spec.doc] == []
        assert _wrong_defaults(provider.OPTIONS) == []

    def test_images_are_brought_as_the_field_says(self) -> None:
        """A picture of ours becomes an asset of the call; where only URLs are taken, the field refuses it."""
        lane = self.facts.lane
        blob = f"blob:{'ef' * 32}"
        for name, operation in self.facts.provider.operations(lane.options).items():
            for image in (key for key, spec in operation.fields.items() if spec.kind == "image"):
                params = {**self.facts.params[name], image: blob}
                assert check_params(operation, "acme", params) == []
                call = self.facts.provider.submit(make_request("acme", name, params), lane.options)
                assert blob in {asset.ref for asset in find_assets(call.body)}

    def test_limits_are_sensible(self) -> None:
        """Every account has a bound on calls in flight, documented or our own."""
        limits = self.facts.provider.limits(self.facts.lane.options)
        assert isinstance(limits, Limits)
        assert limits.concurrent


def _wrong_defaults(fields: Mapping[str, Field]) -> list[Any]:
    given = {name: spec.default for name, spec in fields.items() if spec.default not in (None, "")}
    return check_params(Operation("defaults", "json", {name: fields[name] for name in given}), "defaults", given)
