"""What a job may say: frozen models, unknown keys refused, every field described for the editor that shows it.

Validated once at the door (`runner.job.load`); behind it nobody asks whether a key is there. A key that is written must have a
value: an empty `budget:` is a mistake, not a budget without end. The models avoid what JSON Schema draft-07 readers cannot follow
(tuples), and unions are read by one function each, so a wrong value gives one sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    PlainValidator,
    Tag,
    WithJsonSchema,
    model_validator,
)

from runner.fields import Problem
from runner.job.axes import ENTRIES, MATRIX_SCHEMA, axes_problems
from runner.job.expect_form import Expect
from runner.job.export_form import Export
from runner.job.finish_form import Finish
from runner.job.forms import (
    EXPRESSION_SCHEMA,
    NAME,
    Amount,
    Cron,
    Delimiter,
    Duration,
    Encoding,
    Percent,
    Slug,
    Timezone,
    Use,
    Version,
    is_expression,
    read_address,
    read_name,
    wrongs,
)
from runner.job.spec import Spec
from runner.job.speech import say

__all__ = ["Budget", "Expect", "Export", "Feed", "Job", "JobBudget", "Output", "Spec", "StepSpec"]

FeedFormat: TypeAlias = Literal["auto", "csv", "tsv", "json", "jsonl", "merchant", "parquet", "xlsx"]


def _without_nul(text: str) -> str:
    """Texts here become paths and names, and no system can have one with NUL in it."""
    if "\0" in text:
        raise ValueError("holds a NUL character; take it out")
    return text


Text: TypeAlias = Annotated[str, Field(min_length=1), AfterValidator(_without_nul)]
Name: TypeAlias = Annotated[str, AfterValidator(read_name), Field(json_schema_extra={"pattern": f"^{NAME.pattern}$"})]

MOST_VARIANTS: Final = 1000
WORD_TAG: Final = "<word>"
MAP_TAG: Final = "<map>"
"""Tags of a union's branches. pydantic puts them into the way to an error; no path shown to a person has them."""


def _local_or_safe(text: str) -> str:
    """A feed at an address is trusted with what is bought, so nobody may change it on the way."""
    return read_address(text) if "://" in text else text


class Guard(Spec):
    """What a feed must look like before anything is spent on it or retired because of it."""

    NOUN: ClassVar[str] = "a guard"
    min_rows: int = Field(
        1, ge=0, description="Fewer rows than this stop the run before anything is sent; 0: even `where` may leave none."
    )
    max_drop: Percent | None = Field(
        None, description="Stop when the feed lost more than this share of its rows since the last run."
    )
    same_kinds: bool = Field(
        True, description="Stop when a column that templates read holds values of another kind (text, number, list …) than before."
    )


class Feed(Spec):
    """Where the rows come from and how to read them."""

    NOUN: ClassVar[str] = "a feed"
    path: Annotated[Text, AfterValidator(_local_or_safe)] = Field(
        description="File, glob or https:// address; relative to the job file.",
        examples=["../examples/feeds/products.xml", "feeds/*.csv.gz", "https://example.com/feed.xml"],
    )
    format: FeedFormat = Field(
        "auto", description="auto goes by the name and the first bytes; merchant is RSS, Atom or RDF with g: fields."
    )
    key: Text = Field("id", description="The column that names a row; its values must be unique.", examples=["id", "sku"])
    where: Text | None = Field(
        None,
        description="A Jinja expression; only rows for which it is true are used.",
        examples=["row.availability == 'in_stock' and row.price.amount < 50"],
    )
    limit: int | None = Field(None, ge=1, description="At most this many rows, counted after `where`.", examples=[50])
    guard: Guard = Field(default_factory=Guard, description="What the feed must look like before money is spent.")
    encoding: Encoding | None = Field(None, description="Text encoding of the file; utf-8 (with or without BOM) where not given.")
    delimiter: Delimiter | None = Field(None, description="The character between cells of a CSV file.")
    header_line: int | None = Field(None, ge=1, description="The line that holds the column names, counted from 1.")
    fields: dict[str, Text] = Field(
        default_factory=dict, description="Renames: our name, then its name in the feed.", examples=[{"title": "Product name"}]
    )


