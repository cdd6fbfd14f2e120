"""One variant, from feed line to file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path

import pytest

from runner.edge.journal import Journal
from runner.edge.rehearsal import Stage
from runner.edge.state import State
from runner.errors import Usage
from runner.facts import Answered, Fact, Planned, Resolved, Saved, Sent, Stopped
from runner.reading.portrait import LOOKED_AT, Bill, Portrait, StepView, bill_of, find_variants, look_at, portray
from runner.reading.study import open_study
from runner.records import Artifact, Money, Request
from runner.verdicts import Broken, Done, Link, Lost, Queued, Refused, Text, Verdict
from tests.projects import COPY, PROJECT, write_project
from tests.staging import play, write_pictured

PRICED = f"{PROJECT}prices: {{jivox/text: {{each: 0.25, currency: USD}}}}\n"


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Stage]:
    """A project of two rows and two sizes after its first run, and the vendors it was played on."""
    path = write_pictured(tmp_path_factory.mktemp("portrait"))
    report, stage = play(path)
    assert dict(report.told.results.counts) == {"done": 4}
    return path, stage


def portrait_of(path: Path, key: str, stage: Stage | None = None) -> Portrait:
    """The portrait of the one variant of this key."""
    with open_study(path, stage) as study:
        (woven,) = look_at(study, find_variants(study, key))
        return portray(study, woven)


def steps_of(portrait: Portrait) -> dict[str, StepView]:
    """The steps by name."""
    return {step.name: step for step in portrait.steps}


def note(path: Path, facts: Iterable[Fact], name: str = "small") -> None:
    """Write facts into the live journal of the job."""
    state = State(path.parent / ".adbatch", "live")
    with Journal.open(state.journal(name), "live") as journal:
        journal.commit(list(facts))


def asked(path: Path, key: str = "mug|1") -> Request:
    """What the variant asks of the step `copy`."""
    with open_study(path) as study:
        (woven,) = look_at(study, find_variants(study, key))
        request = woven.outcomes["copy"].request
        assert request is not None
        return request


def test_a_finished_variant_is_told_from_row_to_file(played: tuple[Path, Stage]) -> None:
    """Row, cell and seed; each step with its request, calls, history, cost and files, in the job's order."""
    path, stage = played
    portrait = portrait_of(path, "mug|size=small|1", stage)
    assert (portrait.job, portrait.mode, portrait.status, portrait.number, portrait.of) == ("small", "sandbox", "done", 1, 1)
    assert (portrait.row, portrait.line) == ("mug", f"{path.parent}/feed.csv:2")
    assert portrait.cell == {"size": {"name": "small", "width": 3}}
    assert [step.name for step in portrait.steps] == ["copy", "cutout", "scene"]
    scene = steps_of(portrait)["scene"]
    assert (scene.status, scene.state, scene.use, scene.next, scene.why) == ("done", "saved", "vyro/ai-background", "", "")
    (file,) = scene.files
    assert (file.path, file.presence, file.width, file.media_type) == ("mug-size-small-1/scene.png", "present", 64, "image/png")
    assert [moment.kind for moment in scene.history] == ["planned", "sent", "answered", "saved"]
    assert [call.step for call in steps_of(portrait)["cutout"].calls] == ["submit", "fetch"]
    assert str(dict(scene.calls[0].body)["image"]).endswith("image/png>")
    assert steps_of(portrait)["copy"].text
    assert scene.cost == Bill(None, 1, 0, None)


def test_it_is_told_who_wants_the_same(played: tuple[Path, Stage]) -> None:
    """A request that reads no size is shared by both sizes; one that reads the seed is the variant's own."""
    path, stage = played
    steps = steps_of(portrait_of(path, "mug|size=large|1", stage))
    shared, alone = steps["cutout"].shared, steps["scene"].shared
    assert shared is not None
    assert alone is not None
    assert (shared.variants, shared.keys, shared.all) == (2, ("mug|size=large|1", "mug|size=small|1"), True)
    assert (alone.variants, alone.keys) == (1, ("mug|size=large|1",))


def test_what_lies_in_the_output_folder_is_looked_at(played: tuple[Path, Stage]) -> None:
    """A file that somebody edited or removed is told as that."""
    path, stage = played
    for name in ("cutout", "scene"):
        assert (path.parent / f"out/hat-size-small-1/{name}.png").is_file()
    (path.parent / "out/hat-size-small-1/cutout.png").write_bytes(b"mine")
    (path.parent / "out/hat-size-small-1/scene.png").unlink()
    steps = steps_of(portrait_of(path, "hat|size=small|1", stage))
    assert [steps[name].files[0].presence for name in ("cutout", "scene")] == ["edited", "missing"]


