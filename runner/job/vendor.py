"""What a vendor's description may say: a provider written as YAML, for a vendor whose file nobody has written in Python.

A description is frozen and strict like a job; whether its parts fit each other is `runner.job.vendor_checks`'s to say. Behind
the door `runner.providers.described` makes calls and verdicts of it and need not doubt it. Fields are written as JSON Schema writes
them, with two types of our own: `image` (a URL, a path or a step's file) and `any`.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal, TypeAlias

from pydantic import Field, model_validator

from runner.fields import Gives
from runner.job.forms import BaseUrl, Duration, Slug, Version
from runner.job.model import Name, Spec, Text
from runner.job.project import LimitsSpec, PriceSpec
from runner.job.vendor_forms import HeaderName, Host, Page, Query, QueryValue, SecretForm, Status, Types

Means: TypeAlias = Literal["busy", "broken", "lost", "refused", "barred"]
Unit: TypeAlias = Literal["ms", "s", "m", "h", "date", "epoch"]


class SecretSpec(Spec):
    """A secret of the account, and the one header it travels in."""

    NOUN: ClassVar[str] = "a secret"
    env: Text = Field(description="The environment variable it is in where the project file says nothing.", examples=["ACME_KEY"])
    header: HeaderName = Field(description="The header that carries it.", examples=["Authorization", "x-api-key"])
    form: SecretForm = Field("{}", description="What stands around it in the header.", examples=["Bearer {}"])
    optional: bool = Field(False, description="It may be missing; then it is used only where the project file names it.")


class FieldSpec(Spec):
    """One field, as JSON Schema describes it."""

    NOUN: ClassVar[str] = "a field"
    type: Types | None = Field(None, description="Its type, or [type, null]; `any` where nothing tells.")
    description: str = Field("", description="What the vendor says of it.")
    enum: list[Any] | None = Field(None, min_length=1, description="The values allowed.")
    open_enum: bool = Field(False, description="The list of values is known to move: other texts pass too.")
    minimum: float | None = Field(None, description="The least number allowed.")
    maximum: float | None = Field(None, description="The greatest number allowed.")
    min_length: int | None = Field(None, alias="minLength", ge=0, description="The fewest characters.")
    max_length: int | None = Field(None, alias="maxLength", ge=0, description="The most characters.")
    pattern: Text | None = Field(None, description="A regular expression that the whole text matches.")
    items: FieldSpec | None = Field(None, description="What each item of an array is.")
    min_items: int | None = Field(None, alias="minItems", ge=0, description="The fewest items.")
    max_items: int | None = Field(None, alias="maxItems", ge=0, description="The most items.")
    properties: dict[str, FieldSpec] = Field(default_factory=dict, description="What an object holds.")
    required: list[str] = Field(default_factory=list, description="The properties an object needs.")
    additional: bool = Field(False, alias="additionalProperties", description="An object may hold further properties.")
    default: Any = Field(None, description="What the vendor assumes (of an option: what is taken) where nothing is given.")
    takes: list[Literal["url", "base64"]] | None = Field(
        None, min_length=1, description="How an image may travel in JSON: as its URL, as base64, or both."
    )
    form: Text | None = Field(
        None, description="How base64 stands in JSON: {type}, {data}.", examples=["data:{type};base64,{data}"]
    )
    option: Text | None = Field(None, description="The account's option that fills it in where the job does not.")
    assumed: bool = Field(False, description="The vendor's documents do not say so.")


class RuleSpec(Spec):
    """A rule between fields: one of these words, and what to say where it is broken."""

    NOUN: ClassVar[str] = "a rule"
    wrong_if: Query | None = Field(None, description="A query over the params that is true where they are wrong.")
    one_of: list[Text] | None = Field(None, min_length=2, description="Exactly one of these fields is given.")
    any_of: list[Text] | None = Field(None, min_length=2, description="At least one of these fields is given.")
    excludes: list[Text] | None = Field(None, min_length=2, description="At most one of these fields is given.")
    requires: dict[str, list[Text]] | None = Field(None, min_length=1, description="Who gives this field gives these too.")
    at_most: int | None = Field(None, ge=0, description="So many items over the lists of the fields `of`, taken together.")
    of: list[Text] | None = Field(None, min_length=1, description="The fields whose lists `at_most` counts.")
    message: Text | None = Field(None, description="What to say where it is broken.")

    @model_validator(mode="after")
    def _is_one_rule(self) -> RuleSpec:
        words = ("wrong_if", "one_of", "any_of", "excludes", "requires", "at_most")
        given = [word for word in words if getattr(self, word) is not None]
        if len(given) != 1:
            raise ValueError("needs exactly one of wrong_if, one_of, any_of, excludes, requires and at_most")
        if (self.at_most is None) != (self.of is None):
            raise ValueError("at_most and of belong together: {at_most: 4, of: [images, logos]}")
        if self.wrong_if is not None and self.message is None:
            raise ValueError("wrong_if needs a message that says what is wrong and what to do")
        return self


class CountSpec(Spec):
    """How many results were asked for, and how many there are: fewer are noted beside the result."""

    NOUN: ClassVar[str] = "count"
    asked: Text = Field(description="The field that says how many are wanted.", examples=["n"])
    found: Query = Field(description="A list, or a number.", examples=["data[]"])


class AnswerSpec(Spec):
    """Where the result stands in an answer. Of a file, what is found first counts: bytes, links, base64."""

    NOUN: ClassVar[str] = "answer"
    bytes_: bool = Field(
        False, alias="bytes", description="The body itself, if it begins as a picture or video or is declared one."
    )
    text: Query | None = Field(None, description="A text; a list of texts is joined by line breaks.")
    links: Query | None = Field(None, description="URLs to download: a text or lists of texts, however nested.")
    base64: Query | None = Field(None, description="Pictures in base64 (with or without data:…;base64,): a text or lists of texts.")
    json_: Query | None = Field(None, alias="json", description="A JSON value that is itself the result.")
    count: CountSpec | None = Field(None, description="How to notice that fewer came than were asked for.")

    @property
    def kinds(self) -> frozenset[str]:
        """What can be found by it: `text`, `file`, `json`."""
        files = {"file"} if self.bytes_ or self.links or self.base64 else set()
        return frozenset({*files, *(["text"] if self.text else []), *(["json"] if self.json_ else [])})


class StatesSpec(Spec):
    """How a queued job's state is told by a word. Case and surrounding spaces do not matter; an unknown word means: running."""

    NOUN: ClassVar[str] = "states"
    at: Query = Field(description="Where the word stands.", examples=["status"])
    done: list[Text] = Field(default_factory=list, description="Words that mean: the result is there.")
    failed: list[Text] = Field(default_factory=list, description="Words that mean: it will never be there.")
    running: list[Text] = Field(default_factory=list, description="Words that mean: ask again.")


