"""Accounts of a project file made into lanes and offers."""

from __future__ import annotations

from decimal import Decimal

import pytest

from runner.fields import Problem
from runner.job.project import LimitsSpec, SecretRef
from runner.providers.registry import PROVIDERS, Account, Catalog, Variable, everywhere, open_catalog
from runner.records import Json, Limits, Money, Window


def test_every_kind_is_there_without_a_project_file() -> None:
    """Each under its own name, with the vendor's address, defaults and default variable."""
    catalog = open_catalog({})
    assert set(catalog.lanes) == set(everywhere()) >= set(PROVIDERS)
    sivi = catalog.lanes["sivi"]
    assert (sivi.name, sivi.kind, sivi.provider) == ("sivi", "sivi", PROVIDERS["sivi"])
    assert sivi.options["base_url"] == "https://connect.sivi.ai/api/prod/v2"
    assert (sivi.options["plan"], sivi.options["brand"]) == ("general", None)
    assert sivi.secrets == {"key": Variable("SIVI_API_KEY")}
    assert catalog.problems == ()


def test_offers_are_named_as_a_job_uses_them() -> None:
    """`lane/operation`, for every lane."""
    offers = open_catalog({"shop": Account("vyro")}).offers
    assert {"jivox/text", "sivi/design", "vyro/upscale", "placewise/image", "shop/ai-background"} <= set(offers)
    assert offers["shop/upscale"].operation.name == "upscale"


def test_what_is_only_missing_is_kept_apart_by_lane() -> None:
    """An account id nobody gave matters only to a job that uses that lane; the message names the remedy."""
    lacking = open_catalog({"banners": Account("jivox")}).lacking
    assert set(lacking) == {"banners", "jivox", "placewise"}
    assert lacking["banners"] == (
        Problem(
            ("providers", "banners"),
            "banners needs account (the account's id: accounts[].accountId of GET /v2/accounts); "
            "write providers: {banners: {account: …}} in adbatch.yaml",
        ),
    )
    assert "jivox" not in open_catalog({"jivox": Account(options={"account": "1"})}).lacking


def test_several_accounts_of_one_kind() -> None:
    """Each lane has its own options, limits and defaults."""
    catalog = open_catalog({"a": Account("sivi", options={"plan": "super", "brand": "b_a"}), "b": Account("sivi")})
    assert (catalog.lanes["a"].limits.queued, catalog.lanes["b"].limits.queued) == (15, 10)
    assert catalog.offers["a/media"].defaults == {"bId": "b_a"}
    assert catalog.offers["b/media"].defaults == {}


def test_an_address_of_ones_own() -> None:
    """A slash at its end is dropped, so paths join."""
    lane = open_catalog({"vyro": Account(base_url="http://127.0.0.1:8080/v2/")}).lanes["vyro"]
    assert lane.options["base_url"] == "http://127.0.0.1:8080/v2"


def test_limits_of_the_project_stand_over_the_documented_ones() -> None:
    """What it does not set stays as documented."""
    limits = LimitsSpec.model_validate({"rate": ["10/1s"], "queued": 2}).over
    assert open_catalog({"sivi": Account(limits=limits)}).lanes["sivi"].limits == Limits((Window(10, 1.0),), 4, 2, True)


def test_a_deadline_of_the_project_stands_over_every_operations_own() -> None:
    """It is the account's: all its operations take it, at whatever price, and another account's keep theirs."""
    limits = LimitsSpec.model_validate({"deadline": "90s"}).over
    catalog = open_catalog({"vyro": Account(limits=limits)}, {"vyro/upscale": Money(Decimal("0.1"), "USD")})
    ours = {use: offer.operation for use, offer in catalog.offers.items() if use.startswith("vyro/")}
    assert {operation.deadline for operation in ours.values()} == {90.0}
    assert str(ours["vyro/upscale"].price) == "0.1 USD"
    assert catalog.offers["sivi/media"].operation.deadline == 900.0


def test_secrets_stay_where_the_project_says() -> None:
    """A required one has a default variable; an optional one is used only where it is named, and the options say so."""
    plain = open_catalog({}).lanes["placewise"]
    assert plain.secrets == {"key": Variable("PLACEWISE_TOKEN")}
    assert plain.options["keys"] == ("key",)
    refs = {"key": SecretRef(file="/run/secrets/p"), "user_key": SecretRef(env="USER_TOKEN")}
    named = open_catalog({"placewise": Account(secrets=refs)}).lanes["placewise"]
    assert named.secrets == refs
    assert named.options["keys"] == ("key", "user_key")


