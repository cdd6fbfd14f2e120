"""The gallery in a real browser, from the disk: what a person sees, presses and keeps, and that nothing gets in or out."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from runner.decisions import Decision, load_decisions, save_decisions
from runner.report.gallery import write_gallery, write_single
from tests.acceptance.conftest import ADBATCH, Project, copy_project
from tests.report.conftest import Watched
from tests.report.runs import asked, file_fields, history, lay_out, line, picture, step

Visit = Callable[..., Watched]

WRAPPED: Final = ("{}", "\"'>{}", "</title></textarea></noscript></template>{}", "\u202e\x07{}\ufeff")
HOSTILE: Final = [
    wrap.replace("{}", text).replace("PWN", f"window.pwned=(window.pwned||0)+1,{number}")
    for wrap in WRAPPED
    for number, text in enumerate(
        [
            "<script>PWN</script>",
            "</script><script>PWN</script>",
            "<img src=x onerror=PWN>",
            "\"><img src=x onerror='PWN'>",
            "'><svg onload=PWN>",
            "javascript:PWN",
            "<iframe srcdoc='<script>parent.PWN</script>'>",
            "<a href=javascript:PWN>x</a>",
            "--><script>PWN</script><!--",
            "]]><script>PWN</script>",
            "{{PWN}}",
            "${PWN}",
            "`${PWN}`",
            "');PWN;('",
            '");PWN;("',
            "\\u003cscript\\u003ePWN\\u003c/script\\u003e",
            "&lt;script&gt;PWN&lt;/script&gt;",
            "<style>*{background:url(https://evil.example/x)}</style>",
            "<link rel=stylesheet href=//evil.example/x>",
            "<meta http-equiv=refresh content='0;url=https://evil.example'>",
            "<base href=https://evil.example/>",
            "<form action=https://evil.example><button>",
            "<object data=javascript:PWN>",
            "<math><mtext><script>PWN</script>",
            "\u2028PWN\u2029",
        ]
    )
]
"""A hundred texts that want to be more than text."""


@pytest.fixture(scope="module")
def demo(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The demo's job for two products, run as a person runs it."""
    project = copy_project(tmp_path_factory.mktemp("demo"), "adbatch.yaml", "jobs", "templates", "examples/feeds")
    project.edit("jobs/summer-sale.yaml", ("limit: 8 ", "limit: 2 "))
    words = [ADBATCH, "run", "jobs/summer-sale.yaml", "--sandbox"]
    asks = {name: value for name, value in os.environ.items() if name != "ADBATCH_NO_REPORT"}
    done = subprocess.run(words, cwd=project.root, capture_output=True, text=True, timeout=100, check=False, env=asks)
    assert done.returncode == 0, done.stderr
    assert done.stderr.rstrip().endswith("gallery: out/summer-sale/report/index.html")
    return project


def page_of(project: Project) -> str:
    """The address of the demo's gallery."""
    return (project.root / "out/summer-sale/report/index.html").as_uri()


def told(watched: Watched) -> str:
    """The line that says how much is shown."""
    return str(watched.page.inner_text("#told"))