class Matrix(Spec):
    """The axes a job varies over. In YAML a flat map: each axis by its name, and beside them `include` and `exclude`."""

    NOUN: ClassVar[str] = "a matrix"
    axes: dict[str, list[Any]] = Field(default_factory=dict)
    include: list[dict[str, Any]] = Field(default_factory=list)
    exclude: list[dict[str, Any]] = Field(default_factory=list)


def read_matrix(value: object) -> Matrix:
    """The flat map of YAML as a Matrix. Raises with every mistake in it at once."""
    if isinstance(value, Matrix):
        return value
    if not isinstance(value, Mapping):
        raise ValueError(f"needs a map of axes, such as locale: [en-US, de-DE]; got {say(value)}")
    problems = list(axes_problems(value))
    if problems:
        raise wrongs(problems)
    axes = {name: values for name, values in value.items() if name not in ENTRIES}
    return Matrix(axes=axes, include=value.get("include", []), exclude=value.get("exclude", []))


class Retry(Spec):
    """Ask again, at the risk of paying twice, when nobody can tell whether a request was accepted."""

    NOUN: ClassVar[str] = "uncertain"
    retry: int = Field(1, ge=1, le=10, description="How many times to ask again.")
    max_cost: Amount | None = Field(None, description="Never risk more than this on asking again.")


def _read_uncertain(value: Any) -> Any:
    return {"retry": 1} if value == "retry" else value


def _uncertain_branch(value: Any) -> str | None:
    if isinstance(value, Mapping | Retry):
        return MAP_TAG
    return WORD_TAG if value == "report" else None


Uncertain: TypeAlias = Annotated[
    Annotated[Literal["report"], Tag(WORD_TAG)] | Annotated[Retry, Tag(MAP_TAG)],
    Discriminator(
        _uncertain_branch,
        custom_error_type="wrong_form",
        custom_error_message="needs report, retry, or a map such as {retry: 1, max_cost: 2 USD}",
    ),
    BeforeValidator(_read_uncertain, json_schema_input_type=Literal["report", "retry"] | Retry),
]


def _read_with(value: object) -> dict[str, Any] | str:
    if isinstance(value, dict):
        return value
    if is_expression(value):
        return str(value)
    raise ValueError(f"needs a map of the vendor's fields, or one {{{{ expression }}}} that gives a map; got {say(value)}")


WITH_SCHEMA: Final[Mapping[str, Any]] = {
    "anyOf": [
        {
            "type": "object",
            "additionalProperties": {
                "description": "A value, text with {{ expressions }}, or {template: file.j2} for text from the templates folder."
            },
        },
        {**EXPRESSION_SCHEMA, "description": "One expression that gives a map.", "examples": ["{{ row | omit('metadata') }}"]},
    ]
}
With: TypeAlias = Annotated[dict[str, Any] | str, PlainValidator(_read_with), WithJsonSchema(dict(WITH_SCHEMA))]


class Budget(Spec):
    """What may be spent; nothing is sent beyond it."""

    NOUN: ClassVar[str] = "a budget"
    cost: Amount | None = Field(None, description="The most that may be spent.")
    requests: int | None = Field(None, ge=0, description="The most requests that may be sent.", examples=[10000])