class StatusesSpec(Spec):
    """How a queued job's state is told by the HTTP status of a poll."""

    NOUN: ClassVar[str] = "statuses"
    running: list[int] = Field(default_factory=list, description="Ask again.", examples=[[202]])
    done: list[int] = Field(default_factory=list, description="The result is there.", examples=[[200]])


class PollingSpec(Spec):
    """When a queued job is asked for."""

    NOUN: ClassVar[str] = "polling"
    first: Duration = Field(1, description="So long after it was accepted.")
    factor: float = Field(1.5, ge=1, le=10, description="So many times longer each time.")
    cap: Duration = Field(15, description="At most so long apart.")


class ResultSpec(Spec):
    """Where the result of a job that is done is asked for, if not where its state is told."""

    NOUN: ClassVar[str] = "result"
    path: Text | None = Field(None, description="Below base_url, with {ticket}.", examples=["/jobs/{ticket}/result"])
    url: Query | None = Field(
        None, description="Where the answer that says so names the URL; at base_url's host, or at one of `hosts`."
    )


class TokensSpec(Spec):
    """How an operation uses up limits in tokens: estimated before it is sent, settled by what the answer counts."""

    NOUN: ClassVar[str] = "tokens"
    most: Query | None = Field(None, description="A query over the params: how many the answer may have.", examples=["max_tokens"])
    used: Query = Field(description="How many were used: a number, or numbers to be added.", examples=["usage.total_tokens"])


