"""Answer why a reader got an article, why not, or why no mail; by POST, so that no address stands in a log."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any  # JSON objects

from fastapi import APIRouter
from pydantic import Field

from newsletter.domain.editors import Actor
from newsletter.domain.errors import NotFound
from newsletter.reporting import why, why_article
from newsletter.reporting.why import Answer
from newsletter.store import Session
from newsletter.store.tables import Newsletter, Subscriber
from newsletter.web.api import access
from newsletter.web.api.access import ActorDep
from newsletter.web.api.fields import Body, Id, Text
from newsletter.web.deps import AppDep

router = APIRouter()


class Question(Body):
    """What is asked about a reader, who is named by address or id."""

    reader: Text
    newsletter: Text = ""
    issue: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    article: Id | None = None


@router.post("/why")
def explain(question: Question, app: AppDep, actor: ActorDep) -> dict[str, Any]:
    """Say why a reader got an article, why not, or why no mail came."""
    now = app.clock.now()
    with app.reading() as session:
        if question.issue is not None:
            access.issue(session, actor, question.issue)
        reader = why.find_reader(session, question.reader, now=now)
        answers = [
            answer
            for newsletter in _newsletters(session, actor, reader, question)
            for answer in _answers(session, reader, newsletter, question, now=now)
        ]
        return {"answers": [asdict(answer) for answer in answers]}


def _answers(
    session: Session, reader: Subscriber, newsletter: Newsletter | None, question: Question, *, now: datetime
) -> list[Answer]:
    issue_id = question.issue
    if question.article is None:
        return why.why_mail(session, reader, newsletter=newsletter, issue_id=issue_id, now=now)
    return why_article.why_article(
        session, reader, question.article, newsletter=newsletter, issue_id=issue_id, now=now
    )


def _newsletters(
    session: Session, actor: Actor, reader: Subscriber, question: Question
) -> list[Newsletter | None]:
    """Return the newsletters to answer for; None = whichever. Who is bound to some learns of readers of those alone."""
    if question.newsletter:
        named = access.newsletter(session, actor, question.newsletter)
        if actor.newsletters and named not in why.of_reader(session, reader):
            raise _unknown()
        return [named]
    if not actor.newsletters:
        return [None]
    theirs = [each for each in why.of_reader(session, reader) if each.id in actor.newsletters]
    if not theirs:
        raise _unknown()
    return [None] if question.issue is not None else list(theirs)


def _unknown() -> NotFound:
    return NotFound(
        "No reader of these newsletters has this address.",
        hint="Ask with a key for all newsletters.",
        reason="unknown_reader",
    )
