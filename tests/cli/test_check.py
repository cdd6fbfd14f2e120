"""`adbatch check`: every mistake with its place, a caret and a remedy; data on stdout, complaints on stderr."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Adbatch, start
from tests.projects import COPY, SCENE, write_project

TEN = """\
  copy:
    use: jivox/text
    with: {prompt: "{{ rwo.title }}", tone: warm}
    when: row.price >
  scene:
    use: vyro/ai-backgroud
  ad:
    use: sivi/media
    with: {prompt: [x], model: flux-schnell, dimensions: {width: 1, hight: 2}, bId: b}
  note:
    use: placewise/image
    with: {prompt: x, model_type: small, image_size: large}
    save: "{{ steps.copy.text }}"
"""


def test_a_right_job_is_counted(tmp_path: Path, adbatch: Adbatch) -> None:
    """Rows, variants and requests of each step go to stdout; nothing is said on stderr, nothing is made."""
    write_project(tmp_path, COPY + SCENE, "variants: 3\noutput: {dir: out}\n")
    ended = adbatch("check", "job.yaml")
    assert (ended.code, ended.out, ended.err) == (0, "job.yaml: 2 rows, 6 variants, requests: 2 copy, 2 scene\n", "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["adbatch.yaml", "feed.csv", "job.yaml"]


def test_a_mistake_is_shown_with_a_caret(tmp_path: Path, adbatch: Adbatch) -> None:
    """A mistake names file, line, column and remedy, and shows the line with a caret below the very word."""
    write_project(tmp_path, '  scene: {use: vyro/text-to-image, with: {prompt: "x", styel: anime, style: anime}}\n')
    ended = adbatch("check", "job.yaml")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        "job.yaml:6:56: steps.scene.with.styel: not a field of vyro/text-to-image; did you mean style?\n"
        '    6 |   scene: {use: vyro/text-to-image, with: {prompt: "x", styel: anime, style: anime}}\n'
        "      |                                                        ^\n"
        "1 mistake; nothing was sent.\n"
    )


def test_a_row_that_is_to_blame_is_named(tmp_path: Path, adbatch: Adbatch) -> None:
    """What only a row shows is told with the feed's line, its key, and how many more rows show it."""
    steps = '  copy: {use: jivox/text, with: {prompt: "{{ row.claim }}"}}\n'
    write_project(tmp_path, steps, feed="id,claim\nmug,Good\nhat,\ncap,\n")
    ended = adbatch("check", "job.yaml")
    assert ended.code == 2
    assert ended.err == (
        "job.yaml:6:42: steps.copy.with.prompt: has 0 characters; at least 1 are needed\n"
        '    6 |   copy: {use: jivox/text, with: {prompt: "{{ row.claim }}"}}\n'
        "      |                                          ^\n"
        "    feed feed.csv:3 (id hat), and 1 more row\n"
        "1 mistake; nothing was sent.\n"
    )


def test_many_mistakes_are_as_many_messages(tmp_path: Path, adbatch: Adbatch) -> None:
    """All mistakes of a job and its project are told at once, each with its own place, in the order of the files."""
    write_project(tmp_path, TEN, "output: {dir: ../out}\n", 'providers: {jivox: {account: "7"}, sivi: {plan: basic}}\n')
    ended = adbatch("check", "job.yaml")
    heads = [line.partition(": ")[0] for line in ended.err.splitlines() if not line.startswith(" ")]
    assert ended.code == 2
    assert heads[:-1] == [
        "adbatch.yaml:1:1",
        "adbatch.yaml:1:49",
        "job.yaml:4:15",
        "job.yaml:8:20",
        "job.yaml:8:39",
        "job.yaml:9:11",
        "job.yaml:11:10",
        "job.yaml:14:20",
        "job.yaml:14:58",
        "job.yaml:14:69",
        "job.yaml:17:54",
        "job.yaml:18:11",
    ]
    assert heads[-1] == f"{len(heads) - 1} mistakes; nothing was sent."


def test_every_job_is_checked(tmp_path: Path, adbatch: Adbatch) -> None:
    """A job that is wrong or not there does not hide the others; the code is that of the failure."""
    write_project(tmp_path, COPY)
    (tmp_path / "wrong.yaml").write_text("version: 1\n")
    ended = adbatch("check", "wrong.yaml", "gone.yaml", "job.yaml")
    assert (ended.code, ended.out) == (2, "job.yaml: 2 rows, 2 variants, requests: 2 copy\n")
    assert "wrong.yaml:1:1: name: is missing; a job needs it\n" in ended.err
    assert "adbatch: gone.yaml: no such file; did you mean wrong.yaml?\n" in ended.err


def test_a_feed_at_an_address_is_left_to_the_run(tmp_path: Path, adbatch: Adbatch) -> None:
    """Without the network only the job itself can be checked, and the check says so."""
    path = write_project(tmp_path)
    path.write_text(path.read_text().replace("feed.csv", "https://shop.example/feed.csv"))
    ended = adbatch("check", "job.yaml")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == "job.yaml: no mistake in the job; its feed is at an address, so its rows are checked when it runs\n"


def test_it_works_as_a_process(tmp_path: Path) -> None:
    """As a program of its own it gives the same on the same streams, without colour or bars in a pipe."""
    write_project(tmp_path, '  copy: {use: jivox/txt, with: {prompt: "x"}}\n')
    process = start(tmp_path, "check", "job.yaml")
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (2, "")
    assert err.startswith("job.yaml:6:15: steps.copy.use: there is no jivox/txt; did you mean jivox/text?\n")
    assert "\x1b" not in err


def test_decisions_beside_the_jobs_are_read_as_decisions(tmp_path: Path, adbatch: Adbatch) -> None:
    """`check *.yaml` counts them, tells their mistakes at their line, and a verb for jobs leaves them out."""
    write_project(tmp_path)
    path = tmp_path / "decisions.yaml"
    one = f"{{job: small, key: k, step: copy, sha256: {'a' * 64}, decision: approved}}"
    path.write_text(f"version: 1\ndecisions:\n  - {one}\n")
    ended = adbatch("check", "decisions.yaml", "job.yaml")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("decisions.yaml: 1 approved, 0 rejected\njob.yaml: 2 rows")
    assert adbatch("status", "decisions.yaml", "job.yaml").code == 0
    ended = adbatch("run", "decisions.yaml")
    assert ended.code == 2
    assert "decisions.yaml holds decisions about results and is no job" in ended.err
    path.write_text(f"version: 1\ndecisions:\n  - {one.replace('approved', 'maybe')}\n")
    ended = adbatch("check", "decisions.yaml", "job.yaml")
    assert ended.code == 2
    assert ended.err.startswith("decisions.yaml:3:")
    path.unlink()
    assert "decisions.yaml" in adbatch("check", "decisions.yaml").err
