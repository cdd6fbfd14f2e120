"""Facts of Placewise: headers of context, tasks nobody says how to ask for, and a table of statuses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from runner.fields import check_params
from runner.job.project import SecretRef
from runner.providers import placewise
from runner.providers.registry import Account, Lane, open_catalog
from runner.records import Call, FormBody, Json, JsonBody, Part, SecretHeader, make_request
from runner.verdicts import Barred, Broken, Busy, Data, Done, Link, Lost, Queued, Refused, Text, Verdict
from tests.providers.questions import STRANGE_IDS, Facts, HardQuestions, answer

PARAMS: dict[str, dict[str, Json]] = {
    "image": {
        "prompt": "Minimalistic cheesecake cartoon image",
        "model_type": "small",
        "aspect_ratio": "1:1",
        "image_size": "thumbnail",
        "creativity": 2,
        "photorealistic": False,
        "random_seed": 1,
    },
    "text": {"prompt": "a slogan", "temperature": 0.5, "max_tokens": None},
    "sending-text": {
        "about": "the sale",
        "include_keywords": ["sun", "sea"],
        "word_limit": 20,
        "tone": "warm",
        "occasion": "summer",
        "variation": "medium",
        "target_language": "en",
    },
}
SUCCESSES = {
    "image": answer(200, {"image_generation_task": {"id": 1}}),
    "text": answer(200, {"text_generation_task": {"id": 7}}),
    "sending-text": answer(200, {"sending_text_generation_task": {"id": 9}}),
}
FACTS = Facts(placewise, PARAMS, SUCCESSES, options={"club": "my-mall"})
POLLED = Facts(placewise, PARAMS, SUCCESSES, options={"club": "my-mall", "poll_url": "/ml/tasks/{id}"}, queued=frozenset(PARAMS))


class TestSubmitOnly(HardQuestions):
    """Placewise as documented, under the questions every provider is asked."""

    facts = FACTS


class TestPolled(HardQuestions):
    """Placewise with an address to poll, under the same questions."""

    facts = POLLED


def lane(**options: Json) -> Lane:
    """A Placewise account with these options."""
    return open_catalog({"placewise": Account(options={"club": "my-mall", **options})}).lanes["placewise"]


def poll(body: object, operation: str = "image", options: Mapping[str, Json] | None = None) -> Verdict:
    """What a poll's answer means to an account with these options."""
    opened = lane(poll_url="/ml/tasks/{id}", **(options or {}))
    return placewise.read("poll", answer(200, body), FACTS.request(operation), opened.options)


def test_the_exact_call_of_an_image() -> None:
    """The documented endpoint: headers of context, token by name, multipart with booleans as text."""
    assert placewise.submit(FACTS.request("image"), FACTS.lane.options) == Call(
        "POST",
        "https://api.mpc.placewise.com/v1/ml/general/generate_image",
        "submit",
        headers=(
            ("X-User-Agent", "adbatch"),
            ("X-Product-Name", "adbatch"),
            ("X-Loyalty-Club-Slug", "my-mall"),
            ("Accept", "application/json"),
        ),
        secrets=(SecretHeader("X-Client-Authorization", "key", "{}"),),
        body=FormBody(
            (
                Part("prompt", "Minimalistic cheesecake cartoon image"),
                Part("model_type", "small"),
                Part("aspect_ratio", "1:1"),
                Part("image_size", "thumbnail"),
                Part("creativity", "2"),
                Part("photorealistic", "false"),
                Part("random_seed", "1"),
            )
        ),
    )


@pytest.mark.parametrize(
    ("operation", "path"), [("text", "/ml/general/generate_text"), ("sending-text", "/ml/sending/generate_text")]
)
def test_each_operation_has_its_path(operation: str, path: str) -> None:
    """The texts' endpoints."""
    assert placewise.submit(FACTS.request(operation), FACTS.lane.options).url == f"https://api.mpc.placewise.com/v1{path}"


def test_the_account_sets_the_headers_of_context() -> None:
    """Client and product name, customer and locale are options; what is not set is not sent."""
    options = lane(user_agent="shop 1.0", product="mall-app", customer="17", locale="nb-NO").options
    assert dict(placewise.submit(FACTS.request("text"), options).headers) == {
        "X-User-Agent": "shop 1.0",
        "X-Product-Name": "mall-app",
        "X-Loyalty-Club-Slug": "my-mall",
        "X-Customer": "17",
        "X-Locale": "nb-NO",
        "Accept": "application/json",
    }


def test_a_users_token_goes_along_where_the_project_names_it() -> None:
    """Which authorization the endpoints want is told in two ways, so both headers can be sent."""
    account = Account(options={"club": "c"}, secrets={"user_key": SecretRef(env="USER_TOKEN")})
    options = open_catalog({"placewise": account}).lanes["placewise"].options
    expected = (SecretHeader("X-Client-Authorization"), SecretHeader("Authorization", "user_key", "Bearer {}"))
    assert placewise.submit(FACTS.request("text"), options).secrets == expected


