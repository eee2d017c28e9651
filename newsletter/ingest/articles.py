"""Take articles that the website pushes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any  # JSON from a website has any type

from newsletter.domain import articles as rules
from newsletter.domain.articles import ArticleDraft
from newsletter.domain.errors import InvalidInput
from newsletter.domain.rules import WEIGHT_MAXIMUM
from newsletter.store import Session, article_drafts, articles, newsletters
from newsletter.store.tables import Article, Newsletter

ARTICLES_MAX = 100  # of one call
NEWSLETTERS_MAX = 20
_TEXT_MAX = 20_000  # characters of any one field; what is shown is cut much shorter
_PIXELS_MAX = 20_000
_SLUG = re.compile(r"[a-z0-9-]{1,60}")  # PostgreSQL cannot even look for a text with a NUL in it


@dataclass(frozen=True)
class _Pushed:
    """Hold one entry of a push: an article to keep, or the id and address of one to retract."""

    guid: str | None
    url: str | None
    draft: ArticleDraft | None


def push(session: Session, payload: Mapping[str, Any], *, now: datetime) -> dict[str, Any]:
    """Keep, refresh or retract articles and say what became of each; all of them or, on a fault, none.

    ``payload``: ``newsletters`` (slugs) and ``articles`` (or one ``article``). Raise InvalidInput that names the
    field to mend.
    """
    targets = _newsletters(session, payload)
    pushed = [_pushed(entry, where) for where, entry in _entries(payload)]
    drafts = [entry.draft for entry in pushed if entry.draft is not None]
    results = iter(_keep(session, drafts, targets, now=now))
    answers = [
        next(results) if entry.draft is not None else _retract(session, entry, now=now) for entry in pushed
    ]
    return {"articles": answers, "unknown_topics": _unknown_topics(session, drafts, targets)}


def _keep(
    session: Session, drafts: Sequence[ArticleDraft], targets: Sequence[Newsletter], *, now: datetime
) -> list[dict[str, Any]]:
    """Add the articles to each newsletter; the first call makes the changes, the others only place them."""
    reports = [
        article_drafts.upsert(session, drafts, source=None, newsletter=newsletter, now=now)
        for newsletter in targets
    ]
    return [
        {"url": draft.url, "number": result.number, "status": result.change.value}
        for draft, result in zip(drafts, reports[0].results, strict=True)
    ]


def _retract(session: Session, entry: _Pushed, *, now: datetime) -> dict[str, Any]:
    article = _known(session, entry)
    if article is None:
        return {"url": entry.url, "number": None, "status": "unknown"}
    articles.mark_retracted(session, article.id, now=now)
    return {"url": article.url, "number": article.number, "status": "retracted"}


def _known(session: Session, entry: _Pushed) -> Article | None:
    found = articles.by_guid(session, entry.guid, source_id=None) if entry.guid else None
    if found is None and entry.url:
        found = articles.by_url(session, entry.url)
    return found


def _unknown_topics(
    session: Session, drafts: Iterable[ArticleDraft], targets: Iterable[Newsletter]
) -> list[str]:
    """Return the topics that none of the newsletters has: most often a slip of the pen."""
    known: set[str] = set()
    for newsletter in targets:
        for topic in newsletters.topics(session, newsletter.id):
            known |= {rules.topic_key(topic.slug), rules.topic_key(topic.name)}
    named = dict.fromkeys(name for draft in drafts for name in draft.categories)
    return [name for name in named if rules.topic_key(name) not in known]


def _newsletters(session: Session, payload: Mapping[str, Any]) -> list[Newsletter]:
    slugs = payload.get("newsletters")
    if not isinstance(slugs, list) or not slugs or len(slugs) > NEWSLETTERS_MAX:
        raise _fault("newsletters", f"must be a list of 1 to {NEWSLETTERS_MAX} names of newsletters")
    found = []
    for slug in dict.fromkeys(_text(slug, "newsletters") for slug in slugs):
        newsletter = newsletters.find(session, slug) if _SLUG.fullmatch(slug) else None
        if newsletter is None:
            raise InvalidInput(
                f"There is no newsletter {slug[:60]!r}.",
                hint="See the names with: newsletter newsletters list",
                reason="unknown_newsletter",
            )
        found.append(newsletter)
    return found


def _entries(payload: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return the entries with their paths, for messages."""
    single = payload.get("article")
    entries = payload.get("articles") if single is None else [single]
    if not isinstance(entries, list) or not entries or len(entries) > ARTICLES_MAX:
        raise _fault("articles", f"must be a list of 1 to {ARTICLES_MAX} articles")
    named = [
        (f"articles[{place}]" if single is None else "article", entry) for place, entry in enumerate(entries)
    ]
    for where, entry in named:
        if not isinstance(entry, dict):
            raise _fault(where, "must be an object")
    return named