def test_a_person_looks_through_the_demo(demo: Project, visit: Visit) -> None:
    """Axes, filters and search arrange it; the lightbox tells what was asked; nothing is said to the console or to the world."""
    seen = visit(page_of(demo))
    seen.page.wait_for_selector(".card img")
    everything = told(seen).partition(" in ")[0]
    assert "in 2 rows" in told(seen)
    scene, ad = (seen.page.locator(".head .column").nth(place).bounding_box()["width"] for place in (2, 3))
    assert ad > scene, "banners that are wide get a wide column"
    seen.shoot("gallery-1280")
    seen.page.select_option("#columns", "axis:size")
    assert "× 3 columns" in told(seen)
    seen.page.keyboard.press("Escape")
    seen.page.locator("#grid").focus()
    seen.page.keyboard.press("f")
    seen.page.get_by_label("ad 24", exact=True).check()
    assert told(seen).startswith("24 results")
    seen.page.keyboard.press("Escape")
    seen.page.fill("#search", "leaderboard mug")
    seen.tells("2 results")
    seen.page.fill("#search", "nothing is called so")
    seen.page.get_by_role("button", name="Show everything").click()
    seen.tells(everything)
    seen.page.goto(f"{page_of(demo)}#columns=axis:size&steps=ad&q=leaderboard+mug")
    seen.page.reload()
    seen.tells("2 results")
    seen.shoot("search-1280")
    seen.page.locator(".card").first.click()
    details = seen.page.locator("#box .details")
    details.wait_for()
    text = details.inner_text()
    assert all(word in text for word in ("Prompt", "attempts", "seed", "sha256", "sivi/design", "728 × 90")), text
    whole = seen.page.locator("#box .stage img")
    assert whole.evaluate("img => img.decode().then(() => img.naturalWidth)") == 728
    assert "/report/" not in whole.evaluate("img => img.currentSrc")
    assert whole.get_attribute("alt")
    seen.shoot("lightbox-1280")
    assert seen.is_clean()


def test_decisions_are_made_by_keyboard_and_kept(demo: Project, visit: Visit, tmp_path: Path) -> None:
    """Approve, reject with a reason, look again after a reload, and save a file that the program reads."""
    seen = visit(f"{page_of(demo)}#rows=row&columns=step&steps=ad")
    seen.page.wait_for_selector(".card img")
    seen.page.fill("#author", "kim")
    seen.page.locator("#grid").focus()
    for key in ("j", "a", "j", "r"):
        seen.page.keyboard.press(key)
        seen.page.wait_for_timeout(50)
    seen.page.keyboard.type("the mug is cut off")
    seen.page.keyboard.press("Enter")
    seen.page.wait_for_selector(".card.rejected")
    seen.page.keyboard.press("Enter")
    seen.page.wait_for_selector("#box[open] .verdict")
    assert "rejected by kim: the mug is cut off" in seen.page.inner_text("#box")
    seen.page.keyboard.press("Escape")
    seen.page.reload()
    seen.page.wait_for_selector(".card.approved")
    assert "1 approved, 1 rejected, 2 not saved yet" in seen.page.inner_text("#decided")
    seen.shoot("decided-1280")
    with seen.page.expect_download() as saving:
        seen.page.click("#save")
    saving.value.save_as(tmp_path / "decisions.yaml")
    decided = load_decisions(tmp_path / "decisions.yaml")
    assert sorted((one.decision, one.step, one.author, one.reason) for one in decided) == [
        ("approved", "ad", "kim", ""),
        ("rejected", "ad", "kim", "the mug is cut off"),
    ]
    lines = {one["key"]: one["steps"]["ad"]["files"] for one in demo.results("out/summer-sale")}
    assert all(one.sha256 in {file["sha256"] for file in lines[one.key]} for one in decided)
    assert seen.is_clean()


def test_it_is_a_page_for_phones_and_for_the_night(demo: Project, visit: Visit) -> None:
    """At 390 pixels nothing runs off the side; the dark one is dark, and the toggle is remembered."""
    phone = visit(page_of(demo), width=390, height=844, mobile=True)
    phone.page.wait_for_selector(".card img")
    assert phone.page.evaluate("document.scrollingElement.scrollWidth") <= 390
    assert phone.page.evaluate("document.querySelector('#grid').scrollWidth") <= 390
    phone.shoot("gallery-390")
    phone.page.locator(".card img").first.click()
    phone.page.wait_for_selector("#box[open] .details")
    phone.shoot("lightbox-390")
    night = visit(f"{page_of(demo)}#rows=row&columns=axis:size&steps=ad", dark=True)
    night.page.wait_for_selector(".card img")
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = night.page.evaluate(ground)
    night.shoot("dark-1280")
    night.page.click("#theme")
    assert night.page.evaluate(ground) != dark
    night.page.reload()
    night.page.wait_for_selector(".card img")
    assert night.page.evaluate(ground) != dark
    assert phone.is_clean()
    assert night.is_clean()


