"""What became of a request: every state has its word, texts are artifacts as they are, and reuse is counted once."""

from __future__ import annotations

from typing import get_args

import pytest

from runner.core.lifecycle import AT_REST, Life, State
from runner.outcomes import STATUS_OF, Reuse, artifact_of, is_unfinished, outcome_of
from runner.records import Artifact, Blob, make_request
from runner.verdicts import Data, Held, Item, Link, Text

REQUEST = make_request("pen", "text", {"prompt": "mug"})


@pytest.mark.parametrize(
    ("item", "artifact"),
    [
        (Text("copy"), Artifact("text", text="copy")),
        (Data({"a": [1]}), Artifact("json", data={"a": [1]})),
        (Held(Blob("ab" * 32, 3)), None),
        (Link("https://cdn.example/1.png"), None),
    ],
)
def test_a_text_needs_no_decoding(item: Item, artifact: Artifact | None) -> None:
    """Texts and values are artifacts at once; bytes have to be looked at first."""
    assert artifact_of(item) == artifact


@pytest.mark.parametrize("state", [state for state in get_args(State) if state not in AT_REST])
def test_a_life_is_told_in_a_users_words(state: State) -> None:
    """The outcome has the word for the state, and is left open exactly where a run goes on with it."""
    life = Life(REQUEST, state, 7.0, why="because")
    outcome = outcome_of(life, reused=True)
    assert (outcome.status, outcome.request, outcome.why, outcome.reused, outcome.at) == (
        *(STATUS_OF[state], REQUEST, "because", True, 7.0),
    )
    assert outcome.left == is_unfinished(life) == (state not in {"saved", "refused", "spoiled", "uncertain"})


def test_reuse_is_of_different_requests_that_nothing_was_done_for() -> None:
    """One that is known twice counts once, and one that is taken up does not count."""
    reuse, others = Reuse(), [make_request("pen", "text", {"prompt": str(number)}) for number in range(3)]
    for request in (*others, others[0], REQUEST):
        reuse.know(request)
    reuse.plan(REQUEST)
    assert reuse.counts() == {"pen": 3}
    assert reuse.settled() == {"pen": 4}
