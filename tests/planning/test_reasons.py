"""Every reason a request can be new for, in the words a user reads: after a real run, one edit, and the plan for the next.

Long, because it is the golden table of reasons.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from runner.planning.past import open_past
from runner.planning.reasons import Comparison, Reason, direct_reads
from runner.reading.study import open_study
from tests.crash.forge import hurry
from tests.forecasts import Bench, counts, open_bench, whys
from tests.projects import COPY, PROJECT, SCENE

OUT = "output: {dir: out}\n"
MATRIX = "matrix:\n  locale: [en-US, de-DE]\n  size:\n    - {name: mpu, width: 300}\n    - {name: wide, width: 728}\n"


def step(prompt: str, name: str = "copy", use: str = "jivox/text", more: str = "") -> str:
    """A step with this prompt."""
    return f"  {name}:\n    use: {use}\n    with: {{prompt: {prompt}}}\n{more}"


SIZED = step('"{{ row.title }} {{ matrix.size.width }} {{ matrix.size.name }}"')
SEASON = step('"{{ row.title }} in {{ vars.season }}"')
SEEDED = step('"{{ row.title }} {{ seed }}"')
CUT = "  copy:\n    use: jivox/remove-background\n    with: {image: 'pictures/{{ row.picture }}'}\n"
TEMPLATED = step("{template: headline.j2}")
DRAWN = "  copy:\n    use: vyro/text-to-image\n    with: {prompt: '{{ row.title }}', style: realistic}\n"
PICTURES = {"pictures/mug.png": "red", "pictures/hat.png": "blue"}
FILES = {"templates/headline.j2": "{% include 'tone.j2' %} {{ row.title }}", "templates/tone.j2": "Friendly:"}
MEDIA = """\
  copy:
    use: sivi/media
    with: {prompt: "{{ row.title }}", model: flux-schnell, dimensions: {width: 1024, height: 1024}}
