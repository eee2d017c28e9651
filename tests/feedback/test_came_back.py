"""A message that came back for good was submitted, and its reader has not had it."""

from __future__ import annotations

import pytest

from newsletter.domain.mailings import MessageStatus
from newsletter.reporting import receipts
from newsletter.store import messages, readers
from tests.feedback.post import ADA, BOB, Post, bounce


def status_of(post: Post, address: str = ADA) -> tuple[MessageStatus, int]:
    with post.database.reading() as session:
        row = messages.of_mailing(session, post.mailings[0], post.readers.values())[post.readers[address]]
    return row.status, row.code


def test_a_bounce_of_a_submitted_message_changes_what_was_had_and_not_the_receipt(post: Post) -> None:
    with post.database.reading() as session:
        before = receipts.receipt(session, post.mailings[0])

    post.come(bounce(), recipient=post.token("b"))

    assert status_of(post) == (MessageStatus.BOUNCED, 550)
    assert status_of(post, BOB) == (MessageStatus.SUBMITTED, 250)
    with post.database.reading() as session:
        assert receipts.receipt(session, post.mailings[0]) == before
        [(_, had)] = [
            (mailing, list(had))
            for mailing, had in readers.had(session, post.mailings, list(post.readers.values()))
        ]
    assert had == [(post.readers[BOB], b"\1")]


@pytest.mark.parametrize(
    "raw",
    [
        bounce(action="delayed", status="4.4.1", text="connect: timed out"),
        bounce("else@example.net"),  # the reader had it, and forwards
    ],
)
def test_a_delay_and_what_was_forwarded_change_nothing(post: Post, raw: bytes) -> None:
    post.come(raw, recipient=post.token("b"))

    assert status_of(post) == (MessageStatus.SUBMITTED, 250)


def test_what_proves_nothing_changes_nothing(post: Post) -> None:
    post.come(bounce())  # it names the address, and no message

    assert len(post.outcomes()) == 1
    assert status_of(post) == (MessageStatus.SUBMITTED, 250)


def test_a_full_mailbox_came_back_too_and_what_is_in_doubt_stays_so(post: Post) -> None:
    with post.database.transaction() as session:
        doubt = {"subscriber_id": post.readers[BOB], "status": MessageStatus.UNCERTAIN, "code": 0}
        messages.change(session, post.mailings[0], [doubt])
    full = bounce(status="5.2.2", text="552 5.2.2 Mailbox full")

    post.come(full, recipient=post.token("b"))
    post.come(bounce(BOB), recipient=post.token("b", BOB))

    assert status_of(post) == (MessageStatus.BOUNCED, 550)
    assert status_of(post, BOB) == (MessageStatus.UNCERTAIN, 0)
