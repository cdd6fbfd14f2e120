"""The small notations of a job: `20 USD`, `30%`, `12h`, `50/1m`, cron, names, `{{ expressions }}`, `{env: NAME}`.

Each is one annotated type: a reader that answers a wrong value with one sentence and its remedy, and the JSON Schema an editor
shows for it. A reader sees any value YAML can give and raises `ValueError` only (pydantic's own way to say no), so that a union
never speaks once per branch. What several parts of one value have wrong travels together in `wrongs`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, TypeAlias
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError
from pydantic import PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from runner.fields import Problem
from runner.job.speech import say
from runner.records import Money, Window

NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
SLUG: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
USE: Final = re.compile(rf"({SLUG.pattern})/({SLUG.pattern})")
MONEY: Final = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,8})?) ([A-Z]{3}|credits)")
DURATION: Final = re.compile(r"([0-9]{1,6})([smhd])")
RATE: Final = re.compile(r"([0-9]{1,9})/([0-9]{1,6})([smhd])")
PERCENT: Final = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?)%")
SECONDS: Final[Mapping[str, int]] = {"s": 1, "m": 60, "h": 3600, "d": 86400}
LOOPBACK: Final = re.compile(r"localhost|127(\.[0-9]{1,3}){3}|::1", re.IGNORECASE)
NO_ZONES: Final = frozenset({"localtime", "posixrules", "Factory"})
"""What a time zone database also holds, and what means another zone on another machine, or none."""
WRONGS: Final = "wrongs"
EMPTY: Final = "is empty; give it a value, or leave it out"


def wrongs(problems: Sequence[Problem]) -> PydanticCustomError:
    """One error that carries several, each with its own way below the value; `runner.job.wording` takes it apart again."""
    return PydanticCustomError(WRONGS, "several mistakes", {"problems": tuple(problems)})


def _text_form(what: str, form: re.Pattern[str], example: str) -> Callable[[object], re.Match[str]]:
    def match(value: object) -> re.Match[str]:
        found = form.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            raise ValueError(f"needs {what}, such as {example}; got {say(value)}")
        return found

    return match


_match_money = _text_form("an amount and its currency (a three-letter code, or credits)", MONEY, "20 USD")
_match_duration = _text_form("a whole number of s, m, h or d", DURATION, "12h or 30d")
_match_rate = _text_form("a number of sends per span of time", RATE, "50/1m, 10/1s or 600/1h")
_match_percent = _text_form("a percentage", PERCENT, "30%")


def read_money(value: object) -> Money:
    """`20 USD` as Money. The amount is exact; the currency is a three-letter code or `credits`."""
    if isinstance(value, Money):
        return value
    amount, currency = _match_money(value).groups()
    return Money(Decimal(amount), currency)


def read_duration(value: object) -> int:
    """`45s`, `90m`, `12h`, `30d` as seconds; more than none."""
    number, unit = _match_duration(value).groups()
    if int(number) == 0:
        raise ValueError(f"is {value}; a duration is more than nothing")
    return int(number) * SECONDS[unit]


def read_percent(value: object) -> float:
    """`30%` as the fraction 0.3; 0% to 100%. A bare number is refused: 0.3 and 30 are too easily meant for each other."""
    fraction = float(_match_percent(value)[1]) / 100
    if fraction > 1:
        raise ValueError(f"is {value}; the most possible is 100%")
    return fraction


def read_window(value: object) -> Window:
    """`50/1m` as a Window: never more than 50 sends in any span of one minute."""
    if isinstance(value, Window):
        return value
    most, number, unit = _match_rate(value).groups()
    if int(most) == 0 or int(number) == 0:
        raise ValueError(f"is {value}; both numbers must be at least 1")
    return Window(int(most), float(int(number) * SECONDS[unit]))


def read_cron(value: object) -> str:
    """Five cron fields (minute hour day month weekday), checked as Debian's cron reads them (cronsim)."""
    if not isinstance(value, str) or len(value.split()) != 5:
        raise ValueError(f'needs five cron fields (minute hour day month weekday), such as "0 6 * * *"; got {say(value)}')
    try:
        CronSim(value, datetime(2026, 1, 1))
    except CronSimError as error:
        raise ValueError(f"is not a cron schedule: {str(error).lower()} in {say(value)}") from error
    return value


