"""Why a reader got what: every reason that is written down becomes a sentence."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any  # rows of any column

import pytest

from newsletter.domain import reasons, suppressions
from newsletter.domain.errors import InvalidInput, NotFound
from newsletter.domain.issues import IssueStatus, SkipReason, Verdict
from newsletter.domain.mailings import MailingKind, MessageStatus, WithheldReason
from newsletter.domain.selection import encode_picks
from newsletter.domain.subscriptions import SubscriptionStatus
from newsletter.reporting import why, why_article
from newsletter.reporting.why import Answer
from newsletter.store import Database, Session, issues, mailings, messages, subscriptions
from newsletter.store import suppressions as kept
from newsletter.store.tables import (
    Article,
    Issue,
    IssueArticle,
    Mailing,
    Message,
    MessageDetail,
    Newsletter,
    Subscriber,
    Window,
)
from newsletter.subscribing import privacy
from tests import issues as frozen_issues
from tests.builders import add_article, add_newsletter, add_reader, add_topic
from tests.clocks import NOON

HOUR = timedelta(hours=1)


class Desk:
    """Hold a newsletter with a reader, articles and an issue of them that went out at noon."""

    def __init__(self, session: Session, *, count: int = 4, **over: Any) -> None:
        self.session = session
        self.newsletter = add_newsletter(session)
        for number, slug in enumerate(("sport", "city")):
            add_topic(session, self.newsletter, slug, number=number)
        self.reader = add_reader(session, self.newsletter, "ada@example.com", confirmed_at=NOON - 48 * HOUR)
        self.articles = [
            add_article(session, self.newsletter, title=f"Story {n}", seen_at=NOON - HOUR, topics=0)
            for n in range(count)
        ]
        self.issue, self.mailing = self.mail(self.articles, at=NOON, **over)

    def mail(
        self, told: list[Article], *, at: Any, newsletter: Newsletter | None = None, **over: Any
    ) -> tuple[Issue, Mailing]:
        """Send an issue of articles; every one is a candidate, in their order."""
        session, newsletter = self.session, newsletter or self.newsletter
        issue = issues.add(session, newsletter.id, since=at - 24 * HOUR, cut_off_at=at, now=at)
        assert issue is not None
        stories = [
            frozen_issues.story(
                each.number, article_id=each.id, title=each.title, topics=0, seen_at=NOON - HOUR, author=""
            )
            for each in told
        ]
        frozen = frozen_issues.issue(stories=stories, **{"cut_off_at": at, "issue_id": issue.id, **over})
        issue.frozen, issue.status = frozen.as_dict(), IssueStatus.MAILED
        mailing = mailings.start(session, issue, highest=frozen.highest, now=at, expires_at=at + 24 * HOUR)
        for rank, each in enumerate(told):
            self.judge(issue, each, Verdict.CANDIDATE, rank=rank)
        return issue, mailing

    def judge(self, issue: Issue, article: Article, verdict: Verdict, **over: Any) -> None:
        """Write a verdict down."""
        self.session.merge(
            IssueArticle(issue_id=issue.id, article_id=article.id, verdict=verdict, detail={}, **over)
        )
        self.session.flush()

    def result(
        self, status: MessageStatus, code: int = 250, told: Any = (), mailing: Mailing | None = None
    ) -> None:
        """Write down what became of the reader's message."""
        mailing = mailing or self.mailing
        picks = encode_picks([each.number for each in told], highest=mailing.highest)
        messages.append(self.session, [(mailing.id, self.reader.id, 60, code, status, picks)])

    def mail_answer(self) -> Answer:
        """Ask about the issue's mail."""
        [answer] = why.why_mail(self.session, self.reader, issue_id=self.issue.id, now=NOON + HOUR)
        return answer

    def answer(self, article: Article, **over: Any) -> Answer:
        """Ask about an article in the issue."""
        found = why_article.why_article(
            self.session, self.reader, article.id, now=NOON + HOUR, **{"issue_id": self.issue.id, **over}
        )
        return found[0]


@pytest.fixture
def desk(session: Session) -> Desk:
    return Desk(session)


def test_every_reason_to_withhold_is_told(desk: Desk) -> None:
    for reason in WithheldReason:
        desk.session.query(Message).delete()
        desk.result(MessageStatus.WITHHELD, reason)

        answer = desk.mail_answer()

        assert (answer.code, answer.text) == (reason.name.lower(), reasons.WITHHELD[reason])
        assert answer.facts["at"] == NOON + timedelta(minutes=1)


def test_every_verdict_is_told(desk: Desk) -> None:
    lead, article = desk.articles[:2]
    desk.result(MessageStatus.SUBMITTED, told=[lead])
    told_with_its_place = {Verdict.CANDIDATE, Verdict.PINNED, Verdict.MISSED}
    for verdict in Verdict:
        desk.judge(desk.issue, article, verdict, lead_id=lead.id)

        answer = desk.answer(article)

        if verdict in told_with_its_place:
            assert answer.code == "not_chosen"
        elif verdict is Verdict.SAME_STORY:
            assert answer.text == f'{reasons.VERDICTS[verdict]} It was "Story 0" (article {lead.id}).'
        else:
            assert (answer.code, answer.text) == (verdict.value, reasons.VERDICTS[verdict])


