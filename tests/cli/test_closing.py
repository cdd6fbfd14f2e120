"""The end of a run: ten lines on stderr at most, its manifest on stdout where asked, and Markdown for a CI that shows it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from runner.causes import Advice, Cause
from runner.cli.closing import LONG, advice_line, report_lines, summary_lines, tell_report
from runner.edge.outputs import Written
from runner.engine import Ending
from runner.results import Results
from runner.workflow import Report
from tests.cli.conftest import Adbatch
from tests.projects import write_project
from tests.test_manifest import SPENT, told

REFUSED = Advice(Cause("copy", "refused", "422: style unknown", "jivox", count=37), "jobs/x.yaml:31", "change it")


def report(causes: tuple[Advice, ...] = (), gallery: Path | None = None, **more: Any) -> Report:
    """A run of a minute and two seconds, with its output below the folder we stand in."""
    return Report(Path.cwd() / "out", told(**more), {"mode": "live", "job": {"name": "mugs"}}, gallery, causes)


def test_a_run_is_told_in_ten_lines() -> None:
    """Variants, calls and money, what is closed or missing with its place and what to do, the code, and where it all lies."""
    results = Results({"done": 2, "refused": 1}, (), Written("ab" * 32, 1, 3))
    ending = Ending(closed={"jivox": "401: bad key"}, reused=Counter(jivox=4), spent=("the budget of step ad allows no more: …",))
    more: dict[str, Any] = {"kept": ("a.txt", "b.txt"), "exit_code": 5}
    gallery = Path.cwd() / "out/report/index.html"
    whole = report((REFUSED,), gallery, results=results, ending=ending, tallies={"jivox": SPENT}, **more)
    assert list(report_lines(whole)) == [
        "variants: 2 done, 1 refused",
        "sent: jivox 7; 4 reused; 5 polls; cost: 0.10 USD + 0 credits + 4 of unknown price",
        "  jivox is closed: 401: bad key; mend that and run again",
        "  the budget of step ad allows no more: …",
        "  37 refused by jivox (copy): 422: style unknown; jobs/x.yaml:31: change it",
        "  left as somebody edited it: a.txt and 1 more",
        "stopped by a budget, credits or a rejected key (exit 5), after 1 min 02 s",
        "files: out/   one line a variant: out/results.jsonl",
        "gallery: out/report/index.html   manifest: out/manifest.json",
    ]


def test_more_than_ten_lines_are_never_told() -> None:
    """However much goes wrong, the summary has ten lines and says how much it leaves out."""
    lines = list(report_lines(report((REFUSED,) * 5, retired=2, tallies={"jivox": SPENT}, kept=("a.txt",))))
    assert (len(lines), lines[6]) == (10, "  … and 3 more; results.jsonl says of each variant why")


def test_a_run_with_nothing_to_do_says_so() -> None:
    """Without variants and lanes there is little to tell."""
    empty = report(results=Results({}, (), Written("ab" * 32, 0, 0)))
    assert list(report_lines(empty)) == [
        "variants: none",
        "nothing to do (exit 0), after 1 min 02 s",
        "files: out/   one line a variant: out/results.jsonl",
        "manifest: out/manifest.json",
    ]


@pytest.mark.parametrize(("as_json", "out"), [(True, '{\n  "mode": "live"'), (False, "")])
def test_a_report_gives_its_manifest_where_asked(capsys: pytest.CaptureFixture[str], as_json: bool, out: str) -> None:
    """The manifest is data and goes to stdout; the summary is narration and goes to stderr."""
    tell_report(report(), as_json)
    told_now = capsys.readouterr()
    assert told_now.out.startswith(out)
    assert bool(told_now.out) == as_json
    assert told_now.err.startswith("variants: 2 done\n")


def test_a_long_reason_is_cut_and_stays_one_line() -> None:
    """Where it is and what to do is told however much a vendor says."""
    long = Advice(Cause("copy", "failed", "no\nuse " * 100, "jivox"), "x.yaml:3", "do this")
    line = advice_line(long)
    assert ("\n" in line, line.endswith("…; x.yaml:3: do this"), len(line)) == (False, True, LONG + 19)


def test_the_summary_for_ci_is_markdown_that_nobody_can_forge() -> None:
    """Counts, lanes, money and causes stand in it; what a vendor says is shown as it is, not obeyed."""
    evil = Advice(Cause("copy", "refused", "|a|\n# [x](http://e.example) <img src=x> `b` @all", "jivox"), "x.yaml:3", "mend it")
    gallery = Path.cwd() / "out/report/index.html"
    text = "\n".join(summary_lines(report((evil,), gallery, tallies={"jivox": SPENT}, exit_code=1)))
    assert "### adbatch: mugs" in text
    assert "**finished; some requests failed or were refused (exit 1), after 1 min 02 s**. Variants: 2 done." in text
    assert "| jivox | 7 | 0 | 4 | 0.10 USD + 0 credits + 4 of unknown price |" in text
    assert "Gallery: `out/report/index.html`. Files: `out`, one line a variant: `out/results.jsonl`." in text
    [cause] = [line for line in text.splitlines() if line.startswith("- ")]
    assert not set("|[]<>`@") & set(cause)
    assert "http&#58;//e.example" in cause


def test_a_run_appends_its_summary_where_ci_says(tmp_path: Path, adbatch: Adbatch, monkeypatch: pytest.MonkeyPatch) -> None:
    """GITHUB_STEP_SUMMARY names a file; what stands there stays, and one that cannot be written is told and changes nothing."""
    page = tmp_path / "summary.md"
    page.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    write_project(tmp_path)
    assert adbatch("run", "job.yaml", "--sandbox").code == 0
    text = page.read_text()
    assert text.startswith("before\n### adbatch: small\n")
    assert "| jivox | 2 | 0 | 0 | 2 of unknown price |" in text
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path))
    ended = adbatch("run", "job.yaml", "--sandbox")
    assert (ended.code, "the summary of the run cannot be written (Is a directory)" in ended.err) == (0, True)