def test_nothing_asked_yet_shows_what_would_be(played: tuple[Path, Stage]) -> None:
    """Live, where nothing ran, the first steps show their calls, what waits for them is blocked and says on what."""
    path, _ = played
    portrait = portrait_of(path, "mug|size=small|1")
    steps = steps_of(portrait)
    assert (portrait.status, steps["copy"].status, steps["scene"].status) == ("waiting", "waiting", "blocked")
    assert steps["copy"].calls[0].url.startswith("https://jivoxapis.api.jivox.com/")
    assert steps["copy"].next.startswith(f"adbatch run {path} ")
    assert steps["copy"].history == ()
    assert (steps["scene"].request, steps["scene"].why) == (None, "it reads step cutout, which is waiting")


def test_columns_that_templates_read_come_first(tmp_path: Path) -> None:
    """Every cell of the row is told, the read ones first, with the feed's name where the job renamed it."""
    path = write_project(tmp_path, feed="gtin,Product name,id\n42,Mug,mug\n")
    path.write_text(path.read_text().replace("{path: feed.csv}", "{path: feed.csv, fields: {title: Product name}}"))
    columns = portrait_of(path, "mug").columns
    assert [(column.name, column.value, column.feed_name, column.read) for column in columns] == [
        ("id", "mug", "id", True),
        ("title", "Mug", "Product name", True),
        ("gtin", "42", "gtin", False),
    ]


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("mugg", "no variant and no row is called mugg; did you mean mug?"),
        ("zzzzzzz", "no variant and no row is called zzzzzzz$"),
        ("mug|2", r"no variant is called mug\|2; did you mean mug\|1\?"),
        ("mug|locale=de-DE|size=small|7", r"of its row there are mug\|1$"),
    ],
)
def test_a_wrong_key_is_told_what_is_near(tmp_path: Path, key: str, told: str) -> None:
    """A key that nothing has ends with what is near it, if anything is."""
    with open_study(write_project(tmp_path)) as study, pytest.raises(Usage, match=told):
        find_variants(study, key)


def test_of_many_rows_the_first_are_looked_at_for_company_and_all_for_a_key(tmp_path: Path) -> None:
    """In a long feed the last row is found, its company told as far as was looked, and a wrong key finds what is near."""
    rows = "".join(f"p{number},Mug {number % 2_000},x.png\n" for number in range(LOOKED_AT + 1_999))
    path = write_project(tmp_path, feed=f"id,title,picture\n{rows}")
    shared = portrait_of(path, "p11998").steps[0].shared
    assert shared is not None
    assert (shared.variants, shared.all, shared.keys[:2]) == (6, False, ("p11998|1", "p1998|1"))
    with open_study(path) as study, pytest.raises(Usage, match=r"did you mean p11998\?"):
        find_variants(study, "p11998z")


def test_a_row_that_the_job_leaves_out_says_why(tmp_path: Path) -> None:
    """A row that `where` or `limit` leaves out is named with its line and the line of the job."""
    path = write_project(tmp_path)
    text = path.read_text()
    path.write_text(text.replace("{path: feed.csv}", "{path: feed.csv, where: row.id == 'mug'}"))
    with (
        open_study(path) as study,
        pytest.raises(Usage, match=r"row hat \(/.*/feed.csv:3\) is in the feed, but feed.where .*job.yaml:3"),
    ):
        find_variants(study, "hat")
    path.write_text(text.replace("{path: feed.csv}", "{path: feed.csv, limit: 1}"))
    with open_study(path) as study, pytest.raises(Usage, match=r"feed.limit leaves it out"):
        find_variants(study, "hat|1")
    with open_study(path) as study:
        assert [variant.key for variant in find_variants(study, "mug")] == ["mug|1"]


def test_keys_with_bars_are_found_as_written_and_as_meant(tmp_path: Path) -> None:
    """A row whose key holds a bar is found by the bare key, by the escaped one, and by its variant's key."""
    path = write_project(tmp_path, feed="id,title,picture\na,A,a.png\na|b,AB,b.png\n")
    with open_study(path) as study:
        for key in ("a|b", "a\\|b", "a\\|b|1"):
            assert [variant.key for variant in find_variants(study, key)] == ["a\\|b|1"]


def answer(request: Request, verdict: Verdict) -> list[Fact]:
    """A submit and its answer."""
    return [Sent(2.0, request.id, "submit"), Answered(3.0, request.id, "submit", verdict)]


