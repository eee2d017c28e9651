"""Write newsletters, issues, articles and steps as JSON objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any  # JSON objects

from newsletter.domain.rendered import FrozenIssue, FrozenStory
from newsletter.reporting import receipts
from newsletter.store import Session, desk, issues, mailings, newsletters
from newsletter.store.articles import ArticleRow
from newsletter.store.tables import Article, AuditEvent, DeskItem, Issue, Newsletter

Record = dict[str, Any]


def newsletter(session: Session, found: Newsletter) -> Record:
    """Return a newsletter with its topics and schedules."""
    return {
        "slug": found.slug,
        "name": found.name,
        "description": found.description,
        "language": found.language,
        "zone": found.zone,
        "on_silence": found.on_silence.value,
        "story_minimum": found.story_minimum,
        "story_maximum": found.story_maximum,
        "topics": [
            {"slug": topic.slug, "name": topic.name} for topic in newsletters.topics(session, found.id)
        ],
        "schedules": [
            {
                "cron": each.cron,
                "zone": each.zone,
                "next_slot_at": each.next_slot_at,
                "active": each.is_active,
            }
            for each in newsletters.schedules(session, found.id)
        ],
    }


def issue(session: Session, found: Issue) -> Record:
    """Return what a list says of an issue."""
    return {
        "id": found.id,
        "newsletter": newsletters.get(session, found.newsletter_id).slug,
        "number": found.number,
        "kind": found.kind.value,
        "status": found.status.value,
        "reason": found.reason,
        "fault": found.fault,
        "revision": found.revision,
        "cut_off_at": found.cut_off_at,
        "approved_by": found.approved_by,
        "approved_at": found.approved_at,
        "is_approved": found.approved_revision == found.revision,
        "is_held": found.is_held,
    }


def whole_issue(session: Session, found: Issue, content: FrozenIssue) -> Record:
    """Return an issue with its stories in their order, what was decided by hand, and what became of each article."""
    mailing = mailings.of_issue(session, found.id)
    return {
        **issue(session, found),
        "note": found.note,
        "subjects": found.subjects,
        "is_flash": found.is_flash,
        "planned_at": found.planned_at,
        "built_at": found.built_at,
        "desk": [_item(each) for each in desk.items(session, found.id)],
        "stories": [_story(each) for each in content.stories],
        "verdicts": [
            {
                "article": article.id,
                "title": article.title,
                "verdict": judged.verdict.value,
                "rank": judged.rank,
                "told_by": judged.lead_id,
                "detail": judged.detail,
            }
            for judged, article in desk.judged(session, found.id)
        ],
        "receipt": None if mailing is None else receipts.receipt(session, mailing.id).as_dict(),
    }


def article(found: Article) -> Record:
    """Return an article."""
    return {
        "id": found.id,
        "number": found.number,
        "title": found.title,
        "summary": found.summary,
        "url": found.url,
        "author": found.author,
        "published_at": found.published_at,
        "first_seen_at": found.first_seen_at,
        "frozen_at": found.frozen_at,
        "retracted_at": found.retracted_at,
        "retracted_by": found.retracted_by,
        "importance": found.importance,
        "is_worth_telling": found.is_worth_telling,
    }


def placed(row: ArticleRow) -> Record:
    """Return an article with its place in one newsletter."""
    return {**article(row.article), "seen_at": row.seen_at, "is_backlog": row.is_backlog}


def event(session: Session, found: AuditEvent) -> Record:
    """Return what somebody did."""
    newsletter_id = found.newsletter_id
    return {
        "id": found.id,
        "at": found.at,
        "by": found.by,
        "way": found.way,
        "action": found.action,
        "newsletter": None if newsletter_id is None else newsletters.get(session, newsletter_id).slug,
        "issue": found.issue_id,
        "article": found.article_id,
        "detail": found.detail,
    }


def changed(session: Session, issue_id: int) -> Record:
    """Return an issue after a step."""
    return issue(session, issues.get(session, issue_id))


def _item(found: DeskItem) -> Mapping[str, object]:
    return {
        "article": found.article_id,
        "pin": found.pin,
        "title": found.title,
        "is_banned": found.is_banned,
        "is_missed": found.is_missed,
    }


def _story(found: FrozenStory) -> Mapping[str, object]:
    return {
        "article": found.article_id,
        "number": found.number,
        "title": found.title,
        "url": found.url,
        "is_fresh": found.is_fresh,
        "is_missed": found.is_missed,
        "more": [{"number": each.number, "title": each.title, "url": each.url} for each in found.more],
    }
