from __future__ import annotations

from decimal import Decimal

import pytest
from pydantic import ValidationError

from runner.job.document import read_document
from runner.job.project import LimitsSpec, Notify, PriceSpec, Project, ProviderSpec, SecretRef, read_secret
from runner.records import Limits, Money, Window
from tests.job.samples import PROJECT


def _project(text: str) -> Project:
    return Project.model_validate(read_document(text, "adbatch.yaml").data)


def test_defaults():
    """A project may say nothing at all."""
    read = Project()
    assert (read.version, read.state, read.templates, read.providers, read.prices, read.budget) == (
        1,
        ".adbatch",
        "templates",
        {},
        {},
        None,
    )


def test_full_project():
    """Accounts, prices and ceilings arrive as the values they say."""
    read = _project(PROJECT)
    assert list(read.providers) == ["jivox", "sivi", "placewise", "house-llm"]
    assert read.providers["house-llm"].kind == "openai"
    assert read.providers["house-llm"].base_url == "http://127.0.0.1:8000/v1"
    assert read.prices == {"sivi/media": PriceSpec(each=Decimal("0.05"), currency="USD")}
    assert read.budget is not None
    assert (read.budget.cost, read.budget.requests) == (Money(Decimal(50), "USD"), 10000)


def test_options_are_all_further_keys():
    """What this room does not know goes through to the provider, null included; secrets do not."""
    read = _project(PROJECT).providers
    assert read["jivox"].options == {"account": "1042"}
    assert read["placewise"].options == {"club": "my-mall", "poll_url": None}
    assert read["sivi"].options == {"plan": "general"}


def test_secrets_by_name():
    """Every secret is known by its name and its place: the key and any further map of nothing but env or file."""
    read = _project(PROJECT).providers
    assert read["jivox"].secrets == {"key": SecretRef(env="JIVOX_API_KEY")}
    assert read["placewise"].secrets == {
        "key": SecretRef(file="/run/secrets/placewise"),
        "user_key": SecretRef(env="PLACEWISE_USER"),
    }
    assert read["house-llm"].secrets == {}


def test_a_map_with_more_than_env_is_an_option():
    """Only a map of nothing but env and file is a secret's place."""
    spec = ProviderSpec.model_validate({"extra": {"env": "A", "x": 1}, "options": 5, "none": {}})
    assert spec.options == {"extra": {"env": "A", "x": 1}, "options": 5, "none": {}}
    assert spec.secrets == {}


def test_limits():
    """Rates are windows; what is not said is None."""
    read = _project(PROJECT).providers["sivi"].limits
    assert read is not None
    assert read.rate == [Window(50, 60.0), Window(10, 1.0)]
    assert (read.concurrent, read.queued, read.polls_count) == (4, 10, False)
    assert LimitsSpec() == LimitsSpec.model_validate({})


DOCUMENTED = Limits(rate=(Window(5, 1.0),), concurrent=2, queued=3, polls_count=True)


@pytest.mark.parametrize(
    ("written", "in_force"),
    [
        ({}, DOCUMENTED),
        ({"rate": ["9/1s"]}, Limits((Window(9, 1.0),), 2, 3, True)),
        ({"rate": []}, Limits((), 2, 3, True)),
        ({"concurrent": 7}, Limits((Window(5, 1.0),), 7, 3, True)),
        ({"queued": 7}, Limits((Window(5, 1.0),), 2, 7, True)),
        ({"polls_count": False}, Limits((Window(5, 1.0),), 2, 3, False)),
        ({"deadline": "15m"}, Limits((Window(5, 1.0),), 2, 3, True, 900.0)),
        ({"tokens": ["90000/1m"]}, Limits((Window(5, 1.0),), 2, 3, True, tokens=(Window(90_000, 60.0),))),
    ],
)
def test_limits_over_the_documented_ones(written, in_force):
    """What the project says wins, one by one; the rest stays as the vendor documents it."""
    assert LimitsSpec.model_validate(written).over(DOCUMENTED) == in_force


@pytest.mark.parametrize(
    ("value", "reference"),
    [
        ({"env": "X"}, SecretRef(env="X")),
        ({"file": "/run/secrets/x"}, SecretRef(file="/run/secrets/x")),
        (SecretRef(env="X"), SecretRef(env="X")),
    ],
)
def test_read_secret(value, reference):
    """A secret is named by its variable or its file."""
    assert read_secret(value) == reference


@pytest.mark.parametrize("value", ["test-key", 1234, True, ["test-key"], {"value": "test-key"}, {"env": "X", "key": "test-key"}])
def test_a_literal_key_is_refused_and_not_repeated(value):
    """Anything that is not a reference may be the key itself: refused with the remedy, never repeated."""
    with pytest.raises(ValidationError) as caught:
        ProviderSpec.model_validate({"key": value})
    [error] = caught.value.errors()
    assert error["type"] == "literal_secret"
    assert error["msg"] == "a key is never written into a file; write {env: NAME} or {file: PATH}"


@pytest.mark.parametrize("value", [{}, {"env": "A", "file": "B"}])
def test_exactly_one_place(value):
    """A secret is in one place."""
    with pytest.raises(ValidationError, match="needs exactly one of env and file"):
        ProviderSpec.model_validate({"key": value})


def test_a_provider_is_frozen():
    """Neither a known field nor an option can be changed."""
    spec = ProviderSpec.model_validate({"plan": "general"})
    with pytest.raises(ValidationError):
        spec.plan = "other"  # type: ignore[attr-defined]
    with pytest.raises(ValidationError):
        spec.kind = "other"  # type: ignore[misc]


def test_notify():
    """Addresses are written out or named like keys; what is told is everything unless it is said."""
    read = _project("notify: {ping: {env: PING_URL}, webhook: 'https://hooks.example/a', on: [failure]}").notify
    assert read == Notify(ping=SecretRef(env="PING_URL"), webhook="https://hooks.example/a", on=["failure"])
    assert Notify(webhook="https://hooks.example/a").on == ["start", "success", "failure"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("notify: {}", "tells nobody; give it a webhook or a ping"),
        ("notify: {on: [failure]}", "tells nobody"),
        ("notify: {ping: 5}", "needs a URL"),
        ("notify: {ping: {url: 'https://a.example'}}", "needs an https address, or the place of one"),
        ("notify: {ping: 'http://a.example'}", "plain http is for this machine only"),
        ("notify: {ping: 'https://a.example', on: []}", "at least 1 item"),
        ("notify: {ping: 'https://a.example', on: [end]}", "'start', 'success' or 'failure'"),
    ],
)
def test_wrong_notify(text, why):
    """Nobody to tell, no address, nothing to tell: each is refused."""
    with pytest.raises(ValidationError, match=why):
        _project(text)


@pytest.mark.parametrize("spec", [Project, ProviderSpec, LimitsSpec, PriceSpec, SecretRef, Notify], ids=lambda spec: spec.__name__)
def test_every_field_is_described(spec):
    """Every field has a sentence for the editor's hover, and every part a noun for messages."""
    assert all(field.description for field in spec.model_fields.values())
    assert "NOUN" in vars(spec)