def test_the_body_can_be_json() -> None:
    """The global rules say JSON, the endpoints' pages multipart: an option decides, and JSON keeps nulls and types."""
    assert placewise.submit(FACTS.request("text"), lane(body="json").options).body == JsonBody(PARAMS["text"])


@pytest.mark.parametrize(
    ("form", "parts"),
    [
        ("brackets", (Part("include_keywords[]", "sun"), Part("include_keywords[]", "sea"))),
        ("repeat", (Part("include_keywords", "sun"), Part("include_keywords", "sea"))),
        ("json", (Part("include_keywords", '["sun","sea"]'),)),
    ],
)
def test_a_list_in_a_form(form: str, parts: tuple[Part, ...]) -> None:
    """How lists travel in multipart is not documented, so it is an option."""
    body = placewise.submit(FACTS.request("sending-text"), lane(list_form=form).options).body
    assert isinstance(body, FormBody)
    assert tuple(part for part in body.parts if part.name.startswith("include")) == parts


def test_nulls_are_left_out_of_a_form() -> None:
    """A form cannot say null."""
    assert placewise.submit(FACTS.request("text"), FACTS.lane.options).body == FormBody(
        (Part("prompt", "a slogan"), Part("temperature", "0.5"))
    )


@pytest.mark.parametrize(("id", "ticket"), [(0, "0"), (1, "1"), ("t-1", "t-1")])
def test_a_task_is_a_valid_end_or_a_ticket(id: Json, ticket: str) -> None:
    """Without an address to poll, the id is the result; with one, it is the ticket. 0 is an id."""
    said = answer(200, {"image_generation_task": {"id": id}})
    assert FACTS.read("submit", said, "image") == Done((Data({"image_generation_task": {"id": id}}),))
    assert POLLED.read("submit", said, "image") == Queued(ticket)


@pytest.mark.parametrize("id", STRANGE_IDS)
def test_a_success_without_a_task_id_is_in_doubt(id: Json) -> None:
    """Accepted perhaps, but nobody can ask for it."""
    for facts in (FACTS, POLLED):
        assert isinstance(facts.read("submit", answer(200, {"image_generation_task": {"id": id}}), "image"), Lost)


@pytest.mark.parametrize("body", [{"id": 1}, {"a_task": {"id": 1}, "b_task": {"id": 2}}, {"Task!": {"id": 1}}])
def test_a_task_is_recognised_by_its_name(body: Json) -> None:
    """One name ending in `task`; two of them, or none, say too little."""
    assert isinstance(FACTS.read("submit", answer(200, body), "sending-text"), Lost)


def test_what_an_operation_gives_follows_from_the_account() -> None:
    """A task id as documented; a file or a text where the task can be asked for."""
    gives = {name: operation.gives for name, operation in placewise.operations(FACTS.lane.options).items()}
    assert gives == {"image": "task", "text": "task", "sending-text": "task"}
    gives = {name: operation.gives for name, operation in placewise.operations(POLLED.lane.options).items()}
    assert gives == {"image": "file", "text": "text", "sending-text": "text"}


@pytest.mark.parametrize(
    ("poll_url", "url"),
    [
        ("/ml/tasks/{id}", "https://api.mpc.placewise.com/v1/ml/tasks/a%2Fb"),
        ("https://tasks.example.com/{id}.json?x=1", "https://tasks.example.com/a%2Fb.json?x=1"),
    ],
)
def test_the_address_to_poll_is_the_accounts(poll_url: str, url: str) -> None:
    """Absolute, or below `base_url`; the id is one segment of it, and the headers are those of a submit."""
    call = placewise.poll(FACTS.request("image"), "a/b", lane(poll_url=poll_url).options)
    assert (call.method, call.url, call.purpose) == ("GET", url, "poll")
    assert call.headers == placewise.submit(FACTS.request("image"), FACTS.lane.options).headers


@pytest.mark.parametrize("poll_url", ["/ml/tasks", "ml/{id}", "ftp://x/{id}", "https:///{id}", "/a b/{id}"])
def test_an_address_without_a_place_for_the_id_is_a_mistake(poll_url: str) -> None:
    """Found when the project file is read."""
    catalog = open_catalog({"placewise": Account(options={"club": "c", "poll_url": poll_url})})
    assert [problem.path for problem in catalog.problems] == [("providers", "placewise", "poll_url")]


def task(state: object, result: object = None, name: str = "image_generation_task", **more: object) -> dict[str, Any]:
    """A task's answer in the shape that is assumed."""
    return {name: {"id": 1, "status": state, "result": result, **more}}


LINK = "https://cdn.example.com/cake.png"


