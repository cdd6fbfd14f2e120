"""Keys written into a file: refused with their place, never repeated, and nothing else mistaken for one.

Every key here is put together from pieces, so that this file holds none.
"""

from __future__ import annotations

import time

import pytest

from runner.errors import Invalid, Place
from runner.job.literals import find_literals
from runner.job.load import MOST_BYTES, read_job, read_project
from tests.hostile.pace import slowness

RANDOM = "q7Rt2Zp9" + "Xw4Lk8Vb3Nm6"
HEX = "0123456789abcdef" * 2
UUID = "-".join(("3f2504e0", "4f89", "11d3", "9a0c", "0305e82c3301"))

KEYS = {
    "vyro": "vk-" + RANDOM,
    "openai": "sk-" + RANDOM * 2,
    "openai project": "sk-" + "proj-" + RANDOM,
    "anthropic": "sk-" + "ant-api03-" + RANDOM + "-" + RANDOM,
    "stripe": "sk_" + "live_" + RANDOM,
    "lower case only": "sk-" + "abcdefgh1" + "ijklmnopq",
    "aws": "AKIA" + "Q7RT2ZP9XW4LK8VB",
    "github": "ghp_" + RANDOM * 2,
    "github fine-grained": "github_" + "pat_" + RANDOM * 2,
    "gitlab": "glpat-" + RANDOM,
    "slack": "xoxb-" + "123456789012-" + RANDOM,
    "google": "AIza" + RANDOM + RANDOM[:15],
    "hugging face": "hf_" + RANDOM * 2,
    "replicate": "r8_" + RANDOM * 2,
    "jwt": "eyJ" + RANDOM + ".eyJ" + RANDOM + "." + RANDOM,
    "pem": "-----BEGIN " + "RSA PRIVATE KEY-----",
}
"""What is a key wherever it stands."""


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize(
    "line",
    [
        "x: {}",
        "x: '{}'",
        'with: {{prompt: "{}"}}',
        "# the old one: {}",
        "- {}",
        "{}: x",
        "prompt: say {} aloud",
        "x: https://a.example/{}",
    ],
)
def test_a_key_is_found_wherever_it_stands(kind: str, line: str) -> None:
    """As a value, in quotes, in a flow, in a comment, as a name or inside a text: it is found, placed, and starred out."""
    key, text = KEYS[kind], "version: 1\n" + line
    [complaint] = find_literals(text.format(key), "jobs/x.yaml")
    stars = line.format("*" * len(key))
    assert complaint.place == Place("jobs/x.yaml", 2, line.format(key).index(key) + 1, stars)
    assert key not in repr(complaint)


@pytest.mark.parametrize(
    "name",
    [
        "key",
        "api_key",
        "apikey",
        "API-KEY",
        "x-api-key",
        "user_token",
        "token",
        "password",
        "client_secret",
        "secret",
        "Authorization",
    ],
)
@pytest.mark.parametrize("value", [RANDOM, HEX, UUID, RANDOM + "==", "Bearer " + RANDOM])
@pytest.mark.parametrize("line", ["{}: {}", "  {}: '{}'", '{{"{}": "{}"}}', "# {}={}"])
def test_random_characters_under_the_name_of_a_secret_are_a_key(name: str, value: str, line: str) -> None:
    """Hexadecimal, base64 or a UUID under a name that keys have is refused, however it is written."""
    [complaint] = find_literals(line.format(name, value), "adbatch.yaml")
    assert complaint.place is not None
    assert "*" * len(value.removeprefix("Bearer ")) in complaint.place.text
    assert value.removeprefix("Bearer ") not in repr(complaint)


@pytest.mark.parametrize(
    "line",
    [
        "key: {env: JIVOX_API_KEY}",
        "key: {file: /run/secrets/jivox-production-2024-Token}",
        "feed: {path: products.xml, key: id}",
        "key: product_identifier_of_the_shop_v2",
        "key: a-long-but-quite-readable-name-2",
        "token: {{ row.token }}",
        "api_key: test-key",
        "api_key: <your key here, 32 characters>",
        "sha256: " + HEX * 2,
        "digest: " + HEX,
        "image: https://cdn.example/" + HEX + "/a.png",
        "token_url: https://auth.example/oauth2/Token/V2/Get0Me1Some2Please3",
        "keywords: summer2024SALEsummer2024SALE",
        "monkey: Summer2024SaleSummer2024Sale",
        "colour: '#a1b2c3'",
        "prompt: sk-ii facial treatment essence, 230 ml",
        "slug: sk-skincare-moisturizer-for-every-day",
        "sku: SK-0012345678901234567890",
        "id: task-0123456789abcdef0123",
        "prompt: the key to success is 30 days of practice",
        "seed: 1234567890123456",
        "gtin: '00012345600012'",
    ],
)
def test_what_is_no_key_passes(line: str) -> None:
    """Digests, addresses, colours, names of variables and of products are no keys."""
    assert find_literals("version: 1\n" + line, "jobs/x.yaml") == []


def test_every_line_with_a_key_is_told() -> None:
    """Two keys on one line are one complaint with both starred out; each further line is one more."""
    one, two = KEYS["vyro"], KEYS["github"]
    found = find_literals(f"a: {one} {two}\nb: 1\nc: {two}", "x.yaml")
    assert [complaint.place.line for complaint in found if complaint.place] == [1, 3]
    assert found[0].place is not None
    assert found[0].place.text == f"a: {'*' * len(one)} {'*' * len(two)}"


@pytest.mark.parametrize("read", [read_job, read_project])
@pytest.mark.parametrize(
    "text", ["nme: x\napi_key: {}\n", "x: [\n# {}\n", "a: {}\na: {}\n", "a: !!python/object {}\n", "a: \xff {}\n"]
)
def test_a_file_with_a_key_is_refused_for_nothing_else(read, text: str) -> None:
    """Job or project, well-formed or not, UTF-8 or not: only the key is complained about, so nothing can quote it."""
    with pytest.raises(Invalid) as refused:
        read(text.replace("{}", KEYS["openai"]).encode("latin-1"), "x.yaml")
    assert {complaint.message.partition(";")[0] for complaint in refused.value.complaints} == {
        "this looks like a key, and a key is never written into a file"
    }
    assert KEYS["openai"] not in repr(refused.value.complaints)


@pytest.mark.parametrize(
    "piece",
    ["_", "-", "sk-", "sk_", "sk_a", "-eyJ", "eyJ.", "key", "_key", "key: ", "key=a", "xoxb-", "A", "0", "a0", "ghp_", "vk_0"],
)
def test_a_hostile_file_is_searched_quickly(piece: str) -> None:
    """The largest file there may be takes no longer than any other, whatever is repeated in it."""
    begun = time.process_time()
    find_literals(piece * (MOST_BYTES // len(piece)), "x.yaml")
    assert time.process_time() - begun < 2 * slowness()
