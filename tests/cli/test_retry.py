"""`adbatch retry` is a run of what failed."""

from __future__ import annotations

from pathlib import Path

from runner.cli.retry import SAID, command
from runner.cli.run import command as run
from tests.cli.conftest import Adbatch
from tests.projects import COPY, write_project


def test_it_takes_the_options_of_a_run() -> None:
    """Every option of a run is one of a retry, but those that the word says already or that mean something else."""
    taken = {option.name for option in run.params}
    assert taken >= SAID
    assert {option.name for option in command.params} == taken - SAID


def test_a_retry_before_any_run_has_nothing_to_do(adbatch: Adbatch, tmp_path: Path) -> None:
    """Where nothing was asked yet nothing has failed: it says so, sends nothing, and ends with 0."""
    write_project(tmp_path, COPY)
    ended = adbatch("retry", "job.yaml", "--sandbox")
    assert (ended.code, "nothing is failed" in ended.err) == (0, True)
    assert (tmp_path / ".adbatch" / "sandbox" / "vendors" / "ledger.jsonl").read_bytes() == b""
