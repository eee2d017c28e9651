"""Check who is asked to confirm, who is not, and that nobody can flood an inbox."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from newsletter.domain.consent import ConsentEvidence, ConsentKind
from newsletter.domain.errors import InvalidInput, NotFound
from newsletter.domain.subscriptions import Cadence, EndReason, SubscriptionStatus
from newsletter.domain.suppressions import SuppressionReason, SuppressionScope
from newsletter.store import Session, consent, notices, subscribers, subscriptions, suppressions
from newsletter.store.tables import NoticeKind
from newsletter.subscribing import signup
from newsletter.subscribing.asking import Silence
from newsletter.subscribing.signup import SignupRequest
from tests.builders import add_newsletter, add_reader, add_topic
from tests.clocks import NOON

EVIDENCE = ConsentEvidence(channel="form", form_text="Send me the daily.", client_ip="192.0.2.7")


def wish(address: str = "Ada@Example.com", **over: Any) -> SignupRequest:
    """Return a plain signup for the daily."""
    return replace(SignupRequest(address=address, newsletters=("daily",), evidence=EVIDENCE), **over)


def test_a_signup_makes_a_pending_reader_and_one_confirmation(session: Session) -> None:
    daily = add_newsletter(session)
    add_topic(session, daily, "sport", number=3)
    add_topic(session, daily, "culture", number=4)

    result = signup.request(
        session,
        wish(name=" Ada  Lovelace ", topics=("sport",), language="en", cadence=Cadence.WEEKLY),
        now=NOON,
    )

    (notice_id,) = result.notice_ids
    notice = notices.get(session, notice_id)
    assert notice is not None
    assert notice.kind is NoticeKind.CONFIRMATION
    assert notice.payload == {"newsletters": [daily.id]}
    assert notice.subscriber_id is not None
    reader = subscribers.get(session, notice.subscriber_id)
    assert (reader.address, reader.name, reader.language) == ("Ada@example.com", "Ada Lovelace", "en")
    subscription = subscriptions.get(session, reader.id, daily.id)
    assert subscription is not None
    assert (subscription.status, subscription.topics, subscription.cadence) == (
        SubscriptionStatus.PENDING,
        8,
        Cadence.WEEKLY,
    )
    (event,) = consent.of_subscriber(session, reader.id)
    assert event.kind is ConsentKind.REQUESTED
    assert event.evidence["form_text"] == "Send me the daily."


def test_all_topics_ticked_means_all_topics_to_come_as_well(session: Session) -> None:
    daily = add_newsletter(session)
    add_topic(session, daily, "sport", number=0)

    signup.request(session, wish(topics=("sport",)), now=NOON)

    (reader,) = subscribers.search(session)
    subscription = subscriptions.get(session, reader.id, daily.id)
    assert subscription is not None
    assert subscription.topics == 0


def test_several_newsletters_of_one_request_share_one_confirmation(session: Session) -> None:
    daily = add_newsletter(session)
    weekly = add_newsletter(session, slug="weekly", name="The Weekly")

    result = signup.request(session, wish(newsletters=("daily", "weekly", "daily")), now=NOON)

    (notice_id,) = result.notice_ids
    notice = notices.get(session, notice_id)
    assert notice is not None
    assert notice.payload == {"newsletters": [daily.id, weekly.id]}


def test_the_article_of_the_signup_is_kept_in_its_canonical_form(session: Session) -> None:
    daily = add_newsletter(session)

    signup.request(session, wish(article_url="https://Post.example.com/a?utm_source=x#comments"), now=NOON)

    (reader,) = subscribers.search(session)
    subscription = subscriptions.get(session, reader.id, daily.id)
    assert subscription is not None
    assert subscription.signup_article == "https://post.example.com/a"


def test_a_second_signup_within_a_day_is_not_mailed_again(session: Session) -> None:
    add_newsletter(session)
    signup.request(session, wish(), now=NOON)

    result = signup.request(session, wish("ada@EXAMPLE.com"), now=NOON + timedelta(hours=23))

    assert result.notice_ids == ()
    assert result.silences == {"daily": Silence.ASKED_LATELY}


def test_nobody_is_asked_more_than_three_times_without_an_answer(session: Session) -> None:
    add_newsletter(session)
    days = [NOON + timedelta(days=2 * n) for n in range(4)]

    mailed = [len(signup.request(session, wish(), now=day).notice_ids) for day in days]

    assert mailed == [1, 1, 1, 0]


def test_one_inbox_behind_dots_and_tags_gets_three_confirmations_a_day_in_all(session: Session) -> None:
    add_newsletter(session)
    spellings = ["a.d.a@gmail.com", "ada+1@gmail.com", "ada@gmail.com", "a.da+2@gmail.com"]

    results = [signup.request(session, wish(spelling), now=NOON) for spelling in spellings]

    assert [len(result.notice_ids) for result in results] == [1, 1, 1, 0]
    assert results[3].silences == {"daily": Silence.INBOX_CAP}


def test_who_reads_already_is_left_alone(session: Session) -> None:
    daily = add_newsletter(session)
    reader = add_reader(session, daily, "ada@example.com", topics=2, name="Ada")

    result = signup.request(session, wish(name="Somebody", cadence=Cadence.WEEKLY), now=NOON)

    assert result.silences == {"daily": Silence.ALREADY_ACTIVE}
    subscription = subscriptions.get(session, reader.id, daily.id)
    assert subscription is not None
    assert (subscription.topics, subscription.cadence) == (2, Cadence.EVERY_ISSUE)
    assert subscribers.get(session, reader.id).name == "Ada"


def test_who_has_left_is_asked_again_and_stays_out_until_the_answer(session: Session) -> None:
    daily = add_newsletter(session)
    reader = add_reader(
        session,
        daily,
        "ada@example.com",
        status=SubscriptionStatus.ENDED,
        ended_at=NOON - timedelta(days=9),
        end_reason=EndReason.UNSUBSCRIBED,
    )

    result = signup.request(session, wish(), now=NOON)

    assert len(result.notice_ids) == 1
    subscription = subscriptions.get(session, reader.id, daily.id)
    assert subscription is not None
    assert subscription.status is SubscriptionStatus.PENDING
    assert subscription.end_reason is EndReason.UNSUBSCRIBED


@pytest.mark.parametrize(
    ("reason", "scope", "is_mailed"),
    [
        (SuppressionReason.COMPLAINT, SuppressionScope.BULK, False),
        (SuppressionReason.MANUAL, SuppressionScope.BULK, False),
        (SuppressionReason.BLOCKED, SuppressionScope.CONFIRMATIONS, False),
        (SuppressionReason.HARD_BOUNCE, SuppressionScope.BULK, True),
    ],
)
def test_only_an_address_that_bounced_may_be_asked_again(
    session: Session, reason: SuppressionReason, scope: SuppressionScope, *, is_mailed: bool
) -> None:
    add_newsletter(session)
    suppressions.add(session, "ada@example.com", reason=reason, scope=scope, evidence="", now=NOON)

    result = signup.request(session, wish(), now=NOON)

    assert bool(result.notice_ids) is is_mailed
    assert bool(subscribers.search(session)) is is_mailed


def test_the_mailboxes_that_run_a_domain_are_not_asked(session: Session) -> None:
    add_newsletter(session)

    result = signup.request(session, wish("abuse@example.com"), now=NOON)

    assert result.silences == {"daily": Silence.ROLE_ADDRESS}


@pytest.mark.parametrize(
    ("over", "reason"),
    [
        ({"address": "ada"}, "address_without_domain"),
        ({"newsletters": ()}, "no_newsletter"),
        ({"topics": ("chess",)}, "unknown_topic"),
        ({"language": "en_US; DROP"}, "bad_language"),
        ({"name": "Win at https://spam.example"}, "name_with_link"),
        ({"name": "x" * 65}, "name_too_long"),
    ],
)
def test_a_wrong_request_is_refused_with_its_reason(
    session: Session, over: dict[str, Any], reason: str
) -> None:
    add_newsletter(session)

    with pytest.raises(InvalidInput) as refusal:
        signup.request(session, wish(**over), now=NOON)

    assert refusal.value.reason == reason
    assert refusal.value.hint


def test_an_unknown_newsletter_is_refused(session: Session) -> None:
    with pytest.raises(NotFound) as refusal:
        signup.request(session, wish(), now=NOON)

    assert refusal.value.reason == "unknown_newsletter"
