"""`export:` as a job writes it: feeds that carry the results to a shop's platforms, written beside the outputs."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator

from runner.fields import Problem
from runner.job.forms import BaseUrl, read_name, wrongs
from runner.job.spec import Spec


def _not_empty(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty; give it a value, or leave it out")
    return text


Cell = Annotated[str, AfterValidator(_not_empty)]
Step = Annotated[str, AfterValidator(read_name)]


class Export(Spec):
    """One feed. `merchant` and `meta` have a line for each product, `csv` one for each variant."""

    NOUN: ClassVar[str] = "an export"
    format: Literal["merchant", "meta", "csv"] = Field(
        description="merchant: a supplemental feed for Google Merchant Center; meta: one for a Meta catalogue; csv: own columns."
    )
    base_url: BaseUrl | None = Field(
        None,
        description="Where the output folder is served from: a file's address is this and its path.",
        examples=["https://cdn.example.com/ads"],
    )
    where: Cell | None = Field(
        None, description="A Jinja expression; only variants for which it is true.", examples=["matrix.locale == 'en-US'"]
    )
    id: Cell | None = Field(None, description="merchant, meta: the product's id; the row's key where not given.")
    images: list[Step] | None = Field(
        None, description="merchant, meta: the steps whose pictures are additional images; all where not given, [] for none."
    )
    title: Cell | None = Field(None, description="merchant, meta: the title.", examples=["{{ steps.headline.text }}"])
    description: Cell | None = Field(None, description="merchant, meta: the description.", examples=["{{ steps.copy.text }}"])
    columns: dict[Cell, Cell] = Field(
        default_factory=dict,
        description="csv: each column's name and what stands in it; steps also offer .url and .urls here, and files are paths.",
        examples=[{"id": "{{ row.id }}", "locale": "{{ matrix.locale }}", "picture": "{{ steps.banner.url }}"}],
    )

    @model_validator(mode="after")
    def _fits_its_format(self) -> Export:
        given = self.model_fields_set
        if self.format == "csv":
            others = sorted(given & {"id", "images", "title", "description"})
            problems = [Problem((name,), "is for merchant and meta; name a column under columns:") for name in others]
            if not self.columns:
                problems.append(Problem((), 'has no columns; say what stands in them, such as columns: {id: "{{ row.id }}"}'))
        else:
            problems = [Problem(("columns",), f"is for format: csv; {self.format} has columns of its own")] if self.columns else []
            if self.images != [] and self.base_url is None:
                problems.append(Problem((), "needs base_url: where the pictures are served from; or images: [] for a feed without"))
            if self.images == [] and self.title is None and self.description is None:
                problems.append(Problem((), "has neither images, title nor description; an id alone tells nothing"))
        if problems:
            raise wrongs(problems)
        return self
