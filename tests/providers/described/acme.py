"""A small vendor of one operation, to be described in any way."""

from __future__ import annotations

from typing import Any

from runner.job.vendor import Vendor
from runner.job.vendor_checks import problems_of
from runner.providers.contract import Options, Provider
from runner.providers.http import describe_provider
from runner.providers.registry import Account, open_catalog
from runner.records import Answer, Json, Request, Step, make_request
from runner.verdicts import Verdict
from tests.providers.questions import answer

BASE = "https://api.acme.example/v1"


def acme(top: dict[str, Any] | None = None, **operation: Any) -> Vendor:
    """A vendor whose one operation, `image`, says this besides."""
    said = {
        "summary": "a picture",
        "gives": "file",
        "path": "/images",
        "fields": {"prompt": {}},
        "answer": {"links": "url"},
        **operation,
    }
    vendor = Vendor.model_validate(
        {
            "name": "acme",
            "doc": "https://acme.example/docs",
            "base_url": BASE,
            "secrets": {"key": {"env": "ACME_KEY", "header": "x-api-key"}},
            "operations": {"image": said},
            **(top or {}),
        }
    )
    assert problems_of(vendor) == []
    return vendor


def opened(vendor: Vendor, **options: Json) -> tuple[Provider, Options]:
    """The provider, and an account's options."""
    provider = describe_provider(vendor)
    catalog = open_catalog({"acme": Account("http", options=options, provider=provider)})
    assert catalog.problems == ()
    return provider, catalog.lanes["acme"].options


def request(**params: Json) -> Request:
    """A request of its operation."""
    return make_request("acme", "image", params)


def read(vendor: Vendor, said: Answer | object, step: Step = "submit", **params: Json) -> Verdict:
    """What an answer (or the JSON of a 200) means."""
    provider, options = opened(vendor)
    return provider.read(step, said if isinstance(said, Answer) else answer(200, said), request(**params), options)
