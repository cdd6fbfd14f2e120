"""The demo feed, its pictures, and every job and project a reader may copy from this repository."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from runner.feed import Source, read_rows
from runner.job.load import load_job, load_project
from runner.records import Row

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
FEED = EXAMPLES / "feeds" / "products.xml"
PICTURES = sorted((EXAMPLES / "feeds" / "pictures").glob("*.png"))
PROJECTS = sorted(folder.parent for folder in EXAMPLES.glob("*/adbatch.yaml"))
JOBS = sorted([*(ROOT / "jobs").glob("*.yaml"), *EXAMPLES.glob("*/jobs/*.yaml")])
TEMPLATES = sorted([*(ROOT / "templates").glob("*.j2"), *EXAMPLES.glob("*/templates/*.j2")])
COMMAND = re.compile(r"^adbatch (\w+)(.*?)(?:\s+#.*)?$", re.MULTILINE)


def named(path: Path) -> str:
    """A path as test ids show it."""
    return path.relative_to(ROOT).as_posix()


def products() -> list[Row]:
    """The rows of the demo feed."""
    return list(read_rows(Source((FEED,), (FEED.name,))))


def test_every_product_has_its_picture_and_every_picture_its_product():
    """The feed's image links and the files in pictures/ are the same, one for one."""
    links = [row.values["image_link"] for row in products()]
    assert sorted(map(str, links)) == [f"pictures/{picture.name}" for picture in PICTURES]
    assert [f"pictures/{row.key}.png" for row in products()] == links


@pytest.mark.parametrize("picture", PICTURES, ids=named)
def test_a_picture_decodes_at_800_by_800_in_at_most_60_kb(picture: Path):
    """A product picture is a sound PNG of 800 × 800 pixels and stays small enough for a repository."""
    with Image.open(picture) as image:
        image.load()
        assert (image.format, image.size) == ("PNG", (800, 800))
    assert picture.stat().st_size <= 60_000


@pytest.mark.parametrize("picture", PICTURES, ids=named)
def test_a_flood_from_the_corners_finds_the_product(picture: Path):
    """The background is plain: filling it from the corners, shadow included, leaves one product in the middle and no frame."""
    with Image.open(picture) as image:
        small = image.convert("RGB").resize((160, 160), Image.Resampling.BOX)
    for corner in ((0, 0), (159, 0), (0, 159), (159, 159)):
        ImageDraw.floodfill(small, corner, (255, 0, 255), thresh=72)
    product = [small.getpixel((x, y)) != (255, 0, 255) for y in range(160) for x in range(160)]
    assert 0.05 < sum(product) / len(product) < 0.6
    border = [product[y * 160 + x] for y in range(160) for x in range(160) if x in (0, 159) or y in (0, 159)]
    assert not any(border)


def test_the_feed_shows_what_real_feeds_have():
    """An id with zeros before it, sale prices, goods out of stock, dear goods, CDATA with umlauts, repeated and nested tags."""
    rows = {row.key: row.values for row in products()}
    assert len(rows) == 14
    assert "007" in rows
    assert sum("sale_price" in values for values in rows.values()) >= 3
    assert Counter(str(values["availability"]) for values in rows.values()) == {"in_stock": 12, "out_of_stock": 2}
    assert sorted(key for key, values in rows.items() if amount(values["price"]) >= 50) == ["cooler-5500", "speaker-2024"]
    assert "<b>Glühwürmchen</b>" in str(rows["lantern-3141"]["description"])
    assert rows["mug-4711"]["additional_image_link"] == [
        f"https://shop.example/pictures/mug-4711-{side}.jpg" for side in ("side", "top")
    ]
    assert rows["mug-4711"]["shipping"] == {"country": "US", "service": "Standard", "price": "4.90 USD"}


def test_the_invented_shop_lives_in_a_domain_nobody_can_own():
    """Every address in the demo feed but the namespace is below shop.example (RFC 2606)."""
    hosts = set(re.findall(r"https?://([^/\"\s<]+)", FEED.read_text("utf-8")))
    assert hosts == {"shop.example", "base.google.com"}


