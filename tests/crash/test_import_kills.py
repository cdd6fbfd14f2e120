"""Imports killed at random moments: what was here stays whole, and made again they end where an undisturbed one does."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path
from typing import Final

from runner.edge.annals import Annals
from runner.edge.state import State
from runner.facts import Answered, Fact, Planned, Saved, Sent
from runner.records import Artifact, make_request
from runner.upkeep.sharing import export_state, import_state
from runner.verdicts import Done, Lost, Text

NOW: Final = 1_800_000_000.0
REQUESTS: Final = 600
KILLS: Final = 5
CHILD: Final = """
import sys
from pathlib import Path
from runner.edge.state import State
from runner.upkeep.sharing import import_state
print("begins", flush=True)
import_state(State(Path(sys.argv[1]), "live"), Path(sys.argv[2]), 1_800_000_000.0)
"""


def fill(folder: Path, saved: range, doubted: range) -> State:
    """A state folder that has bought some requests, a file each, and is in doubt about others."""
    state = State(folder, "live")
    history: list[Fact] = []
    with Annals.open(state.journal("small"), "live") as journal:
        for number in (*saved, *doubted):
            request = make_request("pen", "text", {"prompt": f"mug {number}"})
            history += [Planned(1.0, request), Sent(2.0, request.id, "submit")]
            if number in saved:
                blob = state.blobs().put(f"a mug, number {number}".encode())
                artifact = Artifact("file", None, None, blob.sha256, blob.size, "image/png", 1, 1)
                history += [Answered(3.0, request.id, "submit", Done((Text("copy"),))), Saved(4.0, request.id, (artifact,))]
            else:
                history.append(Answered(3.0, request.id, "submit", Lost("reset")))
        journal.commit(history)
    return state


def begin(folder: Path, archive: Path) -> subprocess.Popen[str]:
    """An import in a process of its own, which has just begun."""
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(folder), str(archive)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    with child.stdout as told:
        assert told.readline() == "begins\n"
    return child


def test_a_killed_import_is_made_again(tmp_path: Path) -> None:
    """After several SIGKILLs the next import gives, byte for byte, the state that it gives in peace."""
    archive = tmp_path / "theirs.tar"
    export_state(fill(tmp_path / "theirs", range(200), range(200, REQUESTS)), ["small"], archive, NOW)
    ours, peace = (fill(tmp_path / name, range(150, 250), range(50)) for name in ("ours", "peace"))
    import_state(peace, archive, NOW)
    dice, killed = random.Random(1), 0
    for _ in range(KILLS):
        child = begin(ours.root, archive)
        try:
            child.wait(dice.uniform(0.0, 0.3))
        except subprocess.TimeoutExpired:
            child.kill()
            killed += child.wait() != 0
    assert killed
    import_state(ours, archive, NOW)
    export_state(ours, ["small"], tmp_path / "ours.tar", NOW)
    export_state(peace, ["small"], tmp_path / "peace.tar", NOW)
    assert (tmp_path / "ours.tar").read_bytes() == (tmp_path / "peace.tar").read_bytes()