def read_timezone(value: object) -> str:
    """The name of a time zone in the IANA database; `UTC` needs no database."""
    if value == "UTC":
        return "UTC"
    named = isinstance(value, str) and value not in NO_ZONES
    try:
        return ZoneInfo(str(value) if named else "").key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"needs the name of a time zone, such as Europe/Berlin or UTC; got {say(value)}") from None


def read_name(value: str) -> str:
    """A name that templates can read after a dot (`steps.scene`, `matrix.locale`)."""
    if NAME.fullmatch(value) is None:
        raise ValueError("a name begins with a letter and holds letters, digits and _ only, so that a template can read it")
    return value


def read_slug(value: object) -> str:
    """A name that is safe in paths and lane names: letters, digits, `-`, `_` and `.`, at most 100 characters."""
    if not isinstance(value, str) or SLUG.fullmatch(value) is None or len(value) > 100:
        raise ValueError(
            f"needs a name of letters, digits, - _ and . that begins with a letter or digit; got {say(value)}{_quote(value)}"
        )
    return value


def read_version(value: object) -> Literal[1]:
    """The number 1."""
    if isinstance(value, bool) or value != 1 or not isinstance(value, int):
        raise ValueError(f"this adbatch reads version 1 of the format; got {say(value)}")
    return 1


def read_use(value: object) -> str:
    """`provider/operation`."""
    if not isinstance(value, str) or USE.fullmatch(value) is None:
        raise ValueError(f"needs provider/operation, such as vyro/ai-background; got {say(value)}")
    return value


def read_whole(value: object) -> int | str:
    """A whole number of at least 1, or a `{{ expression }}` that will give one."""
    if is_expression(value):
        return str(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"needs a whole number of at least 1, or one {{{{ expression }}}}; got {say(value)}{_unquote(value)}")
    return value


def read_amount(value: object) -> float | str:
    """A number above 0, or a `{{ expression }}` that will give one."""
    if is_expression(value):
        return str(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise ValueError(f"needs a number above 0, or one {{{{ expression }}}}; got {say(value)}{_unquote(value)}")
    return float(value)


def read_price(value: object) -> Decimal:
    """A price as an exact decimal of at least 0, from a number or from text."""
    text = str(value) if isinstance(value, int | float | Decimal) and not isinstance(value, bool) else value
    if not isinstance(text, str) or re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,12})?(e-[0-9]{1,2})?", text) is None:
        raise ValueError(f"needs a price of at least 0, such as 0.05; got {say(value)}")
    return Decimal(text)


def read_currency(value: object) -> str:
    """A three-letter currency code (ISO 4217), or `credits`."""
    if not isinstance(value, str) or re.fullmatch(r"[A-Z]{3}|credits", value) is None:
        raise ValueError(f"needs a three-letter currency code such as USD, or credits; got {say(value)}")
    return value


def read_base_url(value: object) -> str:
    """An https URL without user, password, query or fragment; plain http only for this very machine."""
    url = _read_url(value)
    if "@" in url.netloc or url.query or url.fragment:
        raise ValueError("a base_url holds no user, password, query or fragment; a key goes under key: {env: NAME}")
    _refuse_plain(url)
    return str(value)


def read_address(value: object) -> str:
    """An https URL without user, password or fragment; plain http only for this very machine."""
    url = _read_url(value)
    if "@" in url.netloc or url.fragment:
        raise ValueError("a URL here holds no user, password or fragment; one that is a secret goes under {env: NAME}")
    _refuse_plain(url)
    return str(value)


def _read_url(value: object) -> SplitResult:
    try:
        url = urlsplit(value if isinstance(value, str) else "")
        host, _ = url.hostname or "", url.port
    except ValueError:
        raise ValueError(f"is not a URL: {say(value)}") from None
    if not isinstance(value, str) or url.scheme not in ("http", "https") or not host or re.search(r"[\s\x00-\x1f]", value):
        raise ValueError(f"needs a URL, such as https://api.example.com/v1; got {say(value)}")
    return url


def _refuse_plain(url: SplitResult) -> None:
    """Raise for plain http to another machine."""
    if url.scheme == "http" and LOOPBACK.fullmatch(url.hostname or "") is None:
        raise ValueError(
            f"plain http is for this machine only (127.0.0.1, localhost, ::1); write https://{url.netloc}{url.path}"[:200]
        )


def read_encoding(value: object) -> str:
    """The name of a text encoding Python knows."""
    try:
        "".encode(value if isinstance(value, str) else "")
    except (LookupError, ValueError):
        raise ValueError(f"needs the name of a text encoding, such as utf-8, latin-1 or cp1252; got {say(value)}") from None
    return str(value)


