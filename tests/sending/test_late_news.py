"""Mail comes back or is put off while workers are killed: by what the server got, nobody is told anything twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta

import pytest
from sqlalchemy import update

from newsletter.domain.mailings import MessageStatus, WithheldReason
from newsletter.feedback import suppress
from newsletter.runtime.clock import SystemClock
from newsletter.store import messages
from newsletter.store.tables import Batch, Message, MessageDetail, Subscription
from tests.builders import add_newsletter, add_reader
from tests.clocks import FixedClock
from tests.feedback.post import bounce
from tests.sending.drainer import CONNECTIONS
from tests.sending.press import Press, headlines
from tests.sending.test_kills import finish, start
from tests.sending.test_mail_back import take_in
from tests.sending.test_races import check_nobody_twice
from tests.services.sink import Received

READERS = 60
TOPICS = 3
COMMON, LATER = "For everybody", "Of the next issue"
PUT_OFF = 6  # readers whose server wants to be asked later


@pytest.fixture
def press(press: Press) -> Press:
    """Stand a little before the real time: the processes under test read the machine's clock."""
    press.clock = FixedClock(SystemClock().now() - timedelta(minutes=10))
    return press


def address(number: int) -> str:
    return f"r{number}@reader.example"


def set_up(press: Press) -> int:
    """Add readers of different topics, an article for all, and one for each topic."""
    with press.database.transaction() as session:
        newsletter = add_newsletter(session)
        for number in range(READERS):
            add_reader(session, newsletter, address(number), topics=1 << number % TOPICS)
    press.add_articles(newsletter.id, COMMON)
    for topic in range(TOPICS):
        press.add_articles(newsletter.id, f"Of topic {topic}", topics=1 << topic)
    return newsletter.id


def follow_other_topics(press: Press, newsletter_id: int) -> None:
    """Let every reader follow the next topic instead."""
    with press.database.transaction() as session:
        for number in range(READERS):
            row = session.get_one(Subscription, (number + 1, newsletter_id))
            row.topics = 1 << (number + 1) % TOPICS


def come_back(press: Press, received: Received, text: str) -> None:
    """Let a report about a message reach its return path, and do what follows."""
    press.clock = FixedClock(SystemClock().now())
    status = text.split()[1]
    report = bounce(received.rcpt_to, status=status, text=text, to=received.mail_from)
    assert take_in(press, report) == "recorded"
    suppress.suppress(press.database.transaction, now=press.clock.now(), ask_dns=lambda _: None)


def rows(press: Press, mailing_id: int) -> dict[str, Message]:
    with press.database.reading() as session:
        found = messages.of_mailing(session, mailing_id, range(1, READERS + 1))
    return {address(reader - 1): row for reader, row in found.items()}


def next_issue(press: Press, newsletter_id: int) -> int:
    press.clock = FixedClock(SystemClock().now())
    press.add_articles(newsletter_id, LATER)
    mailing_id = press.expand(newsletter_id)
    press.drain(holder="next")
    return mailing_id


def told(received: Iterable[Received]) -> list[list[str]]:
    return [sorted(headlines(each)) for each in received]


@pytest.mark.parametrize("is_overtaken", [True, False], ids=["before_recovery", "after_recovery"])
def test_what_comes_back_after_its_worker_was_killed_is_told_again_and_nothing_else(
    press: Press, is_overtaken: bool
) -> None:
    newsletter_id = set_up(press)
    first = press.expand(newsletter_id)
    assert start(press, "dying", instant="answered", count=READERS // 2).wait(60) < 0
    full, unknown = press.sink.messages[0], press.sink.messages[1]
    follow_other_topics(press, newsletter_id)

    def reports() -> None:
        come_back(press, full, "552 5.2.2 Mailbox full")
        come_back(press, unknown, "550 5.1.1 User unknown")

    if is_overtaken:
        reports()
        finish(press, first)
    else:
        finish(press, first)
        reports()
    found = rows(press, first)
    doubtful = [name for name, row in found.items() if row.status is MessageStatus.UNCERTAIN]
    in_doubt = next(each for each in press.sink.messages if each.rcpt_to in doubtful)
    come_back(press, in_doubt, "552 5.2.2 Mailbox full")
    assert set(Counter(each.rcpt_to for each in press.sink.messages).values()) == {1}
    second = next_issue(press, newsletter_id)

    mails = {name: told(press.sink.to(name)) for name in found}
    again = mails.pop(full.rcpt_to)
    assert COMMON in again[0]
    assert {COMMON, LATER} <= set(again[1])
    assert len(mails.pop(unknown.rcpt_to)) == 1
    for name, lists in mails.items():
        titles = Counter(title for each in lists for title in each)
        assert max(titles.values()) == 1, name
        assert LATER in titles
        assert COMMON in titles or name in doubtful
    assert 1 <= len(doubtful) <= CONNECTIONS
    status = {name: row.status for name, row in rows(press, first).items()}
    assert {status[full.rcpt_to], status[unknown.rcpt_to]} == {MessageStatus.BOUNCED}
    assert status[in_doubt.rcpt_to] is MessageStatus.UNCERTAIN
    receipt = press.receipt(first)
    assert (receipt.planned, receipt.submitted) == (READERS, READERS - len(doubtful))
    assert rows(press, second)[unknown.rcpt_to].code == WithheldReason.SUPPRESSED


@pytest.mark.parametrize("instant", ["untouched", "answered"])
def test_deferred_mail_comes_once_and_as_it_was_decided_whoever_dies_before_and_while_it_is_tried_again(
    press: Press, instant: str
) -> None:
    newsletter_id = set_up(press)
    put_off = [address(number) for number in range(PUT_OFF)]
    press.sink.refuse_rcpt.update(dict.fromkeys(put_off, "451 4.3.0 try again later"))
    first = press.expand(newsletter_id)
    assert start(press, "dying", instant="answered", count=READERS // 2).wait(60) < 0
    follow_other_topics(press, newsletter_id)
    finish(press, first)
    doubtful = [name for name, row in rows(press, first).items() if row.status is MessageStatus.UNCERTAIN]
    assert press.receipt(first).deferred == PUT_OFF
    assert not {each.rcpt_to for each in press.sink.messages} & set(put_off)

    press.sink.refuse_rcpt.clear()
    with press.database.transaction() as session:
        wanted = {name: bytes(row.picks) for name, row in rows(press, first).items()}
        past = SystemClock().now() - timedelta(minutes=1)
        for number in range(PUT_OFF):  # what is in doubt waits for its own time
            session.get_one(MessageDetail, (first, number + 1)).next_attempt_at = past
        session.execute(update(Batch).values(retry_at=past))
    assert start(press, "dying again", instant=instant, count=2).wait(60) < 0
    finish(press, first)
    next_issue(press, newsletter_id)

    found = check_nobody_twice(press)
    assert all(LATER in found[name] for name in wanted)
    assert {name: bytes(row.picks) for name, row in rows(press, first).items()} == wanted
    again = [name for name, row in rows(press, first).items() if row.status is MessageStatus.UNCERTAIN]
    assert len(set(again) - set(doubtful)) <= CONNECTIONS
    assert all(COMMON in found[name] for name in put_off if name not in again)