"""
BRANDED = PROJECT + "  sivi: {plan: general, brand: b_1}\n"


@dataclass(frozen=True, slots=True)
class Case:
    """A project that was run, the changes to one file, and what is then said of step copy: counts, and reasons with examples."""

    steps: str
    file: str
    changes: tuple[tuple[str, str], ...]
    counts: Mapping[str, int]
    whys: Mapping[str, tuple[int, list[str]]]
    project: Mapping[str, Any] = field(default_factory=dict)


def case(steps: str, file: str, changes: Any, told: Mapping[str, int], why: Mapping[str, Any], **project: Any) -> Case:
    """A case; `changes` may be one pair."""
    pairs = (changes,) if isinstance(changes[0], str) else tuple(changes)
    return Case(steps, file, pairs, told, why, project)


ONE_CHANGED = {"changed": 1, "reused": 1}
BOTH_CHANGED = {"changed": 2}

CASES = {
    "a column that is read": case(COPY, "feed.csv", ("Mug", "Blue mug"), ONE_CHANGED, {"row.title": (1, ['"Mug" → "Blue mug"'])}),
    "a column in two rows": case(
        COPY,
        "feed.csv",
        [("Mug", "Blue mug"), ("Hat", "Red hat")],
        BOTH_CHANGED,
        {"row.title": (2, ['"Mug" → "Blue mug"', '"Hat" → "Red hat"'])},
    ),
    "a column that is not read": case(COPY, "feed.csv", ("mug.png", "other.png"), {"reused": 2}, {}),
    "the order of rows": case(
        COPY, "feed.csv", ("mug,Mug,mug.png\nhat,Hat,hat.png\n", "hat,Hat,hat.png\nmug,Mug,mug.png\n"), {"reused": 2}, {}
    ),
    "a column that comes": case(
        step("\"{{ row.title }} {{ row.colour | default('') }}\""),
        "feed.csv",
        [("id,title,picture", "id,title,picture,colour"), ("mug.png", "mug.png,red"), ("hat.png", "hat.png,")],
        {"changed": 1, "reused": 1},
        {"row.colour": (1, ['nothing → "red"'])},
    ),
    "a row as a whole": case(
        step("\"Ad {{ row | pick('title', 'picture') | tojson }}\""),
        "feed.csv",
        ("mug,Mug,mug.png", "mug,Mug,new.png"),
        ONE_CHANGED,
        {"row.picture": (1, ['"mug.png" → "new.png"'])},
    ),
    "a row renamed": case(
        COPY,
        "job.yaml",
        ("feed: {path: feed.csv}", "feed: {path: feed.csv, fields: {title: picture}}"),
        BOTH_CHANGED,
        {"row.title": (2, ['"Mug" → "mug.png"', '"Hat" → "hat.png"'])},
    ),
    "a new row": case(
        COPY, "feed.csv", ("hat,Hat,hat.png\n", "hat,Hat,hat.png\ncap,Cap,cap.png\n"), {"new": 1, "reused": 2}, {"new row": (1, [])}
    ),
    "a row that where lets through now": case(
        COPY,
        "feed.csv",
        ("hat,Hat,no", "hat,Hat,yes"),
        {"new": 1, "reused": 1},
        {"row.picture": (1, ['"no" → "yes"'])},
        top=OUT,
        feed="id,title,picture\nmug,Mug,yes\nhat,Hat,no\n",
        where="row.picture == 'yes'",
    ),
    "another where": case(
        COPY,
        "job.yaml",
        ("where: row.id == 'mug'", "where: row.id != ''"),
        {"new": 1, "reused": 1},
        {"feed.where changed (job.yaml:3)": (1, [])},
        where="row.id == 'mug'",
    ),
    "another limit": case(
        COPY, "job.yaml", ("limit: 1", "limit: 2"), {"new": 1, "reused": 1}, {"feed.limit": (1, ["1 → 2"])}, limit=1
    ),
    "a var": case(
        SEASON,
        "job.yaml",
        ("season: summer", "season: winter"),
        BOTH_CHANGED,
        {"vars.season": (2, ["summer → winter"])},
        top="vars: {season: summer, brand: Acme}\n" + OUT,
    ),
    "a var that is not read": case(
        SEASON, "job.yaml", ("Acme", "Emca"), {"reused": 2}, {}, top="vars: {season: summer, brand: Acme}\n" + OUT
    ),
    "a var that is a map": case(
        step('"{{ row.title }} {{ vars.brand.tone }}"'),
        "job.yaml",
        ("tone: warm", "tone: cool"),
        BOTH_CHANGED,
        {"vars.brand": (2, ["tone warm → cool"])},
        top="vars: {brand: {name2: Acme, tone: warm}}\n" + OUT,
    ),
    "a template": case(
        TEMPLATED,
        "templates/headline.j2",
        ("row.title }}", "row.title }}!"),
        BOTH_CHANGED,
        {"templates/headline.j2 changed": (2, [])},
        files=FILES,
    ),
    "a template inside a template": case(
        TEMPLATED, "templates/tone.j2", ("Friendly", "Formal"), BOTH_CHANGED, {"templates/tone.j2 changed": (2, [])}, files=FILES
    ),
    "another template": case(
        TEMPLATED,
        "job.yaml",
        ("headline.j2", "tone.j2"),
        {"changed": 1},
        {"steps.copy.with.prompt.template changed (job.yaml:8)": (1, ['"headline.j2" → "tone.j2"'])},
        files=FILES,
    ),
    "a prompt": case(
        COPY, "job.yaml", ("Headline for", "Slogan for"), BOTH_CHANGED, {"steps.copy.with.prompt changed (job.yaml:8)": (2, [])}
    ),
    "a constant": case(
        DRAWN,
        "job.yaml",
        ("style: realistic", "style: anime"),
        BOTH_CHANGED,
        {"steps.copy.with.style changed (job.yaml:8)": (2, ['"realistic" → "anime"'])},
    ),
    "a field that comes": case(
        DRAWN,
        "job.yaml",
        ("style: realistic", "style: realistic, seed: 7"),
        BOTH_CHANGED,
        {"steps.copy.with.seed added (job.yaml:8)": (2, [])},
    ),
    "a field that goes": case(
        DRAWN.replace("realistic", "realistic, seed: 7"),
        "job.yaml",
        (", seed: 7", ""),
        BOTH_CHANGED,
        {"steps.copy.with.seed removed (job.yaml:8)": (2, [])},
    ),
    "white space and comments": case(
        COPY, "job.yaml", ("with: {prompt:", "with: # what to say\n      {prompt:   "), {"reused": 2}, {}
    ),
    "another operation": case(
        DRAWN,
        "job.yaml",
        ("vyro/text-to-image", "vyro/text-to-png"),
        BOTH_CHANGED,
        {"use": (2, ["vyro/text-to-image → vyro/text-to-png"])},
    ),
    "again": case(COPY, "job.yaml", ("use: jivox/text", "use: jivox/text\n    again: 2"), BOTH_CHANGED, {"again: 2": (2, [])}),
    "a new locale": case(
        step('"{{ row.title }} {{ matrix.locale }}"'),
        "job.yaml",
        ("[en-US, de-DE]", "[en-US, de-DE, fr-FR]"),
        {"new": 2, "reused": 4},
        {"new locale": (2, ["fr-FR"])},
        top=MATRIX + OUT,
    ),
    "a new locale that is not read": case(
        COPY, "job.yaml", ("[en-US, de-DE]", "[en-US, de-DE, fr-FR]"), {"reused": 2}, {}, top=MATRIX + OUT
    ),
    "a new size": case(
        SIZED,
        "job.yaml",
        ("    - {name: wide, width: 728}\n", "    - {name: wide, width: 728}\n    - {name: tall, width: 160}\n"),
        {"new": 2, "reused": 4},
        {"new size": (2, ["tall"])},
        top=MATRIX + OUT,
    ),
    "a size of the same name": case(
        SIZED,
        "job.yaml",
        ("width: 300", "width: 320"),
        {"changed": 2, "reused": 2},
        {"matrix.size changed": (2, ["mpu: width 300 → 320"])},
        top=MATRIX + OUT,
    ),
    "a combination that was excluded": case(
        step('"{{ row.title }} {{ matrix.locale }} {{ matrix.size.name }}"'),
        "job.yaml",
        ("  exclude: [{locale: de-DE, size: {name: wide}}]\n", ""),
        {"new": 2, "reused": 6},
        {"new combination": (2, ["locale=de-DE, size=wide"])},
        top=MATRIX + "  exclude: [{locale: de-DE, size: {name: wide}}]\n" + OUT,
    ),
    "an axis under a seed": case(
        SEEDED, "job.yaml", ("output:", "matrix: {locale: [en-US]}\noutput:"), {"new": 2}, {"new axis locale": (2, [])}
    ),
    "an axis less under a seed": case(
        SEEDED,
        "job.yaml",
        ("matrix: {locale: [en-US]}\n", ""),
        {"new": 2},
        {"axis locale removed": (2, [])},
        top="matrix: {locale: [en-US]}\n" + OUT,
    ),
    "more repeats": case(
        SEEDED, "job.yaml", ("output:", "variants: 2\noutput:"), {"new": 2, "reused": 2}, {"variants": (2, ["1 → 2"])}
    ),
    "more repeats that are not read": case(COPY, "job.yaml", ("output:", "variants: 2\noutput:"), {"reused": 2}, {}),
    "a picture": case(CUT, "pictures/mug.png", ("", "green"), ONE_CHANGED, {"pictures/mug.png changed": (1, [])}, files=PICTURES),
    "a setting of the account": case(
        MEDIA,
        "adbatch.yaml",
        ("brand: b_1", "brand: b_2"),
        BOTH_CHANGED,
        {"adbatch.yaml changed (providers.sivi.brand)": (2, ["b_1 → b_2"])},
        text=BRANDED,
    ),
    "a setting that is not asked": case(COPY, "adbatch.yaml", ("brand: b_1", "brand: b_2"), {"reused": 2}, {}, text=BRANDED),
    "when says yes now": case(
        COPY.replace("    save", "    when: row.picture != 'hat.png'\n    save"),
        "feed.csv",
        ("hat.png", "cap.png"),
        {"new": 1, "reused": 1},
        {"row.picture": (1, ['"hat.png" → "cap.png"'])},
    ),
    "another when": case(
        COPY.replace("    save", "    when: row.id == 'mug'\n    save"),
        "job.yaml",
        ("row.id == 'mug'", "row.id != ''"),
        {"new": 1, "reused": 1},
        {"steps.copy.when changed (job.yaml:9)": (1, [])},
    ),
    "several at once": case(
        SEASON,
        "job.yaml",
        [("season: summer", "season: winter"), ("{{ row.title }} in", "{{ row.title }} during")],
        BOTH_CHANGED,
        {"vars.season": (2, ["summer → winter"]), "steps.copy.with.prompt changed (job.yaml:9)": (2, [])},
        top="vars: {season: summer}\n" + OUT,
    ),
}


def write(bench: Bench, told: Case) -> None:
    """Make the change."""
    if told.file.endswith(".png"):
        bench.write({told.file: told.changes[0][1]})
    else:
        bench.edit(told.file, *told.changes)


def shaped(given: Mapping[str, Any]) -> dict[str, Any]:
    """What a case says of its project, as `open_bench` takes it: `where` and `limit` go into the feed, `text` is adbatch.yaml."""
    more = dict(given)
    feed = [f"{name}: {more.pop(name)}" for name in ("where", "limit") if name in more]
    more["project"] = more.pop("text", PROJECT)
    return {**more, "fed": ", ".join(["path: feed.csv", *feed])}


@pytest.mark.parametrize("told", CASES.values(), ids=CASES.keys())
async def test_each_reason_is_told(tmp_path: Path, told: Case) -> None:
    """After a run and an edit the plan counts what is new, changed and reused, says why, and the run then sends just that."""
    more = shaped(told.project)
    fed = more.pop("fed")
    async with open_bench(tmp_path, told.steps, **more) as bench:
        bench.edit("job.yaml", ("path: feed.csv", fed))
        await bench.run(hurry())
        before = bench.sent()
        write(bench, told)
        forecast = await bench.plan()
        assert (counts(forecast), whys(forecast)) == (told.counts, told.whys)
        await bench.run(hurry())
        assert bench.sent() - before == sum(told.counts.get(prospect, 0) for prospect in ("new", "changed", "again", "blocked"))


async def test_the_first_run_and_a_new_step_are_told(tmp_path: Path) -> None:
    """Before any run all is new because of that; afterwards a step that is added says so, and one that is there says nothing."""
    async with open_bench(tmp_path, COPY) as bench:
        assert whys(await bench.plan()) == {"first run": (2, [])}
        await bench.run()
        bench.edit("job.yaml", (COPY, COPY + SCENE))
        forecast = await bench.plan()
        assert (counts(forecast), counts(forecast, "scene")) == ({"reused": 2}, {"new": 2})
        assert whys(forecast, "scene") == {"new step": (2, [])}


async def test_what_reads_a_step_says_that_it_is_asked_anew(tmp_path: Path) -> None:
    """A step behind a changed one is blocked until that is answered; its own changes are told beside."""
    async with open_bench(tmp_path, COPY + SCENE) as bench:
        await bench.run()
        bench.edit("feed.csv", ("Mug", "Blue mug"))
        bench.edit("job.yaml", ("realistic", "anime"))
        forecast = await bench.plan()
        assert counts(forecast, "scene") == {"changed": 1, "blocked": 1}
        assert whys(forecast, "scene") == {
            "steps.scene.with.style changed (job.yaml:12)": (2, ['"realistic" → "anime"']),
            "steps.copy is asked anew": (1, []),
        }


async def test_a_step_that_has_its_new_answer_already_is_named(tmp_path: Path) -> None:
    """Where an earlier step asks something else that is known from before, whoever reads it says that it changed."""
    async with open_bench(tmp_path, COPY) as bench:
        await bench.run()
        bench.edit("feed.csv", ("Mug", "Blue mug"))
        await bench.run()
        bench.edit("job.yaml", (COPY, COPY + SCENE))
        await bench.run()
        bench.edit("feed.csv", ("Blue mug", "Mug"))
        forecast = await bench.plan()
        assert counts(forecast) == {"reused": 2}
        assert whys(forecast, "scene") == {"steps.copy changed": (1, [])}


async def test_reads_are_those_of_the_step_itself(tmp_path: Path) -> None:
    """What an earlier step reads is not read by the step; the columns to compare are those both runs read."""
    async with open_bench(tmp_path, COPY + SCENE) as bench:
        await bench.run()
        with open_study(bench.job, bench.stage) as study:
            past = open_past(study)
            assert past is not None
            reads = {step.name: direct_reads(step) for step in study.desk.plan.steps}
            assert reads == {"copy": {"row.title"}, "scene": {"steps.copy.text"}}
            comparison = Comparison(study.desk, past)
            assert comparison.columns == {"title"}
            assert (comparison.reads_row("copy"), comparison.reads_row("scene")) == (True, False)
            assert Comparison(study.desk, None).columns == frozenset()


def test_a_reason_is_a_headline_and_a_change() -> None:
    """What can be counted is apart from what is only an example."""
    assert Reason("new row") == ("new row", "")
