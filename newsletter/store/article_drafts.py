"""Turn drafts into articles: known ones are recognised, new ones numbered, all of them placed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any  # the columns of a row have several types

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.domain import articles as rules
from newsletter.domain.articles import ArticleDraft, RetractedBy
from newsletter.store import article_merges, article_places, articles, counters
from newsletter.store.article_pieces import Change, Piece, facts_of, pieces_of, recognise, remember_keys
from newsletter.store.article_places import Desk
from newsletter.store.tables import Article, Newsletter, Source

__all__ = ["Change", "UpsertReport", "UpsertResult", "upsert"]

_COUNTER = "article"


@dataclass(frozen=True)
class UpsertResult:
    """Say which article a draft is, and what it changed."""

    article_id: int
    number: int
    change: Change


@dataclass(frozen=True)
class UpsertReport:
    """Hold one result for each draft, in the order given."""

    results: tuple[UpsertResult, ...] = ()

    @property
    def new(self) -> int:
        """Return how many articles were new."""
        return self._count(Change.NEW)

    @property
    def updated(self) -> int:
        """Return how many articles were changed."""
        return self._count(Change.UPDATED)

    @property
    def unchanged(self) -> int:
        """Return how many drafts changed nothing."""
        return self._count(Change.UNCHANGED)

    def _count(self, change: Change) -> int:
        return sum(result.change is change for result in self.results)


def upsert(
    session: Session,
    drafts: Sequence[ArticleDraft],
    *,
    source: Source | None,
    newsletter: Newsletter,
    now: datetime,
    backlog: bool = False,
    keep_old: bool = False,
) -> UpsertReport:
    """Add or refresh articles and make them candidates of a newsletter.

    ``source`` None is the website's own hook. ``backlog``: keep them out of every issue. Articles that are older
    than NEWS_AGE are backlog too, unless ``keep_old``. Only the source that an article came from, or the hook,
    refreshes its text, and only until it is in a built issue.
    """
    pieces = pieces_of(drafts, source_id=source.id if source else None)
    recognise(session, pieces)
    merged: set[int] = set()
    if any(len(piece.matches) != 1 for piece in pieces):
        counters.take(session, _COUNTER, 0)  # waits for whoever else is adding articles now
        recognise(session, pieces)
        merged = _merge(session, pieces, source=source, now=now)
        _create(session, [piece for piece in pieces if not piece.matches], source=source, now=now)
    desk = article_places.desk_of(session, newsletter, source)
    for piece in _firsts(pieces):
        _refresh(session, piece, desk, now=now, is_merged=piece.article.id in merged)
    remember_keys(session, pieces)
    article_places.place(session, pieces, desk, now=now, backlog=backlog, keep_old=keep_old)
    session.flush()
    return _report(pieces, count=len(drafts))


def _merge(session: Session, pieces: Sequence[Piece], *, source: Source | None, now: datetime) -> set[int]:
    """Join articles that are one and return who stays; each merge may have moved what others matched."""
    merged: set[int] = set()
    for piece in pieces:
        if len(piece.matches) > 1:
            recognise(session, [piece])
            found = article_merges.mergeable(piece, source)
            if len(found) > 1:
                merged.add(article_merges.merge(session, found, now=now).id)
    if merged:
        recognise(session, pieces)
    return merged


def _create(session: Session, pieces: Sequence[Piece], *, source: Source | None, now: datetime) -> None:
    """Number new articles from the oldest to the newest: the number decides between equals in an issue."""
    if not pieces:
        return
    source_id = source.id if source else None
    oldest_first = sorted(pieces, key=lambda p: (min(p.draft.published_at or now, now), -p.positions[0]))
    first = counters.take(session, _COUNTER, len(pieces))
    for number, piece in enumerate(oldest_first, first):
        article = Article(
            number=number,
            source_id=source_id,
            first_seen_at=now,
            updated_at=now,
            **_content(piece.draft),
            **_image(piece.draft),
        )
        piece.matches, piece.change = (article,), Change.NEW
        session.add(article)
    session.flush()
    _mark_repeats(session, [piece.article for piece in oldest_first], now=now)


def _mark_repeats(session: Session, new: Sequence[Article], *, now: datetime) -> None:
    """Mark articles whose source has used their title within the last days: reposts under a new id and address."""
    known: dict[str, int] = {}
    rows = session.execute(
        select(Article.id, Article.title)
        .where(
            Article.source_id == new[0].source_id,  # IS NULL for the website's own
            Article.first_seen_at > now - rules.REPEAT_WINDOW,
            Article.number < new[0].number,
        )
        .order_by(Article.number)
    )
    for article_id, title in [*rows, *((article.id, article.title) for article in new)]:
        key = rules.repeat_key(title)
        if key is not None:
            known.setdefault(key, article_id)
    for article in new:
        key = rules.repeat_key(article.title)
        if key is not None and known[key] != article.id:
            article.repeats_id = known[key]


def _firsts(pieces: Sequence[Piece]) -> Iterable[Piece]:
    """Return one piece for each article: two that turn out to be one article must not take turns."""
    return {piece.article.id: piece for piece in reversed(pieces)}.values()


def _content(draft: ArticleDraft) -> dict[str, Any]:
    return {
        "guid": draft.guid,
        "url": draft.url,
        "canonical_url": rules.canonical_url(draft.url),
        "title": draft.title,
        "summary": draft.summary,
        "author": draft.author,
        "categories": list(draft.categories),
        "published_at": draft.published_at,
    }


def _image(draft: ArticleDraft) -> dict[str, Any]:
    return {
        "image_url": draft.image_url,
        "image_width": draft.image_width,
        "image_height": draft.image_height,
        "image_alt": draft.image_alt,
    }


def _refresh(session: Session, piece: Piece, desk: Desk, *, now: datetime, is_merged: bool) -> None:
    """Take what a draft says of its article; what was retracted is put back by the website, and if that did it.

    Not by the push that showed two articles to be one: it may not have known of the other.
    """
    article = piece.article
    if not _may_refresh(article, desk.source_id):
        return
    piece.before = facts_of(article) if piece.change is not Change.NEW else None
    changed = [] if piece.change is Change.NEW else _refresh_text(article, piece.draft)
    is_theirs = desk.source_id is None and article.retracted_by is not RetractedBy.EDITOR
    if is_theirs and article.retracted_at is not None and not is_merged:
        articles.put_back(session, article.id, now=now)
        changed.append("retracted_at")
    _refresh_rank(piece, desk)
    if changed:
        article.updated_at = now
        piece.change = Change.UPDATED


def _refresh_text(article: Article, draft: ArticleDraft) -> list[str]:
    """Take a draft's text and image; return the names of what changed."""
    content = _content(draft) | _new_image(article, draft)
    changed = [name for name, value in content.items() if getattr(article, name) != value]
    for name in changed:
        setattr(article, name, content[name])
    return changed