def read_delimiter(value: object) -> str:
    """One character that can separate cells."""
    if not isinstance(value, str) or len(value) != 1 or value in '"\r\n':
        raise ValueError(f'needs one character, such as ";" or "\\t" (in double quotes); got {say(value)}')
    return value


def is_expression(value: object) -> bool:
    """Whether a value is text that holds exactly one `{{ expression }}` and nothing else."""
    if not isinstance(value, str):
        return False
    text = value.strip()
    if len(text) < 4 or not (text.startswith("{{") and text.endswith("}}")):
        return False
    closed = text.find("}}")
    return text.find("{{", closed) < 0


def _quote(value: object) -> str:
    return "; put quotes around it" if isinstance(value, int | float) else ""


def _unquote(value: object) -> str:
    return "; take the quotes away" if isinstance(value, str) and re.fullmatch(r"[0-9]+(\.[0-9]+)?", value) else ""


def _schema(pattern: str, description: str, *examples: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": f"^{pattern}$", "description": description, "examples": list(examples)})


EXPRESSION_SCHEMA: Final[Mapping[str, Any]] = {
    "type": "string",
    "pattern": r"^\s*\{\{[\s\S]*\}\}\s*$",
    "examples": ["{{ row.width }}"],
}

Version: TypeAlias = Annotated[
    Literal[1], PlainValidator(read_version), WithJsonSchema({"const": 1, "description": "The version of this format."})
]
Amount: TypeAlias = Annotated[
    Money,
    PlainValidator(read_money),
    _schema(MONEY.pattern, "An amount and its currency (ISO 4217, or credits).", "20 USD", "500 credits"),
]
Duration: TypeAlias = Annotated[
    int, PlainValidator(read_duration), _schema(DURATION.pattern, "A whole number of s, m, h or d.", "30d", "12h", "90m", "45s")
]
Percent: TypeAlias = Annotated[float, PlainValidator(read_percent), _schema(PERCENT.pattern, "A percentage, 0% to 100%.", "30%")]
Rate: TypeAlias = Annotated[
    Window,
    PlainValidator(read_window),
    _schema(RATE.pattern, "Never more sends than this in any such span.", "50/1m", "10/1s", "600/1h"),
]
Cron: TypeAlias = Annotated[
    str, PlainValidator(read_cron), WithJsonSchema({"type": "string", "examples": ["0 6 * * *", "*/30 8-18 * * MON-FRI"]})
]
Timezone: TypeAlias = Annotated[
    str, PlainValidator(read_timezone), WithJsonSchema({"type": "string", "examples": ["Europe/Berlin", "America/New_York", "UTC"]})
]
Slug: TypeAlias = Annotated[str, PlainValidator(read_slug), _schema(SLUG.pattern, "Letters, digits, - _ and .", "summer-sale")]
Use: TypeAlias = Annotated[
    str,
    PlainValidator(read_use),
    _schema(USE.pattern.replace("(", "(?:"), "provider/operation", "vyro/ai-background", "jivox/text"),
]
Whole: TypeAlias = Annotated[
    int | str,
    PlainValidator(read_whole),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1}, dict(EXPRESSION_SCHEMA)]}),
]
Size: TypeAlias = Annotated[
    float | str,
    PlainValidator(read_amount),
    WithJsonSchema({"anyOf": [{"type": "number", "exclusiveMinimum": 0}, dict(EXPRESSION_SCHEMA)]}),
]
Price: TypeAlias = Annotated[
    Decimal, PlainValidator(read_price), WithJsonSchema({"type": ["number", "string"], "examples": [0.05]})
]
Currency: TypeAlias = Annotated[
    str, PlainValidator(read_currency), _schema("([A-Z]{3}|credits)", "ISO 4217 code, or credits.", "USD")
]
BaseUrl: TypeAlias = Annotated[
    str, PlainValidator(read_base_url), _schema("https?://[^/].*", "Plain http only for this machine.", "http://127.0.0.1:8000/v1")
]
Encoding: TypeAlias = Annotated[
    str, PlainValidator(read_encoding), WithJsonSchema({"type": "string", "examples": ["utf-8", "latin-1", "cp1252"]})
]
Delimiter: TypeAlias = Annotated[
    str, PlainValidator(read_delimiter), WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 1, "examples": [";", "\t"]})
]
