"""What `adbatch.yaml` may say: accounts, keys by name, limits, prices, ceilings.

Accounts live here and never in a job, so a job from a pull request cannot redirect a key. Keys are named, never written: a literal
is refused. A provider's own settings are unknown to this room; they are let through as `options`, and the provider's declared
options check them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Literal, TypeAlias

from pydantic import AfterValidator, ConfigDict, Field, PlainValidator, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from runner.fields import Problem
from runner.job.forms import BaseUrl, Currency, Duration, Price, Rate, Version, read_address, read_slug, read_use, wrongs
from runner.job.model import Budget, Spec, Text
from runner.job.speech import say
from runner.records import BY_BATCH, Limits

LITERAL_SECRET: Final = "literal_secret"
SECRET_WORDS: Final = frozenset({"env", "file"})
DESCRIBED: Final = "http"
"""The kind of an account whose vendor a YAML file describes."""


class SecretRef(Spec):
    """Where a secret is to be found: the name of an environment variable, or the path of a file. Never the secret."""

    NOUN: ClassVar[str] = "a secret"
    env: Text | None = Field(None, description="Name of an environment variable.", examples=["JIVOX_API_KEY"])
    file: Text | None = Field(
        None, description="Path of a file that holds nothing but the secret.", examples=["/run/secrets/placewise"]
    )


SECRET_SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "title": "Secret",
    "description": "Where the secret is: exactly one of env and file. Never the secret itself.",
    "properties": {
        "env": {"type": "string", "minLength": 1, "description": "Name of an environment variable.", "examples": ["JIVOX_API_KEY"]},
        "file": {"type": "string", "minLength": 1, "description": "Path of a file.", "examples": ["/run/secrets/placewise"]},
    },
    "additionalProperties": False,
    "minProperties": 1,
    "maxProperties": 1,
}


def read_secret(value: object) -> SecretRef:
    """`{env: NAME}` or `{file: PATH}`. A literal is refused, and never repeated in the message."""
    if isinstance(value, SecretRef):
        return value
    if not isinstance(value, Mapping) or not value.keys() <= SECRET_WORDS:
        raise PydanticCustomError(LITERAL_SECRET, "a key is never written into a file; write {env: NAME} or {file: PATH}")
    if len(value) != 1:
        raise ValueError("needs exactly one of env and file: {env: NAME} or {file: PATH}")
    [(word, where)] = value.items()
    if not isinstance(where, str) or not where.strip():
        what = "the name of an environment variable" if word == "env" else "the path of a file"
        raise wrongs([Problem((word,), f"needs {what}; got {say(where)}")])
    return SecretRef(**{word: where})


def _read_setting(value: Any) -> Any:
    """A setting of the provider's own; a map of nothing but env or file is a secret's place."""
    if isinstance(value, Mapping) and value and value.keys() <= SECRET_WORDS:
        return read_secret(value)
    return value


Secret: TypeAlias = Annotated[SecretRef, PlainValidator(read_secret), WithJsonSchema(dict(SECRET_SCHEMA))]


def read_priced(value: str) -> str:
    """What has a price: `provider/operation`, or `provider/operation@batch` for its price by batch."""
    read_use(value.removesuffix(BY_BATCH))
    return value


def read_state(value: str) -> str:
    """The path of a folder, as written: nothing in it is expanded, so that the same file means the same everywhere."""
    if value.startswith("~") or "$" in value:
        raise ValueError(f"is {value}; neither ~ nor $ is expanded here: write an absolute path, or one relative to this file")
    return value


def read_place(value: object) -> str | SecretRef:
    """Where to send something: an address, or where an address is kept, for many are as good as a key."""
    if isinstance(value, Mapping) and not value.keys() <= SECRET_WORDS:
        raise ValueError("needs an https address, or the place of one: {env: NAME} or {file: PATH}")
    return read_secret(value) if isinstance(value, Mapping | SecretRef) else read_address(value)


ADDRESS_SCHEMA: Final[Mapping[str, Any]] = {
    "anyOf": [
        {"type": "string", "pattern": "^https?://[^/].*", "description": "Plain http only for this machine."},
        dict(SECRET_SCHEMA),
    ]
}
Place: TypeAlias = Annotated[str | SecretRef, PlainValidator(read_place), WithJsonSchema(dict(ADDRESS_SCHEMA))]
Event: TypeAlias = Literal["start", "success", "failure"]


class Notify(Spec):
    """Who is told of runs. It stands in the project file only, so no job can send news of the project elsewhere."""

    NOUN: ClassVar[str] = "notify"
    webhook: Place | None = Field(None, description="Gets a JSON document by POST.", examples=[{"env": "ADBATCH_WEBHOOK"}])
    ping: Place | None = Field(
        None, description="A check as Healthchecks has them: told of start, success and exit code.", examples=[{"env": "PING_URL"}]
    )
    on: list[Event] = Field(
        default=["start", "success", "failure"], min_length=1, description="What is told.", examples=[["failure"]]
    )

    @model_validator(mode="after")
    def _somebody(self) -> Notify:
        if self.webhook is None and self.ping is None:
            raise ValueError("tells nobody; give it a webhook or a ping, such as {ping: {env: PING_URL}}")
        return self


class LimitsSpec(Spec):
    """The account's limits; what is not given stays as the vendor documents it."""

    NOUN: ClassVar[str] = "limits"
    rate: list[Rate] | None = Field(None, description="Sliding windows, all of which hold.", examples=[["50/1m", "10/1s"]])
    tokens: list[Rate] | None = Field(
        None,
        description="As rate, in tokens: estimated before, settled by what the vendor counts. A request that weighs more than a "
        "window goes when the window is empty.",
        examples=[["200000/1m"]],
    )
    concurrent: int | None = Field(None, ge=1, description="At most this many calls in flight.", examples=[4])
    queued: int | None = Field(None, ge=1, description="At most this many jobs open at the vendor.", examples=[10])
    polls_count: bool | None = Field(None, description="Whether asking for a queued job uses up the rate.")
    deadline: Duration | None = Field(
        None, description="How long a job may stay queued or running before it is left for the next run.", examples=["15m"]
    )

    def over(self, documented: Limits) -> Limits:
        """The limits in force: these where given, the vendor's `documented` ones elsewhere. `rate: []` lifts the windows."""
        return Limits(
            documented.rate if self.rate is None else tuple(self.rate),
            documented.concurrent if self.concurrent is None else self.concurrent,
            documented.queued if self.queued is None else self.queued,
            documented.polls_count if self.polls_count is None else self.polls_count,
            documented.deadline if self.deadline is None else float(self.deadline),
            documented.tokens if self.tokens is None else tuple(self.tokens),
        )


