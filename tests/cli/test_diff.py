"""`adbatch diff` as a person types it."""

from __future__ import annotations

import json
import shutil
from io import BytesIO
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from runner.cli import adbatch
from runner.comparison.comparing import diff_schema_text
from tests.comparison.lines import file_of, line, write_lines
from tests.edge.test_git import git
from tests.projects import write_project
from tests.schemas import misfits


def diff(*words: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of the command."""
    done = CliRunner().invoke(adbatch, ["diff", *words], catch_exceptions=False, standalone_mode=False)
    return done.return_value, done.stdout, done.stderr


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the folder of a small project: its results of before, and those of now, which are committed as v2 and those as v1."""
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path)
    git(tmp_path, "init", "--quiet")
    for tag, title, other in (("v1", "Mug", "hat"), ("v2", "Blue mug", "cup")):
        (tmp_path / f"out/{title}").mkdir(parents=True)
        (tmp_path / f"out/{title}/a.png").write_bytes(picture(len(title)))
        scene = {"request": title[0] * 64, "files": [file_of(f"{title}/a.png", picture(len(title)))]}
        lines = [line("mug|1", copy={"text": f"{title} here"}, scene=scene), line(f"{other}|1", copy={"text": other})]
        write_lines(tmp_path / "out/results.jsonl", lines)
        git(tmp_path, "add", ".")
        git(tmp_path, "commit", "--quiet", "--message", tag)
        git(tmp_path, "tag", tag)
        if tag == "v1":
            shutil.copytree(tmp_path / "out", tmp_path / "before")


def picture(grey: int) -> bytes:
    """A small picture of one colour."""
    out = BytesIO()
    Image.new("L", (8, 8), grey * 20).save(out, "PNG")
    return out.getvalue()


def test_it_tells_what_changed_and_beside_it_why() -> None:
    """A line for each variant and step, the cause below it, the counts at the end."""
    code, given, _ = diff("before", "out")
    assert code == 0
    lines = given.splitlines()
    assert lines[0] == "~ mug|1"
    assert "    copy: text, [-Mug-]{+Blue mug+} here" in lines
    assert "        request: what was asked is in no journal at hand" in lines
    assert any(line.startswith("    scene: picture, request, ") and "of the pixels differ" in line for line in lines)
    assert {"- hat|1", "+ cup|1"} <= set(lines)
    assert lines[-1] == "1 changed, 1 added, 1 removed, 0 same"


def test_names_from_elsewhere_forge_no_lines(tmp_path: Path) -> None:
    """Keys and steps of results that somebody sent stay on their line, without what a terminal would obey."""
    evil = "x\n0 changed, 0 added\r\x1b[2J\u202e"
    for name, text in (("a", "one"), ("b", "two")):
        write_lines(tmp_path / name / "results.jsonl", [line(evil, **{evil: {"text": text, evil: text, "why": text + evil}})])
    lines = diff("a", "b")[1].splitlines()
    assert [line[:4] for line in lines] == ["~ x ", "    ", "    ", "1 ch"]
    assert not set("\x1b\u202e\r") & set("".join(lines))


def test_its_json_is_one_document() -> None:
    """What was compared, every difference, and the counts, as `adbatch schema diff` says."""
    code, given, _ = diff("v1:out", "v2:out", "--json")
    told = json.loads(given)
    assert code == 0
    assert list(misfits(told, json.loads(diff_schema_text()))) == []
    assert list(told) == ["then", "now", "beside", "changes", "counts"]
    assert told["counts"] == {"same": 0, "changed": 1, "added": 1, "removed": 1}
    assert [(change["key"], change["change"]) for change in told["changes"]] == [
        ("mug|1", "changed"),
        ("hat|1", "removed"),
        ("cup|1", "added"),
    ]
    scene = told["changes"][0]["steps"]["scene"]
    assert scene["why"] == [{"name": "request", "note": "what was asked is in no journal at hand"}]
    assert scene["parts"][0]["distance"] == {"share": 1.0, "mean": 0.3922, "dhash": 0}
    assert len(told["then"]["commit"]) == 40
    assert json.loads(diff("out", "v2:out", "--json")[1])["changes"] == []


@pytest.mark.parametrize(
    ("words", "code"),
    [(("before", "out"), 1), (("v2:out", "out"), 0), (("job.yaml", "--rev", "v2"), 0), (("job.yaml", "--rev", "v1", "v2"), 1)],
)
def test_the_exit_code_tells_if_asked(words: tuple[str, ...], code: int) -> None:
    """As git's diff: 0 unless --exit-code is given."""
    assert diff(*words, "--measure", "0")[0] == 0
    assert diff(*words, "--measure", "0", "--exit-code")[0] == code


def test_pages_are_written_where_they_are_wanted(tmp_path: Path) -> None:
    """The path is data on stdout; with --json it is narration."""
    assert diff("before", "out", "--html", str(tmp_path / "a"))[1].splitlines()[-1] == "a/index.html"
    code, given, said = diff("before", "out", "--json", "--html", str(tmp_path / "b"))
    assert (code, said) == (0, "b/index.html\n")
    assert json.loads(given)["counts"]["changed"] == 1
    assert (tmp_path / "b/index.html").is_file()
