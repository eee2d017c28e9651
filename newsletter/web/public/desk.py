"""Serve the links of mails to the desk: a page with a button, because mail scanners follow links."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from fastapi import APIRouter, BackgroundTasks, Request
from starlette.responses import HTMLResponse

from newsletter.digest import desk_links
from newsletter.digest.desk_links import Decision, LinkState
from newsletter.domain import layout, schedules
from newsletter.domain.editors import DeskAction
from newsletter.rendering.words import Words
from newsletter.store import Session
from newsletter.web import deps, proofs
from newsletter.web.bodies import Form, field
from newsletter.web.deps import AppDep, PagesDep
from newsletter.web.pages import Pages

router = APIRouter()

_REFUSED = {LinkState.USED, LinkState.CHANGED, LinkState.CLOSED, LinkState.EXPIRED}
Step = Callable[..., Decision]


@router.api_route("/d/{token}", methods=["GET", "HEAD"])
def show(request: Request, token: str, app: AppDep, pages: PagesDep) -> HTMLResponse:
    """Show what the link decides, and the issue as it stands; nothing changes."""
    with app.reading() as session:
        found = desk_links.describe(session, token, now=app.clock.now())
    return _page(request, pages, found)


@router.api_route("/d/{token}/mail", methods=["GET", "HEAD"])
def show_mail(token: str, app: AppDep, pages: PagesDep) -> HTMLResponse:
    """Show the whole mail of the issue as it stands; nothing changes."""
    with app.reading() as session:
        found = desk_links.describe(session, token, now=app.clock.now())
        return pages.issue(proofs.page(app, session, found.issue), is_private=True)


@router.post("/d/{token}")
def act(
    request: Request, token: str, form: Form, app: AppDep, pages: PagesDep, background: BackgroundTasks
) -> HTMLResponse:
    """Decide, or mail new links; 409 when the link can decide nothing any more."""
    deps.require_allowed(request, deps.CHANGES)
    now, wanted = app.clock.now(), field(form, "action")
    with app.transaction() as session:
        found = _step(session, token, wanted, now=now)
    background.add_task(
        app.bell.ring, "newsletter.notices" if found.state is LinkState.ASKED else "newsletter.sweep"
    )
    is_refused = found.state in _REFUSED or (wanted == "again" and found.state is LinkState.OPEN)
    return _page(request, pages, found, status=409 if is_refused else 200)


def _step(session: Session, token: str, wanted: str, *, now: datetime) -> Decision:
    """Do what the form asks for; a form for another decision than the link's changes nothing."""
    if wanted == "again":
        return desk_links.ask_again(session, token, now=now)
    found = desk_links.describe(session, token, now=now)
    return desk_links.decide(session, token, now=now) if wanted == found.action else found


def _page(request: Request, pages: Pages, found: Decision, *, status: int = 200) -> HTMLResponse:
    words = pages.words(request, found.newsletter)
    is_offered = found.state is LinkState.OPEN
    title, lead = _said(words, found)
    is_stale = found.state in (LinkState.CHANGED, LinkState.EXPIRED)
    shown = found.shown
    return pages.page(
        request,
        "web/desk.html",
        newsletter=found.newsletter,
        status=status,
        title=title,
        lead=lead,
        subjects=shown.get("subjects", []),
        headlines=shown.get("headlines", []),
        note=layout.paragraphs(shown.get("note", "")),
        mail=f"{request.url.path}/mail" if shown.get("headlines") else "",
        more=words("notice.desk.more", count=shown["more_count"]) if shown.get("more_count") else "",
        action=found.action.value if is_offered else "again" if is_stale else "",
        button=words(f"web.desk.{found.action if is_offered else 'again'}_button"),
        small=_silence(words, found) if is_offered else "",
    )


def _said(words: Words, found: Decision) -> tuple[str, str]:
    """Return title and lead: of what is asked, or of what the link can do no more."""
    about: dict[str, object] = {
        "newsletter": found.newsletter.name,
        "number": found.issue.number,
        "moment": words.moment(found.issue.cut_off_at, zone=schedules.zone(found.newsletter.zone)),
    }
    match found.state:
        case LinkState.OPEN:
            key, lead = f"web.desk.{found.action}_", "lead"
        case LinkState.DONE:
            done = "approved" if found.action is DeskAction.APPROVE else "vetoed"
            key, lead = f"web.desk.{done}_", "lead"
        case LinkState.CLOSED:
            key, lead = "web.desk.closed_", f"{found.issue.status}"
        case _:
            key, lead = f"web.desk.{found.state}_", "lead"
    return words(f"{key}title", **about), words(f"{key}{lead}", **about)


def _silence(words: Words, found: Decision) -> str:
    if found.action is DeskAction.VETO:
        return ""
    is_sent = found.shown.get("is_sent_by_silence")
    return words("notice.desk.silence_sends" if is_sent else "notice.desk.silence_holds")
