"""Turn drafts into articles: known ones are recognised, new ones numbered, all of them placed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar  # Any: the columns of a row have several types

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from newsletter.domain import articles as rules
from newsletter.domain.articles import ArticleDraft
from newsletter.store import counters
from newsletter.store.tables import Article, ArticleKey, Newsletter, NewsletterArticle, Source, Topic

T = TypeVar("T")
Key = tuple[str, str]  # kind and value of an ArticleKey

_COUNTER = "article"
_IN_ONE_QUERY = 300  # keys of two values each; SQLite's lowest limit is 999 values


class Change(StrEnum):
    """Say what a draft did to the article that it is."""

    NEW = "new"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


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


@dataclass
class _Piece:
    """Hold the drafts of one call that are one article; the first decides its text."""

    draft: ArticleDraft
    keys: dict[Key, None]
    positions: list[int] = field(default_factory=list)
    article: Article | None = None
    change: Change = Change.UNCHANGED


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
    pieces = _pieces(drafts, source_id=source.id if source else None)
    _recognise(session, pieces)
    if any(piece.article is None for piece in pieces):
        counters.take(session, _COUNTER, 0)  # waits for whoever else is adding articles now
        _recognise(session, pieces)
        _create(session, [piece for piece in pieces if piece.article is None], source=source, now=now)
    for piece in _firsts(pieces):
        _refresh(piece, source=source, now=now)
    _add_keys(session, pieces)
    _place(session, pieces, newsletter, now=now, backlog=backlog, keep_old=keep_old)
    session.flush()
    return _report(pieces, count=len(drafts))


def _pieces(drafts: Sequence[ArticleDraft], *, source_id: int | None) -> list[_Piece]:
    """Put drafts together that share an id or an address; documents exist that hold an item twice."""
    by_key: dict[Key, _Piece] = {}
    pieces: list[_Piece] = []
    for position, draft in enumerate(drafts):
        keys = _keys(draft, source_id=source_id)
        piece = next((by_key[key] for key in keys if key in by_key), None)
        if piece is None:
            piece = _Piece(draft, {})
            pieces.append(piece)
        piece.positions.append(position)
        piece.keys.update(dict.fromkeys(keys))
        by_key.update({key: piece for key in keys if key not in by_key})
    return pieces


def _keys(draft: ArticleDraft, *, source_id: int | None) -> list[Key]:
    """Return what identifies a draft, its source's id first."""
    url = rules.url_key(rules.canonical_url(draft.url))
    guid = draft.guid or (None if url else rules.fallback_guid(draft.title, str(draft.published_at)))
    keys = [("guid", rules.guid_key(guid, source_id=source_id))] if guid else []
    return [*keys, ("url", url)] if url else keys


def _recognise(session: Session, pieces: Sequence[_Piece]) -> None:
    """Give the pieces that are known their article."""
    unknown = [piece for piece in pieces if piece.article is None]
    known = _articles_by_key(session, [key for piece in unknown for key in piece.keys])
    for piece in unknown:
        piece.article = next((known[key] for key in piece.keys if key in known), None)


def _articles_by_key(session: Session, keys: Sequence[Key]) -> dict[Key, Article]:
    known: dict[Key, Article] = {}
    for some in _batched(keys, _IN_ONE_QUERY):
        rows = session.execute(
            select(ArticleKey, Article)
            .join(Article, Article.id == ArticleKey.article_id)
            .where(tuple_(ArticleKey.kind, ArticleKey.value).in_(some))
        )
        known.update({(key.kind, key.value): article for key, article in rows})
    return known


def _create(session: Session, pieces: Sequence[_Piece], *, source: Source | None, now: datetime) -> None:
    """Number new articles from the oldest to the newest: the number decides between equals in an issue."""
    if not pieces:
        return
    oldest_first = sorted(pieces, key=lambda p: (min(p.draft.published_at or now, now), -p.positions[0]))
    first = counters.take(session, _COUNTER, len(pieces))
    for number, piece in enumerate(oldest_first, first):
        piece.article = Article(
            number=number,
            source_id=source.id if source else None,
            first_seen_at=now,
            updated_at=now,
            **_content(piece.draft),
        )
        piece.change = Change.NEW
        session.add(piece.article)
    session.flush()


