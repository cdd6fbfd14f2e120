"""Everything wrong with a job is found at once, however wrong the rest is."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.errors import Complaint, Invalid
from runner.inspection import check_job
from tests.projects import COPY, MEDIUM, SCENE, write_project

PROJECT = """\
version: 1
providers:
  jivox: {account: "1", acount: "2"}
  sivi: {plan: generel}
"""
FEED = "id,title,price\nmug,Mug,9.99 USD\nhat,Hat,\nmug,Mug again,1.00 USD\n"
JOB = """\
version: 1
name: wrong
fed: {path: other.csv}
feed: {path: feed.csv, key: id}
vars: {brand: Acme}
matrix: {size: [{name: a, width: 300}]}
variants: 0
steps:
  copy:
    use: jivox/text
    with: {prompt: "{{ row.titel }} by {{ vars.brand }}"}
    expect: {max_chars: many}
  scene:
    use: vyro/ai-backgrund
    with: {prompt: x}
  room:
    use: vyro/ai-background
    with: {image: "http://x.example/a.png", prompt: y, styel: product-shoot, seed: 0}
  ad:
    use: sivi/design
    with: {type: displayAds, subtype: displayAds-square, prompt: "{{ matrix.siez }}", numOfVariants: 9}
    when: row.price.amount >
  card:
    use: placewise/image
    with: {prompt: {template: nowhere.j2}, model_type: small, image_size: large}
refresh: {cron: "61 6 * * *"}
output: {dir: ../../elsewhere}
"""


def complaints_of(folder: Path, job: str, feed: str = FEED, project: str = PROJECT) -> list[Complaint]:
    """Everything that a check finds wrong."""
    (folder / "adbatch.yaml").write_text(project)
    (folder / "feed.csv").write_text(feed)
    (folder / "job.yaml").write_text(job)
    with pytest.raises(Invalid) as caught:
        check_job(folder / "job.yaml")
    return list(caught.value.complaints)


def test_twenty_mistakes_of_every_kind_are_told_at_once(tmp_path: Path) -> None:
    """Settings, form, operations, fields, templates, expressions, feed and rows: no layer hides another."""
    told = complaints_of(tmp_path, JOB)
    said = [f"{complaint.path}: {complaint.message}" for complaint in told]
    for start in (
        "providers.jivox.acount: not an option of jivox; did you mean account?",
        "providers.sivi.plan: 'generel' is not one of",
        "fed: not a field of",
        "variants: is 0",
        "steps.copy.with.prompt: row has no titel; did you mean title?",
        "steps.copy.expect.max_chars: needs",
        "steps.scene.use: ",
        "steps.room.with.styel: not a field of vyro/ai-background; did you mean style?",
        "steps.room.with.seed: is 0; the least allowed is 1",
        "steps.ad.with.prompt: matrix has no siez; did you mean size?",
        "steps.ad.with.numOfVariants: is 9; the most allowed is 4",
        "steps.ad.when: ",
        "steps.card.with.prompt",
        "steps.card.with.",
        "refresh.cron: ",
        "output.dir: lies outside the project folder",
        "feed.key: ",
    ):
        assert any(line.startswith(start) for line in said), f"{start}\n{said}"
    assert len(set(told)) == len(told)
    assert all(complaint.place for complaint in told)


def test_mistakes_stand_in_the_order_of_the_file(tmp_path: Path) -> None:
    """Within a file complaints go from its top to its end."""
    told = complaints_of(tmp_path, JOB)
    lines = [complaint.place.line for complaint in told if complaint.place and complaint.place.file.endswith("job.yaml")]
    assert lines == sorted(lines)
    assert len(lines) > 10


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("use: jivox/text", "use: jivox"),
        ("    use: jivox/text\n", ""),
        ("name: wrong", "name: 5"),
        ("output: {dir: ../../elsewhere}\n", ""),
        ("version: 1", "version: 2"),
    ],
)
def test_what_every_job_must_have_may_be_wrong_too(tmp_path: Path, old: str, new: str) -> None:
    """Mistakes behind a step, name, output or version that is wrong are still found, and nothing is made up."""
    said = [f"{complaint.path}: {complaint.message}" for complaint in complaints_of(tmp_path, JOB.replace(old, new, 1))]
    assert any(line.startswith("steps.room.with.styel") for line in said)
    assert not any("unnamed" in line for line in said)


def test_who_reads_a_wrong_step_is_not_blamed(tmp_path: Path) -> None:
    """A step that reads one whose `use` is missing is not told that there is no such step."""
    job = """\
version: 1
name: chain
feed: {path: feed.csv}
steps:
  copy: {with: {prompt: x}}
  scene: {use: jivox/image, with: {prompt: "{{ steps.copy.text }}", width: 1, height: 1}}
output: {dir: out}
"""
    told = complaints_of(tmp_path, job, "id\na\n", "version: 1\nproviders: {jivox: {account: '1'}}\n")
    assert [complaint.path for complaint in told] == ["steps.copy.use"]


@pytest.mark.parametrize("job", ["", "- 1\n", "steps: {}\n", "version: 1\nname: x\n", "a: [\n", "{}\n"])
def test_what_is_no_job_is_told_as_before(tmp_path: Path, job: str) -> None:
    """Where nothing is left to inspect, what is wrong with the form is all there is to tell."""
    assert complaints_of(tmp_path, job, project="version: 1\n")


def test_a_check_counts_what_a_run_would_ask(tmp_path: Path) -> None:
    """Rows, variants and different requests by step, from local files alone."""
    checked = check_job(write_project(tmp_path, COPY + SCENE + MEDIUM, "variants: 3\noutput: {dir: out}\n"))
    assert checked is not None
    assert (checked.rows, checked.variants, checked.requests) == (2, 6, {"copy": 2, "scene": 2, "medium": 2})
    assert not (tmp_path / ".adbatch").exists()


def test_a_check_reads_no_feed_from_the_network(tmp_path: Path) -> None:
    """Of a job whose feed is at an address, only the job is checked."""
    path = write_project(tmp_path)
    path.write_text(path.read_text().replace("feed.csv", "https://shop.example/feed.csv"))
    assert check_job(path) is None


def test_a_check_tells_the_mistakes_of_rows(tmp_path: Path) -> None:
    """A missing feed and a wrong row are mistakes that a check raises."""
    path = write_project(tmp_path, feed="id,name\nmug,Mug\n")
    with pytest.raises(Invalid, match="title"):
        check_job(path)
    (tmp_path / "feed.csv").unlink()
    with pytest.raises(Invalid, match=r"feed\.csv matches no file"):
        check_job(path)
