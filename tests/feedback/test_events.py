"""What providers tell of our own messages is written down; of others they can tell us nothing."""

from __future__ import annotations

import json
from datetime import timedelta

from newsletter.domain.arrivals import ArrivalResult, ArrivalStatus
from newsletter.domain.outcomes import IdentifiedBy, OutcomeKind, OutcomeSource
from newsletter.store import alerts, arrivals
from newsletter.store.tables import Arrival
from tests.clocks import NOON
from tests.feedback.post import ADA, BOB, Post


def event(over: dict[str, object] | None = None, *, address: str = ADA, number: int = 1) -> dict[str, object]:
    """Return a bounce of Postmark's."""
    found: dict[str, object] = {
        "RecordType": "Bounce",
        "ID": number,
        "Type": "HardBounce",
        "TypeCode": 1,
        "MessageID": f"883953f4-6105-42a2-a16a-77a8eac{number:05}",
        "Email": address,
        "Details": "smtp;550 5.1.1 The email account that you tried to reach does not exist.",
        "BouncedAt": "2026-11-24T11:59:00Z",
        "Metadata": {},
    }
    return found | (over or {})


def named(post: Post, address: str = ADA, mailing: int | None = None) -> dict[str, object]:
    return {"Metadata": {"delivery": f"{mailing or post.mailings[0]}-{post.readers[address]}"}}


def tell(post: Post, *events: object, way: str = "postmark") -> Arrival:
    return post.come(json.dumps(events[0] if len(events) == 1 else events).encode(), way=way, sender=None)


def test_an_event_about_a_message_that_it_names_is_the_providers_word(post: Post) -> None:
    arrival = tell(post, event(named(post)))

    assert (arrival.kind, arrival.result) == ("events", ArrivalResult.RECORDED)
    [outcome] = post.outcomes()
    assert (outcome.kind, outcome.source, outcome.provider) == (
        OutcomeKind.BOUNCED,
        OutcomeSource.PROVIDER,
        "postmark",
    )
    assert (outcome.identified_by, outcome.mailing_id) == (IdentifiedBy.PROVIDER, post.mailings[0])
    assert (outcome.category, outcome.is_hard, outcome.at) == (
        "invalid_recipient",
        True,
        NOON - timedelta(minutes=1),
    )


def test_an_event_that_names_another_readers_message_does_nothing_to_that_reader(post: Post) -> None:
    tell(post, event(named(post, ADA), address=BOB))

    assert post.outcomes(ADA) == []
    assert [outcome.identified_by for outcome in post.outcomes(BOB)] == [IdentifiedBy.PROVIDER]


def test_an_event_about_a_message_that_we_never_sent_is_nobodys(post: Post) -> None:
    assert tell(post, event(named(post, mailing=77), address="eve@example.org")).result == (
        ArrivalResult.UNIDENTIFIED
    )
    post.clock.advance(timedelta(days=11))
    assert tell(post, event(number=2)).result == ArrivalResult.UNIDENTIFIED
    assert post.outcomes() == []


def test_the_same_event_again_adds_nothing(post: Post) -> None:
    tell(post, event(named(post)))

    again = tell(post, event(named(post)) | {"ServerID": 23})

    assert again.result == ArrivalResult.KNOWN
    assert len(post.outcomes()) == 1


def test_one_bad_event_of_a_batch_spares_the_others(post: Post) -> None:
    events = [
        {
            "event": "bounce",
            "type": "bounce",
            "email": ADA,
            "timestamp": 1764000000,
            "sg_event_id": "1",
            "reason": "550 5.1.1 unknown",
        },
        "no event",
        {"event": "a new one", "email": ADA},
        {"event": "delivered", "email": BOB, "timestamp": "never", "sg_event_id": "2"},
    ]

    arrival = tell(post, *events, way="sendgrid")

    assert (arrival.result, arrival.error.splitlines()) == (
        ArrivalResult.RECORDED,
        ["event 1: The event is no JSON object."],
    )
    assert [outcome.kind for outcome in post.outcomes(ADA)] == [OutcomeKind.BOUNCED]
    assert [outcome.kind for outcome in post.outcomes(BOB)] == [OutcomeKind.DELIVERED]


def test_what_nobody_understands_is_kept(post: Post) -> None:
    unknown = tell(post, {"RecordType": "Tomorrow", "Email": ADA})
    broken = post.come(b"\xff{", way="postmark", sender=None)
    stranger = post.come(b"{}", way="pigeon", sender=None)

    assert (unknown.result, broken.result) == (ArrivalResult.IGNORED, ArrivalResult.IGNORED)
    assert "JSON" in broken.error
    assert (stranger.status, stranger.body) == (ArrivalStatus.FAILED, b"{}")
    assert "pigeon" in stranger.error
    assert post.outcomes() == []


def test_an_event_from_the_future_is_of_when_it_came(post: Post) -> None:
    tell(post, event(named(post) | {"BouncedAt": "2031-01-01T00:00:00Z"}))

    assert [outcome.at for outcome in post.outcomes()] == [NOON]


def test_a_subscription_of_a_feed_is_confirmed_once_by_the_worker(post: Post) -> None:
    body = {
        "Type": "SubscriptionConfirmation",
        "MessageId": "165545c9-2a5c-472c-8df2-7ff2be2b3b1b",
        "TopicArn": "arn:aws:sns:eu-west-1:123456789012:bounces",
        "Token": "2336412f37",
        "Message": "You have chosen to subscribe",
        "SubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=2336412f37",
        "Timestamp": "2026-11-24T12:00:00Z",
    }
    asked: list[str] = []

    def fetch(url: str) -> bytes:
        asked.append(url)
        return b""

    with post.database.transaction() as session:
        arrivals.keep(session, way="ses", raw=json.dumps(body).encode(), now=NOON)
    post.read(fetch=fetch)
    post.read(fetch=fetch)

    assert len(asked) == 1
    assert asked[0].startswith("https://sns.eu-west-1.amazonaws.com/?")
    with post.database.reading() as session:
        assert [alert.subject for alert in alerts.recent(session, now=NOON)] == ["ses"]
