"""Make articles candidates of a newsletter, under its topics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.domain import articles as rules
from newsletter.domain import mapping
from newsletter.domain.articles import BacklogReason
from newsletter.domain.mapping import Facts, Mapped, Rule
from newsletter.store.article_pieces import Piece, batched, facts_of
from newsletter.store.tables import Article, Newsletter, NewsletterArticle, Source, Topic


@dataclass(frozen=True)
class Desk:
    """Hold what decides on the places of a newsletter's articles: the rules of their source, and its topics."""

    newsletter_id: int
    source_id: int | None
    rules: tuple[Rule, ...]
    topics: Mapping[str, int]

    def mapped(self, facts: Facts) -> Mapped:
        """Return what the rules make of an article."""
        return mapping.mapped(self.rules, facts, self.topics)


def desk_of(session: Session, newsletter: Newsletter, source: Source | None) -> Desk:
    """Return what decides on the articles that a source, or with None the website, brings."""
    return Desk(
        newsletter_id=newsletter.id,
        source_id=source.id if source else None,
        rules=mapping.from_plain(source.mapping) if source else (),
        topics=_topic_numbers(session, newsletter.id),
    )


def place(
    session: Session, pieces: Sequence[Piece], desk: Desk, *, now: datetime, backlog: bool, keep_old: bool
) -> None:
    """Give each article its place; what changes later is kept current until the article is frozen."""
    places = _places(session, desk.newsletter_id, [piece.article.id for piece in pieces])
    for piece in pieces:
        article = piece.article
        due = rules.due_at(article.published_at, now=now)
        found = places.get(article.id)
        if found is None:
            reason = _reason(article, now=now, backlog=backlog, keep_old=keep_old)
            found = NewsletterArticle(
                newsletter_id=desk.newsletter_id,
                article_id=article.id,
                topics=0,
                seen_at=due,
                is_backlog=reason is not None,
                reason=reason,
            )
            places[article.id] = found
            session.add(found)
        elif found.seen_at > now:
            found.seen_at = due
        if article.frozen_at is None:
            _set_topics(found, piece, desk)


def remap(session: Session, newsletter: Newsletter, source: Source, new: Sequence[Rule]) -> int:
    """Let new rules of a source hold for its articles that are in no issue yet; return how many changed."""
    before = desk_of(session, newsletter, source)
    after = Desk(before.newsletter_id, before.source_id, tuple(new), before.topics)
    source.mapping = mapping.to_plain(new)
    rows = session.execute(
        select(NewsletterArticle, Article)
        .join(Article, Article.id == NewsletterArticle.article_id)
        .where(
            NewsletterArticle.newsletter_id == newsletter.id,
            Article.source_id == source.id,
            Article.frozen_at.is_(None),
        )
    ).all()
    return sum(_remap(found, article, before, after) for found, article in rows)


def _remap(found: NewsletterArticle, article: Article, before: Desk, after: Desk) -> bool:
    facts = facts_of(article)
    new = after.mapped(facts)
    old = (found.topics, found.section, article.importance)
    found.topics = found.topics & ~before.mapped(facts).topics | new.topics
    found.section = _section(new.section, found.topics)
    article.importance = new.importance
    return old != (found.topics, found.section, article.importance)


def _set_topics(found: NewsletterArticle, piece: Piece, desk: Desk) -> None:
    """Set topics from the source that an article came from; others that carry it too can only add to them.

    So an article of the front page that is in the sports feed as well is under sport, in whatever order they come.
    """
    article = piece.article
    now = desk.mapped(facts_of(article))
    if article.source_id == desk.source_id or desk.source_id is None:
        before = desk.mapped(piece.before).topics if piece.before else 0
        found.topics = found.topics & ~before | now.topics
        found.section = now.section if now.section is not None else _section(found.section, found.topics)
        return
    theirs = desk.mapped(_facts_of_draft(piece))
    found.topics |= now.topics | theirs.topics
    if found.section is None:
        found.section = now.section if now.section is not None else theirs.section


def _facts_of_draft(piece: Piece) -> Facts:
    return Facts(url=piece.draft.url, author=piece.draft.author, categories=piece.draft.categories)


def _section(number: int | None, topics: int) -> int | None:
    """Return a main topic that is among the topics: this one, else the lowest."""
    if number is not None and topics >> number & 1:
        return number
    return (topics & -topics).bit_length() - 1 if topics else None


def _reason(article: Article, *, now: datetime, backlog: bool, keep_old: bool) -> BacklogReason | None:
    if backlog:
        return BacklogReason.FIRST_IMPORT
    is_old = rules.is_archive(article.published_at, now=now) and not keep_old
    return BacklogReason.OLD if is_old else None


def _places(session: Session, newsletter_id: int, article_ids: Sequence[int]) -> dict[int, NewsletterArticle]:
    places: dict[int, NewsletterArticle] = {}
    for some in batched(article_ids):
        rows = session.scalars(
            select(NewsletterArticle).where(
                NewsletterArticle.newsletter_id == newsletter_id, NewsletterArticle.article_id.in_(some)
            )
        )
        places.update({place.article_id: place for place in rows})
    return places


def _topic_numbers(session: Session, newsletter_id: int) -> Mapping[str, int]:
    topics = session.scalars(
        select(Topic).where(Topic.newsletter_id == newsletter_id, Topic.retired_at.is_(None))
    ).all()
    by_name = {rules.topic_key(topic.name): topic.number for topic in topics}
    return by_name | {rules.topic_key(topic.slug): topic.number for topic in topics}
