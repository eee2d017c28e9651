"""Let readers choose topics and cadence, or leave."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import HTMLResponse

from newsletter.domain import schedules
from newsletter.domain.errors import InvalidInput
from newsletter.domain.subscriptions import SNOOZE_WEEKS, Cadence, SubscriptionStatus
from newsletter.rendering.words import Words
from newsletter.subscribing import preferences, unsubscribe
from newsletter.subscribing.preferences import Preferences, Timing
from newsletter.web import deps
from newsletter.web.bodies import Form, field, fields
from newsletter.web.deps import AppDep, PagesDep
from newsletter.web.pages import Pages, address_markup
from newsletter.web.public import unsubscribe as leaving
from newsletter.wiring import App

router = APIRouter()

_PROBLEMS = {
    "no_topic": "web.problem.topic",
    "unknown_zone": "web.problem.zone",
    "bad_snooze": "web.problem.pause",
    "bad_hour": "web.problem.other",
    "bad_language": "web.problem.other",
}


@router.api_route("/p/{token}", methods=["GET", "HEAD"])
def show(request: Request, token: str, app: AppDep, pages: PagesDep) -> HTMLResponse:
    """Show what the reader gets."""
    with app.reading() as session:
        found = preferences.load(session, token, now=app.clock.now())
    return _page(request, pages, found)


@router.post("/p/{token}")
def change(request: Request, token: str, form: Form, app: AppDep, pages: PagesDep) -> HTMLResponse:
    """Save the choice, or let the reader leave."""
    deps.require_allowed(request, deps.CHANGES)
    match field(form, "action"):
        case "leave":
            return _leave(request, token, app, pages)
        case "leave_all":
            evidence = deps.evidence_of(request, "page")
            with app.transaction() as session:
                membership = preferences.leave_all(session, token, evidence=evidence, now=app.clock.now())
            return leaving.done(request, pages, membership, is_all=True)
        case _:
            return _save(request, token, form, app, pages)


def _save(request: Request, token: str, form: FormData, app: App, pages: Pages) -> HTMLResponse:
    now = app.clock.now()
    cadence = field(form, "cadence")
    try:
        with app.transaction() as session:
            saved = preferences.save(
                session,
                token,
                topics=fields(form, "topic"),
                cadence=Cadence(cadence) if cadence in set(Cadence) else Cadence.EVERY_ISSUE,
                timing=_timing(form),
                evidence=deps.evidence_of(request, "page"),
                now=now,
            )
    except InvalidInput as error:
        if error.reason not in _PROBLEMS:
            raise
        with app.reading() as session:
            found = preferences.load(session, token, now=now)
        return _page(request, pages, found, problem=_PROBLEMS[error.reason])
    return _page(request, pages, saved, is_saved=True)


def _timing(form: FormData) -> Timing | None:
    """Return what a form says about times; None when it does not ask, as one on a publisher's own page may not."""
    if not any(name in form for name in ("hour", "zone", "language", "snooze")):
        return None
    return Timing(
        hour=field(form, "hour"),
        zone=field(form, "zone"),
        language=field(form, "language"),
        snooze=field(form, "snooze"),
        until=field(form, "until"),
    )


def _leave(request: Request, token: str, app: App, pages: Pages) -> HTMLResponse:
    with app.transaction() as session:
        membership = preferences.load(session, token, now=app.clock.now()).membership
        unsubscribe.leave(
            session,
            subscriber_id=membership.subscriber_id,
            newsletter_id=membership.newsletter.id,
            channel="page",
            evidence=deps.evidence_of(request, "page"),
            now=app.clock.now(),
        )
    return leaving.done(request, pages, membership)


def _page(
    request: Request, pages: Pages, found: Preferences, *, is_saved: bool = False, problem: str = ""
) -> HTMLResponse:
    membership = found.membership
    newsletter, language = membership.newsletter, membership.language
    words = pages.words(request, newsletter, language)
    told = {"newsletter": newsletter.name, "address": address_markup(membership.masked_address)}
    if membership.status is not SubscriptionStatus.ACTIVE:
        return pages.page(
            request,
            "web/message.html",
            newsletter=newsletter,
            language=language,
            title=words("web.prefs.ended_title"),
            paragraphs=[words("web.prefs.ended_lead", **told)],
            link={
                "url": f"/subscribe/{newsletter.slug}",
                "text": words("email.subscribe", newsletter=newsletter.name),
            },
        )
    return pages.page(
        request,
        "web/preferences.html",
        newsletter=newsletter,
        language=language,
        status=422 if problem else 200,
        lead=words("web.prefs.lead", **told),
        is_saved=is_saved,
        problem=words(problem) if problem else "",
        topics=[{"slug": t.slug, "name": t.name, "is_ticked": t.is_followed} for t in found.topics],
        cadences=[cadence.value for cadence in Cadence],
        cadence=found.cadence.value,
        hours=[
            {"value": hour, "text": f"{hour:02}:00", "is_chosen": hour == found.hour} for hour in range(24)
        ],
        zone=found.zone or "",
        zones=schedules.zone_names(),
        zone_hint=words("web.prefs.zone_hint", zone=newsletter.zone),
        pauses=_pauses(words, found),
        languages=pages.languages(),
        chosen_language=found.language or "",
        leave_button=words("web.prefs.leave_button", newsletter=newsletter.name),
        other_count=membership.other_count,
    )


def _pauses(words: Words, found: Preferences) -> list[tuple[str, str]]:
    """Return the choices of a pause: what is so now comes first."""
    weeks = [
        (each, words("web.prefs.pause_for", span=words.span(timedelta(weeks=int(each)))))
        for each in SNOOZE_WEEKS
    ]
    day = ("day", words("web.prefs.pause_day"))
    if found.snoozed_until is None:
        return [("", words("web.prefs.pause_none")), *weeks, day]
    until = found.snoozed_until.astimezone(schedules.zone(found.own_zone)).date()
    kept = words("web.prefs.pause_kept", date=words.plain_date(until))
    return [("", kept), ("end", words("web.prefs.pause_end")), *weeks, day]