def amount(price: object) -> float:
    """The number of `19.99 USD`."""
    return float(str(price).split()[0])


@pytest.mark.parametrize("path", JOBS, ids=named)
def test_a_job_and_its_project_load_without_complaint(path: Path):
    """Every job a reader may copy is valid, and so is the project it belongs to, which is the nearest one."""
    job, project = load_job(path), load_project(path)
    assert job.job.name == path.stem
    assert project.root == path.parent.parent


@pytest.mark.parametrize("path", JOBS, ids=named)
def test_a_job_names_only_lanes_its_project_has(path: Path):
    """Each `use` begins with a provider that adbatch.yaml lists, so a reader sees where its key goes."""
    used = {step.use.partition("/")[0] for step in load_job(path).job.steps.values()}
    named = set(load_project(path).project.providers)
    assert used - {"local"} == named or (used < named and "http-vendors" in path.parts)  # its other accounts are there to be copied


@pytest.mark.parametrize("path", JOBS, ids=named)
def test_a_job_reads_an_existing_feed_with_the_columns_it_names(path: Path):
    """The feed exists, its keys are unique, and every row has the columns that `key` and `fields` name."""
    feed = load_job(path).job.feed
    file = (path.parent / feed.path).resolve()
    rows = list(read_rows(Source((file,), (file.name,), key=feed.key, format=feed.format, fields=feed.fields)))
    assert len({row.key for row in rows}) == len(rows) >= feed.guard.min_rows
    assert all(feed.key in row.values and set(feed.fields) <= set(row.values) for row in rows)


@pytest.mark.parametrize("path", JOBS, ids=named)
def test_every_template_a_job_names_exists(path: Path):
    """`{template: x.j2}` names a file of the project's templates folder."""
    folder = path.parent.parent / "templates"
    named_there = {str(value["template"]) for step in load_job(path).job.steps.values() for value in mappings(step.with_)}
    assert all((folder / name).is_file() for name in named_there)


