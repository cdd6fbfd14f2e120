"""Calls and facts, in words for a person."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.edge.blobs import Blobs
from runner.facts import Answered, Fact, Planned, Resolved, Saved, Sent, Stopped
from runner.providers.registry import Account, Lane, Variable, open_catalog
from runner.reading.transcript import Speaker, moments_of, size_in_words, spoken_calls
from runner.records import Artifact, Blob, Json, Request, make_request
from runner.verdicts import Barred, Broken, Busy, Data, Done, Held, Link, Lost, Queued, Refused, Text, Verdict
from tests.hostile.pictures import png

REQUEST = make_request("sivi", "media", {"prompt": "Mug", "bId": "b_1", "model": "flux-schnell"})


def lane(name: str) -> Lane:
    """The lane of this account, as nobody has set it up."""
    return open_catalog({"jivox": Account(options={"account": "7"})}).lanes[name]


def words(*facts: Fact) -> list[str]:
    """What is told of the facts."""
    return [moment.what for moment in moments_of(facts)]


def answered(verdict: Verdict, step: str = "submit", part: int = 0, raw: str | None = None) -> Answered:
    """An answer to a step."""
    return Answered(2.0, REQUEST.id, step, verdict, part, raw)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fact", "told"),
    [
        (Planned(1.0, REQUEST, step="medium"), "planned for step medium"),
        (Planned(1.0, REQUEST, fresh=True), "planned, to be bought anew"),
        (Sent(1.0, REQUEST.id, "submit"), "submit left"),
        (Sent(1.0, REQUEST.id, "submit", 3), "submit left, try 3"),
        (Sent(1.0, REQUEST.id, "fetch", 1, 1), "download 2 left"),
        (answered(Queued("t-1", 4.0)), "submit: accepted and queued: ticket t-1, ask again after 4 s"),
        (answered(Queued("", note="half way"), "poll"), "poll: still running: half way"),
        (
            answered(Done((Text("Hello"), Data({"a": 1})), "one less")),
            "submit: answered: a text of 5 characters, a JSON value (one less)",
        ),
        (
            answered(Done((Link("https://cdn.example/a.png?sig=test-signature"),)), "poll"),
            "poll: done: a link to https://cdn.example/a.png?…",
        ),
        (answered(Done((Held(Blob("ab" * 32, 34_000)),)), "fetch", 2), "download 3: done: 34 kB"),
        (answered(Busy(12.0, "slow down")), "submit: too fast, not accepted: slow down (wait 12 s)"),
        (answered(Broken("no route")), "submit: went wrong, surely not accepted: no route"),
        (answered(Broken("503"), "poll"), "poll: went wrong: 503"),
        (
            answered(Lost("reset by peer"), raw="cd" * 32),
            "submit: no telling whether it was accepted: reset by peer (the answer is kept as blob cdcdcdcdcdcd)",
        ),
        (answered(Lost("timed out"), "fetch"), "download: went wrong: timed out"),
        (answered(Lost("not listed", final=True), "poll"), "poll: no telling what became of it: not listed"),
        (answered(Refused("nudity")), "submit: refused: nudity"),
        (answered(Barred("no credits")), "submit: not accepted, the account is closed to us: no credits"),
        (Saved(1.0, REQUEST.id, (Artifact("text", text="Hi"), Artifact("json", data=1))), "saved: a text; a JSON value"),
        (
            Saved(1.0, REQUEST.id, (Artifact("file", None, None, "ab" * 32, 1_200_000, "image/png", 300, 250),)),
            "saved: image/png, 1.2 MB, 300 × 250",
        ),
        (Stopped(1.0, REQUEST.id, "overdue", "an hour is over"), "stopped (overdue): an hour is over"),
        (Resolved(1.0, REQUEST.id, "not_billed", "ann", "no line in the bill"), "ann said: not billed (no line in the bill)"),
        (Resolved(1.0, REQUEST.id, "billed", "ann", ticket="t-2"), "ann said: billed, ticket t-2"),
        (Resolved(1.0, REQUEST.id, "billed", "ann", artifacts=(Artifact("text", text="Hi"),)), "ann said: billed, with a text"),
        (Resolved(1.0, REQUEST.id, "adopted", "ann", "from results.jsonl"), "brought here by ann: from results.jsonl"),
    ],
)
def test_a_fact_is_told_in_words(fact: Fact, told: str) -> None:
    """Each fact says what happened, in the vendor's words where it used any, and without what a signed link carries."""
    assert words(fact) == [told]


def test_moments_have_their_time_and_the_time_between() -> None:
    """A moment is UTC to the millisecond; `after` counts from the one before, the first has none."""
    first, second = moments_of([Planned(0.0, REQUEST), Sent(1.5, REQUEST.id, "submit")])
    assert (first.at, first.after, first.kind, first.step, first.verdict) == (
        "1970-01-01T00:00:00.000Z",
        None,
        "planned",
        None,
        None,
    )
    assert (second.at, second.after, second.kind, second.step) == ("1970-01-01T00:00:01.500Z", 1.5, "sent", "submit")
    (answer,) = moments_of([answered(Queued("t"), "poll")])
    assert (answer.step, answer.verdict) == ("poll", "queued")