def _new_image(article: Article, draft: ArticleDraft) -> dict[str, Any]:
    """Return what a draft changes of the image; one from the article's page stays where the draft has none.

    An image that was looked at already keeps what was found: its size, and that it is to be had by https.
    """
    if article.is_image_of_page and not draft.image_url:
        return {}
    if not _is_image_of(article, draft.image_url):
        return _image(draft) | {"image_checked_at": None, "image_fault": None, "is_image_of_page": False}
    if article.image_checked_at is not None:
        return {"image_alt": draft.image_alt}
    return _image(draft) | {"image_url": article.image_url}


def _is_image_of(article: Article, image_url: str) -> bool:
    return article.image_url in {image_url, image_url.replace("http://", "https://", 1)}


def _refresh_rank(piece: Piece, desk: Desk) -> None:
    """Take what decides on an article's rank: its place in the feed and the importance that it is given."""
    article = piece.article
    if desk.source_id is not None:
        article.feed_position = piece.positions[0]
        article.importance = desk.mapped(facts_of(article)).importance
        return
    if piece.draft.importance is not None:
        article.importance = piece.draft.importance
    if piece.draft.story_key is not None:
        article.story_key = piece.draft.story_key


def _may_refresh(article: Article, source_id: int | None) -> bool:
    """Say whether a text may be replaced: two sources that carry one article must not take turns."""
    if article.frozen_at is not None:
        return False
    return source_id is None or (article.source_id == source_id and article.retracted_at is None)


def _report(pieces: Sequence[Piece], *, count: int) -> UpsertReport:
    results: list[UpsertResult | None] = [None] * count
    for piece in pieces:
        for position in piece.positions:
            change = piece.change if position == piece.positions[0] else Change.UNCHANGED
            results[position] = UpsertResult(piece.article.id, piece.article.number, change)
    return UpsertReport(tuple(result for result in results if result is not None))
