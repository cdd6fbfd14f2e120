"""`expect:` as a job writes it: what an answer must be like, and what becomes of one that is not.

Numbers may be `{{ expressions }}`, so that one step can expect another size of each cell. Limits of ad platforms come from a pack
(`runner.packs`); what stands beside `pack:` goes before it, field by field.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Literal, TypeAlias

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema, model_validator

from runner.fields import Problem, suggest
from runner.job.forms import EXPRESSION_SCHEMA, Size, Whole, is_expression, read_amount, wrongs
from runner.job.spec import Spec
from runner.job.speech import say
from runner.packs.shelf import PACKS

FileFormat: TypeAlias = Literal["jpeg", "png", "webp", "gif", "avif", "mp4"]
ColourMode: TypeAlias = Literal["rgb", "grey", "palette", "cmyk", "ycbcr", "lab", "hsv"]
Must: TypeAlias = Literal["required", "forbidden", "allowed"]

RATIO: Final = re.compile(r"([0-9]{1,5}(?:\.[0-9]{1,4})?):([0-9]{1,5}(?:\.[0-9]{1,4})?)")
PIXELS: Final = re.compile(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})")
SHARE: Final = re.compile(r"([0-9]{1,2}(?:\.[0-9]{1,6})?)%")
MOST_RETRIES: Final = 10
BITS: Final = 64


def read_ratio(value: object) -> str:
    """`1.91:1`, or a `{{ expression }}` that will give such a text."""
    found = RATIO.fullmatch(value) if isinstance(value, str) else None
    if isinstance(value, str) and (is_expression(value) or (found is not None and float(found[1]) and float(found[2]))):
        return value
    raise ValueError(f'needs width to height, such as "1.91:1"; got {say(value)}')


def read_pixels(value: object) -> str:
    """`300x250`."""
    if isinstance(value, str) and PIXELS.fullmatch(value):
        return value
    raise ValueError(f"needs width x height, such as 300x250; got {say(value)}")


def read_tolerance(value: object) -> str:
    """`1%`, below 100%."""
    if isinstance(value, str) and SHARE.fullmatch(value):
        return value
    raise ValueError(f"needs a percentage below 100%, such as 1%; got {say(value)}")


def read_bits(value: object) -> int | str:
    """0 to 64 bits, or a `{{ expression }}` that will give them."""
    if is_expression(value):
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= BITS:
        return value
    raise ValueError(f"needs how many of 64 bits may differ, such as 6; got {say(value)}")


def read_sizes(value: object) -> list[str] | dict[str, float | str | None]:
    """A list of `300x250`, or a map from them to the kB that such a picture may weigh."""
    if isinstance(value, Mapping):
        return {read_pixels(size): read_amount(most) for size, most in value.items()}
    if isinstance(value, list) and value:
        return [read_pixels(size) for size in value]
    raise ValueError(f"needs sizes, such as [300x250, 728x90], or with their kB {{300x250: 150}}; got {say(value)}")


def read_words(value: object) -> list[str] | str:
    """One text or several, or a `{{ expression }}` that will give a list."""
    if isinstance(value, str) and value.strip():
        return value if is_expression(value) else [value]
    if isinstance(value, list) and value and all(isinstance(word, str) and word.strip() for word in value):
        return value
    raise ValueError(f"needs a text or a list of texts; got {say(value)}")


def read_pack(value: object) -> str:
    """The name of a pack."""
    if isinstance(value, str) and value in PACKS:
        return value
    raise ValueError(f"there is no pack {value if isinstance(value, str) else say(value)}{suggest(str(value), PACKS)}")


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _schema_of(*branches: Mapping[str, Any]) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [dict(branch) for branch in branches]})


TEXTS: Final[Mapping[str, Any]] = {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1}
RATIO_SCHEMA: Final[Mapping[str, Any]] = {"type": "string", "pattern": f"^{RATIO.pattern}$", "examples": ["1.91:1", "4:5"]}
PIXELS_SCHEMA: Final[Mapping[str, Any]] = {"type": "string", "pattern": f"^{PIXELS.pattern}$"}
WEIGHTS: Final[Mapping[str, Any]] = {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, dict(EXPRESSION_SCHEMA)]}
RatioText: TypeAlias = Annotated[str, PlainValidator(read_ratio), _schema_of(RATIO_SCHEMA, EXPRESSION_SCHEMA)]
Bits: TypeAlias = Annotated[
    int | str, PlainValidator(read_bits), _schema_of({"type": "integer", "minimum": 0, "maximum": BITS}, EXPRESSION_SCHEMA)
]
Words: TypeAlias = Annotated[list[str] | str, PlainValidator(read_words), _schema_of({"type": "string", "minLength": 1}, TEXTS)]
Sizes: TypeAlias = Annotated[
    list[str] | dict[str, Any],
    PlainValidator(read_sizes),
    _schema_of(
        {"type": "array", "items": PIXELS_SCHEMA, "minItems": 1},
        {"type": "object", "propertyNames": PIXELS_SCHEMA, "additionalProperties": WEIGHTS},
    ),
]
Tolerance: TypeAlias = Annotated[
    str, PlainValidator(read_tolerance), WithJsonSchema({"type": "string", "pattern": f"^{SHARE.pattern}$", "examples": ["1%"]})
]
Pack: TypeAlias = Annotated[str, PlainValidator(read_pack), WithJsonSchema({"enum": list(PACKS)})]


RETRY: Final = "Ask so many times more, each with the next seed. Each try costs."
THEN: Final = "What becomes of the last try if it is not as expected either."


class OnFail(Spec):
    """What becomes of an answer that is not as expected."""

    NOUN: ClassVar[str] = "on_fail"
    retry: int = Field(0, ge=1, le=MOST_RETRIES, description=RETRY)
    then: Literal["fail", "keep"] = Field("fail", description=THEN)


def _read_on_fail(value: Any) -> Any:
    if value in ("fail", "keep"):
        return OnFail.model_construct(retry=0, then=value)
    if isinstance(value, OnFail):
        return value
    if isinstance(value, Mapping) and "retry" in value:
        return OnFail.model_validate(value)
    raise ValueError(f"needs fail, keep, or a map such as {{retry: 2}}; got {say(value)}")


Failing: TypeAlias = Annotated[
    OnFail,
    PlainValidator(_read_on_fail),
    _schema_of(
        {"enum": ["fail", "keep"]},
        {
            "type": "object",
            "properties": {
                "retry": {"type": "integer", "minimum": 1, "maximum": MOST_RETRIES, "description": RETRY},
                "then": {"enum": ["fail", "keep"], "description": THEN},
            },
            "required": ["retry"],
            "additionalProperties": False,
        },
    ),
]


class Expect(Spec):
    """What the answer of a step must be like; an answer that is not is kept aside and not published, unless `on_fail` says so."""

    NOUN: ClassVar[str] = "expect"
    pack: Pack | None = Field(None, description="The limits of an ad platform; `adbatch packs` lists them.")
    role: str | None = Field(
        None, description="Which limits of the pack; the one that is called like the step, or its only one, where not given."
    )
    max_chars: Whole | None = Field(None, description="A text has at most this many characters.", examples=[30])
    min_chars: Whole | None = Field(None, description="A text has at least this many characters.", examples=[1])
    max_width: Whole | None = Field(
        None, description="Columns of a text, where Chinese, Japanese and Korean count two; pixels of a picture.", examples=[30]
    )
    min_width: Whole | None = Field(None, description="Columns of a text, pixels of a picture.", examples=[600])
    min_height: Whole | None = Field(None, description="A picture is at least this many pixels high.", examples=[314])
    max_height: Whole | None = Field(None, description="A picture is at most this many pixels high.")
    width: Whole | None = Field(
        None, description="A picture is exactly this many pixels wide.", examples=["{{ matrix.size.width }}"]
    )
    height: Whole | None = Field(
        None, description="A picture is exactly this many pixels high.", examples=["{{ matrix.size.height }}"]
    )
    sizes: Sizes | None = Field(
        None, description="A picture has one of these sizes; as a map, with the kilobytes it may weigh.", examples=[["300x250"]]
    )
    ratio: (
        Annotated[
            list[RatioText], Field(min_length=1), BeforeValidator(_listed, json_schema_input_type=RatioText | list[RatioText])
        ]
        | None
    ) = Field(None, description="Width to height of a picture, or several that will do.", examples=["1.91:1", ["1:1", "4:5"]])
    tolerance: Tolerance | None = Field(None, description="How far from `ratio` a picture may be; 1% where not given.")
    max_kb: Size | None = Field(None, description="A file weighs at most this many kilobytes (1 kB = 1000 bytes).", examples=[150])
    min_kb: Size | None = Field(None, description="A file weighs at least this many kilobytes.", examples=[2])
    format: (
        Annotated[
            list[FileFormat],
            Field(min_length=1),
            BeforeValidator(_listed, json_schema_input_type=FileFormat | list[FileFormat]),
        ]
        | None
    ) = Field(None, description="A file is of this format, or of one of these.", examples=["png", ["jpeg", "webp"]])
    mode: (
        Annotated[
            list[ColourMode],
            Field(min_length=1),
            BeforeValidator(_listed, json_schema_input_type=ColourMode | list[ColourMode]),
        ]
        | None
    ) = Field(None, description="How a picture keeps its colours: one of these.", examples=["rgb", ["rgb", "grey", "palette"]])
    alpha: Must | None = Field(None, description="Transparent pixels in a picture.")
    animation: Must | None = Field(None, description="More than one frame in a picture.")
    blank: Must | None = Field(
        None, description="A picture of a single colour; a text of white space, punctuation or a placeholder. forbidden, mostly."
    )
    unlike_siblings: Bits | None = Field(
        None, description="More bits than these, of 64, tell a picture from each earlier variant of its row (dHash).", examples=[6]
    )
    unlike_source: Bits | None = Field(
        None, description="More bits than these, of 64, tell a picture from those it was made from (dHash).", examples=[6]
    )
    forbidden: Words | None = Field(None, description="Words that a text must not have, in any case.", examples=[["best", "№1"]])
    required: Words | None = Field(None, description="Words that a text must have, in any case.", examples=["{{ [row.brand] }}"])
    facts: Words | None = Field(
        None,
        description="Columns of the row: every number and price in a text occurs in one of them.",
        examples=[["price", "title"]],
    )
    locale: str | None = Field(
        None, description="How a text writes numbers; matrix.locale where there is one and nothing is given.", examples=["de-DE"]
    )
    on_fail: Failing | None = Field(
        None, description="fail (where not given), keep (publish it, and say so), or {retry: 2}: ask again with the next seed."
    )

    @model_validator(mode="after")
    def _in_order(self) -> Expect:
        problems = [problem for pair in _BOUNDS if (problem := self._misordered(*pair))]
        if self.role is not None and self.pack is None:
            problems.append(Problem(("role",), "is a role of a pack; write pack: beside it"))
        if self.tolerance is not None and self.ratio is None and self.pack is None:
            problems.append(Problem(("tolerance",), "is for a ratio; write ratio: beside it"))
        if problems:
            raise wrongs(problems)
        return self

    def _misordered(self, lower: str, upper: str, noun: str) -> Problem | None:
        least, most = getattr(self, lower), getattr(self, upper)
        if isinstance(least, int | float) and isinstance(most, int | float) and least > most:
            return Problem((lower,), f"is {say_number(least)}, more than {upper} ({say_number(most)}); no {noun} can be both")
        return None


def say_number(value: float) -> str:
    """A number without `.0`."""
    return f"{value:.15g}"


_BOUNDS: Final = (
    ("min_chars", "max_chars", "text"),
    ("min_width", "max_width", "answer"),
    ("min_height", "max_height", "picture"),
    ("min_kb", "max_kb", "file"),
)
