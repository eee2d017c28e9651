"""Check what confirmation links do, and that they do no more."""

from __future__ import annotations

from datetime import timedelta

import pytest

from newsletter.domain.consent import ConsentEvidence, ConsentKind
from newsletter.domain.errors import InvalidToken
from newsletter.domain.subscriptions import SubscriptionStatus
from newsletter.domain.suppressions import SuppressionReason, SuppressionScope
from newsletter.domain.tokens import LinkPurpose
from newsletter.store import Session, consent, notices, subscriptions, suppressions
from newsletter.store.tables import NoticeStatus
from newsletter.subscribing import confirm, signup, unsubscribe
from newsletter.subscribing.confirm import InvitationState
from newsletter.subscribing.signup import SignupRequest
from tests.builders import add_newsletter
from tests.clocks import NOON
from tests.subscribing.links import link

PAGE = ConsentEvidence(channel="page", client_ip="192.0.2.7")


@pytest.fixture
def notice_id(session: Session) -> int:
    """Sign Ada up for two newsletters at noon."""
    add_newsletter(session)
    add_newsletter(session, slug="weekly", name="The Weekly")
    request = SignupRequest(
        address="ada@example.com",
        newsletters=("daily", "weekly"),
        evidence=ConsentEvidence(channel="form"),
    )
    (found,) = signup.request(session, request, now=NOON).notice_ids
    return found


def token_of(session: Session, notice_id: int, purpose: LinkPurpose = LinkPurpose.CONFIRM) -> str:
    """Return the link of a notice, as its mail has it."""
    notice = notices.get(session, notice_id)
    assert notice is not None
    assert notice.subscriber_id is not None
    return link(
        session,
        purpose,
        subscriber_id=notice.subscriber_id,
        object_id=notice.id,
        issued_at=notice.created_at,
    )


def statuses(session: Session, notice_id: int) -> set[SubscriptionStatus]:
    """Return where the reader of a notice stands."""
    notice = notices.get(session, notice_id)
    assert notice is not None
    assert notice.subscriber_id is not None
    return {s.status for s in subscriptions.of_subscriber(session, notice.subscriber_id)}


def test_looking_at_the_page_changes_nothing(session: Session, notice_id: int) -> None:
    seen = [confirm.describe(session, token_of(session, notice_id), now=NOON) for _ in range(3)]

    assert {one.state for one in seen} == {InvitationState.OPEN}
    assert [newsletter.slug for newsletter in seen[0].newsletters] == ["daily", "weekly"]
    assert seen[0].masked_address == "a…@example.com"
    assert statuses(session, notice_id) == {SubscriptionStatus.PENDING}


def test_confirming_activates_all_newsletters_of_the_request_once(session: Session, notice_id: int) -> None:
    token = token_of(session, notice_id)

    first = confirm.confirm(session, token, evidence=PAGE, now=NOON)
    second = confirm.confirm(session, token, evidence=PAGE, now=NOON)

    assert (first.state, second.state) == (InvitationState.CONFIRMED, InvitationState.CONFIRMED)
    assert statuses(session, notice_id) == {SubscriptionStatus.ACTIVE}
    kinds = [event.kind for event in consent.of_subscriber(session, first.subscriber_id)]
    assert kinds == [ConsentKind.REQUESTED, ConsentKind.CONFIRMED]


def test_an_expired_link_confirms_nothing_but_can_be_renewed(session: Session, notice_id: int) -> None:
    token = token_of(session, notice_id)
    later = NOON + timedelta(days=7, seconds=1)

    assert confirm.confirm(session, token, evidence=PAGE, now=later).state is InvitationState.EXPIRED
    assert statuses(session, notice_id) == {SubscriptionStatus.PENDING}
    assert confirm.ask_again(session, token, now=later)
    assert not confirm.ask_again(session, token, now=later)


def test_a_link_that_still_works_is_not_renewed(session: Session, notice_id: int) -> None:
    assert not confirm.ask_again(session, token_of(session, notice_id), now=NOON)


def test_an_old_link_brings_nobody_back_who_has_left(session: Session, notice_id: int) -> None:
    token = token_of(session, notice_id)
    reader = confirm.confirm(session, token, evidence=PAGE, now=NOON).subscriber_id
    unsubscribe.leave_all(session, subscriber_id=reader, channel="page", now=NOON)

    again = confirm.confirm(session, token, evidence=PAGE, now=NOON)

    assert again.state is InvitationState.ENDED
    assert statuses(session, notice_id) == {SubscriptionStatus.ENDED}


def test_confirming_lifts_what_bounces_had_suppressed(session: Session, notice_id: int) -> None:
    suppressions.add(
        session, "ada@example.com", reason=SuppressionReason.HARD_BOUNCE, evidence="5.1.1", now=NOON
    )

    confirm.confirm(session, token_of(session, notice_id), evidence=PAGE, now=NOON)

    assert suppressions.active_keys(session, ["ada@example.com"], NOON) == set()


def test_confirming_lifts_no_complaint(session: Session, notice_id: int) -> None:
    suppressions.add(session, "ada@example.com", reason=SuppressionReason.COMPLAINT, evidence="", now=NOON)

    confirm.confirm(session, token_of(session, notice_id), evidence=PAGE, now=NOON)

    assert suppressions.active_keys(session, ["ada@example.com"], NOON) == {"ada@example.com"}


def test_who_says_it_was_not_them_is_never_asked_again(session: Session, notice_id: int) -> None:
    token = token_of(session, notice_id, LinkPurpose.BLOCK)

    confirm.block(session, token, evidence=PAGE, now=NOON)
    confirm.block(session, token, evidence=PAGE, now=NOON)

    assert statuses(session, notice_id) == {SubscriptionStatus.ENDED}
    assert suppressions.why(session, "ada@example.com", now=NOON, scope=SuppressionScope.CONFIRMATIONS)
    assert suppressions.why(session, "ada@example.com", now=NOON) is None
    notice = notices.get(session, notice_id)
    assert notice is not None
    assert notice.subscriber_id is not None
    session.refresh(notice)
    assert notice.status is NoticeStatus.WITHHELD
    kinds = [event.kind for event in consent.of_subscriber(session, notice.subscriber_id)]
    assert kinds == [ConsentKind.REQUESTED, ConsentKind.CONFIRMATIONS_BLOCKED]


def test_a_link_for_one_purpose_serves_no_other(session: Session, notice_id: int) -> None:
    with pytest.raises(InvalidToken):
        confirm.block(session, token_of(session, notice_id), evidence=PAGE, now=NOON)


def test_a_link_about_somebody_elses_notice_is_refused(session: Session, notice_id: int) -> None:
    forged = link(session, LinkPurpose.CONFIRM, subscriber_id=999, object_id=notice_id, issued_at=NOON)

    with pytest.raises(InvalidToken):
        confirm.describe(session, forged, now=NOON)
