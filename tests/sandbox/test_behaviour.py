from __future__ import annotations

from pathlib import Path

import pytest

from runner.errors import Usage
from runner.sandbox.behaviour import KINDS, NAMED, Behaviour, Fault, Kind, Step, load_faults
from runner.sandbox.tries import Tries


def kinds(behaviour: Behaviour, step: Step = "poll", tries: int = 40) -> list[str]:
    """The kinds drawn for one request tried often."""
    drawn = [behaviour.draw("sivi", "media/generate", step, "digest") for _ in range(tries)]
    return [fault.kind if fault else "" for fault in drawn]


def test_the_same_seed_gives_the_same_weather():
    """Two sandboxes of one seed misbehave alike, of another seed otherwise."""
    assert kinds(Behaviour(7, NAMED["stormy"])) == kinds(Behaviour(7, NAMED["stormy"]))
    many = [Fault("busy", 0.5)]
    assert kinds(Behaviour(1, tuple(many))) != kinds(Behaviour(2, tuple(many)))


def test_order_does_not_matter():
    """A request's fate does not depend on what else was asked before it."""
    faults = (Fault("busy", 0.5),)
    alone, crowded = Behaviour(3, faults), Behaviour(3, faults)
    for number in range(30):
        crowded.draw("sivi", "media/generate", "poll", f"other {number}")
    assert kinds(alone) == kinds(crowded)


def test_chance_is_kept():
    """A fault of 20 % hits about one in five of many requests."""
    behaviour = Behaviour(0, (Fault("error", 0.2),))
    hits = sum(behaviour.draw("vyro", "x", "submit", str(number)) is not None for number in range(2000))
    assert 320 < hits < 480


def test_times_ends_a_fault():
    """`times: 2` lets the third try of the same request through."""
    assert kinds(Behaviour(0, (Fault("busy", times=2),)), tries=4) == ["busy", "busy", "", ""]


def test_the_storm_goes_on_after_a_restart(tmp_path: Path):
    """With tries kept in a file, stopping in between changes no request's fate, and a fault that ended does not begin anew."""
    faults = (Fault("busy", times=2), Fault("error", 0.5))
    whole = kinds(Behaviour(3, faults), tries=12)
    pieces: list[str] = []
    for _ in range(4):
        tries = Tries(tmp_path / "tries.txt")
        pieces += kinds(Behaviour(3, faults, tries), tries=3)
        tries.close()
    assert pieces == whole
    assert whole.count("busy") == 2


def test_what_no_fault_can_hit_is_not_counted(tmp_path: Path):
    """A quiet sandbox writes nothing down."""
    tries = Tries(tmp_path / "tries.txt")
    kinds(Behaviour(0, (Fault("busy", vendor="vyro"),), tries))
    tries.close()
    assert (tmp_path / "tries.txt").read_bytes() == b""


@pytest.mark.parametrize(
    ("fault", "code"),
    [(Fault("error"), 503), (Fault("error", status=404), 404), (Fault("expired_link"), 403), (Fault("broken_json"), 200)],
)
def test_a_kind_has_its_usual_status(fault: Fault, code: int):
    """The status is the ordered one, else what is usual for the kind."""
    assert fault.code == code


def test_a_job_fails_for_good_or_not_at_all():
    """`job_fails` and `job_never_ends` belong to the job: every poll of it says the same."""
    lasting: tuple[Kind, ...] = ("job_fails", "job_never_ends")
    for kind in lasting:
        fates = {tuple(set(kinds(Behaviour(seed, (Fault(kind, 0.5),))))) for seed in range(20)}
        assert fates == {("",), (kind,)}


@pytest.mark.parametrize(
    ("fault", "hit"),
    [
        (Fault("busy"), True),
        (Fault("busy", vendor="sivi", operation="media/generate", step="submit"), True),
        (Fault("busy", vendor="vyro"), False),
        (Fault("busy", operation="designs-from-prompt"), False),
        (Fault("busy", step="poll"), False),
        (Fault("busy", 0.0), False),
        (Fault("expired_link"), False),
        (Fault("job_fails"), False),
        (Fault("corrupt_picture"), True),
    ],
)
def test_faults_hit_what_they_name(fault: Fault, hit: bool):
    """Vendor, operation and step narrow a fault, and a kind that makes no sense at a step never hits there."""
    assert (Behaviour(0, (fault,)).draw("sivi", "media/generate", "submit", "d") is fault) == hit


def test_fair_weather_has_no_faults():
    """`none` never draws anything; `rainy` never leaves a submit uncertain."""
    assert set(kinds(Behaviour(0, NAMED["none"]))) == {""}
    assert {fault.kind for fault in NAMED["rainy"] if fault.step == "submit"} == {"busy"}
    assert {fault.kind for faults in NAMED.values() for fault in faults} <= set(KINDS)


def test_a_jobs_fate_is_known_beforehand():
    """What belongs to a job for good is the same whoever asks, and asking is no try; what passes is no fate."""
    behaviour = Behaviour(1, (Fault("busy"), Fault("job_expires", 0.5)))
    fates = [behaviour.fate("openai", "batches", str(number)) for number in range(20)]
    assert {None if fate is None else fate.kind for fate in fates} == {None, "job_expires"}
    assert fates == [behaviour.fate("openai", "batches", str(number)) for number in range(20)]


def test_faults_are_loaded_from_a_file(tmp_path: Path):
    """A JSON list of objects is a fault set."""
    path = tmp_path / "weather.json"
    path.write_text('[{"kind": "busy", "chance": 0.5, "vendor": "sivi", "retry_after": "2"}]')
    assert load_faults(str(path)) == (Fault("busy", 0.5, "sivi", retry_after="2"),)
    assert load_faults("stormy") == NAMED["stormy"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not valid JSON"),
        ("{}", "JSON list"),
        ("[3]", "entry 1"),
        ('[{"kind": "busy", "odds": 1}]', "takes the fields"),
        ('[{"kind": "hail"}]', "'hail' is not one of busy"),
        ('[{"kind": "busy"}, {"kind": "busy", "step": "pay"}]', "entry 2: step 'pay'"),
        ('[{"kind": "busy", "chance": 2}]', "chance 2 is not"),
        ('[{"kind": "error", "status": 200}]', "status 200 is not a number from 300 to 599"),
        ('[{"kind": "expired_link", "status": 500}]', "status 500 is not a number from 400 to 499"),
        ('[{"kind": "busy", "status": true}]', "status True"),
        ('[{"kind": "truncated", "part": -0.1}]', "part -0.1 is not"),
        ('[{"kind": "busy", "times": 0}]', "times 0 is not a whole number"),
        ('[{"kind": "busy", "retry_after": 3}]', "retry_after 3 is not a text"),
    ],
)
def test_a_wrong_fault_file_is_explained(tmp_path: Path, text: str, message: str):
    """The message names the file, the entry and what is allowed."""
    path = tmp_path / "weather.json"
    path.write_text(text)
    with pytest.raises(Usage, match=r"weather\.json") as caught:
        load_faults(str(path))
    assert message in str(caught.value)


def test_a_folder_is_no_fault_file(tmp_path: Path):
    """What cannot be read is named, with the reason."""
    with pytest.raises(Usage, match="cannot be read"):
        load_faults(str(tmp_path))


def test_an_unknown_name_is_explained():
    """A name that is neither known nor a file lists the names."""
    with pytest.raises(Usage, match="none, rainy, stormy"):
        load_faults("breezy")
