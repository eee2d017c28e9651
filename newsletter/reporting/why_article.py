"""Explain why one reader got an article, or did not, from what was written at the time."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any  # fields of several types

from newsletter.domain import reasons
from newsletter.domain.errors import NotFound
from newsletter.domain.issues import Verdict
from newsletter.domain.mailings import HAD, MailingKind
from newsletter.domain.rendered import FrozenIssue, FrozenStory
from newsletter.domain.selection import Chooser, decode_picks, encode_picks
from newsletter.domain.subscriptions import REACH, Cadence
from newsletter.reporting import why
from newsletter.reporting.why import Answer
from newsletter.store import Session, articles, explaining, issues, newsletters, subscriptions
from newsletter.store.tables import Article, Issue, IssueArticle, Mailing, Message, Newsletter, Subscriber

_NOTHING_LEFT = ("no_stories", "too_few")
_TOLD = (Verdict.CANDIDATE, Verdict.PINNED, Verdict.MISSED)


def why_article(
    session: Session,
    reader: Subscriber,
    article_id: int,
    *,
    newsletter: Newsletter | None = None,
    issue_id: int | None = None,
    now: datetime,
) -> list[Answer]:
    """Say why a reader got an article or not: in one issue, else where it came, else in the newest that knew it."""
    article = articles.get(session, article_id)
    if article is None:
        raise NotFound(
            f"There is no article {article_id}.",
            hint="Look for one with: newsletter articles list --search",
            reason="unknown_article",
        )
    if issue_id is not None:
        issue = issues.get(session, issue_id)
        why.require_of(newsletter, issue)
        return [_Article(session, reader, article, issue, now=now).answer()]
    chosen = [newsletter] if newsletter is not None else why.of_reader(session, reader)
    seen = explaining.issues_with(session, article.id, [each.id for each in chosen])
    told = [
        issue
        for mailing, message in explaining.had(session, reader.id, lowest_number=article.number)
        if article.number in decode_picks(message.picks, highest=mailing.highest)
        and (issue := issues.get(session, mailing.issue_id)) in seen
    ]
    # What was never built told nobody: it answers only when there is nothing else.
    newest = {
        issue.newsletter_id: issue
        for is_built in (False, True)
        for issue in reversed(seen)
        if (issue.frozen is not None) is is_built
    }
    wanted = told or list(newest.values())
    if wanted:
        return [_Article(session, reader, article, issue, now=now).answer() for issue in wanted]
    return [_nowhere(session, article, each, now=now) for each in chosen] or [_for_nobody(article)]


def _nowhere(session: Session, article: Article, newsletter: Newsletter, *, now: datetime) -> Answer:
    """Say why no issue of a newsletter has looked at an article."""
    place = next(
        (each for each in explaining.places_of(session, article.id) if each.newsletter_id == newsletter.id),
        None,
    )
    issue = explaining.newest_issue(session, newsletter.id, now=now)
    if place is None:
        code, text = "other_newsletter", f"The article is not among those of {newsletter.slug}."
    elif article.retracted_at is not None:
        code, text = "retracted", f"The article was retracted on {article.retracted_at:%Y-%m-%d}."
    elif place.is_backlog:
        code, text = "backlog", reasons.VERDICTS[Verdict.BACKLOG]
    elif issue is None or issue.cut_off_at > now or place.seen_at > issue.cut_off_at:
        code, text = "next_issue", "The article came after the last issue's cut-off; it is for the next one."
    else:
        code, text = "not_looked_at", "No issue has looked at the article: none was built since it came."
    return Answer(newsletter=newsletter.slug, issue_id=None, number=None, code=code, text=text)


def _for_nobody(article: Article) -> Answer:
    text = f"The reader has asked for no newsletter, so that article {article.id} was for nobody."
    return Answer(newsletter="", issue_id=None, number=None, code="no_subscription", text=text)


class _Article:
    """Look at one article in one issue with the eyes of one reader."""

    def __init__(
        self, session: Session, reader: Subscriber, article: Article, issue: Issue, *, now: datetime
    ) -> None:
        self._session = session
        self._reader = reader
        self._article = article
        self._issue = issue
        self._now = now
        self._verdict = explaining.verdict(session, issue.id, article.id)
        self._had = [
            (mailing, message)
            for mailing, message in explaining.had(session, reader.id, lowest_number=0)
            if mailing.issue_id != issue.id
        ]

    def answer(self) -> Answer:
        """Return the first reason that holds, in the order in which articles are left out."""
        mail = why.of_issue(self._session, self._reader, self._issue, now=self._now)
        found = why.message_of(self._session, self._reader, self._issue)
        facts = {**mail.facts, **self._facts()}
        told = self._told(found)
        if told is not None:
            return replace(mail, code="told", text=told, facts=facts)
        for code, text in (self._kept_out(), self._had_before(found)):
            if text:
                return replace(mail, code=code, text=text, facts=facts)
        if found is None or not found[1].picks:
            return replace(mail, facts=facts, **self._no_mail(mail))
        code, text, is_other = self._not_chosen(*found)
        facts["topics_changed"] = is_other
        return replace(mail, code=code, text=text, facts=facts, is_recomputed=True)

    def _no_mail(self, mail: Answer) -> dict[str, Any]:
        """Return what explains that a candidate did not come with a mail that did not come either."""
        story = self._story()
        subscription = subscriptions.get(self._session, self._reader.id, self._issue.newsletter_id)
        if mail.code in _NOTHING_LEFT and story is not None and subscription is not None:
            frozen = issues.frozen(self._issue)
            code, text = _unfit(frozen, story, topics=subscription.topics, cadence=subscription.cadence)
            if text:
                return {"code": code, "text": f"{text} {mail.text}", "is_recomputed": True}
        return {"text": mail.text if story is None else f"{reasons.VERDICTS[Verdict.CANDIDATE]} {mail.text}"}

    def _facts(self) -> dict[str, object]:
        facts: dict[str, object] = {"article": self._article.id, "title": self._article.title}
        if self._verdict is not None:
            facts |= {"verdict": self._verdict.verdict.value, "ranked_by": self._verdict.detail}
            facts |= {} if self._verdict.rank is None else {"rank": self._verdict.rank + 1}
        return facts

    def _told(self, found: tuple[Mailing, Message] | None) -> str | None:
        """Return where in the mail the article stood; None when it did not."""
        if found is None or found[1].status not in HAD or self._issue.frozen is None:
            return None
        mailing, message = found
        frozen = issues.frozen(self._issue)
        number = self._article.number
        if number not in decode_picks(message.picks, highest=mailing.highest):
            return None
        order = frozen.chooser(is_first=mailing.kind is MailingKind.FIRST).in_order(message.picks)
        at = mailing.started_at + timedelta(seconds=message.at)
        when = f"in issue {self._issue.number}, at {at:%Y-%m-%d %H:%M} UTC"
        if number in order:
            again = " It was told once more, marked." if self._is(Verdict.MISSED) else ""
            pinned = " An editor had pinned it." if self._is(Verdict.PINNED) else ""
            place = f"story {order.index(number) + 1} of {len(order)}"
            return f"The reader was told the article as {place} {when}.{pinned}{again}"
        lead = next(story for story in frozen.stories if number in [link.number for link in story.more])
        return f'The article stood below "{lead.title}", which tells the same story, {when}.'

    def _is(self, verdict: Verdict) -> bool:
        return self._verdict is not None and self._verdict.verdict is verdict

    def _kept_out(self) -> tuple[str, str]:
        """Return why the article was no candidate for anybody."""
        if self._issue.frozen is None:
            return "", ""
        judged = self._verdict
        if judged is None:
            return "not_looked_at", self._overlooked()
        if judged.verdict is Verdict.SAME_STORY:
            return "same_story", self._same_story(judged)
        if judged.verdict not in _TOLD:
            return judged.verdict.value, reasons.VERDICTS[judged.verdict]
        return "", ""

    def _overlooked(self) -> str:
        place = next(
            (
                each
                for each in explaining.places_of(self._session, self._article.id)
                if each.newsletter_id == self._issue.newsletter_id
            ),
            None,
        )
        if place is None:
            return "The article is not among those of the newsletter."
        if place.seen_at > self._issue.cut_off_at:
            return f"The article came at {place.seen_at:%Y-%m-%d %H:%M} UTC, after the issue's cut-off."
        return "The issue did not look at the article: it was seen too long before."

    def _same_story(self, judged: IssueArticle) -> str:
        text = reasons.VERDICTS[Verdict.SAME_STORY]
        lead = articles.get(self._session, judged.lead_id) if judged.lead_id else None
        return f'{text} It was "{lead.title}" (article {lead.id}).' if lead is not None else text

    def _had_before(self, found: tuple[Mailing, Message] | None) -> tuple[str, str]:
        """Return where the reader had the article, or its story, before."""
        if self._is(Verdict.MISSED):
            return "", ""
        story = self._story()
        known = (self._article.number,) if story is None else story.candidate.known_by
        subscription = subscriptions.get(self._session, self._reader.id, self._issue.newsletter_id)
        url = subscription.signup_article if subscription is not None else None
        if url and explaining.number_of(self._session, url) in known:
            return "signed_up_from", "The reader signed up from this story, so it counts as had."
        until = None if found is None else found[0].started_at + timedelta(seconds=found[1].at)
        for mailing, message in self._had:
            at = mailing.started_at + timedelta(seconds=message.at)
            numbers = set(decode_picks(message.picks, highest=mailing.highest)) & set(known)
            if not numbers or (until is not None and at > until):
                continue
            issue = issues.get(self._session, mailing.issue_id)
            slug = newsletters.get(self._session, mailing.newsletter_id).slug
            where = f"in issue {issue.number} of {slug}, at {at:%Y-%m-%d %H:%M} UTC"
            if self._article.number in numbers:
                return "had_before", f"The reader had the article before, {where}."
            return "story_had_before", f"The reader had the same story before, by another article, {where}."
        return "", ""

    def _story(self) -> FrozenStory | None:
        if self._issue.frozen is None:
            return None
        stories = issues.frozen(self._issue).stories
        return next((story for story in stories if story.number == self._article.number), None)

    def _not_chosen(self, mailing: Mailing, message: Message) -> tuple[str, str, bool]:
        """Find again why a candidate was not among the picks of a mail, with what the reader follows today."""
        frozen, story = issues.frozen(self._issue), self._story()
        subscription = subscriptions.get(self._session, self._reader.id, self._issue.newsletter_id)
        if story is None or subscription is None:
            return "not_chosen", "The article was not chosen; the reader's subscription is gone.", True
        chooser = frozen.chooser(is_first=mailing.kind is MailingKind.FIRST)
        again = chooser.choice(
            topics=subscription.topics,
            cadence=subscription.cadence,
            history=self._history(frozen, mailing, message),
        )
        is_other = again.picks != message.picks
        code, text = self._limit(frozen, story, chooser, message, subscription.topics, subscription.cadence)
        if is_other:
            text += " Found again with today's topics and cadence, which choose otherwise than those of then."
        return code, text, is_other

    def _history(self, frozen: FrozenIssue, mailing: Mailing, message: Message) -> int:
        until = mailing.started_at + timedelta(seconds=message.at)
        numbers = {
            number
            for one, its in self._had
            if one.started_at + timedelta(seconds=its.at) <= until
            for number in decode_picks(its.picks, highest=one.highest)
            if number <= frozen.highest
        }
        return int.from_bytes(encode_picks(numbers, highest=frozen.highest), "big")

    def _limit(
        self,
        frozen: FrozenIssue,
        story: FrozenStory,
        chooser: Chooser,
        message: Message,
        topics: int,
        cadence: Cadence,
    ) -> tuple[str, str]:
        if self._article.retracted_at is not None:
            return "retracted", "The article was retracted while the issue went out."
        code, text = _unfit(frozen, story, topics=topics, cadence=cadence)
        if text:
            return code, text
        leads = chooser.in_order(message.picks)
        told = [each for each in frozen.stories if each.number in leads and not each.is_missed]
        same = sum(each.section == story.section for each in told)
        if frozen.section_maximum and story.section is not None and same >= frozen.section_maximum:
            return (
                "section_maximum",
                f"The mail had {same} stories of its section already, as many as may be.",
            )
        same = sum(each.author.casefold() == story.author.casefold() for each in told)
        if frozen.author_maximum and story.author and same >= frozen.author_maximum:
            return "author_maximum", f"The mail had {same} stories of its author already, as many as may be."
        place = next(r for r, each in enumerate(frozen.stories) if each.number == story.number) + 1
        if len(told) >= frozen.story_maximum:
            return (
                "maximum",
                f"The article ranked at place {place}; the mail was full with {len(told)} stories.",
            )
        return (
            "not_chosen",
            f"The article ranked at place {place} and was not chosen: the mail's shares were used up.",
        )


def _unfit(frozen: FrozenIssue, story: FrozenStory, *, topics: int, cadence: Cadence) -> tuple[str, str]:
    """Return why a story is not for a reader at all, whatever the mail has room for."""
    if topics and story.topics and not story.topics & topics:
        return "outside_topics", "The reader does not follow the article's topics."
    reach = max(REACH[cadence] or timedelta(0), timedelta(hours=frozen.reach_hours))
    if not story.is_fresh and story.seen_at <= frozen.cut_off_at - reach:
        return "out_of_reach", f"The article is older than what a reader of {cadence.value} is told."
    return "", ""
