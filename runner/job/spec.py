"""What every part of a file that a user writes has in common."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, field_validator

from runner.job.forms import EMPTY


class Spec(BaseModel):
    """A part of a file the user writes: frozen, strict (no `"5"` for 5), unknown keys refused. `NOUN` is its name in messages."""

    # A part's validator is built when the part is first read by itself: a whole file is read by the validator of the whole.
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", defer_build=True)
    NOUN: ClassVar[str] = "this file"

    @field_validator("*", mode="before")
    @classmethod
    def _given(cls, value: Any) -> Any:
        if value is None:
            raise ValueError(EMPTY)
        return value
