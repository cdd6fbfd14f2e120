"""`adbatch providers`: the vendors' documents, as the program knows them."""

from __future__ import annotations

import pytest

from runner.providers.registry import KINDS, PROVIDERS, Account, open_catalog
from tests.cli.conftest import Adbatch

OFFERS = open_catalog({kind: Account() for kind in KINDS}).offers


def test_every_operation_is_listed(adbatch: Adbatch) -> None:
    """Without a name there is a line for each operation of each vendor, with what it is for."""
    ended = adbatch("providers")
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert [line.split()[0] for line in lines] == list(OFFERS)
    assert all(len(line.split()) > 1 for line in lines)


@pytest.mark.parametrize("kind", PROVIDERS)
def test_a_provider_is_told_whole(adbatch: Adbatch, kind: str) -> None:
    """With a provider's name: its page, address, keys, options, and every field of every operation."""
    out = adbatch("providers", kind).out
    provider = PROVIDERS[kind]
    assert out.startswith(f"{kind}: {provider.DOC}\n  base_url: {provider.BASE_URL}\n")
    for name, variable in provider.KEYS.items():
        assert f"  {name}: {{env: {variable}}}" in out
    for option in provider.OPTIONS:
        assert f"\n    {option}: " in out
    for use, offer in OFFERS.items():
        if use.startswith(f"{kind}/"):
            section = out.split(f"\n{use}: ")[1].split("\n\n")[0]
            assert all(f"\n  {field}: " in section for field in offer.operation.fields)


def test_an_operation_is_told_alone(adbatch: Adbatch) -> None:
    """With an operation's name: what it gives, its page, and each field with its rules, as in the vendor's documents."""
    assert adbatch("providers", "placewise/image").out == (
        "\n"
        "placewise/image: a picture from a prompt\n"
        "  gives task; https://docs.mpc.placewise.com/api-3511410\n"
        "  prompt: text, required — generation prompt\n"
        "  model_type: text, one of small | medium | large, default small — larger: better, slower, dearer\n"
        "  aspect_ratio: text, one of 1:1 | 2:3 | 3:2 | 3:4 | 4:3 | 4:5 | 5:4 | 16:9 | 9:16, default 1:1 — aspect ratio\n"
        "  image_size: text, one of thumbnail | small | medium | large, default thumbnail — 256, 512, 1024 or 1440 px\n"
        "  creativity: integer, default 2 — variability; only used by medium and large models\n"
        "  photorealistic: boolean, default False — only used by the large model\n"
        "  random_seed: integer — makes the generation deterministic\n"
    )


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("vyro/upscale", "image: part image, required"),
        ("jivox/image", "width: integer, required, 1 to …"),
        ("vyro/text-to-video", "or another"),
        ("jivox/trim", "image: url/base64 image, required"),
        ("sivi", "limits: 50 in 60 s, 4 at once, 10 queued"),
        ("jivox", "limits: 8 at once"),
        ("openai/chat", "lane: batch sends it by batch"),
        ("openai", "  key: {env: OPENAI_API_KEY}\n"),
        ("groq", "  base_url: https://api.groq.com/openai/v1\n  key: {env: GROQ_API_KEY}\n"),
        ("ollama", "key: {env: OLLAMA_API_KEY} (optional)"),
        ("placewise", "user_key: {env: PLACEWISE_USER_TOKEN} (optional)"),
        ("placewise", "assumed: the vendor's documents do not say"),
    ],
)
def test_rules_are_told_in_words(adbatch: Adbatch, name: str, told: str) -> None:
    """Limits, ranges, optional keys and what is only assumed can be read off."""
    assert told in adbatch("providers", name).out


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("vyor", "adbatch: vyor is not a provider; did you mean vyro?\n"),
        ("vyro/upscal", "adbatch: vyro has no operation upscal; did you mean upscale?\n"),
        ("acme/image", f"adbatch: acme is not a provider; it takes {', '.join(sorted(PROVIDERS)[:12])}\n"),
    ],
)
def test_a_wrong_name_is_a_mistake_of_usage(adbatch: Adbatch, name: str, told: str) -> None:
    """What is not there is told with what is near it."""
    ended = adbatch("providers", name)
    assert (ended.code, ended.out, ended.err) == (2, "", told)
