"""What a message says to relays: its signature, and the header by which a provider names it in events."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

import dkim as judge
import pytest

from newsletter.domain.relays import RelayKind
from newsletter.domain.rendered import FrozenIssue, RenderedBlock
from newsletter.mime import dkim as signing
from newsletter.sending.compose import Composer
from tests.clocks import NOON
from tests.sending.composing import (
    RINGS,
    SETTINGS,
    arguments,
    blocks,
    composer,
    frozen,
)

__all__ = ["blocks", "composer", "frozen"]


def test_a_window_that_names_a_key_of_dkim_gets_signed_messages_and_no_other_does(
    frozen: FrozenIssue, blocks: list[RenderedBlock]
) -> None:
    key = signing.new_key()
    signer = signing.Signer("post.example.com", "n1", key)
    composer = Composer(frozen, blocks, settings=SETTINGS, rings=RINGS, signers={9: signer}, kinds=RelayKind)
    signed_with = arguments(frozen)["key_ids"] | {"dkim": 9}

    _, signed = composer.message(**arguments(frozen, key_ids=signed_with))
    _, proof = composer.message(**arguments(frozen, key_ids=signed_with, is_proof=True))
    _, plain = composer.message(**arguments(frozen))

    assert signed.endswith(plain)
    for message in (signed, proof):
        assert message.startswith(b"DKIM-Signature: ")
        record = signing.record_value(key).encode()
        assert judge.verify(message, dnsfunc=lambda name, timeout=5, record=record: record)
    assert b"DKIM-Signature" not in plain


class Recorder:
    """Sign by writing down what there was to sign."""

    def sign(self, fields: Sequence[bytes], body: bytes, *, at: datetime) -> bytes:
        self.fields, self.body, self.at = fields, body, at
        return b"DKIM-Signature: x\r\n"


def test_a_signer_is_given_the_fields_in_order_and_the_body_as_it_goes_out(
    frozen: FrozenIssue, blocks: list[RenderedBlock]
) -> None:
    recorder = Recorder()
    composer = Composer(frozen, blocks, settings=SETTINGS, rings=RINGS, signers={1: recorder})
    keys = arguments(frozen)["key_ids"] | {"dkim": 1}

    _, message = composer.message(**arguments(frozen, key_ids=keys))

    assert message == b"DKIM-Signature: x\r\n" + b"".join(recorder.fields) + b"\r\n" + recorder.body
    assert all(re.match(rb"[A-Za-z-]+:", field) and field.endswith(b"\r\n") for field in recorder.fields)
    assert recorder.at == NOON


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        (RelayKind.SES, "X-SES-MESSAGE-TAGS: delivery=3-77"),
        (RelayKind.SENDGRID, 'X-SMTPAPI: {"unique_args":{"delivery":"3-77"}}'),
        (RelayKind.MAILGUN, 'X-Mailgun-Variables: {"delivery": "3-77"}'),
        (RelayKind.POSTMARK, "X-PM-Metadata-delivery: 3-77"),
        (RelayKind.SPARKPOST, 'X-MSYS-API: {"metadata":{"delivery":"3-77"}}'),
        (RelayKind.BREVO, "X-Mailin-custom: 3-77"),
        (RelayKind.MAILJET, "X-MJ-CustomID: 3-77"),
    ],
)
def test_a_provider_is_told_which_message_it_is(
    frozen: FrozenIssue, blocks: list[RenderedBlock], kind: RelayKind, field: str
) -> None:
    composer = Composer(frozen, blocks, settings=SETTINGS, rings=RINGS, kinds={RelayKind.SMTP, kind})

    _, message = composer.message(**arguments(frozen))

    usual = Composer(frozen, blocks, settings=SETTINGS, rings=RINGS).message(**arguments(frozen))[1]
    assert message.replace(f"{field}\r\n".encode(), b"", 1) == usual
    assert message != usual


@pytest.mark.parametrize("kind", [RelayKind.SMTP, RelayKind.RESEND])
def test_a_relay_that_gives_nothing_back_is_told_nothing(
    frozen: FrozenIssue, blocks: list[RenderedBlock], kind: RelayKind
) -> None:
    told = Composer(frozen, blocks, settings=SETTINGS, rings=RINGS, kinds={kind}).message(**arguments(frozen))
    untold = Composer(frozen, blocks, settings=SETTINGS, rings=RINGS).message(**arguments(frozen))

    assert told == untold
