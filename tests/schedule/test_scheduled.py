"""What all schedulers' files have in common."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.errors import EXITS, Usage
from runner.schedule import WRITERS
from runner.schedule.scheduled import comment, exit_lines
from tests.schedule.samples import KEYS, scheduled


def test_the_delay_is_the_jobs_own() -> None:
    """It stays within the jitter, is the same every time, and differs from job to job and from folder to folder."""
    delays = {scheduled(name=f"job-{number}", jitter=3600).delay for number in range(50)}
    assert delays <= set(range(3601))
    assert len(delays) > 40
    assert scheduled().delay == scheduled().delay
    assert scheduled(jitter=3600).delay != scheduled(jitter=3600, root="/srv/other").delay


def test_a_control_character_is_refused() -> None:
    """A line break in a path would become a line of the scheduler's file."""
    with pytest.raises(Usage, match=r"has a control character in its name"):
        scheduled(job=Path("/srv/offers/jobs/a\n* * * * * rm.yaml"))


def test_paths_seen_from_elsewhere() -> None:
    """A path is told relative to the project, the project relative to its repository."""
    assert scheduled().inside(Path("/srv/offers/jobs/a.yaml")) == "jobs/a.yaml"
    assert (scheduled().folder, scheduled(repository=Path("/")).folder) == (".", "srv/offers")


def test_comments() -> None:
    """Each line is a comment, an empty one too; every exit code is among them."""
    assert comment("a", "", "b") == "# a\n#\n# b\n"
    assert len(list(exit_lines())) == len(EXITS) + 1


@pytest.mark.parametrize("name", sorted(WRITERS))
def test_every_file_says_what_it_is(name: str) -> None:
    """What runs when and in which zone, how it is put in place, and what exit codes mean; and every comment is one."""
    texts = list(WRITERS[name](scheduled("15 5 * * *", "Europe/Berlin", **KEYS)).values())
    assert texts[0].startswith("# adbatch-offers: runs jobs/offers.yaml at 15 5 * * * (Europe/Berlin)\n")
    assert "# Install: " in texts[0]
    assert "#     4  finished; some requests are uncertain (perhaps billed)\n" in texts[0]
    assert all(text.endswith("\n") and max(map(len, text.splitlines())) < 400 for text in texts)
