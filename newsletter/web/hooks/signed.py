"""Carry out a signed webhook once, and answer its repetitions alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any  # answers are JSON objects

from fastapi import Request

from newsletter.domain import webhooks
from newsletter.domain.errors import InvalidSignature
from newsletter.store import Session, hooks, keys
from newsletter.store.tables import KeyPurpose
from newsletter.web import deps
from newsletter.wiring import App


def verify(request: Request, app: App, body: bytes) -> str:
    """Return the delivery's id; raise InvalidSignature, and count who sent it."""
    with app.reading() as session:
        ring = keys.ring(session, KeyPurpose.HOOKS)
    try:
        return webhooks.verify(request.headers, body, ring.keys.values(), now=app.clock.now())
    except InvalidSignature:
        deps.require_allowed(request, deps.FORGERIES)
        raise


def once(
    app: App, hook: str, delivery_id: str, work: Callable[[Session], dict[str, Any]]
) -> tuple[dict[str, Any], bool]:
    """Do the work of a delivery, or return the answer that it got before; say whether it was done now.

    Work and memory are one transaction: a delivery that failed is not remembered and may be sent again.
    """
    with app.transaction() as session:
        if not hooks.claim(session, hook, delivery_id, now=app.clock.now()):
            return hooks.answered(session, hook, delivery_id), False
        answer = work(session)
        hooks.answer(session, hook, delivery_id, answer)
        return answer, True