def _pushed(entry: dict[str, Any], where: str) -> _Pushed:
    guid = rules.plain_text(_text(entry.get("id", ""), f"{where}.id"), limit=2000) or None
    is_deleted = entry.get("deleted", False)
    if not isinstance(is_deleted, bool):
        raise _fault(f"{where}.deleted", "must be true or false")
    if is_deleted and guid and not entry.get("url"):
        return _Pushed(guid, None, None)
    url = _url(entry.get("url"), f"{where}.url")
    return _Pushed(guid, url, None if is_deleted else _draft(entry, where, guid=guid, url=url))


def _draft(entry: dict[str, Any], where: str, *, guid: str | None, url: str) -> ArticleDraft:
    title = rules.plain_text(_text(entry.get("title", ""), f"{where}.title"), limit=rules.TITLE_MAX)
    if not title:
        raise _fault(f"{where}.title", "is missing")
    summary = _text(entry.get("summary", ""), f"{where}.summary")
    author = _text(entry.get("author", ""), f"{where}.author")
    return ArticleDraft(
        url=url,
        title=title,
        guid=guid,
        summary=rules.plain_text(summary, limit=rules.SUMMARY_MAX),
        author=rules.plain_text(author, limit=rules.AUTHOR_MAX),
        categories=_topics(entry.get("topics", []), f"{where}.topics"),
        published_at=_instant(entry.get("published_at"), f"{where}.published_at"),
        importance=_importance(entry.get("importance"), f"{where}.importance"),
        story_key=_story(entry.get("story"), f"{where}.story"),
        **_image(entry.get("image"), f"{where}.image"),
    )


def _image(value: object, where: str) -> dict[str, Any]:
    """Return the image's columns; it is given as an address, or as an object with sizes in pixels."""
    if value in (None, ""):
        return {}
    if isinstance(value, str):
        return {"image_url": _url(value, where)}
    if not isinstance(value, dict):
        raise _fault(where, "must be an address or an object with url, width, height and alt")
    alt = rules.plain_text(_text(value.get("alt", ""), f"{where}.alt"), limit=300)
    return {
        "image_url": _url(value.get("url"), f"{where}.url"),
        "image_width": _pixels(value.get("width"), f"{where}.width"),
        "image_height": _pixels(value.get("height"), f"{where}.height"),
        "image_alt": alt,
    }


def _topics(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > rules.CATEGORIES_MAX:
        raise _fault(where, f"must be a list of at most {rules.CATEGORIES_MAX} topics")
    return rules.clean_categories([_text(name, where) for name in value])


def _importance(value: object, where: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > WEIGHT_MAXIMUM:
        raise _fault(where, f"must be a whole number from -{WEIGHT_MAXIMUM} to {WEIGHT_MAXIMUM}")
    return value


def _story(value: object, where: str) -> str | None:
    """Return the website's id of a story, whole: two ids cut short could become one."""
    if value is None:
        return None
    cleaned = rules.plain_text(_text(value, where), limit=_TEXT_MAX)
    if len(cleaned) > rules.STORY_KEY_MAX:
        raise _fault(where, f"is longer than {rules.STORY_KEY_MAX} characters")
    return cleaned or None


def _instant(value: object, where: str) -> datetime | None:
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(_text(value, where))
        if found.tzinfo is not None:
            return found.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise _fault(where, "must be an instant with its zone, such as 2026-11-24T12:00:00Z")


def _pixels(value: object, where: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= _PIXELS_MAX:
        raise _fault(where, "must be a number of pixels")
    return value


def _url(value: object, where: str) -> str:
    try:
        return rules.absolute_url(_text(value, where))
    except InvalidInput as error:
        raise _fault(where, "must be an http or https address") from error


def _text(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise _fault(where, "must be a text")
    if len(value) > _TEXT_MAX:
        raise _fault(where, f"is longer than {_TEXT_MAX} characters")
    return value


def _fault(where: str, what: str) -> InvalidInput:
    return InvalidInput(
        f"The field {where} {what}.", hint="See docs/api.md for the fields of an article.", reason="bad_field"
    )