@pytest.mark.parametrize(
    ("verdicts", "more", "bill"),
    [
        ([], [], Bill("0.25 USD", 0, 0, "0")),
        ([Broken("no route")], [], Bill("0.25 USD", 0, 0, "0")),
        ([Broken("no route"), Done((Text("Hi"),))], [], Bill("0.25 USD", 1, 0, "0.25 USD")),
        ([Queued("t")], [], Bill("0.25 USD", 1, 0, "0.25 USD")),
        ([Refused("no")], [], Bill("0.25 USD", 0, 0, "0")),
        ([Lost("reset")], [], Bill("0.25 USD", 1, 1, "0.25 USD")),
        ([Lost("reset")], ["not_billed"], Bill("0.25 USD", 0, 0, "0")),
        ([Lost("reset")], ["billed"], Bill("0.25 USD", 1, 0, "0.25 USD")),
        ([Lost("reset")], ["adopted"], Bill("0.25 USD", 1, 1, "0.25 USD")),
        ([Lost("reset"), Lost("again")], ["again"], Bill("0.25 USD", 2, 0, "0.50 USD")),
    ],
)
def test_the_bill_counts_what_was_or_may_have_been_bought(
    tmp_path: Path, verdicts: list[Verdict], more: list[str], bill: Bill
) -> None:
    """Accepted submits are billed, lost ones perhaps until somebody says what they were, refused and broken ones never."""
    path = write_project(tmp_path, project=PRICED)
    request = asked(path)
    facts: list[Fact] = [Planned(1.0, request, step="copy")]
    facts += [fact for verdict in verdicts for fact in answer(request, verdict)]
    facts += [Resolved(9.0, request.id, how, "ann", "seen", None) for how in more]  # type: ignore[arg-type]
    note(path, facts)
    assert steps_of(portrait_of(path, "mug|1"))["copy"].cost == bill


@pytest.mark.parametrize(
    ("said", "times", "open_"),
    [
        ([], 1, 1),
        ([Queued("of-file:f", 60.0)], 1, 1),
        ([Queued("batch", 0.0)], 1, 0),
        ([Queued("batch", 0.0), Done((Text("Hi"),))], 1, 0),
        ([Broken("not made", dropped=True)], 0, 0),
        ([Lost("not listed", final=True)], 1, 1),
    ],
)
def test_a_submit_that_left_with_a_ticket_is_settled_by_polls(said: list[Verdict], times: int, open_: int) -> None:
    """Until the vendor tells of it, it may be billed."""
    polls: list[Fact] = [Answered(3.0, "r1", "poll", verdict) for verdict in said]
    bill = bill_of(Money(Decimal("0.25"), "USD"), [Sent(1.0, "r1", "submit", ticket="of-file:f"), *polls])
    assert bill == Bill("0.25 USD", times, open_, f"{times * Decimal('0.25')} USD" if times else "0")
    answered = [Sent(1.0, "r1", "submit", ticket="of-file:f"), Answered(2.0, "r1", "submit", Queued("of-file:f")), *polls]
    assert bill_of(Money(Decimal("0.25"), "USD"), answered) == bill  # an answer that tells no more than the ticket it left with


def linked(request: Request) -> list[Fact]:
    """A submit that was answered by a link."""
    return answer(request, Done((Link("https://cdn.example/a.png"),)))


@pytest.mark.parametrize(
    ("facts_of", "status", "advice"),
    [
        (lambda request: answer(request, Lost("reset by peer")), "uncertain", r"adbatch resolve .* --request [0-9a-f]{12} --as"),
        (lambda request: answer(request, Refused("nudity")), "refused", r"change what is asked.*--fresh copy"),
        (lambda request: answer(request, Queued("t-1")), "queued", "buys nothing"),
        (lambda request: [Stopped(5.0, request.id, "failed", "3 tries went wrong")], "failed", "tries again"),
        (
            lambda request: [*answer(request, Done((Text("Hi"),))), Stopped(5.0, request.id, "spoiled", "no text")],
            "failed",
            "--fresh copy",
        ),
        (
            lambda request: [*linked(request), Stopped(5.0, request.id, "spoiled", "403")],
            "failed",
            "downloads it again; buys nothing",
        ),
        (lambda request: [Saved(5.0, request.id, (Artifact("text", text="Much too long"),))], "failed", "change what is expected"),
    ],
)
def test_it_is_told_what_to_do_next(tmp_path: Path, facts_of: Callable[[Request], list[Fact]], status: str, advice: str) -> None:
    """What is not there comes with why, and with the command that mends it."""
    path = write_project(tmp_path, COPY + "    expect: {max_chars: 5}\n")
    request = asked(path)
    note(path, [Planned(1.0, request, step="copy"), *facts_of(request)])
    step = steps_of(portrait_of(path, "mug|1"))["copy"]
    assert step.status == status
    assert step.why or status == "queued"
    assert step.ticket == ("t-1" if status == "queued" else None)
    assert re.search(advice, step.next), step.next


def test_a_variant_that_cannot_be_asked_is_told(tmp_path: Path) -> None:
    """A row whose value breaks the vendor's rules has no request, says why, and what is to be mended."""
    wide = 'use: jivox/image\n    with: {width: "{{ row.title | length - 3 }}", height: 9, prompt: '
    path = write_project(tmp_path, COPY.replace("use: jivox/text\n    with: {prompt: ", wide))
    step = portrait_of(path, "mug").steps[0]
    assert (step.status, step.request, step.next) == ("failed", None, "mend the job or the row")
    assert "width" in step.why