@contextmanager
def interrupted_in_the_end(server: subprocess.Popen[str]) -> Iterator[None]:
    """Press Ctrl-C, whatever happened."""
    try:
        yield
    finally:
        server.send_signal(signal.SIGINT)


def test_a_served_page_saves_decisions_as_they_are_made(demo: Project, visit: Visit) -> None:
    """Approved by keyboard, in the file a moment later, and still there in another browser; Ctrl-C ends the server well."""
    words = [ADBATCH, "report", "jobs/summer-sale.yaml", "--sandbox", "--serve"]
    with subprocess.Popen(words, cwd=demo.root, stderr=subprocess.PIPE, text=True) as server, interrupted_in_the_end(server):
        assert server.stderr is not None
        found = re.search(r"http://127\.0\.0\.1:\d+", line := server.stderr.readline())
        assert found is not None, line
        address = line.split(" is at ")[1].split(" ")[0]
        seen = visit(f"{address}#rows=row&columns=step&steps=ad")
        seen.page.wait_for_selector(".card img")
        seen.page.locator("#grid").focus()
        seen.page.keyboard.press("j")
        with seen.page.expect_response("**/api/decisions") as saving:
            seen.page.keyboard.press("a")
        assert saving.value.ok
        decided = load_decisions(demo.root / "jobs/decisions.yaml")
        assert [(one.job, one.step, one.decision) for one in decided] == [("summer-sale", "ad", "approved")]
        assert seen.is_clean(found[0])
        other = visit(f"{address}#rows=row&columns=step&steps=ad")
        other.page.wait_for_selector(".card.approved", timeout=20_000)
        save_decisions(
            demo.root / "jobs/decisions.yaml", [decided[0].model_copy(update={"decision": "rejected", "reason": "the logo"})]
        )
        for page in (seen.page, other.page):
            page.locator(".card.rejected", has_text="the logo").wait_for(timeout=20_000)
        assert other.is_clean(found[0])
    assert server.returncode in (0, 130)


@pytest.mark.parametrize("form", ["folder", "single file"])
def test_a_hundred_hostile_texts_stay_texts(tmp_path: Path, visit: Visit, form: str) -> None:
    """As titles, keys, cells, prompts, copies, file names and vendors' words, in the gallery, the lightbox and the filters."""
    data = picture()
    lines, decided = list[dict[str, Any]](), list[Decision]()
    files, known, titles = dict[str, bytes](), dict[str, Any](), dict[str, str]()
    for number, text in enumerate(HOSTILE):
        name = f"{number}/{text.replace('/', '∕')}"[:200]
        scene, copy = asked(text + str(number), extra={text: [text]}), asked(text, "jivox/text", number=number)
        known |= {one.id: history(one) for one in (scene, copy)}
        files[f"{name}.png"] = data
        steps = {
            "scene": step(
                scene, files=[file_fields(data, f"{name}.png")], checks=[{"name": text, "ok": False, "wanted": text, "got": text}]
            )
        }
        steps["copy"] = step(copy, text=text, why=text)
        lines.append(line(f"{number}{text}", steps, {text if number == 0 else "axis": text}))
        titles[f"{number}{text}"] = text
        decided.append(
            Decision(
                job="small", key=lines[-1]["key"], step="scene", sha256="a" * 64, decision="approved", reason=text, author=text
            )
        )
    given = lay_out(tmp_path, lines, files, known, titles=lambda: titles, decisions=decided)
    made = write_gallery(given) if form == "folder" else write_single(given, tmp_path / "all.html")
    seen = visit(made.page.as_uri())
    seen.page.wait_for_selector(".card img")
    for columns in ("axis:axis", "step"):
        seen.page.select_option("#columns", columns)
    seen.page.select_option("#rows", "variant")
    seen.page.locator("#grid").focus()
    seen.page.keyboard.press("f")
    seen.page.keyboard.press("Escape")
    for _ in range(12):
        seen.page.evaluate("document.querySelector('#grid').scrollTop += 2000")
        seen.page.wait_for_timeout(30)
    seen.page.evaluate("document.querySelector('#grid').scrollTop = 0")
    seen.page.wait_for_selector(".card")
    seen.page.locator(".card").first.click()
    seen.page.wait_for_selector("#box[open] .details")
    for number in range(60):
        seen.page.keyboard.press("j")
        if number % 20 == 0:
            seen.page.keyboard.press("a")
    seen.page.wait_for_timeout(100)
    assert str(seen.page.text_content("#box h2")).startswith(tuple(HOSTILE))
    assert seen.page.evaluate("window.pwned") is None
    assert seen.page.locator("#grid script, #grid iframe, #box script, #box iframe, #box a, #grid svg").count() == 0
    assert seen.page.url.startswith(made.page.as_uri())
    assert seen.is_clean()