class PollSpec(Spec):
    """How to ask for a queued job: at a path with {ticket}, or at the URL that the answer to the submit names."""

    NOUN: ClassVar[str] = "poll"
    path: Text | None = Field(None, description="Below base_url, with {ticket}.", examples=["/jobs/{ticket}"])
    url: Query | None = Field(
        None, description="Where the submit's answer names the URL to ask; at base_url's host, or at one of `hosts`."
    )
    query: dict[str, QueryValue] = Field(default_factory=dict, description="Query parameters.")
    option: Text | None = Field(None, description="Ask only where the account has this option; else the ticket is the result.")
    gives: Gives | None = Field(None, description="What the operation gives where it is polled.")
    states: StatesSpec | None = Field(None, description="The state by a word.")
    statuses: StatusesSpec | None = Field(None, description="The state by the HTTP status.")
    done_if: Query | None = Field(
        None, description="True where the job is done, if its result is there; stands over all but failed words."
    )
    failed_if: Query | None = Field(None, description="True where the job has failed, though its word says that it is done.")
    reason: Query | None = Field(None, description="Where the reason of a failure stands.")
    result: ResultSpec | None = Field(None, description="Where the result is asked for once the job is done.")
    answer: AnswerSpec = Field(description="Where the result stands.")


class OperationSpec(Spec):
    """One thing that can be asked for."""

    NOUN: ClassVar[str] = "an operation"
    summary: Text = Field(description="What it is for, in a line.")
    doc: Page | None = Field(None, description="The vendor's page; the description's own where not given.")
    gives: Gives = Field(description="What `steps.NAME` offers afterwards; task: only an id.")
    path: Text = Field(
        description="Below base_url; {options.NAME} and {params.NAME} are filled in, percent-encoded; {+options.NAME} as it is."
    )
    method: Literal["POST", "PUT", "GET"] = Field(
        "POST", description="How it is asked for. A GET has no body: all it says stands in its path and query."
    )
    query: dict[str, QueryValue] = Field(default_factory=dict, description="Query parameters.")
    body: Literal["json", "multipart"] = Field("json", description="How the params travel.")
    lists: Literal["json", "brackets", "repeat"] = Field("json", description="A list in multipart: as JSON, name[]=a, or name=a.")
    send: dict[str, Any] = Field(
        default_factory=dict, description="What the body holds besides: constants, options, and params in another place or name."
    )
    fields: dict[str, FieldSpec] = Field(default_factory=dict, description="The fields a job gives, under the vendor's names.")
    required: list[str] = Field(default_factory=list, description="The fields a job must give.")
    open: bool = Field(False, description="Fields beyond these are passed on.")
    rules: list[RuleSpec] = Field(default_factory=list, description="Rules between fields.")
    answer: AnswerSpec = Field(default_factory=AnswerSpec, description="Where the result stands in the submit's answer.")
    id: Query | None = Field(None, description="Where the job's id stands in the submit's answer.")
    poll: PollSpec | None = Field(None, description="How to ask for a queued job.")
    polling: PollingSpec | None = Field(None, description="When to ask for it.")
    deadline: Duration = Field(600, description="How long a job may stay queued or running before it is left for the next run.")
    price: PriceSpec | None = Field(None, description="The most that one request costs.")
    tokens: TokensSpec | None = Field(None, description="How it uses up limits in tokens.")
    examples: list[dict[str, Any]] = Field(default_factory=list, description="Params that `adbatch providers test` sends.")


