"""Recognise articles in what sources give: by their id, or by the address of their page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from newsletter.domain import articles as rules
from newsletter.domain.articles import ArticleDraft
from newsletter.domain.mapping import Facts
from newsletter.store.tables import Article, ArticleKey

T = TypeVar("T")
Key = tuple[str, str]  # kind and value of an ArticleKey

_IN_ONE_QUERY = 300  # keys of two values each; SQLite's lowest limit is 999 values


class Change(StrEnum):
    """Say what a draft did to the article that it is."""

    NEW = "new"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass
class Piece:
    """Hold the drafts of one call that are one article; the first decides its text.

    ``matches`` are the articles that its keys lead to: usually none or one. ``before``: what was known of the article
    when the call began.
    """

    draft: ArticleDraft
    keys: dict[Key, None]
    positions: list[int] = field(default_factory=list)
    matches: tuple[Article, ...] = ()
    change: Change = Change.UNCHANGED
    before: Facts | None = None

    @property
    def article(self) -> Article:
        """Return the article; every piece has been recognised or created."""
        return self.matches[0]


def pieces_of(drafts: Sequence[ArticleDraft], *, source_id: int | None) -> list[Piece]:
    """Put drafts together that share an id or an address; documents exist that hold an item twice."""
    by_key: dict[Key, Piece] = {}
    pieces: list[Piece] = []
    for position, draft in enumerate(drafts):
        keys = _keys(draft, source_id=source_id)
        piece = next((by_key[key] for key in keys if key in by_key), None)
        if piece is None:
            piece = Piece(draft, {})
            pieces.append(piece)
        piece.positions.append(position)
        piece.keys.update(dict.fromkeys(keys))
        by_key.update({key: piece for key in keys if key not in by_key})
    return pieces


def recognise(session: Session, pieces: Sequence[Piece]) -> None:
    """Give pieces the articles that they are known as, the one with their id first."""
    known = articles_by_key(session, [key for piece in pieces for key in piece.keys])
    for piece in pieces:
        found = {known[key].id: known[key] for key in piece.keys if key in known}
        piece.matches = tuple(found.values())


def articles_by_key(session: Session, keys: Sequence[Key]) -> dict[Key, Article]:
    """Return the articles that keys lead to."""
    known: dict[Key, Article] = {}
    for some in batched(keys, _IN_ONE_QUERY):
        rows = session.execute(
            select(ArticleKey, Article)
            .join(Article, Article.id == ArticleKey.article_id)
            .where(tuple_(ArticleKey.kind, ArticleKey.value).in_(some))
        )
        known.update({(key.kind, key.value): article for key, article in rows})
    return known


def remember_keys(session: Session, pieces: Sequence[Piece]) -> None:
    """Remember every id and address that an article has been met under."""
    known = articles_by_key(session, [key for piece in pieces for key in piece.keys])
    for piece in pieces:
        for kind, value in piece.keys:
            if (kind, value) not in known:
                known[kind, value] = piece.article
                session.add(ArticleKey(kind=kind, value=value, article_id=piece.article.id))


def facts_of(article: Article) -> Facts:
    """Return what the rules of a source look at."""
    return Facts(url=article.url, author=article.author, categories=tuple(article.categories))


def batched(items: Sequence[T], size: int = _IN_ONE_QUERY) -> Iterator[Sequence[T]]:
    """Yield items in lots."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _keys(draft: ArticleDraft, *, source_id: int | None) -> list[Key]:
    """Return what identifies a draft, its source's id first."""
    url = rules.url_key(rules.canonical_url(draft.url))
    guid = draft.guid or (None if url else rules.fallback_guid(draft.title, str(draft.published_at)))
    keys = [("guid", rules.guid_key(guid, source_id=source_id))] if guid else []
    return [*keys, ("url", url)] if url else keys