def test_a_changed_picture_voids_its_approval(tmp_path: Path, visit: Visit) -> None:
    """What was approved is told as void where another file is there now, and can be looked for."""
    data = {name: picture(name) for name in ("red", "blue")}
    lines = [line(name, {"scene": step(asked(name), files=[file_fields(one, f"{name}.png")])}) for name, one in data.items()]
    own = {name: file_fields(one, "")["sha256"] for name, one in data.items()}
    about = {"job": "small", "step": "scene", "decision": "approved"}
    decided = [Decision(key="red|1", sha256=own["red"], **about), Decision(key="blue|1", sha256="b" * 64, **about)]  # type: ignore[arg-type]
    made = write_gallery(lay_out(tmp_path, lines, {f"{name}.png": one for name, one in data.items()}, decisions=decided))
    seen = visit(made.page.as_uri())
    seen.page.wait_for_selector(".card img")
    assert seen.page.locator(".card.approved").count() == 1
    assert "void" in seen.page.locator(".card.void").inner_text()
    seen.page.goto(f"{made.page.as_uri()}#decision=void")
    seen.page.reload()
    seen.page.wait_for_selector(".card.void")
    assert told(seen).startswith("1 result ")
    assert seen.is_clean()


def test_what_was_kept_all_the_same_can_be_looked_for(tmp_path: Path, visit: Visit) -> None:
    """Of three results one failed its check, one was kept though it failed, one is right: each filter shows its own."""
    wrong = [{"name": "max_chars", "ok": False, "wanted": 3, "got": 4}]
    right = [{**wrong[0], "ok": True}]
    steps = [
        {**step(asked("a"), "failed", text="long"), "checks": wrong},
        {**step(asked("b"), text="long"), "checks": wrong, "flagged": True},
        {**step(asked("c"), text="fit"), "checks": right},
    ]
    made = write_gallery(lay_out(tmp_path, [line(f"row{number}", {"copy": one}) for number, one in enumerate(steps)]))
    seen = visit(made.page.as_uri())
    for words, count in (("⚑ kept all the same 1", 1), ("⚑ check failed 2", 2)):
        seen.page.locator("#grid").focus()
        seen.page.keyboard.press("f")
        seen.page.get_by_label(words).check()
        seen.tells(f"{count} result")
        seen.page.get_by_role("button", name="Clear all").click()
        seen.page.keyboard.press("Escape")
        seen.tells("3 results")
    seen.page.goto(f"{made.page.as_uri()}#most=5")
    seen.page.reload()
    seen.tells("0 results")  # what nobody knows the price of is not cheap
    assert seen.is_clean()


def test_a_folder_that_is_not_complete_says_so(tmp_path: Path, visit: Visit) -> None:
    """A page whose data did not come along tells what is missing."""
    made = write_gallery(lay_out(tmp_path, [line("mug", {"copy": {"status": "waiting"}})]))
    (made.page.parent / "data/index.js").unlink()
    seen = visit(made.page.as_uri())
    seen.tells("data/index.js cannot be read")
