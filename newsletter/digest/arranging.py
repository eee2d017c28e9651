"""Arrange an issue by hand: its order, headlines, note and subjects.

Every step that changes something counts the issue's revision up, which voids an approval, and writes down who did it.
An issue that is built already is built again, with the same cut-off, as long as its mailing has not begun.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any  # details are what JSON holds

from newsletter.digest import desk
from newsletter.domain import articles as texts
from newsletter.domain.editors import Actor, Role, require
from newsletter.domain.errors import Conflict, InvalidInput, NotFound
from newsletter.domain.issues import IssueKind
from newsletter.store import Session, articles, audit, issues, newsletters, rules
from newsletter.store import desk as kept
from newsletter.store.tables import Article, Issue

PLACES = 60  # the most that a mail can hold
SUBJECTS_MAX = 4
SUBJECT_MAX = 200  # characters; more than any inbox shows
NOTE_MAX = 2000
# What voids an approval, as it is written down.
STEPS = frozenset({"pin", "unpin", "reorder", "ban", "unban", "retitle", "note", "subjects", "missed"})

_Items = dict[int, dict[str, object]]  # what is decided, by article id
_IN: dict[str, object] = {"is_banned": False, "is_missed": False}  # of an article that is wanted in the issue


def pin(
    session: Session,
    issue_id: int,
    article_id: int,
    *,
    place: int = 1,
    actor: Actor,
    now: datetime,
    revision: int | None = None,
) -> Issue:
    """Put an article in a place from the top, 1 = first; those that are pinned there already move down."""
    step = _Step.begin(session, issue_id, actor, now=now, revision=revision)
    _require_place(place)
    require_tellable(session, step.newsletter_id, article_id)
    wanted = place
    items: _Items = {article_id: {"pin": place, **_IN}}
    for taken, other_id in kept.pinned(session, issue_id):
        if taken == wanted and other_id != article_id:
            wanted += 1
            items[other_id] = {"pin": wanted}
    return step.end("pin", items, article_id=article_id, place=place)


def unpin(
    session: Session,
    issue_id: int,
    article_id: int,
    *,
    actor: Actor,
    now: datetime,
    revision: int | None = None,
) -> Issue:
    """Let an article stand where it ranks."""
    step = _Step.begin(session, issue_id, actor, now=now, revision=revision)
    return step.of_article("unpin", article_id, {"pin": None})


def reorder(
    session: Session,
    issue_id: int,
    article_ids: Sequence[int],
    *,
    actor: Actor,
    now: datetime,
    revision: int | None = None,
) -> Issue:
    """Put these articles first, in this order, and let all others stand where they rank."""
    step = _Step.begin(session, issue_id, actor, now=now, revision=revision)
    _require_distinct(article_ids, PLACES)
    for article_id in article_ids:
        require_tellable(session, step.newsletter_id, article_id)
    items: _Items = {article_id: {"pin": None} for _, article_id in kept.pinned(session, issue_id)}
    items |= {article_id: {"pin": place, **_IN} for place, article_id in enumerate(article_ids, 1)}
    return step.end("reorder", items, articles=list(article_ids))


def ban(
    session: Session,
    issue_id: int,
    article_id: int,
    *,
    actor: Actor,
    now: datetime,
    revision: int | None = None,
) -> Issue:
    """Keep an article out of this issue; the next one may have it."""
    step = _Step.begin(session, issue_id, actor, now=now, revision=revision)
    return step.of_article("ban", article_id, {"is_banned": True, "pin": None, "is_missed": False})


def unban(
    session: Session,
    issue_id: int,
    article_id: int,
    *,
    actor: Actor,
    now: datetime,
    revision: int | None = None,
) -> Issue:
    """Let an article into the issue again."""
    step = _Step.begin(session, issue_id, actor, now=now, revision=revision)
    return step.of_article("unban", article_id, {"is_banned": False})


def retitle(
    session: Session,
    issue_id: int,
    article_id: int,
    title: str,
    *,
    actor: Actor,
    now: datetime,
    revision: int | None = None,
) -> Issue:
    """Give an article another headline in this mail alone; "" = its own again."""
    step = _Step.begin(session, issue_id, actor, now=now, revision=revision)
    clean = _line(title, texts.TITLE_MAX, "headline")
    return step.of_article("retitle", article_id, {"title": clean or None}, title=clean)


def annotate(
    session: Session, issue_id: int, note: str, *, actor: Actor, now: datetime, revision: int | None = None
) -> Issue:
    """Write a note that stands on top of the mail; "" = none."""
    step = _Step.begin(session, issue_id, actor, now=now, revision=revision)
    lines = [_line(line, NOTE_MAX, "note") for line in note.splitlines()]
    clean = "\n".join(lines).strip()
    if len(clean) > NOTE_MAX:
        raise _too_long("note", NOTE_MAX)
    return step.end("note", columns={"note": clean}, note=clean)


def name(
    session: Session,
    issue_id: int,
    subjects: Sequence[str],
    *,
    actor: Actor,
    now: datetime,
    revision: int | None = None,
) -> Issue:
    """Choose the subject; two to four are tested, the first is the favourite; none = the top story's headline."""
    step = _Step.begin(session, issue_id, actor, now=now, revision=revision)
    clean = [_line(subject, SUBJECT_MAX, "subject") for subject in subjects]
    if not all(clean) or len(set(clean)) < len(clean) or len(clean) > SUBJECTS_MAX:
        raise InvalidInput(
            f"There are one to {SUBJECTS_MAX} subjects, each of its own.",
            hint="Give each with words, and none twice.",
            reason="bad_subjects",
        )
    return step.end("subjects", columns={"subjects": clean}, subjects=clean)


