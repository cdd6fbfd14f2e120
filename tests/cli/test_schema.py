"""`adbatch schema`: what an editor needs, exactly as it is committed."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.job import schema
from tests.cli.conftest import Adbatch

FOLDER = Path(schema.__file__).parent


@pytest.mark.parametrize(
    ("argv", "file"),
    [
        ([], "job.schema.json"),
        (["job"], "job.schema.json"),
        (["project"], "project.schema.json"),
        (["vendor"], "vendor.schema.json"),
    ],
)
def test_the_schema_is_the_committed_one(adbatch: Adbatch, argv: list[str], file: str) -> None:
    """Redirected into a file, the output is that of the repository, byte by byte."""
    ended = adbatch("schema", *argv)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == (FOLDER / file).read_text("utf-8")


def test_there_is_no_other_schema(adbatch: Adbatch) -> None:
    """Anything else is a mistake of usage that names what there is."""
    ended = adbatch("schema", "feed")
    assert (ended.code, ended.out) == (2, "")
    assert "'job', 'project', 'vendor', 'plan', 'diff'" in ended.err
