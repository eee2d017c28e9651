"""What a reader was told is not told again, and what never arrived is: by what the server received."""

from __future__ import annotations

from datetime import timedelta

from newsletter.digest import arranging, breaking, build, desk, plan
from newsletter.domain.issues import IssueStatus
from newsletter.sending import expand
from newsletter.store import articles
from newsletter.store.tables import Article
from tests.builders import EDITOR
from tests.sending.press import ENVIRONMENT, Press
from tests.sending.test_drain import set_up

ANA, BEN = "ana@reader.example", "ben@reader.example"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def mail(press: Press, newsletter_id: int, *titles: str) -> int:
    """Publish articles, and mail an issue of them; return the mailing."""
    press.add_articles(newsletter_id, *titles)
    mailing_id = press.expand(newsletter_id)
    press.drain()
    return mailing_id


def test_deferred_stories_wait_for_their_own_mail_and_are_told_by_another_when_it_expired(
    press: Press,
) -> None:
    newsletter_id = set_up(press, ANA, BEN)
    press.sink.refuse_rcpt[ANA] = "451 4.3.0 try again later"
    first = press.expand(newsletter_id)
    press.drain()
    assert press.receipt(first).deferred == 1
    del press.sink.refuse_rcpt[ANA]

    mail(press, newsletter_id, "Lighthouse painted green")  # before the first one's retry is due
    press.clock.advance(2 * HOUR)
    press.drain()  # the second issue has taken its place
    assert press.receipt(first).failed == 1
    mail(press, newsletter_id, "Herring came early")

    ana, ben = press.titles_to(ANA), press.titles_to(BEN)
    assert ana[0] == ["Lighthouse painted green"]
    assert set(ana[1]) == {"Herring came early", "Ferry returns", "Council votes"}
    assert [set(titles) for titles in ben] == [
        {"Ferry returns", "Council votes"},
        {"Lighthouse painted green"},
        {"Herring came early"},
    ]


def test_what_is_retracted_while_an_issue_goes_out_is_told_to_nobody_who_is_not_planned_yet(
    press: Press,
) -> None:
    addresses = [f"r{number}@reader.example" for number in range(20)]
    newsletter_id = set_up(press, *addresses, spread_minutes=60)
    mailing_id = press.expand(newsletter_id)
    press.clock.advance(20 * MINUTE)
    press.drain()
    before = {received.rcpt_to for received in press.sink.messages}

    with press.database.transaction() as session:
        (ferry,) = [row.article for row in articles.search(session, newsletter_id, "Ferry")]
        articles.mark_retracted(session, ferry.id, now=press.clock.now())
    press.clock.advance(HOUR)
    press.drain()

    assert 2 < len(before) < 18
    for address in addresses:
        (titles,) = press.titles_to(address)
        assert ("Ferry returns" in titles) == (address in before)
        assert "Council votes" in titles
    assert press.receipt(mailing_id).submitted == len(addresses)


def test_breaking_news_overtakes_a_running_digest_and_drops_out_of_it(press: Press) -> None:
    addresses = [f"r{number}@reader.example" for number in range(20)]
    newsletter_id = set_up(press, *addresses, spread_minutes=60)
    press.expand(newsletter_id)
    press.clock.advance(20 * MINUTE)
    press.drain()
    before = {received.rcpt_to for received in press.sink.messages}

    now = press.clock.now()
    with press.database.transaction() as session:
        (ferry,) = [row.article for row in articles.search(session, newsletter_id, "Ferry")]
        issue_id = breaking.send(session, newsletter_id, ferry.id, actor=EDITOR, now=now, is_approved=True).id
    build.build(press.database.transaction, issue_id, environment=ENVIRONMENT, now=now)
    assert expand.expand(press.database.transaction, issue_id, now=now) is not None
    press.drain()
    press.clock.advance(HOUR)
    press.drain()

    assert 2 < len(before) < 18
    for address in addresses:
        titles = press.titles_to(address)
        if address in before:
            assert [sorted(each) for each in titles] == [["Council votes", "Ferry returns"]]
        else:
            assert titles == [["Ferry returns"], ["Council votes"]]


def test_an_approval_is_void_once_the_issue_is_changed(press: Press) -> None:
    newsletter_id = set_up(press, ANA)
    now = press.clock.now()
    with press.database.transaction() as session:
        issue_id = plan.plan_now(session, newsletter_id, now=now).id
        article_id = session.get_one(Article, 1).id
        desk.approve(session, issue_id, actor=EDITOR, now=now)
        arranging.pin(session, issue_id, article_id, actor=EDITOR, now=now)
    transactions = press.database.transaction
    status = build.build(transactions, issue_id, environment=ENVIRONMENT, now=now)

    assert status is IssueStatus.BUILT
    assert expand.expand(transactions, issue_id, now=now) is None
    press.drain()
    assert press.sink.messages == []
    with press.database.transaction() as session:
        desk.approve(session, issue_id, actor=EDITOR, now=now)
    assert expand.expand(transactions, issue_id, now=now) is not None
    press.drain()
    assert len(press.sink.to(ANA)) == 1