class StepSpec(Spec):
    """One thing to ask of one vendor. Steps form a graph by the names they read (`steps.headline.text`)."""

    NOUN: ClassVar[str] = "a step"
    use: Use = Field(description="The provider and its operation; `adbatch providers` lists them.")
    with_: With = Field(
        default_factory=dict,
        alias="with",
        description="The operation's fields, under the vendor's own names.",
        examples=[{"prompt": {"template": "headline.j2"}}, {"image": "{{ steps.cutout.file }}", "seed": "{{ seed }}"}],
    )
    when: Text | None = Field(
        None, description="A Jinja expression; the step is skipped where it is false.", examples=["row.product_type is defined"]
    )
    save: Text | None = Field(
        None,
        description="Path of the output below output.dir, without its extension; KEY/STEP where not given.",
        examples=["{{ row.id }}/{{ matrix.locale }}/scene-{{ variant }}"],
    )
    expect: Expect | None = Field(None, description="What the answer must be like.")
    finish: Finish | None = Field(None, description="What its pictures are made into before they are judged and published.")
    budget: Budget | None = Field(None, description="The most this step may spend in a run.")
    again: int = Field(1, ge=1, description="Raise it to buy the same thing anew, on purpose.")
    uncertain: Uncertain = Field(
        "report", description="What to do when nobody can tell whether a request was accepted (and billed)."
    )

    lane: Literal["direct", "batch"] = Field(
        "direct", description="batch: gathered into files, answered within a day at the vendor's lower price; direct: one by one."
    )

    @property
    def provider(self) -> str:
        """The lane of `use`: the provider's name in the project file."""
        return self.use.partition("/")[0]

    @property
    def operation(self) -> str:
        """The operation of `use`."""
        return self.use.partition("/")[2]


class JobBudget(Budget):
    """The budget of a run, and of single providers within it."""

    providers: dict[str, Budget] = Field(
        default_factory=dict, description="Budgets of single providers, by name.", examples=[{"sivi": {"requests": 100}}]
    )


class Output(Spec):
    """Where the files go."""

    NOUN: ClassVar[str] = "output"
    dir: Text = Field(
        description="The folder for files, results and manifest; relative to the job file.", examples=["../out/summer-sale"]
    )
    publish: Literal["all", "approved"] = Field(
        "all", description="What goes there: all files, or those approved in decisions.yaml beside the job (`adbatch report`)."
    )
    mark: bool = Field(
        True, description="Whether published pictures state in their XMP how they were made (IPTC Digital Source Type)."
    )


class Refresh(Spec):
    """When to run again, and what is too old to be used again."""

    NOUN: ClassVar[str] = "refresh"
    cron: Cron | None = Field(
        None, description="Minute, hour, day, month, weekday; the operating system schedules (`adbatch schedule`)."
    )
    max_age: Duration | None = Field(None, description="Results older than this are bought anew.")
    timezone: Timezone = Field("UTC", description="The time zone that cron is meant in, by its IANA name.")
    jitter: Duration | None = Field(None, description="How much later a run may start at most; 5m where not given.")

    @model_validator(mode="after")
    def _says_when(self) -> Refresh:
        if self.cron is None and self.max_age is None:
            raise wrongs([Problem((), "says neither when nor how old; give it cron, max_age or both")])
        return self


class Job(Spec):
    """A batch: feed × matrix × variants, through templated steps."""

    NOUN: ClassVar[str] = "a job"
    version: Version = Field(description="The version of this format.")
    name: Slug = Field(description="The job's name; it takes part in every seed, so renaming changes pictures.")
    feed: Feed = Field(description="Where the rows come from.")
    vars: dict[str, Any] = Field(
        default_factory=dict,
        description="Values every template can read as vars.NAME.",
        examples=[{"brand": "Acme", "season": "summer"}],
    )
    matrix: Annotated[Matrix, PlainValidator(read_matrix), WithJsonSchema(dict(MATRIX_SCHEMA))] = Field(
        default_factory=Matrix, description="Axes to vary over: each row is made once for every combination of their values."
    )
    variants: int = Field(1, ge=1, le=MOST_VARIANTS, description="Repeats of each cell; `variant` is 1..n and changes `seed`.")
    steps: dict[Name, StepSpec] = Field(min_length=1, description="What to ask of whom, by the name other steps read it under.")
    budget: JobBudget | None = Field(None, description="Ceilings of this job; it can only lower the project's.")
    output: Output = Field(description="Where the files go.")
    refresh: Refresh | None = Field(None, description="When to run again, and what is too old.")
    export: dict[Name, Export] = Field(
        default_factory=dict, description="Feeds that carry the results elsewhere, by name; written to output.dir/export/."
    )
