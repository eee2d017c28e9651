"""Show an issue as a reader would get it, to those who decide about it."""

from __future__ import annotations

from email import message_from_bytes, policy

from newsletter.digest import build
from newsletter.sending import context, proof, sample, signing
from newsletter.store import Session
from newsletter.store.tables import Issue
from newsletter.wiring import App

_NOBODY = "reader@example.com"  # whom it is addressed to


def page(app: App, session: Session, issue: Issue, *, language: str = "") -> str:
    """Return the HTML that a reader of all topics who got the issues before would get; no state moves.

    ``language`` is that of the frame; "": the newsletter's. Raise Conflict when there is nothing to show yet.
    """
    made = build.preview_issue(
        session,
        issue.id,
        environment=app.environment,
        message_max_bytes=app.settings.message_max_bytes,
        language=language,
    )
    _, message = proof.compose(
        made.frozen,
        made.blocks,
        rings=context.load_rings(session),
        signers=signing.load(session, made.frozen.identity.from_address),
        settings=app.settings,
        picks=sample.of_topics(session, made.frozen, ()),
        address=_NOBODY,
        now=app.clock.now(),
        language=made.other_language,
    )
    part = message_from_bytes(message, policy=policy.default).get_body(("html",))
    assert part is not None  # every digest has both parts
    return str(part.get_content())