def _firsts(pieces: Sequence[_Piece]) -> Iterable[_Piece]:
    """Return one piece for each article: two that turn out to be one article must not take turns."""
    return {_article(piece).id: piece for piece in reversed(pieces)}.values()


def _content(draft: ArticleDraft) -> dict[str, Any]:
    return {
        "guid": draft.guid,
        "url": draft.url,
        "canonical_url": rules.canonical_url(draft.url),
        "title": draft.title,
        "summary": draft.summary,
        "author": draft.author,
        "image_url": draft.image_url,
        "image_width": draft.image_width,
        "image_height": draft.image_height,
        "image_alt": draft.image_alt,
        "categories": list(draft.categories),
        "published_at": draft.published_at,
    }


def _refresh(piece: _Piece, *, source: Source | None, now: datetime) -> None:
    article = _article(piece)
    if piece.change is Change.NEW or not _may_refresh(article, source):
        return
    content = _content(piece.draft)
    changed = [name for name, value in content.items() if getattr(article, name) != value]
    if source is None and article.retracted_at is not None:
        article.retracted_at = None  # the website has put it back
        changed.append("retracted_at")
    if not changed:
        return
    for name, value in content.items():
        setattr(article, name, value)
    article.updated_at = now
    piece.change = Change.UPDATED


def _may_refresh(article: Article, source: Source | None) -> bool:
    """Say whether a text may be replaced: two sources that carry one article must not take turns."""
    if article.frozen_at is not None:
        return False
    return source is None or (article.source_id == source.id and article.retracted_at is None)


def _add_keys(session: Session, pieces: Sequence[_Piece]) -> None:
    """Remember every id and address that an article has been met under."""
    known = _articles_by_key(session, [key for piece in pieces for key in piece.keys])
    for piece in pieces:
        for kind, value in piece.keys:
            if (kind, value) not in known:
                known[kind, value] = _article(piece)
                session.add(ArticleKey(kind=kind, value=value, article_id=_article(piece).id))


def _place(
    session: Session,
    pieces: Sequence[_Piece],
    newsletter: Newsletter,
    *,
    now: datetime,
    backlog: bool,
    keep_old: bool,
) -> None:
    """Make articles candidates of a newsletter, under its topics."""
    topics = _topic_numbers(session, newsletter.id)
    places = _places(session, newsletter.id, [_article(piece).id for piece in pieces])
    for piece in pieces:
        article = _article(piece)
        place = places.get(article.id)
        due = rules.due_at(article.published_at, now=now)
        if place is None:
            is_old = rules.is_archive(article.published_at, now=now) and not keep_old
            place = NewsletterArticle(
                newsletter_id=newsletter.id, article_id=article.id, seen_at=due, is_backlog=backlog or is_old
            )
            places[article.id] = place
            session.add(place)
        elif place.seen_at > now:
            place.seen_at = due
        if article.frozen_at is None:
            place.topics = rules.topic_mask(article.categories, topics)


def _places(session: Session, newsletter_id: int, article_ids: Sequence[int]) -> dict[int, NewsletterArticle]:
    places: dict[int, NewsletterArticle] = {}
    for some in _batched(article_ids, _IN_ONE_QUERY):
        rows = session.scalars(
            select(NewsletterArticle).where(
                NewsletterArticle.newsletter_id == newsletter_id, NewsletterArticle.article_id.in_(some)
            )
        )
        places.update({place.article_id: place for place in rows})
    return places


def _topic_numbers(session: Session, newsletter_id: int) -> Mapping[str, int]:
    offered = Topic.retired_at.is_(None)
    topics = session.scalars(select(Topic).where(Topic.newsletter_id == newsletter_id, offered)).all()
    by_name = {rules.topic_key(topic.name): topic.number for topic in topics}
    return by_name | {rules.topic_key(topic.slug): topic.number for topic in topics}


def _report(pieces: Sequence[_Piece], *, count: int) -> UpsertReport:
    results: list[UpsertResult | None] = [None] * count
    for piece in pieces:
        article = _article(piece)
        for position in piece.positions:
            change = piece.change if position == piece.positions[0] else Change.UNCHANGED
            results[position] = UpsertResult(article.id, article.number, change)
    return UpsertReport(tuple(result for result in results if result is not None))


def _article(piece: _Piece) -> Article:
    assert piece.article is not None  # every piece has been recognised or created
    return piece.article


def _batched(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
