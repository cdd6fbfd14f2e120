"""`adbatch schedule`: ready files on stdout or in a folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from tests.cli.conftest import Adbatch
from tests.projects import write_project

TOP = 'output: {dir: out}\nrefresh: {cron: "15 5 * * *", timezone: Europe/Berlin}\n'


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("crontab", "CRON_TZ=Europe/Berlin\n"),
        ("systemd", "OnCalendar=*-*-* 05:15:00 Europe/Berlin\n"),
        ("github", "timezone: Europe/Berlin\n"),
        ("kubernetes", "timeZone: Europe/Berlin\n"),
    ],
)
def test_a_file_for_each_scheduler(tmp_path: Path, adbatch: Adbatch, kind: str, told: str) -> None:
    """The file is all there is on stdout, with this project's absolute paths where they mean something, and no key."""
    write_project(tmp_path, top=TOP)
    ended = adbatch("schedule", "job.yaml", "--as", kind)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("# ")
    assert told in ended.out
    assert "JIVOX_API_KEY" in ended.out
    assert (str(tmp_path) in ended.out) == (kind != "github")


def test_the_adbatch_that_is_started_is_this_one(tmp_path: Path, adbatch: Adbatch) -> None:
    """The path is absolute and can be executed."""
    write_project(tmp_path, top=TOP)
    out = adbatch("schedule", "job.yaml", "--as", "systemd", "--env-file", "/srv/keys").out
    command = next(line for line in out.splitlines() if line.startswith("ExecStart=")).removeprefix("ExecStart=").split()[0]
    assert os.access(command, os.X_OK)
    assert "EnvironmentFile=/srv/keys\n" in out


def test_files_in_a_folder(tmp_path: Path, adbatch: Adbatch) -> None:
    """With --out each file has its usual name there; stdout stays empty, and what was written is told."""
    write_project(tmp_path, top=TOP)
    (tmp_path / "other.yaml").write_text((tmp_path / "job.yaml").read_text().replace("name: small", "name: other"))
    ended = adbatch("schedule", "job.yaml", "other.yaml", "--as", "systemd", "--out", "units")
    names = [f"adbatch-{job}.{kind}" for job in ("small", "other") for kind in ("service", "timer")]
    assert (ended.code, ended.out) == (0, "")
    assert sorted(path.name for path in (tmp_path / "units").iterdir()) == sorted(names)
    assert ended.err.splitlines() == [f"wrote units/{name}" for name in names]


def test_several_jobs_in_one_text(tmp_path: Path, adbatch: Adbatch) -> None:
    """Kubernetes takes several documents, a crontab several lines; GitHub wants a file for each, which is told."""
    write_project(tmp_path, top=TOP)
    (tmp_path / "other.yaml").write_text((tmp_path / "job.yaml").read_text().replace("name: small", "name: other"))
    out = adbatch("schedule", "job.yaml", "other.yaml", "--as", "kubernetes", "--image", "registry.example/adbatch:1").out
    assert [each["metadata"]["name"] for each in yaml.safe_load_all(out)] == ["adbatch-small", "adbatch-other"]
    assert out.count("image: registry.example/adbatch:1\n") == 2
    ended = adbatch("schedule", "job.yaml", "other.yaml", "--as", "github")
    assert (ended.code, "name one job, or a folder for the files with --out" in ended.err) == (2, True)


@pytest.mark.parametrize(
    ("top", "told"),
    [
        ("output: {dir: out}\n", "has no refresh:"),
        ('output: {dir: out}\nrefresh: {cron: "0 6 L * *"}\n', "uses L, LW or #, which cron does not know; --as systemd does"),
    ],
)
def test_what_cannot_be_scheduled(tmp_path: Path, adbatch: Adbatch, top: str, told: str) -> None:
    """A job without a time, and a time this scheduler cannot say, end with 2 and what to do."""
    write_project(tmp_path, top=top)
    ended = adbatch("schedule", "job.yaml", "--as", "crontab")
    assert (ended.code, ended.out) == (2, "")
    assert told in ended.err


def test_a_folder_that_cannot_be_written(tmp_path: Path, adbatch: Adbatch) -> None:
    """A file in the way is our side's failure, named with its remedy."""
    write_project(tmp_path, top=TOP)
    (tmp_path / "taken").touch()
    ended = adbatch("schedule", "job.yaml", "--as", "crontab", "--out", "taken/units")
    assert ended.code == 3
    assert "name another folder with --out" in ended.err
