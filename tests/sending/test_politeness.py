"""A slow or angry destination, and a sender that warms up, hold back their own readers and nobody else."""

from __future__ import annotations

from datetime import timedelta

from newsletter.domain import addresses, throttling, warmup
from newsletter.domain.outcomes import SmtpReply
from newsletter.store import destinations, subscribers, warmups
from newsletter.store.tables import Batch
from tests.builders import add_newsletter, add_reader
from tests.sending.press import Press

HOUR = timedelta(hours=1)
GMAIL_RATE = SmtpReply.parse(421, "4.7.28 an unusual rate of mail")


def set_up(press: Press, *mailboxes: str) -> int:
    """Expand a mailing to readers whose domains are known; return its id."""
    with press.database.transaction() as session:
        newsletter = add_newsletter(session)
        for address in mailboxes:
            reader = add_reader(session, newsletter, address)
            domain = addresses.parse(address).domain
            reader.domain_id = subscribers.domain_ids(session, [domain])[domain]
    press.add_articles(newsletter.id, "Ferry returns", "Council votes")
    return press.expand(newsletter.id)


def got(press: Press) -> list[str]:
    return sorted(received.rcpt_to for received in press.sink.messages)


def test_readers_of_a_suspended_destination_wait_without_an_attempt_and_get_their_mail_later(
    press: Press,
) -> None:
    mailing_id = set_up(press, "ana@gmail.com", "ben@x.example", "cem@googlemail.com")
    with press.database.transaction() as session:
        said = throttling.read(GMAIL_RATE, "google")
        destinations.hit(session, "", "google", said, GMAIL_RATE, observed=600, now=press.clock.now())

    press.drain()
    before, receipt = got(press), press.receipt(mailing_id)
    press.clock.advance(HOUR)
    for _ in range(2):
        press.drain()
        press.clock.advance(timedelta(minutes=1))

    assert before == ["ben@x.example"]
    assert (receipt.submitted, receipt.deferred, receipt.unclaimed) == (1, 0, 2)
    assert got(press) == ["ana@gmail.com", "ben@x.example", "cem@googlemail.com"]
    assert press.receipt(mailing_id).submitted == 3


def test_a_destination_that_throttles_in_the_middle_is_left_alone_and_told_of(press: Press) -> None:
    readers = [f"r{n}@gmail.com" for n in range(40)]
    mailing_id = set_up(press, *readers, "ben@x.example")
    press.connections = 1
    for address in readers:
        press.sink.refuse_rcpt[address] = "421 4.7.28 Gmail has detected an unusual rate of mail"

    press.drain()

    receipt = press.receipt(mailing_id)
    assert got(press) == ["ben@x.example"]
    assert receipt.deferred + receipt.unclaimed == 40
    assert receipt.deferred <= 3  # what was prefetched when the first refusal came
    with press.database.reading() as session:
        assert [row.mx_group for row in destinations.listing(session)] == ["google"]


def test_a_sender_that_warms_up_sends_what_its_day_leaves_and_the_rest_on_the_next(press: Press) -> None:
    mailing_id = set_up(press, *(f"r{n}@x.example" for n in range(8)))
    with press.database.transaction() as session:
        warmups.start(session, "post.example.com", warmup.begin(press.clock.now().date()))
        warmups.get(session, "post.example.com").ceiling = 3

    press.drain()
    first, receipt = len(press.sink.messages), press.receipt(mailing_id)
    press.clock.advance(timedelta(minutes=11))
    press.drain()
    later = len(press.sink.messages)
    press.clock.advance(12 * HOUR)
    press.drain()

    assert (first, receipt.submitted, receipt.unclaimed) == (3, 3, 5)
    assert later == 3
    assert len(got(press)) == len(set(got(press))) == 8


def test_a_batch_without_room_leaves_its_bucket_to_others(press: Press) -> None:
    set_up(press, "ana@x.example")
    with press.database.transaction() as session:
        warmups.start(session, "post.example.com", warmup.begin(press.clock.now().date()))
        warmups.get(session, "post.example.com").ceiling = 0

    press.drain()

    with press.database.reading() as session:
        batch = session.query(Batch).one()
        assert batch.due_at == press.clock.now() + timedelta(minutes=10)
