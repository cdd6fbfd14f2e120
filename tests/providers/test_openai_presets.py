"""Servers that differ only in data: a row is enough."""

from __future__ import annotations

import pytest

from runner.fields import check_params
from runner.providers import openai
from runner.providers.contract import Provider
from runner.providers.openai_presets import PRESETS
from runner.providers.registry import KINDS, PROVIDERS, Account, Reference, Variable, everywhere, open_catalog
from runner.records import make_request
from runner.verdicts import Done, Text
from tests.providers.questions import answer

LOCAL = {"ollama", "lmstudio", "llamacpp", "vllm"}


class Ref:
    """Where a key is."""

    env = "HOUSE_KEY"
    file = None


def key_of(name: str, account: Account) -> dict[str, Reference]:
    """The secrets of the account."""
    return dict(open_catalog({name: account}).lanes[name].secrets)


@pytest.mark.parametrize("name", PRESETS)
def test_a_name_in_the_project_is_enough(name: str) -> None:
    """`groq: {}` chats at the operator's address with the operator's key; a server of this machine needs none."""
    preset: Provider = PRESETS[name]
    catalog = open_catalog({name: Account(options={"model": "m"})})
    assert catalog.problems == ()
    lane, offer = catalog.lanes[name], catalog.offers[f"{name}/chat"]
    assert check_params(offer.operation, f"{name}/chat", {**offer.defaults, "prompt": "hi"}) == []
    request = make_request(name, "chat", {**offer.defaults, "prompt": "hi"})
    call = preset.submit(request, lane.options)
    assert call.url == f"{preset.BASE_URL}/chat/completions"
    assert dict(lane.secrets) == ({} if name in LOCAL else {"key": Variable(preset.KEYS["key"])})
    said = answer(200, {"choices": [{"message": {"content": "hello"}, "finish_reason": "stop"}]})
    assert preset.read("submit", said, request, lane.options) == Done((Text("hello"),))
    assert (lane.kind, lane.limits.concurrent) == ("openai", 64 if name == "vllm" else 8)
    if offer.batch is None:
        with pytest.raises(ValueError, match="never queued"):
            preset.poll(request, "t", lane.options)
    else:
        assert preset.poll(request, "t", lane.options).url == f"{preset.BASE_URL}/batches/t"


def test_rows_are_told_apart_and_told_of() -> None:
    """No name is taken twice, addresses are https but on this machine, and each has its operator's page."""
    assert not PRESETS.keys() & PROVIDERS.keys()
    assert KINDS.keys() == PRESETS.keys() | PROVIDERS.keys()
    assert {name for name, row in PRESETS.items() if row.BASE_URL.startswith("http://127.0.0.1:")} == LOCAL
    assert len({row.BASE_URL for row in PRESETS.values()}) == len(PRESETS)
    for name, row in PRESETS.items():
        assert (row.NAME, row.DOC[:8]) == (name, "https://")
        assert not row.BASE_URL.endswith("/")
        assert set(row.operations({})) <= set(openai.OPERATIONS)


def test_servers_of_this_machine_are_there_only_when_they_are_named() -> None:
    """A job alone cannot make us knock at a port of this machine."""
    assert not set(everywhere()) & LOCAL
    assert not LOCAL & open_catalog({}).lanes.keys()
    assert "groq" in open_catalog({}).lanes


def test_a_key_goes_to_its_own_operator_only() -> None:
    """At another address no default key is looked up; one that is named is used."""
    assert key_of("openai", Account()) == {"key": Variable("OPENAI_API_KEY")}
    assert key_of("openai", Account(base_url="https://proxy.example/v1")) == {}
    assert key_of("groq", Account(base_url="https://proxy.example/v1")) == {}
    ref = Ref()
    assert key_of("house", Account("openai", "http://127.0.0.1:9/v1", secrets={"key": ref})) == {"key": ref}
    assert key_of("ollama", Account(secrets={"key": ref})) == {"key": ref}
    house = open_catalog({"house": Account("openai", "http://127.0.0.1:9/v1")}).lanes["house"]
    assert house.optional == {"key"}
    assert open_catalog({}).lanes["openai"].optional == frozenset()


def test_another_account_may_borrow_a_row() -> None:
    """`kind: groq` under a name of one's own, with settings of one's own."""
    catalog = open_catalog({"fast": Account("groq", options={"model": "m"})})
    assert catalog.lanes["fast"].options["base_url"] == PRESETS["groq"].BASE_URL
    assert catalog.offers["fast/chat"].defaults == {"model": "m"}
    assert catalog.offers["fast/chat"].batch is not None
    assert catalog.offers["mistral/chat"].batch is None


def test_a_preset_weighs_as_its_kind() -> None:
    """Windows of tokens hold for all of them."""
    request = make_request("groq", "chat", {"model": "m", "prompt": "x" * 400, "max_tokens": 1})
    assert PRESETS["groq"].weigh(request, {}) == openai.weigh(request, {})
    assert PRESETS["groq"].limits({}).concurrent == 8
