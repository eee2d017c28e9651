"""Decide about articles by hand: withdraw and weigh them, say which tell one story. Every step is written down."""

from __future__ import annotations

from datetime import datetime

from newsletter.digest import desk
from newsletter.domain.articles import RetractedBy
from newsletter.domain.editors import Actor, Role, require
from newsletter.domain.errors import Conflict, InvalidInput, NotFound
from newsletter.domain.rules import WEIGHT_MAXIMUM
from newsletter.store import Session, articles, audit, newsletters, stories
from newsletter.store.tables import Article


def retract(session: Session, article_id: int, *, actor: Actor, now: datetime) -> Article:
    """Take an article out of every issue and every window that is not yet planned, and mark the archive.

    Only ``restore`` puts it back, no push and no feed; so it may be said of what the website retracted, too.
    """
    article = _begin(session, article_id, actor, Role.SEND)
    if not articles.mark_retracted(session, article_id, now=now, by=RetractedBy.EDITOR):
        raise Conflict(
            f"Article {article_id} is retracted already.",
            hint=f"Put it back with: newsletter articles restore {article_id}",
            reason="retracted",
        )
    audit.append(session, actor, "retract", now=now, article_id=article_id, title=article.title)
    desk.rebuild_retracted(session, now=now)
    return _fresh(session, article)


def restore(session: Session, article_id: int, *, actor: Actor, now: datetime) -> Article:
    """Put a retracted article back: issues that are frozen from now on may tell it."""
    article = _begin(session, article_id, actor, Role.SEND)
    if article.retracted_at is None:
        raise Conflict(
            f"Article {article_id} is not retracted.",
            hint=f"See what became of it with: newsletter articles why {article_id}",
            reason="not_retracted",
        )
    articles.put_back(session, article_id, now=now)
    audit.append(session, actor, "restore", now=now, article_id=article_id, title=article.title)
    return _fresh(session, article)


def rule(
    session: Session, article_id: int, other_id: int, *, is_same: bool, actor: Actor, now: datetime
) -> None:
    """Say that two articles tell one story, or that they do not; it holds from the next freeze on."""
    if article_id == other_id:
        raise InvalidInput(
            "These are two ids of one article.", hint="Give two articles.", reason="one_article"
        )
    for each in (article_id, other_id):
        _begin(session, each, actor, Role.DRAFT)
    stories.rule(session, article_id, other_id, is_same=is_same, by=actor.name, now=now)
    action = "merge" if is_same else "split"
    audit.append(session, actor, action, now=now, article_id=article_id, other=other_id)


def weigh(
    session: Session, article_id: int, newsletter_id: int, weight: int, *, actor: Actor, now: datetime
) -> None:
    """Let an article stand further up in a newsletter's issues, or further down; 0 = as it ranks."""
    require(actor, Role.DRAFT, newsletter_id=newsletter_id)
    if abs(weight) > WEIGHT_MAXIMUM:
        raise InvalidInput(
            f"A weight is a whole number from -{WEIGHT_MAXIMUM} to {WEIGHT_MAXIMUM}.",
            hint="0 lets it stand as it ranks.",
            reason="bad_weight",
        )
    place = articles.place(session, newsletter_id, _known(session, article_id).id)
    if place is None:
        slug = newsletters.get(session, newsletter_id).slug
        raise Conflict(
            f"The newsletter {slug!r} has no article {article_id}.",
            hint=f"See its articles with: newsletter articles list --newsletter {slug}",
            reason="not_in_newsletter",
        )
    place.weight = weight
    audit.append(
        session,
        actor,
        "weigh",
        now=now,
        newsletter_id=newsletter_id,
        article_id=article_id,
        weight=weight,
    )


def mark_worth_telling(
    session: Session, article_id: int, *, is_worth_telling: bool, actor: Actor, now: datetime
) -> Article:
    """Tell an article also to readers who know its story, or no longer."""
    article = _begin(session, article_id, actor, Role.DRAFT)
    article.is_worth_telling, article.updated_at = is_worth_telling, now
    audit.append(
        session, actor, "worth_telling", now=now, article_id=article_id, is_worth_telling=is_worth_telling
    )
    return _fresh(session, article)


def _begin(session: Session, article_id: int, actor: Actor, role: Role) -> Article:
    """Return an article that the actor may decide about: for all newsletters that have it."""
    article = _known(session, article_id)
    places = articles.places(session, article_id)
    for place in places:
        require(actor, role, newsletter_id=place.newsletter_id)
    if not places:
        require(actor, role)
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


def _fresh(session: Session, article: Article) -> Article:
    session.flush()
    session.refresh(article)
    return article