class ProviderSpec(Spec):
    """One account at one vendor: a lane. Any further key is a setting of the provider's own."""

    NOUN: ClassVar[str] = "a provider"
    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Annotated[Any, PlainValidator(_read_setting)]]
    kind: Text | None = Field(None, description="Which provider speaks to it; its own name where not given.", examples=["openai"])
    describe: Text | None = Field(
        None, description="A vendor's description (kind: http), a file below this one's folder.", examples=["vendors/acme.yaml"]
    )
    key: Secret | None = Field(None, description="Where the API key is.", examples=[{"env": "JIVOX_API_KEY"}])
    base_url: BaseUrl | None = Field(None, description="Another address of the same API; plain http only for this machine.")
    limits: LimitsSpec | None = Field(None, description="The account's limits, where they differ from the documented ones.")

    @model_validator(mode="after")
    def _is_described(self) -> ProviderSpec:
        if self.kind == DESCRIBED and self.describe is None:
            raise ValueError(
                f"is of kind {DESCRIBED} and needs describe: the file that describes the vendor, such as vendors/acme.yaml"
            )
        if self.describe is not None and self.kind not in (None, DESCRIBED):
            raise wrongs([Problem(("kind",), f"is {self.kind}; what has a description is of kind {DESCRIBED}")])
        return self

    @property
    def options(self) -> dict[str, Any]:
        """The provider's own settings as written, without secrets; not yet checked against what the provider declares."""
        return {name: value for name, value in self.__pydantic_extra__.items() if not isinstance(value, SecretRef)}

    @property
    def secrets(self) -> dict[str, SecretRef]:
        """Where each secret is, by its name: `key` and any further one (`user_key: {env: NAME}`)."""
        further = {name: value for name, value in self.__pydantic_extra__.items() if isinstance(value, SecretRef)}
        return further if self.key is None else {"key": self.key, **further}


class PriceSpec(Spec):
    """What one request of an operation costs at most."""

    NOUN: ClassVar[str] = "a price"
    each: Price = Field(description="The price of one request.")
    currency: Currency = Field(description="Its currency.", examples=["USD", "credits"])


class Project(Spec):
    """The project: accounts, keys by name, limits, prices and ceilings. Every field has a default."""

    NOUN: ClassVar[str] = "a project"
    version: Version = Field(1, description="The version of this format.")
    state: Annotated[Text, AfterValidator(read_state)] = Field(
        ".adbatch", description="Folder of journal, blobs and feed snapshots, of its own; absolute, or relative to this file."
    )
    templates: Text = Field("templates", description="Folder of {template: …} files; relative to this file.")
    fonts: list[Text] = Field(
        default_factory=list,
        description="Font files (.ttf, .otf) that local/compose draws with, relative to this file; the first is the usual one.",
        examples=[["templates/fonts/Inter-Medium.otf"]],
    )
    providers: dict[Annotated[str, AfterValidator(read_slug)], ProviderSpec] = Field(
        default_factory=dict, description="Accounts by the name a job's `use` gives them."
    )
    prices: dict[Annotated[str, AfterValidator(read_priced)], PriceSpec] = Field(
        default_factory=dict,
        description="Prices by provider/operation, with @batch at its end for that by batch; unknown stays unknown, never 0.",
    )
    budget: Budget | None = Field(None, description="Ceilings of every run; a job may only lower them.")
    notify: Notify | None = Field(None, description="Who is told that a live run starts and how it ended.")
