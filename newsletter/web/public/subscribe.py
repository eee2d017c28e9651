"""Show the signup form, and take what it and the forms of the website send."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from fastapi import APIRouter, BackgroundTasks, Request
from starlette.datastructures import FormData
from starlette.responses import HTMLResponse

from newsletter.domain import articles, schedules
from newsletter.domain.errors import InvalidInput, InvalidToken
from newsletter.domain.subscriptions import Cadence, parse_hour
from newsletter.domain.tokens import LinkPurpose, LinkToken, read_link, sign_link
from newsletter.runtime import logs
from newsletter.store import Session, keys, newsletters
from newsletter.store.tables import KeyPurpose, Newsletter, Topic
from newsletter.subscribing import signup
from newsletter.subscribing.signup import SignupRequest
from newsletter.web import deps
from newsletter.web.bodies import Form, field, fields
from newsletter.web.deps import AppDep, PagesDep, Slug
from newsletter.web.pages import Pages, address_markup
from newsletter.wiring import App

router = APIRouter()

TRAP = "fax"  # nobody sees this field; programs fill it in
_FORM_LIFETIME = timedelta(hours=24)
_FORM_MINIMUM = timedelta(seconds=2)  # nobody types an address faster
_KEPT = ("language", "cadence", "zone", "hour", "article_url", "form_version", "page_url")
_SHORTENED = {"form_text": 4000, "form_version": 100, "page_url": 2000}
_log = logs.get(__name__)


@dataclass(frozen=True)
class _Offer:
    """What a form is about: the newsletters, the first of which gives the page its looks."""

    newsletters: Sequence[Newsletter]
    topics: Sequence[Topic]
    token: str

    @property
    def first(self) -> Newsletter:
        return self.newsletters[0]


@router.api_route("/subscribe/{slug}", methods=["GET", "HEAD"])
def show(request: Request, slug: Slug, app: AppDep, pages: PagesDep, article_url: str = "") -> HTMLResponse:
    """Show the form of one newsletter; ``article_url`` is the article that led the reader here."""
    with app.reading() as session:
        offer = _offer(session, app, [slug])
    filled = FormData({"article_url": article_url[:2000]} if article_url else {})
    return _form(request, pages, offer, filled)


@router.post("/subscribe")
def subscribe(
    request: Request, form: Form, app: AppDep, pages: PagesDep, background: BackgroundTasks
) -> HTMLResponse:
    """Ask the reader to confirm; the page is the same whether the address is known, unknown or refused."""
    with app.reading() as session:
        offer = _offer(session, app, fields(form, "newsletter"))
    if not _comes_from_a_person(request, form, app):
        return _form(request, pages, offer, form, key="web.subscribe.again_")
    deps.require_allowed(request, deps.SIGNUPS)
    if field(form, TRAP):
        _log.info("signup_trapped", newsletter=offer.first.slug)
        return _inbox(request, pages, offer, field(form, "address"))
    try:
        wanted = _request(request, pages, offer, form)
        with app.transaction() as session:
            signup.request(session, wanted, now=app.clock.now())
    except InvalidInput as error:
        return _form(request, pages, offer, form, error=error)
    background.add_task(app.bell.ring, "newsletter.notices")
    return _inbox(request, pages, offer, wanted.address)


def _offer(session: Session, app: App, slugs: Sequence[str]) -> _Offer:
    if not slugs:
        raise InvalidInput(
            "The form names no newsletter.", hint="See docs/signup-form.md.", reason="no_newsletter"
        )
    chosen = [newsletters.by_slug(session, slug) for slug in dict.fromkeys(slugs)]
    topics = {topic.slug: topic for one in chosen for topic in newsletters.topics(session, one.id)}
    token = LinkToken(
        purpose=LinkPurpose.FORM, subscriber_id=0, object_id=chosen[0].id, issued_at=app.clock.now()
    )
    ring = keys.ring(session, KeyPurpose.LINKS)
    return _Offer(chosen, list(topics.values()), sign_link(token, ring))


def _comes_from_a_person(request: Request, form: FormData, app: App) -> bool:
    """Say whether a form was shown by us and filled in at a human pace, or stands on a site of the publisher.

    Any other is not refused: the reader presses the button of our own form once more.
    """
    if request.headers.get("origin") in app.settings.allowed_origins:
        return True
    now = app.clock.now()
    try:
        with app.reading() as session:
            ring = keys.ring(session, KeyPurpose.LINKS)
        shown = read_link(field(form, "form"), LinkPurpose.FORM, ring, now=now, lifetime=_FORM_LIFETIME)
    except InvalidToken:
        return False
    # Tokens carry whole seconds.
    return now - shown.issued_at >= _FORM_MINIMUM


def _request(request: Request, pages: Pages, offer: _Offer, form: FormData) -> SignupRequest:
    words = pages.words(request, offer.first)
    said = {name: field(form, name)[:longest] for name, longest in _SHORTENED.items()}
    cadence = field(form, "cadence")
    return SignupRequest(
        address=field(form, "address"),
        newsletters=tuple(one.slug for one in offer.newsletters),
        evidence=deps.evidence_of(
            request,
            "form",
            form_text=said["form_text"]
            or f"{words('web.subscribe.button')}. {words('web.subscribe.promise')}",
            form_version=said["form_version"],
            page_url=said["page_url"] or request.headers.get("referer", "")[:2000],
        ),
        name=field(form, "name"),
        topics=fields(form, "topic"),
        language=field(form, "language") or None,
        cadence=Cadence(cadence) if cadence in set(Cadence) else None,
        article_url=_article(field(form, "article_url")),
        zone=_zone(field(form, "zone")),
        hour=_hour(field(form, "hour")),
    )


def _zone(name: str) -> str | None:
    """Return a zone that exists or None: it comes from the browser, and a reader cannot mend it."""
    try:
        return schedules.zone(name).key if name else None
    except InvalidInput:
        return None


def _hour(text: str) -> int | None:
    try:
        return parse_hour(text)
    except InvalidInput:
        return None


def _article(url: str) -> str | None:
    """Return a usable address or None: a reader cannot mend a hidden field."""
    try:
        return articles.canonical_url(url) if url else None
    except InvalidInput:
        return None


def _form(
    request: Request,
    pages: Pages,
    offer: _Offer,
    form: FormData,
    *,
    key: str = "",
    error: InvalidInput | None = None,
) -> HTMLResponse:
    words = pages.words(request, offer.first)
    ticked = set(fields(form, "topic")) or {topic.slug for topic in offer.topics}
    about = error.reason.partition("_")[0] if error else ""
    known_problem = about if about in {"address", "name"} else "other"
    kept = [("newsletter", one.slug) for one in offer.newsletters]
    kept += [(name, field(form, name)) for name in _KEPT if field(form, name)]
    return pages.page(
        request,
        "web/subscribe.html",
        newsletter=offer.first,
        status=422 if error else 200,
        title=words(f"{key}title") if key else words("email.subscribe", newsletter=offer.first.name),
        lead=words(f"{key}lead") if key else offer.first.description,
        problem=words(f"web.problem.{known_problem}") if error else "",
        problem_field=about,
        form_token=offer.token,
        kept=kept,
        filled={"address": field(form, "address"), "name": field(form, "name")},
        topics=[
            {"slug": topic.slug, "name": topic.name, "is_ticked": topic.slug in ticked}
            for topic in offer.topics
        ],
    )


def _inbox(request: Request, pages: Pages, offer: _Offer, address: str) -> HTMLResponse:
    words = pages.words(request, offer.first)
    return pages.page(
        request,
        "web/message.html",
        newsletter=offer.first,
        title=words("web.inbox.title"),
        paragraphs=[words("web.inbox.lead", address=address_markup(address)), words("web.inbox.hint")],
        link=None,
    )
