from __future__ import annotations

import pytest

from runner.sandbox.intake import Ask, Refusal, Reply
from runner.sandbox.vendor import Trouble, Vendor
from runner.sandbox.vendors import VENDORS

TROUBLES: tuple[Trouble, ...] = ("busy", "queue_full", "no_credits", "no_credit", "broken")
EVERY = pytest.mark.parametrize("vendor", VENDORS.values(), ids=VENDORS)


@EVERY
def test_every_vendor_fills_in_the_form(vendor: Vendor):
    """Each has its own prefix, operations named by its own paths, and exactly one way to answer each."""
    assert vendor.prefix == f"/{vendor.name}" or vendor.prefix.startswith(f"/{vendor.name}/v")
    operations = [submit.operation for submit in vendor.submits]
    assert len(operations) == len(set(operations))
    for submit in vendor.submits:
        assert (submit.answer is None) != (submit.accept is None)
        assert submit.path.endswith(submit.operation) or submit.path == "{endpoint:.+}"
    assert bool(vendor.polls) == any(submit.accept for submit in vendor.submits)


@EVERY
@pytest.mark.parametrize("kind", TROUBLES)
def test_every_trouble_has_an_answer(vendor: Vendor, kind: Trouble):
    """Pace is 429, an empty account is refused in the vendor's way, and a 5xx is the one asked for, each with a body."""
    reply = vendor.trouble(kind, 502)
    assert reply.body
    assert reply.status == {"busy": 429, "queue_full": 429, "broken": 502}.get(kind, reply.status)
    assert kind not in {"no_credits", "no_credit"} or reply.status in {402, 403, 429}
    assert reply.status >= 400


@EVERY
@pytest.mark.parametrize("headers", [{}, {"jvx_apikey": "wrong", "sivi-api-key": "wrong", "authorization": "Bearer wrong"}])
def test_nobody_is_admitted_without_the_key(vendor: Vendor, headers: dict[str, str]):
    """A missing or wrong key is refused with a 4xx."""
    with pytest.raises(Refusal) as caught:
        vendor.admit(Ask("POST", {}, {}, headers), "test-key")
    assert 400 <= caught.value.reply.status < 500


@EVERY
def test_tickets_are_different_and_fit_a_path(vendor: Vendor):
    """Ids of two jobs differ and need no escaping."""
    tickets = {vendor.ticket(number, f"{number:064x}"[::-1]) for number in range(1, 50)}
    assert len(tickets) == 49
    assert all(ticket.replace("-", "").isalnum() for ticket in tickets)


@EVERY
def test_wrong_input_is_a_client_error(vendor: Vendor):
    """Bad input is answered with 400 or 422."""
    reply = vendor.wrong("prompt", "prompt is required")
    assert isinstance(reply, Reply)
    assert reply.status in {400, 422}
    assert b"prompt" in reply.body
