"""Serve the links of confirmation mails: a page with a button, because mail scanners follow links."""

from __future__ import annotations

from fastapi import APIRouter, BackgroundTasks, Request
from starlette.responses import HTMLResponse

from newsletter.subscribing import confirm
from newsletter.subscribing.confirm import Invitation, InvitationState
from newsletter.web import deps
from newsletter.web.bodies import Form, field
from newsletter.web.deps import AppDep, PagesDep
from newsletter.web.pages import Pages, address_markup

router = APIRouter()


@router.api_route("/c/{token}", methods=["GET", "HEAD"])
def show(request: Request, token: str, app: AppDep, pages: PagesDep) -> HTMLResponse:
    """Show what the link confirms; nothing changes."""
    with app.reading() as session:
        invitation = confirm.describe(session, token, now=app.clock.now())
    return _page(request, pages, invitation)


@router.post("/c/{token}")
def act(
    request: Request, token: str, form: Form, app: AppDep, pages: PagesDep, background: BackgroundTasks
) -> HTMLResponse:
    """Confirm; or, for a link that has expired, mail a new one."""
    if field(form, "action") == "again":
        return _again(request, token, app, pages, background)
    evidence = deps.evidence_of(request, "page")
    with app.transaction() as session:
        invitation = confirm.confirm(session, token, evidence=evidence, now=app.clock.now())
    return _page(request, pages, invitation)


@router.api_route("/n/{token}", methods=["GET", "HEAD"])
def show_block(request: Request, token: str, app: AppDep, pages: PagesDep) -> HTMLResponse:
    """Show what blocking means; nothing changes."""
    with app.reading() as session:
        invitation = confirm.describe_block(session, token, now=app.clock.now())
    return _block_question(request, pages, invitation)


@router.post("/n/{token}")
def block(request: Request, token: str, form: Form, app: AppDep, pages: PagesDep) -> HTMLResponse:
    """Ask this address nothing any more; the link also stands in List-Unsubscribe of the mail (RFC 8058)."""
    now = app.clock.now()
    is_one_click = form.getlist("List-Unsubscribe") == ["One-Click"]
    if not is_one_click and field(form, "action") != "block":
        with app.reading() as session:
            invitation = confirm.describe_block(session, token, now=now)
        return _block_question(request, pages, invitation, status=400)
    evidence = deps.evidence_of(request, "one_click" if is_one_click else "page")
    with app.transaction() as session:
        invitation = confirm.block(session, token, evidence=evidence, now=now)
    return pages.message(
        request,
        "web.block.done_",
        newsletter=invitation.newsletters[0],
        language=invitation.language,
        address=address_markup(invitation.masked_address),
    )


def _block_question(
    request: Request, pages: Pages, invitation: Invitation, *, status: int = 200
) -> HTMLResponse:
    newsletter = invitation.newsletters[0]
    words = pages.words(request, newsletter, invitation.language)
    return pages.page(
        request,
        "web/confirm.html",
        newsletter=newsletter,
        language=invitation.language,
        status=status,
        title=words("web.block.title"),
        lead=words("web.block.lead", address=address_markup(invitation.masked_address)),
        names=[],
        action="block",
        button=words("web.block.button"),
        small="",
    )


def _again(
    request: Request, token: str, app: AppDep, pages: PagesDep, background: BackgroundTasks
) -> HTMLResponse:
    deps.require_allowed(request, deps.SIGNUPS)
    now = app.clock.now()
    with app.transaction() as session:
        confirm.ask_again(session, token, now=now)
        invitation = confirm.describe(session, token, now=now)
    background.add_task(app.bell.ring, "newsletter.notices")
    words = pages.words(request, invitation.newsletters[0], invitation.language)
    return pages.page(
        request,
        "web/message.html",
        newsletter=invitation.newsletters[0],
        language=invitation.language,
        title=words("web.inbox.title"),
        paragraphs=[
            words("web.inbox.lead", address=address_markup(invitation.masked_address)),
            words("web.inbox.hint"),
        ],
        link=None,
    )


def _page(request: Request, pages: Pages, invitation: Invitation) -> HTMLResponse:
    newsletter, language = invitation.newsletters[0], invitation.language
    words = pages.words(request, newsletter, language)
    address = address_markup(invitation.masked_address)
    match invitation.state:
        case InvitationState.CONFIRMED:
            return pages.message(
                request, "web.confirm.done_", newsletter=newsletter, language=language, address=address
            )
        case InvitationState.ENDED:
            return pages.page(
                request,
                "web/message.html",
                newsletter=newsletter,
                language=language,
                title=words("web.confirm.ended_title"),
                paragraphs=[words("web.confirm.ended_lead")],
                link={
                    "url": f"/subscribe/{newsletter.slug}",
                    "text": words("email.subscribe", newsletter=newsletter.name),
                },
            )
        case InvitationState.EXPIRED:
            key, action, small = "web.confirm.expired_", "again", ""
        case InvitationState.OPEN:
            key, action, small = "web.confirm.", "confirm", words("web.confirm.small")
    return pages.page(
        request,
        "web/confirm.html",
        newsletter=newsletter,
        language=language,
        title=words(f"{key}title"),
        lead=words(f"{key}lead", address=address),
        names=[one.name for one in invitation.newsletters],
        action=action,
        button=words(f"{key}button"),
        small=small,
    )
