"""Check signatures of webhooks; they come from the reference implementation, never from ours."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from standardwebhooks import Webhook

from newsletter.domain import webhooks
from newsletter.domain.errors import InvalidInput, InvalidSignature
from tests.clocks import NOON

SECRET, OTHER = b"s" * 32, b"o" * 32
BODY = '{"name": "Zoë"}'


def signed(secret: bytes = SECRET, *, at: datetime = NOON, delivery_id: str = "msg_1") -> dict[str, str]:
    """Sign the body as a website's library does."""
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(webhooks.encode_secret(secret)).sign(delivery_id, at, BODY),
    }


def test_what_another_library_signed_is_verified_and_the_other_way_round() -> None:
    ours = webhooks.sign(SECRET, delivery_id="msg_1", sent_at=NOON, body=BODY.encode())

    assert webhooks.verify(signed(), BODY.encode(), [SECRET], now=NOON) == "msg_1"
    assert ours == signed()


def test_while_a_secret_is_replaced_both_are_good() -> None:
    both = signed() | {"webhook-signature": f"v2,x v1,AAAA {signed(OTHER)['webhook-signature']}"}

    assert webhooks.verify(signed(), BODY.encode(), [OTHER, SECRET], now=NOON) == "msg_1"
    assert webhooks.verify(both, BODY.encode(), [OTHER], now=NOON) == "msg_1"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"webhook-signature": ""}, "missing_signature"),
        ({"webhook-id": ""}, "missing_signature"),
        ({"webhook-id": "msg_2"}, "bad_signature"),
        ({"webhook-signature": signed(OTHER)["webhook-signature"]}, "bad_signature"),
        ({"webhook-signature": "v1,é"}, "bad_signature"),
        (
            {"webhook-signature": "v1," + " v1,AAAA" * 10 + " " + signed()["webhook-signature"]},
            "bad_signature",
        ),
        ({"webhook-timestamp": str(int(NOON.timestamp()) + 1)}, "bad_signature"),
        ({"webhook-timestamp": "soon"}, "bad_timestamp"),
        ({"webhook-timestamp": "-1"}, "bad_timestamp"),
        ({"webhook-timestamp": "١٢٣"}, "bad_timestamp"),
        ({"webhook-timestamp": "9" * 30}, "bad_timestamp"),
    ],
)
def test_what_was_changed_on_the_way_is_refused(change: dict[str, str], reason: str) -> None:
    with pytest.raises(InvalidSignature) as caught:
        webhooks.verify(signed() | change, BODY.encode(), [SECRET], now=NOON)

    assert caught.value.reason == reason


def test_a_body_with_one_octet_changed_is_refused() -> None:
    with pytest.raises(InvalidSignature):
        webhooks.verify(signed(), BODY.replace("Z", "z").encode(), [SECRET], now=NOON)


@pytest.mark.parametrize(("seconds", "is_good"), [(-301, False), (-300, True), (300, True), (301, False)])
def test_clocks_may_differ_by_five_minutes(*, seconds: int, is_good: bool) -> None:
    headers = signed(at=NOON + timedelta(seconds=seconds))
    if is_good:
        assert webhooks.verify(headers, BODY.encode(), [SECRET], now=NOON)
        return

    with pytest.raises(InvalidSignature) as caught:
        webhooks.verify(headers, BODY.encode(), [SECRET], now=NOON)

    assert caught.value.reason == "old_timestamp"


@pytest.mark.parametrize("delivery_id", ["a.b", "x" * 201, "line\nend"])
def test_an_id_that_would_make_the_signed_text_ambiguous_is_refused(delivery_id: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        webhooks.verify(signed() | {"webhook-id": delivery_id}, BODY.encode(), [SECRET], now=NOON)

    assert caught.value.reason == "bad_delivery_id"


def test_a_secret_travels_in_the_published_form() -> None:
    assert webhooks.decode_secret(webhooks.encode_secret(SECRET)) == SECRET
    with pytest.raises(InvalidInput):
        webhooks.decode_secret("whsec_not base64!")