def test_prices_of_the_project_replace_the_operations() -> None:
    """Per use; what has none stays unknown."""
    price = Money(Decimal("0.05"), "USD")
    offers = open_catalog({"shop": Account("sivi")}, {"sivi/media": price}).offers
    assert offers["sivi/media"].operation.price == price
    assert offers["shop/media"].operation.price is None
    assert PROVIDERS["sivi"].operations({})["media"].price is None


def only(catalog: Catalog) -> tuple[tuple[str | int, ...], str]:
    """The one problem of the catalog."""
    (problem,) = catalog.problems
    return problem.path, problem.message


@pytest.mark.parametrize(
    ("name", "account", "path", "said"),
    [
        ("jivx", Account(), ("providers", "jivx"), "jivx is not a kind of provider; did you mean jivox?; kind: names one"),
        ("shop", Account("vryo"), ("providers", "shop", "kind"), "vryo is not a kind of provider; did you mean vyro?"),
        (
            "jivox",
            Account(options={"acount": "1"}),
            ("providers", "jivox", "acount"),
            "not an option of jivox; did you mean account?",
        ),
        ("vyro", Account(options={"baseurl": "x"}), ("providers", "vyro", "baseurl"), "did you mean base_url?"),
        ("sivi", Account(options={"plan": "supr"}), ("providers", "sivi", "plan"), "did you mean super?"),
        (
            "jivox",
            Account(options={"account": 1042}),
            ("providers", "jivox", "account"),
            "needs text, got int 1042; put quotes around it",
        ),
        ("placewise", Account(options={"user_key": "x"}), ("providers", "placewise", "user_key"), "write user_key: {env: NAME}"),
        (
            "jivox",
            Account(secrets={"kee": SecretRef(env="X")}),
            ("providers", "jivox", "kee"),
            "not a secret of jivox; did you mean key?",
        ),
        ("jivox", Account(secrets={"account": SecretRef(env="X")}), ("providers", "jivox", "account"), "write its value instead"),
        (
            "vyro",
            Account(limits=LimitsSpec.model_validate({"tokens": ["9/1m"]}).over),
            ("providers", "vyro", "limits", "tokens"),
            "vyro counts no tokens, so this would limit nothing",
        ),
        ("placewise", Account(options={"done_words": [1]}), ("providers", "placewise", "done_words", 0), "needs text"),
        ("placewise", Account(options={"club": "a\r\nX-Evil: 1"}), ("providers", "placewise", "club"), "does not have the form"),
        (
            "vyro",
            Account(options={"resize_path": "https://evil.example"}),
            ("providers", "vyro", "resize_path"),
            "does not have the form",
        ),
    ],
)
def test_mistakes_of_a_project_file(name: str, account: Account, path: tuple[str | int, ...], said: str) -> None:
    """One problem each, at the key it is about, with the cure."""
    found, message = only(open_catalog({name: account}))
    assert found == path
    assert said in message


def test_ten_mistakes_are_ten_problems() -> None:
    """All at once, over lanes and prices."""
    wrong: dict[str, Json] = {"plan": "x", "brand": 5, "user": [], "envelope": "no", "a": 1, "b": 2}
    prices = {"sivi/medai": Money(Decimal(1), "USD"), "nobody/media": Money(Decimal(1), "USD")}
    catalog = open_catalog({"sivi": Account(options=wrong), "x": Account("y"), "z": Account()}, prices)
    assert len(catalog.problems) == 10
    assert ("prices", "sivi/medai") in [problem.path for problem in catalog.problems]
    assert "did you mean sivi/media?" in "".join(problem.message for problem in catalog.problems)


def test_a_wrong_option_leaves_the_rest_of_the_lane_usable() -> None:
    """So that a job's own mistakes are found in the same go; the default stands in."""
    catalog = open_catalog({"sivi": Account(options={"plan": "x", "brand": "b"})})
    assert catalog.lanes["sivi"].options["plan"] == "general"
    assert catalog.offers["sivi/media"].defaults == {"bId": "b"}


def test_a_wrong_required_option_is_not_called_missing_too() -> None:
    """One mistake, one message."""
    assert "jivox" not in open_catalog({"jivox": Account(options={"account": 1042})}).lacking
