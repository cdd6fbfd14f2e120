"""Composing within a run: reused, finished, free, and never uncertain."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

from PIL import Image

from runner.compose.hands import LocalHands
from runner.edge.blobs import Blobs
from runner.edge.journal import Journal
from runner.edge.marks import source_type_of
from runner.edge.state import State
from runner.facts import Planned, Sent
from runner.hands import Carried
from runner.records import Blob, Json, Send, make_request
from runner.verdicts import Broken, Done, Refused
from runner.workflow import Order, Report, run_job
from tests.projects import PROJECT, SCENE, Listener, billed, open_stage_here, write_project

ROOT = Path(__file__).parents[2]
BANNER = """\
  banner:
    use: local/compose
    with:
      svg: {template: banner.svg.j2}
      width: 120
      height: 60
      pictures: {scene: "{{ steps.scene.file }}"}
    finish: {format: jpeg, max_kb: 40}
    expect: {format: jpeg, width: 120, height: 60}
"""
COPY = '  copy:\n    use: jivox/text\n    with: {prompt: "Headline for {{ row.title }}"}\n'
TEMPLATE = """\
<svg xmlns="http://www.w3.org/2000/svg"><image href="scene" width="120" height="120" y="-30"/>
<fit x="5" y="5" width="110" height="40" size-max="20" fill="#fff">{{ row.title }}: {{ steps.copy.text }}</fit></svg>
"""
FEED = 'id,title,picture\nmug,"<b>Mug</b> & \'co\' ""x""",mug.png\n'


def write_banners(folder: Path, template: str = TEMPLATE) -> Path:
    """A small project that ends in a banner."""
    (folder / "templates").mkdir()
    (folder / "templates" / "banner.svg.j2").write_text(template)
    shutil.copy(ROOT / "templates/fonts/Inter-Medium.otf", folder / "font.otf")
    return write_project(folder, COPY + SCENE + BANNER, project=PROJECT + "fonts: [font.otf]\n", feed=FEED)


async def play(path: Path) -> Report:
    """Run the job against emulated vendors in this process."""
    async with open_stage_here(vendors(path)) as stage:
        return await run_job(Order(path, sandbox=True, stage=stage), Listener())


def vendors(path: Path) -> Path:
    """Where the emulated vendors keep what they billed."""
    return path.parent / ".adbatch" / "sandbox" / "vendors"


def steps_of(path: Path) -> dict[str, Any]:
    """The steps of the one line of results."""
    steps: dict[str, Any] = json.loads((path.parent / "out" / "results.jsonl").read_text("utf-8"))["steps"]
    return steps


async def test_a_feed_becomes_a_finished_banner(tmp_path: Path) -> None:
    """Markup in the data is text, the file is what was finished, it tells what it was made of and how; again it costs nothing."""
    path = write_banners(tmp_path)
    report = await play(path)
    assert (report.told.exit_code, report.told.tallies["local"].cost, report.told.tallies["local"].unpriced) == (0, {}, 0)
    [file] = steps_of(path)["banner"]["files"]
    data = (tmp_path / "out" / file["path"]).read_bytes()
    assert Image.open(io.BytesIO(data)).size == (120, 60)
    assert file["source_type"] == source_type_of(data) == "compositeWithTrainedAlgorithmicMedia"
    assert file["source"] != file["sha256"]
    before = (tmp_path / "out" / "results.jsonl").read_bytes()
    assert (await play(path)).told.tallies["local"].submits == 0
    assert (tmp_path / "out" / "results.jsonl").read_bytes() == before


async def test_another_finish_buys_nothing_and_another_template_only_the_banner(tmp_path: Path) -> None:
    """Finishing is no part of what is asked; the template is, of the one step that draws with it."""
    path = write_banners(tmp_path)
    await play(path)
    bought, request = billed(vendors(path)), steps_of(path)["banner"]["request"]
    path.write_text(path.read_text().replace("max_kb: 40", "max_kb: 40, quality: 50"))
    report = await play(path)
    assert (report.told.exit_code, report.told.tallies["local"].submits) == (0, 0)
    assert steps_of(path)["banner"]["request"] == request
    (tmp_path / "templates" / "banner.svg.j2").write_text(TEMPLATE.replace("#fff", "#ff0"))
    assert (await play(path)).told.tallies["local"].submits == 1
    assert billed(vendors(path)) == bought
    assert steps_of(path)["banner"]["request"] != request


async def test_a_killed_run_draws_again(tmp_path: Path) -> None:
    """What a run had begun to draw when it was killed is nobody's money: the next run draws it, unasked."""
    path = write_banners(tmp_path)
    await play(path)
    request = steps_of(path)["banner"]["request"]
    journal = State(tmp_path / ".adbatch", "sandbox").journal("small")
    with Journal.open(journal, "sandbox") as facts:
        [asked] = [fact for fact in facts.histories([request])[request] if isinstance(fact, Planned)]
    for folder in (journal.parent, tmp_path / "out"):
        shutil.rmtree(folder)
    with Journal.open(journal, "sandbox") as facts:
        facts.commit([Planned(1.0, asked.request, step="banner"), Sent(2.0, request, "submit")])
    report = await play(path)
    assert (report.told.exit_code, report.told.tallies["local"].submits) == (0, 1)


async def test_what_cannot_be_drawn_is_refused_in_words(tmp_path: Path) -> None:
    """The drawing's mistake is the step's, and everything else is made."""
    report = await play(write_banners(tmp_path, TEMPLATE.replace('href="scene"', 'href="nothing"')))
    assert report.told.exit_code == 1
    banner = steps_of(tmp_path / "job.yaml")["banner"]
    assert (banner["status"], "there is no picture 'nothing'" in banner["why"]) == ("refused", True)


async def test_only_the_lanes_of_this_machine_are_carried_out_here(tmp_path: Path) -> None:
    """All else goes to the hands behind."""
    blobs = Blobs(tmp_path)

    class Others:
        async def carry(self, send: Send) -> Carried:
            return Carried(send, Broken("asked elsewhere"))

    async def store(data: bytes) -> Blob:
        return blobs.put(data)

    hands = LocalHands(Others(), frozenset({"local"}), blobs.read, store)
    params: dict[str, Json] = {"svg": '<svg xmlns="http://www.w3.org/2000/svg"/>', "width": 5, "height": 5}
    verdicts = [
        (await hands.carry(Send(make_request(lane, "compose", asked), "submit"))).verdict
        for lane, asked in (("local", params), ("house", params), ("local", {**params, "svg": "<p/>"}))
    ]
    assert [type(verdict) for verdict in verdicts] == [Done, Broken, Refused]