def mappings(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every `{template: …}` inside a step's `with`."""
    if isinstance(value, Mapping):
        if "template" in value:
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from mappings(inner)


@pytest.mark.parametrize("template", TEMPLATES, ids=named)
def test_no_template_lies_idle(template: Path):
    """A file in templates/ is named by a job or by another template of its project."""
    project = template.parent.parent
    texts = [file.read_text("utf-8") for file in [*(project / "jobs").glob("*.yaml"), *(project / "templates").glob("*.j2")]]
    assert any(template.name in text for text in texts)


@pytest.mark.parametrize("path", [*JOBS, ROOT / "adbatch.yaml", *(folder / "adbatch.yaml" for folder in PROJECTS)], ids=named)
def test_the_first_line_tells_editors_the_schema(path: Path):
    """A YAML file begins by naming the committed JSON Schema of its kind, relative to itself."""
    found = re.match(r"# yaml-language-server: \$schema=(\S+)\n", path.read_text("utf-8"))
    assert found is not None
    kind = "project" if path.name == "adbatch.yaml" else "job"
    assert (path.parent / found[1]).resolve() == ROOT / "runner" / "job" / f"{kind}.schema.json"
    assert "$schema" in json.loads((path.parent / found[1]).read_text("utf-8"))


def test_the_demo_job_uses_all_vendors_and_tells_its_size():
    """The demo asks all four vendors and lays banners out here, in two locales, three sizes two variants; below 300 requests."""
    job = load_job(ROOT / "jobs" / "summer-sale.yaml").job
    assert {step.use.partition("/")[0] for step in job.steps.values()} == {"jivox", "sivi", "vyro", "placewise", "local"}
    assert (len(job.matrix.axes["locale"]), len(job.matrix.axes["size"]), job.variants) == (2, 3, 2)
    text = (ROOT / "jobs" / "summer-sale.yaml").read_text("utf-8")
    parts = [
        int(number)
        for number in re.findall(r"^#   \w+ .*= +(\d+)$|^#   teaser .* (\d+)$", text, re.MULTILINE)
        for number in number
        if number
    ]
    assert sum(parts) == int(re.findall(r"together (\d+) requests", text)[0]) <= 300


def test_there_is_an_example_for_each_use():
    """Complete projects: feed-driven variants, runs from git, scheduled refreshes, and vendors described in YAML."""
    assert [folder.name for folder in PROJECTS] == ["cron-refresh", "feed-variants", "from-git", "http-vendors"]
    assert all((folder / name).exists() for folder in PROJECTS for name in ("README.md", ".gitignore", "jobs", "feeds"))


@pytest.mark.parametrize("folder", PROJECTS, ids=named)
def test_an_example_stands_alone(folder: Path):
    """Its jobs read and write inside its own folder only, so that it can be copied away; its pictures are small."""
    for path in folder.glob("jobs/*.yaml"):
        job = load_job(path).job
        for inside in (job.feed.path, job.output.dir):
            assert (path.parent / inside).resolve().is_relative_to(folder)
    for picture in folder.glob("feeds/pictures/*.png"):
        with Image.open(picture) as image:
            assert max(image.size) <= 400


@pytest.mark.parametrize("folder", PROJECTS, ids=named)
def test_the_pictures_an_example_has_are_those_its_feed_names(folder: Path):
    """No row names a picture that is missing, and no picture is there for nothing."""
    there = {f"pictures/{picture.name}" for picture in folder.glob("feeds/pictures/*")}
    feeds = [file.read_text("utf-8") for file in folder.glob("feeds/*") if file.is_file()]
    assert there == {found for text in feeds for found in re.findall(r"pictures/[\w-]+\.png", text)}


def test_a_readme_shows_check_run_and_run_again():
    """The simplest example's commands are check, then run in the sandbox, then the same run again, for a job that exists."""
    folder = EXAMPLES / "feed-variants"
    text = (folder / "README.md").read_text("utf-8")
    commands = [(verb, rest.strip()) for verb, rest in COMMAND.findall(text)]
    [job] = [f"jobs/{path.name}" for path in folder.glob("jobs/*.yaml")]
    assert commands == [("check", job), ("run", f"{job} --sandbox"), ("run", f"{job} --sandbox")]


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
@pytest.mark.parametrize("folder", PROJECTS, ids=named)
def test_git_never_sees_state_or_pictures(folder: Path, tmp_path: Path):
    """`.gitignore` leaves out .adbatch/ and out/, also below a folder that ignores out/; from-git keeps results.jsonl alone."""
    made = ["out/job/results.jsonl", "out/job/manifest.json", "out/job/en/ad.png", "out/x.png", ".adbatch/journal.sqlite"]
    for name in made:
        file = tmp_path / "example" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    (tmp_path / ".gitignore").write_text((ROOT / ".gitignore").read_text("utf-8"), "utf-8")
    (tmp_path / "example" / ".gitignore").write_text((folder / ".gitignore").read_text("utf-8"), "utf-8")
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    seen = subprocess.run(
        ["git", "-C", tmp_path, "ls-files", "-o", "--exclude-standard", "example"], check=True, capture_output=True, text=True
    )
    kept = ["example/out/job/results.jsonl"] if folder.name == "from-git" else []
    assert sorted(seen.stdout.split()) == ["example/.gitignore", *kept]


def test_the_csv_of_feed_variants_has_a_row_that_where_drops():
    """One of its products is out of stock, so that the example shows `where` at work."""
    with (EXAMPLES / "feed-variants" / "feeds" / "products.csv").open(encoding="utf-8", newline="") as file:
        assert [row["sku"] for row in csv.DictReader(file) if row["stock"] == "0"] == ["hat-2300"]


def test_the_licence_is_the_one_the_package_declares():
    """LICENSE is the text of Apache-2.0."""
    text = (ROOT / "LICENSE").read_text("utf-8")
    assert text.split("\n", 3)[1:3] == [
        "                                 Apache License",
        "                           Version 2.0, January 2004",
    ]
    assert "END OF TERMS AND CONDITIONS" in text