def miss(
    session: Session,
    issue_id: int,
    article_ids: Sequence[int],
    *,
    actor: Actor,
    now: datetime,
    revision: int | None = None,
) -> Issue:
    """Tell these articles once more, under "you may have missed", in this order, and no others.

    An article is told so once.
    """
    step = _Step.begin(session, issue_id, actor, now=now, revision=revision)
    newsletter = newsletters.get(session, step.newsletter_id)
    _require_distinct(article_ids, rules.of(newsletter).selection.missed_maximum)
    for article_id in article_ids:
        require_tellable(session, newsletter.id, article_id)
        if kept.was_missed(session, article_id, except_issue=issue_id):
            raise Conflict(
                f"Article {article_id} was told as missed before; that happens once.",
                hint="Choose another one.",
                reason="missed_before",
            )
    items: _Items = {
        item.article_id: {"is_missed": False} for item in kept.items(session, issue_id) if item.is_missed
    }
    for place, article_id in enumerate(article_ids, 1):
        items[article_id] = {"is_missed": True, "missed_place": place, "pin": None, "is_banned": False}
    return step.end("missed", items, articles=list(article_ids))


def require_tellable(session: Session, newsletter_id: int, article_id: int) -> Article:
    """Return an article that an issue of a newsletter can carry; raise NotFound or Conflict."""
    article = _known(session, article_id)
    if article.retracted_at is not None:
        raise Conflict(
            f"Article {article_id} is retracted: it goes into no issue.",
            hint="Choose another one with: newsletter articles list",
            reason="retracted",
        )
    if not kept.is_placed(session, newsletter_id, article_id):
        slug = newsletters.get(session, newsletter_id).slug
        raise Conflict(
            f"The newsletter {slug!r} has no article {article_id}.",
            hint=f"See its articles with: newsletter articles list --newsletter {slug}",
            reason="not_in_newsletter",
        )
    return article


def _known(session: Session, article_id: int) -> Article:
    found = articles.get(session, article_id)
    if found is None:
        raise NotFound(
            f"There is no article {article_id}.",
            hint="See them with: newsletter articles list",
            reason="unknown_article",
        )
    return found


@dataclass(frozen=True)
class _Step:
    """Do what all steps share: lock the issue, ask whether it may be changed, and change it when something does.

    A step that changes nothing (the same pin again, the same subject) leaves the revision, and an approval, as they
    are, and is not written down.
    """

    session: Session
    issue: Issue
    newsletter_id: int
    actor: Actor
    now: datetime
    revision: int | None

    @classmethod
    def begin(
        cls, session: Session, issue_id: int, actor: Actor, *, now: datetime, revision: int | None
    ) -> _Step:
        issue = issues.lock(session, issue_id)
        require(actor, Role.DRAFT, newsletter_id=issue.newsletter_id)
        desk.require_open(issue, "change")
        return cls(session, issue, issue.newsletter_id, actor, now, revision)

    def of_article(self, action: str, article_id: int, values: dict[str, object], **detail: Any) -> Issue:
        """End a step about one article; raise NotFound."""
        _known(self.session, article_id)
        return self.end(action, {article_id: values}, article_id=article_id, **detail)

    def end(
        self,
        action: str,
        items: Mapping[int, dict[str, object]] | None = None,
        *,
        columns: dict[str, object] | None = None,
        article_id: int | None = None,
        **detail: Any,
    ) -> Issue:
        """Put what is decided about articles, and columns of the issue; return it as it is then."""
        session, issue = self.session, self.issue
        issue_id, items, columns = issue.id, items or {}, columns or {}
        if issue.kind is IssueKind.BREAKING and action not in ("retitle", "note", "subjects"):
            raise Conflict(
                f"Issue {issue_id} is breaking news: it tells one article.",
                hint=f"Give it up with: newsletter issues veto {issue_id}",
                reason="breaking",
            )
        desk.require_unchanged(issue, self.revision)
        is_same = all(getattr(issue, column) == value for column, value in columns.items())
        if is_same and kept.has_items(session, issue_id, items):
            return issue
        now_at = kept.revise(session, issue_id, expected=self.revision, **columns)
        if now_at is None:
            raise Conflict(
                f"Issue {issue_id} has begun to go out: it cannot be changed any more.",
                hint=f"Stop what has not gone out with: newsletter issues cancel {issue_id}",
                reason="not_open",
            )
        audit.append(
            session,
            self.actor,
            action,
            now=self.now,
            newsletter_id=self.newsletter_id,
            issue_id=issue_id,
            article_id=article_id,
            **(detail | {"revision": now_at}),
        )
        for each_id, values in items.items():
            kept.put(session, issue_id, each_id, **values)
        return issues.get(session, issue_id)


def _require_place(place: int) -> None:
    if not 1 <= place <= PLACES:
        raise InvalidInput(f"A place is a number from 1 to {PLACES}.", hint="1 = first.", reason="bad_place")


def _require_distinct(article_ids: Sequence[int], maximum: int) -> None:
    if len(article_ids) > maximum or len(set(article_ids)) < len(article_ids):
        raise InvalidInput(
            f"There are at most {maximum} articles, each once.",
            hint="Give fewer, or change the rules of the newsletter.",
            reason="bad_articles",
        )


def _line(text: str, limit: int, what: str) -> str:
    clean = texts.plain_text(
        text, limit=len(text) * 4 + 1
    )  # composed letters never grow that much: nothing is cut
    if len(clean) > limit:
        raise _too_long(what, limit)
    return clean


def _too_long(what: str, limit: int) -> InvalidInput:
    return InvalidInput(
        f"The {what} is longer than {limit} characters.", hint="Shorten it.", reason="too_long"
    )
