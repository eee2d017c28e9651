"""Take an article back by hand."""

from __future__ import annotations

from datetime import datetime

from newsletter.digest import desk
from newsletter.domain.editors import Actor
from newsletter.store import Session, articles, audit


def retract(session: Session, article_id: int, *, actor: Actor, now: datetime) -> bool:
    """Take an article out of every issue that has not gone out; False when it was out already.

    Issues that are built and hold it are built again. The caller has seen to it that the actor may.
    """
    if not articles.mark_retracted(session, article_id, now=now):
        return False
    audit.append(session, actor, "retract", now=now, article_id=article_id)
    desk.rebuild_retracted(session, now=now)
    return True
