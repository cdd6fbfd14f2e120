"""`finish:` as a job writes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from runner.desk import load_files, open_desk
from runner.errors import Invalid
from runner.job.finish_form import Finish
from tests.projects import COPY, said, write_project


@pytest.mark.parametrize(
    "written",
    [{"width": "wide"}, {"fit": "cover"}, {"background": "nocolour"}, {"format": "gif"}, {"quality": 5}, {"max_kb": 0}, {"x": 1}],
)
def test_what_is_wrong_is_refused(written: dict[str, Any]) -> None:
    """A size, a colour, a format or a name that there is not is a mistake of the job."""
    with pytest.raises(ValidationError):
        Finish(**written)


def test_sizes_may_be_expressions(tmp_path: Path) -> None:
    """One step can finish for every cell; it reads the row and the cell, but no answers."""
    ad = '  ad:\n    use: vyro/text-to-image\n    with: {prompt: x, style: realistic}\n    finish: {width: "{{ %s }}"}\n'
    open_desk(load_files(write_project(tmp_path, COPY + ad % "row.title | length")))
    with pytest.raises(Invalid) as mistakes:
        open_desk(load_files(write_project(tmp_path, COPY + ad % "steps.copy.text")))
    assert "steps.ad.finish.width" in said(mistakes.value)[0]