def test_every_reason_to_skip_is_told(desk: Desk) -> None:
    issue = issues.add(
        desk.session,
        desk.newsletter.id,
        since=NOON,
        cut_off_at=NOON + HOUR,
        now=NOON,
        status=IssueStatus.SKIPPED,
    )
    assert issue is not None
    for reason in SkipReason:
        issue.reason = reason.value
        [answer] = why.why_mail(desk.session, desk.reader, now=NOON + 2 * HOUR)
        assert answer.code == "issue_skipped"
        assert answer.text == f"Issue {issue.number} did not go out: {reasons.SKIPPED[reason]}."


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (MessageStatus.SUBMITTED, "The mail was handed over at 2026-11-24 12:01 UTC."),
        (MessageStatus.UNCERTAIN, "no answer came: it may have arrived."),
        (MessageStatus.DEFERRED, "It is tried again at 2026-11-24 13:00 UTC. The receiver said: 451 busy"),
        (MessageStatus.FAILED, "The mail was refused, or came back. The receiver said: 451 busy"),
        (MessageStatus.EXPIRED, "The mail could not be handed over in time."),
    ],
)
def test_what_became_of_the_mail_is_told(sqlite_url: str, status: MessageStatus, told: str) -> None:
    database = Database(sqlite_url)
    with database.transaction() as session:
        desk = Desk(session)
        desk.result(status, 451)
        mailings.add_batches(session, desk.mailing.id, {0: [desk.reader.id]}, due_at=NOON)
        window = Window(
            batch_id=mailings.batches(session, desk.mailing.id)[0].id, epoch=1, planned_at=NOON, key_ids={}
        )
        session.add(window)
        session.flush()
        session.add(
            MessageDetail(
                mailing_id=desk.mailing.id,
                subscriber_id=desk.reader.id,
                batch_id=window.batch_id,
                window_id=window.id,
                first_attempt_at=NOON,
                next_attempt_at=NOON + HOUR,
                reply_code=451,
                reply_text="busy",
            )
        )

        assert told in desk.mail_answer().text
    database.dispose()


def test_who_is_not_in_the_plan_learns_why(desk: Desk) -> None:
    subscription = subscriptions.get(desk.session, desk.reader.id, desk.newsletter.id)
    assert subscription is not None
    found = {}
    changes: dict[str, dict[str, object]] = {
        "not_planned": {},
        "joined_later": {"confirmed_at": NOON + HOUR},
        "pending": {"status": SubscriptionStatus.PENDING, "confirmed_at": None},
        "ended": {"status": SubscriptionStatus.ENDED, "ended_at": NOON - HOUR},
    }
    for name, values in changes.items():
        for column, value in values.items():
            setattr(subscription, column, value)
        desk.session.flush()
        found[name] = desk.mail_answer().code
    stranger = add_reader(desk.session, add_newsletter(desk.session, slug="other"), "bea@example.com")
    [other] = why.why_mail(desk.session, stranger, issue_id=desk.issue.id, now=NOON)

    assert found == {name: name for name in found}
    assert other.code == "no_subscription"


def test_who_is_planned_waits_for_a_turn(desk: Desk) -> None:
    mailings.add_batches(desk.session, desk.mailing.id, {0: [desk.reader.id]}, due_at=NOON + 2 * HOUR)
    later = desk.mail_answer()
    desk.mailing.fault = "relay.example.com does not answer"
    desk.session.flush()
    fault = desk.mail_answer()

    assert later.text == "Not yet: the reader's turn is at 2026-11-24 14:00 UTC."
    assert fault.text == "Nothing goes out just now: relay.example.com does not answer"


def test_an_issue_that_is_not_mailed_says_where_it_stands(desk: Desk) -> None:
    found = []
    for values in (
        {"status": IssueStatus.PLANNED},
        {"status": IssueStatus.PLANNED, "fault": "card.html, line 3"},
        {"status": IssueStatus.BUILT, "fault": None},
        {"status": IssueStatus.HELD},
        {"status": IssueStatus.CANCELLED},
    ):
        for name, value in values.items():
            setattr(desk.issue, name, value)
        desk.session.flush()
        found.append(desk.mail_answer().code)

    assert found == ["issue_planned", "issue_fault", "issue_built", "issue_held", "issue_cancelled"]


def test_an_article_that_came_is_told_with_its_place(desk: Desk) -> None:
    desk.result(MessageStatus.SUBMITTED, told=desk.articles[:3])

    assert desk.answer(desk.articles[1]).text == (
        "The reader was told the article as story 2 of 3 in issue 1, at 2026-11-24 12:01 UTC."
    )
    assert desk.answer(desk.articles[1], issue_id=None).code == "told"