@pytest.mark.parametrize("state", ["completed", "complete", "done", "finished", "succeeded", "success", "Done"])
@pytest.mark.parametrize("result", [LINK, [LINK]])
def test_a_finished_image_is_its_links(state: str, result: Json) -> None:
    """A URL or a list of URLs at the result path."""
    assert poll(task(state, result)) == Done((Link(LINK),))


def test_a_finished_text_is_its_words() -> None:
    """A text at the result path, for both operations that write."""
    for operation, name in (("text", "text_generation_task"), ("sending-text", "sending_text_generation_task")):
        assert poll(task("completed", "Cake!", name), operation) == Done((Text("Cake!"),))


def test_a_result_without_any_state_is_done() -> None:
    """Where the answer has no state at all, the presence of a result decides."""
    assert poll({"image_generation_task": {"result": LINK}}) == Done((Link(LINK),))
    assert isinstance(poll({"image_generation_task": {"id": 1}}), Queued)


def test_a_result_of_a_running_task_is_not_taken() -> None:
    """A preview is not the result."""
    assert poll(task("processing", LINK)) == Queued("")


@pytest.mark.parametrize("state", ["baking", 3, [], {"a": 1}])
def test_an_unknown_word_means_still_running(state: Json) -> None:
    """Never guessed done or failed."""
    verdict = poll(task(state))
    assert isinstance(verdict, Queued)
    assert "unknown status word" in verdict.note


@pytest.mark.parametrize("state", ["failed", "ERROR", "cancelled", "rejected"])
def test_failure_words_refuse_with_the_reason(state: str) -> None:
    """The task's own message is kept."""
    assert poll(task(state, message="nsfw")) == Refused(f"the task {state.lower()}: nsfw")


@pytest.mark.parametrize("result", [None, "", "cake.png", [], ["cake.png"], 7, {}])
def test_a_finished_image_without_a_link_is_asked_again(result: Json) -> None:
    """Finished, but nothing to download."""
    assert isinstance(poll(task("completed", result)), Broken)


def test_the_guessed_paths_and_words_are_options() -> None:
    """Whoever knows the answer's shape writes it into the project file."""
    body = {"data": [{"state": "baked", "urls": [LINK]}]}
    options: dict[str, Json] = {"state_path": "data.0.state", "result_path": "data.0.urls", "done_words": ["Baked"]}
    assert poll(body, options=options) == Done((Link(LINK),))
    assert isinstance(poll({"data": [{"state": "burnt"}]}, options={**options, "failed_words": ["burnt"]}), Refused)


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (400, Refused),
        (401, Barred),
        (402, Barred),
        (403, Barred),
        (404, Refused),
        (405, Refused),
        (422, Refused),
        (429, Busy),
        (444, Refused),
        (460, Barred),
        (470, Barred),
        (471, Barred),
        (503, Lost),
    ],
)
def test_the_error_table(status: int, word: type[Verdict]) -> None:
    """What concerns the account bars the lane; maintenance is not said to mean "not accepted"."""
    for body in ({"error": "explained"}, b""):
        assert isinstance(FACTS.read("submit", answer(status, body), "image"), word)


@pytest.mark.parametrize(
    ("model_type", "image_size", "right"),
    [
        ("small", "thumbnail", True),
        ("small", "medium", True),
        ("small", "small", False),
        ("small", "large", False),
        (None, "large", False),
        (None, None, True),
        ("small", None, True),
        ("medium", "small", True),
        ("large", "large", True),
    ],
)
def test_a_small_model_makes_two_sizes(model_type: str | None, image_size: str | None, right: bool) -> None:
    """Also where `small` is only the default."""
    given = {"prompt": "p", "model_type": model_type, "image_size": image_size}
    params = {name: value for name, value in given.items() if value is not None}
    found = check_params(placewise.OPERATIONS["image"], "placewise/image", params)
    assert (found == []) is right
    assert right or found[0].path == ("image_size",)


@pytest.mark.parametrize(
    ("operation", "field", "value"),
    [
        ("image", "aspect_ratio", "1:2"),
        ("image", "creativity", "2"),
        ("image", "photorealistic", "false"),
        ("text", "temperature", 1.5),
        ("text", "max_tokens", 0),
        ("sending-text", "variation", "low"),
        ("sending-text", "include_keywords", "sun"),
    ],
)
def test_values_the_documents_do_not_allow(operation: str, field: str, value: Json) -> None:
    """Each is one problem at its field."""
    found = check_params(placewise.OPERATIONS[operation], "placewise", {**PARAMS[operation], field: value})
    assert [problem.path for problem in found] == [(field,)]


def test_a_seed_may_be_null() -> None:
    """The documented default of `random_seed` is null."""
    request = make_request("placewise", "image", {"prompt": "p", "random_seed": None})
    assert check_params(placewise.OPERATIONS["image"], "placewise/image", request.params) == []
    assert placewise.submit(request, FACTS.lane.options).body == FormBody((Part("prompt", "p"),))