class TellingSpec(Spec):
    """What an answer means, told by its status and body; the first that fits counts. All that is given must fit."""

    NOUN: ClassVar[str] = "a telling"
    status: list[Status] | None = Field(None, min_length=1, description="Statuses; failures of any status where not given.")
    says: Text | None = Field(None, description="A text its message holds, whatever the case.", examples=["credit"])
    if_: Query | None = Field(None, alias="if", description="A query over the body that is true.")
    step: Literal["submit", "poll"] | None = Field(None, description="Only of answers to this; of both where not given.")
    means: Means = Field(
        description="busy: too fast; broken: not accepted, try again; lost: perhaps accepted; refused: never; barred: account"
    )
    billed: bool = Field(False, description="A refusal that is charged for.")

    @model_validator(mode="after")
    def _says_when(self) -> TellingSpec:
        if self.says is None and self.if_ is None:
            raise ValueError("needs says or if; what a status alone means stands under errors.status")
        if self.billed and self.means != "refused":
            raise ValueError(f"billed speaks of what was carried out and refused; this one means {self.means}")
        return self


class ErrorsSpec(Spec):
    """What failures mean. Where nothing is said: 401 and 402 bar the account, 425 and 429 are busy, other 4xx refused, 5xx lost."""

    NOUN: ClassVar[str] = "errors"
    status: dict[Status, Means] = Field(default_factory=dict, description="By status, or by a hundred of them (5xx).")
    told: list[TellingSpec] = Field(default_factory=list, description="By what the body says; stands over `status`.")
    message: Query | None = Field(None, description="Where the message stands; looked for in the usual places where not given.")


class WaitSpec(Spec):
    """Where a busy vendor says how long to wait. Retry-After is always understood."""

    NOUN: ClassVar[str] = "wait"
    header: HeaderName | None = Field(None, description="A header.", examples=["retry-after-ms"])
    body: Query | None = Field(None, description="A way in the body.", examples=["error.details[].retryDelay | [0]"])
    unit: Unit = Field("s", description="Of a bare number; a text such as 45.8s or 1m30s has its own. epoch: seconds since 1970.")

    @model_validator(mode="after")
    def _is_somewhere(self) -> WaitSpec:
        if (self.header is None) == (self.body is None):
            raise ValueError("needs exactly one of header and body")
        return self


class EnvelopeSpec(Spec):
    """A status and a body that the vendor wraps into every answer."""

    NOUN: ClassVar[str] = "envelope"
    status: Query | None = Field(None, description="Where the true status code stands.", examples=["status"])
    body: Query | None = Field(
        None, description="Where all that queries look for stands; the whole where it is missing.", examples=["body"]
    )
    believe: Literal["worse", "envelope"] = Field("worse", description="Whom, where HTTP says 200 and the envelope something else.")


class Vendor(Spec):
    """A vendor, described."""

    NOUN: ClassVar[str] = "a vendor's description"
    version: Version = Field(1, description="The version of this format.")
    name: Slug = Field(description="The vendor's name in messages.")
    doc: Page = Field(description="The vendor's documentation.")
    base_url: BaseUrl = Field(description="Where its API is; an account may set another.")
    hosts: list[Host] = Field(
        default_factory=list, description="Further hosts of the vendor that its answers may send polls (and the key) to."
    )
    secrets: dict[Slug, SecretSpec] = Field(default_factory=dict, description="The account's secrets; they travel in headers only.")
    headers: dict[HeaderName, str] = Field(
        default_factory=dict, description="Headers of every call; one with an option that is not set is left out."
    )
    options: dict[Name, FieldSpec] = Field(
        default_factory=dict, description="Settings of an account. One without a default that cannot be null must be given."
    )
    limits: LimitsSpec = Field(
        default_factory=LimitsSpec, description="The documented limits; eight at once where nothing is said."
    )
    envelope: EnvelopeSpec | None = Field(None, description="What every answer is wrapped in.")
    errors: ErrorsSpec = Field(default_factory=ErrorsSpec, description="What failures mean.")
    wait: list[WaitSpec] = Field(
        default_factory=list, description="Where the time to wait stands; the first that says something counts."
    )
    operations: dict[Slug, OperationSpec] = Field(min_length=1, description="What can be asked for.")
    sandbox: Text | None = Field(None, description="Which emulated vendor plays it in `--sandbox`.", examples=["jivox"])
