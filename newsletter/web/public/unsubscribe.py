"""Let readers leave: with one click of their mail program (RFC 8058), or with the button of a page."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import HTMLResponse

from newsletter.domain.consent import ConsentChannel
from newsletter.domain.subscriptions import SubscriptionStatus
from newsletter.subscribing import unsubscribe
from newsletter.subscribing.unsubscribe import Membership
from newsletter.web import deps
from newsletter.web.bodies import Form, field
from newsletter.web.deps import AppDep, PagesDep
from newsletter.web.pages import Pages, address_markup
from newsletter.wiring import App

router = APIRouter()


@router.api_route("/u/{token}", methods=["GET", "HEAD"])
def show(request: Request, token: str, app: AppDep, pages: PagesDep) -> HTMLResponse:
    """Show a page with a button; nothing changes, however often scanners look (RFC 8058 §1)."""
    with app.reading() as session:
        membership = unsubscribe.describe(session, token, now=app.clock.now())
    return question(request, pages, membership)


@router.post("/u/{token}")
def leave(request: Request, token: str, form: Form, app: AppDep, pages: PagesDep) -> HTMLResponse:
    """End the subscription and say so at once: no cookie, no redirect, no question (RFC 8058 §3.1).

    Counted against no limit: all readers of a mail provider come from its few addresses.
    """
    channel = _channel(form)
    if channel is None:
        with app.reading() as session:
            membership = unsubscribe.describe(session, token, now=app.clock.now())
        return question(request, pages, membership, status=400)
    wants_all = channel == "page" and field(form, "leave") == "all"
    membership = _end(request, token, app, channel, wants_all=wants_all)
    return done(request, pages, membership, is_all=wants_all)


def question(request: Request, pages: Pages, membership: Membership, *, status: int = 200) -> HTMLResponse:
    """Return the page that asks, or the one that says that it is done already."""
    if membership.status is SubscriptionStatus.ENDED:
        return done(request, pages, membership)
    newsletter, language = membership.newsletter, membership.language
    words = pages.words(request, newsletter, language)
    return pages.page(
        request,
        "web/unsubscribe.html",
        newsletter=newsletter,
        language=language,
        status=status,
        title=words("web.leave.title", newsletter=newsletter.name),
        lead=words("web.leave.lead", address=address_markup(membership.masked_address)),
        other_count=membership.other_count,
    )


def done(request: Request, pages: Pages, membership: Membership, *, is_all: bool = False) -> HTMLResponse:
    """Return the page that says that the reader has left; the same the first time and every time."""
    newsletter, language = membership.newsletter, membership.language
    words = pages.words(request, newsletter, language)
    key = "web.leave.all_done_lead" if is_all else "web.leave.done_lead"
    return pages.page(
        request,
        "web/message.html",
        newsletter=newsletter,
        language=language,
        title=words("web.leave.done_title"),
        paragraphs=[
            words(key, address=address_markup(membership.masked_address), newsletter=newsletter.name)
        ],
        link={"url": f"/subscribe/{newsletter.slug}", "text": words("web.leave.back")},
    )


def _channel(form: FormData) -> ConsentChannel | None:
    """Say who speaks: a mail program (RFC 8058 §3.2 names the one pair it sends), our page, or nobody."""
    if form.getlist("List-Unsubscribe") == ["One-Click"]:
        return "one_click"
    return "page" if field(form, "leave") in {"this", "all"} else None


def _end(request: Request, token: str, app: App, channel: ConsentChannel, *, wants_all: bool) -> Membership:
    evidence, now = deps.evidence_of(request, channel), app.clock.now()
    with app.transaction() as session:
        membership = unsubscribe.describe(session, token, now=now)
        if wants_all:
            unsubscribe.leave_all(
                session,
                subscriber_id=membership.subscriber_id,
                mailing_id=membership.mailing_id,
                channel=channel,
                evidence=evidence,
                now=now,
            )
        else:
            unsubscribe.leave(
                session,
                subscriber_id=membership.subscriber_id,
                newsletter_id=membership.newsletter.id,
                mailing_id=membership.mailing_id,
                channel=channel,
                evidence=evidence,
                now=now,
            )
    return membership