def test_calls_name_the_key_and_never_hold_one() -> None:
    """A submit names the header and the variable its key comes from; the sandbox's key is the sandbox's."""
    (call,) = spoken_calls(Speaker(lane("sivi"), None), REQUEST, [])
    assert (call.step, call.method, call.url) == ("submit", "POST", "https://connect.sivi.ai/api/prod/v2/general/media/generate")
    assert call.headers == {"sivi-api-key": "<key from $SIVI_API_KEY>"}
    assert call.body == {"prompt": "Mug", "bId": "b_1", "model": "flux-schnell"}
    (played,) = spoken_calls(Speaker(lane("sivi"), None, plays=True), REQUEST, [])
    assert played.headers == {"sivi-api-key": "<key of the sandbox>"}


def test_a_key_in_a_file_is_named_by_its_path() -> None:
    """A key that the project keeps in a file is told by the file's path."""

    class Place:
        env = None
        file = "/run/secrets/vyro"

    vyro = open_catalog({"vyro": Account(secrets={"key": Place()})}).lanes["vyro"]
    request = make_request("vyro", "text-to-image", {"prompt": "Mug", "style": "realistic"})
    (call,) = spoken_calls(Speaker(vyro, None), request, [])
    assert call.headers == {"Authorization": "Bearer <key from /run/secrets/vyro>"}
    assert Variable("X").file is None
    assert (call.form, call.body) == (True, [["prompt", "Mug"], ["style", "realistic"]])


def test_polls_and_downloads_follow_from_what_was_answered() -> None:
    """The calls after the submit are those of the last ticket and of its links; a purchase ordered anew forgets them."""
    facts: list[Fact] = [Planned(1.0, REQUEST), answered(Queued("t-1")), answered(Queued(""), "poll")]
    facts.append(answered(Done((Link("https://cdn.example/a.png?sig=test-signature"),)), "poll"))
    speaker = Speaker(lane("sivi"), None)
    submit, poll, download = spoken_calls(speaker, REQUEST, facts)
    assert (submit.step, poll.step, download.step) == ("submit", "poll", "fetch")
    assert "t-1" in poll.url
    assert (download.url, dict(download.headers)) == ("https://cdn.example/a.png?…", {})
    assert len(list(spoken_calls(speaker, REQUEST, [*facts, Planned(9.0, REQUEST, fresh=True)]))) == 1
    resolved = Resolved(9.0, REQUEST.id, "billed", "ann", ticket="t-9")
    assert "t-9" in list(spoken_calls(speaker, REQUEST, [Planned(1.0, REQUEST), resolved]))[1].url


def asked(image: Json) -> Request:
    """A request with a picture."""
    return make_request("vyro", "remove-background", {"image": image})


def test_bytes_are_described_and_not_shown(tmp_path: Path) -> None:
    """A picture is told by its digest, size and kind; one that is not in the store by its digest, one at an address by that."""
    blobs = Blobs(tmp_path / "blobs")
    blob = blobs.put(png(3, 3))
    (call,) = spoken_calls(Speaker(lane("vyro"), blobs), asked(f"blob:{blob.sha256}"), [])
    assert call.body == [["image", f"<blob {blob.sha256[:12]}, {size_in_words(blob.size)}, image/png>"]]
    (call,) = spoken_calls(Speaker(lane("vyro"), None), asked(f"blob:{'ab' * 32}"), [])
    assert call.body == [["image", "<blob abababababab>"]]
    uri = make_request("fal", "run", {"model": "a/b", "input": {"x": f"blob:{'ab' * 32}"}})
    (call,) = spoken_calls(Speaker(lane("fal"), None), uri, [])
    assert call.body == {"x": "data:<its media type>;base64,<blob abababababab>"}
    (call,) = spoken_calls(Speaker(lane("vyro"), None), asked("https://shop.example/mug.png"), [])
    assert call.body == [["image", "<the bytes of https://shop.example/mug.png>"]]
    request = make_request("jivox", "remove-background", {"image": f"blob:{blob.sha256}"})
    (call,) = spoken_calls(Speaker(lane("jivox"), blobs), request, [])
    assert str(call.body["image"]).endswith(f"<blob {blob.sha256[:12]}, {size_in_words(blob.size)}, image/png>")


@pytest.mark.parametrize(("size", "told"), [(1, "1 byte"), (999, "999 bytes"), (34_400, "34 kB"), (1_250_000, "1.2 MB")])
def test_sizes_are_told_in_decimal_units(size: int, told: str) -> None:
    """A size is told in bytes, kB or MB."""
    assert size_in_words(size) == told
