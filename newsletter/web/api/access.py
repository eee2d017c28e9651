"""Say who calls: an editor's key in the header Authorization, compared by its hash alone."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from newsletter.digest import editors as people
from newsletter.domain.editors import Actor, Role, require
from newsletter.domain.errors import InvalidSignature
from newsletter.store import Session, desk, editors, issues, newsletters
from newsletter.store.tables import Issue, Newsletter
from newsletter.web import deps
from newsletter.web.deps import AppDep

_BEARER = HTTPBearer(auto_error=False, description="A key made with: newsletter editors token add")
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]


def get_actor(request: Request, app: AppDep, given: Credentials) -> Actor:
    """Return in whose name a request is made; refuse a key that opens nothing with 401, and count who guesses."""
    now = app.clock.now()
    with app.reading() as session:
        key = editors.by_secret(session, given.credentials, now=now) if given else None
        actor = None if key is None else people.actor_of_token(key)
    if key is None or actor is None:
        deps.require_allowed(request, deps.GUESSES)
        raise InvalidSignature(
            "The key is missing, or it opens nothing.",
            hint="Send the header Authorization: Bearer KEY; make a key with: newsletter editors token add",
            reason="bad_token",
        )
    if editors.is_use_due(key.token, now=now):
        with app.transaction() as session:
            editors.token(session, key.token.id).used_at = now
    return actor


def keep_nowhere(response: Response) -> None:
    """Let no cache keep an answer."""
    response.headers["Cache-Control"] = "no-store"


ActorDep = Annotated[Actor, Depends(get_actor)]


def newsletter(session: Session, actor: Actor, slug: str, *, role: Role = Role.DRAFT) -> Newsletter:
    """Return a newsletter that the caller may deal with; raise NotFound or Forbidden."""
    found = newsletters.by_slug(session, slug)
    require(actor, role, newsletter_id=found.id)
    return found


def issue(session: Session, actor: Actor, issue_id: int) -> Issue:
    """Return an issue that the caller may look at; raise NotFound or Forbidden."""
    found = issues.get(session, issue_id)
    require(actor, Role.DRAFT, newsletter_id=found.newsletter_id)
    return found


def require_for_article(session: Session, actor: Actor, article_id: int, role: Role) -> None:
    """Raise Forbidden unless the caller has a role for every newsletter that an article is one of."""
    for newsletter_id in desk.newsletters_of(session, article_id):
        require(actor, role, newsletter_id=newsletter_id)
