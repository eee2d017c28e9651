"""Write the mails that ask editors to decide about an issue."""

from __future__ import annotations

from datetime import datetime

from newsletter.domain import issues as states
from newsletter.domain.editors import DeskAction
from newsletter.domain.issues import IssueKind, IssueStatus
from newsletter.domain.tokens import KeyRing, LinkPurpose, LinkToken, sign_link
from newsletter.rendering import desk_mail as rendering
from newsletter.rendering.environment import Environment
from newsletter.rendering.notice import Rendered
from newsletter.runtime.settings import Settings
from newsletter.store import Session, editors, issues, keys, newsletters
from newsletter.store.tables import KeyPurpose, Notice, NoticeKind


def write(session: Session, notice: Notice, environment: Environment, settings: Settings) -> Rendered | None:
    """Return a mail to the desk; None when there is nothing to decide any more, or its editor is disabled."""
    if notice.kind is not NoticeKind.DESK:
        return None
    issue = issues.get(session, notice.payload["issue"])
    editor = editors.get(session, notice.payload["editor"])
    if issue.status not in states.OPEN or editor.disabled_at is not None:
        return None
    ring = keys.ring(session, KeyPurpose.LINKS)
    payload = notice.payload
    return rendering.question(
        environment,
        identity=newsletters.identity(newsletters.get(session, notice.newsletter_id)),
        number=payload["number"],
        is_breaking=payload["kind"] == IssueKind.BREAKING,
        is_waiting=payload["status"] in (IssueStatus.BUILT, IssueStatus.HELD),
        is_sent_by_silence=payload["is_sent_by_silence"],
        void=payload.get("void", {}),
        cut_off_at=datetime.fromisoformat(payload["cut_off_at"]),
        subjects=payload["subjects"],
        note=payload["note"],
        headlines=payload["headlines"],
        more_count=payload["more_count"],
        approve_url=_url(settings, ring, notice, DeskAction.APPROVE),
        veto_url=_url(settings, ring, notice, DeskAction.VETO),
    )


def _url(settings: Settings, ring: KeyRing, notice: Notice, action: DeskAction) -> str:
    token = LinkToken(
        purpose=LinkPurpose.DESK,
        subscriber_id=0,
        object_id=notice.payload["links"][action.value],
        issued_at=notice.created_at,
    )
    return f"{settings.public_url}/{LinkPurpose.DESK}/{sign_link(token, ring)}"