def test_an_article_that_the_reader_had_is_told_with_the_issue(desk: Desk) -> None:
    other = add_newsletter(desk.session, slug="evening")
    _, earlier = desk.mail(desk.articles[:1], at=NOON - 24 * HOUR, newsletter=other)
    desk.result(MessageStatus.SUBMITTED, told=desk.articles[:1], mailing=earlier)
    desk.result(MessageStatus.SUBMITTED, told=desk.articles[1:])
    plain = issues.frozen(desk.issue)
    stories = [replace(plain.stories[0], members=()), *plain.stories[1:3]]
    last = replace(plain.stories[3], members=(desk.articles[0].number,))
    desk.issue.frozen = replace(plain, stories=(*stories, last)).as_dict()
    desk.session.flush()
    before = desk.answer(desk.articles[0])
    desk.session.query(Message).filter_by(mailing_id=desk.mailing.id).delete()
    story = desk.answer(desk.articles[3])

    assert before.text == (
        "The reader had the article before, in issue 1 of evening, at 2026-11-23 12:01 UTC."
    )
    assert story.code == "story_had_before"


def test_what_was_left_out_of_a_mail_is_found_again(session: Session) -> None:
    desk = Desk(session, count=5, story_maximum=2, section_maximum=1)
    plain = issues.frozen(desk.issue)
    changed = [
        plain.stories[0],
        replace(plain.stories[1], section=1, topics=2),
        replace(plain.stories[2], section=1, topics=2),
        replace(plain.stories[3], topics=1),
        replace(plain.stories[4], is_fresh=False, seen_at=NOON - 72 * HOUR),
    ]
    desk.issue.frozen = replace(plain, stories=tuple(changed)).as_dict()
    subscription = subscriptions.get(session, desk.reader.id, desk.newsletter.id)
    assert subscription is not None
    subscription.topics = 2
    session.flush()
    desk.result(MessageStatus.SUBMITTED, told=desk.articles[:2])

    codes = [desk.answer(article).code for article in desk.articles]
    assert codes == ["told", "told", "section_maximum", "outside_topics", "out_of_reach"]
    full = desk.answer(desk.articles[2])
    assert (full.is_recomputed, full.facts["topics_changed"]) == (True, False)
    subscription.topics = 0
    session.flush()
    assert desk.answer(desk.articles[3]).text == (
        "The article ranked at place 4; the mail was full with 2 stories."
    )
    subscription.topics = 1
    session.flush()
    assert "today's topics and cadence, which choose otherwise" in desk.answer(desk.articles[2]).text


def test_an_article_that_no_issue_knows_says_why(desk: Desk) -> None:
    new = add_article(desk.session, desk.newsletter, title="New", seen_at=NOON + HOUR)
    other = add_newsletter(desk.session, slug="other")
    theirs = add_article(desk.session, other, title="Theirs", seen_at=NOON)
    desk.articles[0].retracted_at = NOON

    assert desk.answer(new, issue_id=None).code == "next_issue"
    assert desk.answer(theirs, issue_id=None).code == "other_newsletter"
    assert "after the issue's cut-off" in desk.answer(new).text


def test_who_and_what_is_unknown_is_refused_with_what_to_do(desk: Desk) -> None:
    session = desk.session
    other = add_newsletter(session, slug="other")
    with pytest.raises(NotFound):
        why.find_reader(session, "nobody@example.com", now=NOON)
    with pytest.raises(InvalidInput):
        why.find_reader(session, "nobody", now=NOON)
    with pytest.raises(NotFound):
        why.why_mail(session, desk.reader, issue_id=999, now=NOON)
    with pytest.raises(NotFound):
        why_article.why_article(session, desk.reader, 999, now=NOON)
    with pytest.raises(InvalidInput):
        why.why_mail(session, desk.reader, newsletter=other, issue_id=desk.issue.id, now=NOON)
    [none] = why.why_mail(session, desk.reader, newsletter=other, now=NOON)
    assert none.code == "no_issue"


def test_an_erased_reader_is_explained_by_id_without_an_address(desk: Desk) -> None:
    desk.result(MessageStatus.WITHHELD, WithheldReason.ERASED)
    kept.add(
        desk.session,
        "ada@example.com",
        reason=suppressions.SuppressionReason.COMPLAINT,
        now=NOON,
        evidence="abuse",
    )
    privacy.erase(desk.session, desk.reader.id, now=NOON)
    desk.session.flush()

    with pytest.raises(NotFound) as unknown:
        why.find_reader(desk.session, "ada@example.com", now=NOON)
    reader: Subscriber = why.find_reader(desk.session, str(desk.reader.id), now=NOON)
    [answer] = why.why_mail(desk.session, reader, issue_id=desk.issue.id, now=NOON)

    assert "suppressed (complaint)" in unknown.value.message
    assert answer.code == "erased"
    assert "ada" not in repr(answer)


def test_a_first_digest_is_told_as_such(desk: Desk) -> None:
    desk.mailing.kind = MailingKind.FIRST
    desk.result(MessageStatus.SUBMITTED, told=desk.articles[:1])

    assert desk.mail_answer().text.endswith("It was the reader's first digest.")
