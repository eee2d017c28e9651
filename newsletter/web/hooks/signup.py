"""Take signups from the website's backend."""

from __future__ import annotations

from typing import Annotated, Any  # answers are JSON objects

from fastapi import APIRouter, BackgroundTasks, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.responses import JSONResponse

from newsletter.domain.consent import ConsentEvidence
from newsletter.domain.errors import InvalidInput
from newsletter.domain.subscriptions import Cadence
from newsletter.store import Session
from newsletter.subscribing import signup
from newsletter.subscribing.signup import SignupRequest
from newsletter.web import bodies
from newsletter.web.bodies import Body
from newsletter.web.deps import AppDep
from newsletter.web.hooks import signed

router = APIRouter()

_ANSWER = {"accepted": True}
_Slug = Annotated[str, Field(max_length=60, pattern=r"^[a-z0-9-]+$")]
_Label = Annotated[str, Field(max_length=60)]
_Short = Annotated[str, Field(max_length=300)]
_Url = Annotated[str, Field(max_length=2000)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Consent(_Strict):
    """What the website knows about the reader's consent."""

    form_text: Annotated[str, Field(max_length=4000)] = ""
    form_version: _Short = ""
    client_ip: Annotated[str, Field(max_length=45)] = ""
    user_agent: _Short = ""
    page_url: _Url = ""
    extra: Annotated[dict[_Label, _Short | int | bool | None], Field(max_length=20)] = {}


class Signup(_Strict):
    """The body of POST /hooks/signup."""

    address: _Short
    newsletters: Annotated[list[_Slug], Field(min_length=1, max_length=20)]
    name: _Short = ""
    topics: Annotated[list[_Slug], Field(max_length=63)] = []
    language: Annotated[str, Field(max_length=10)] | None = None
    cadence: Annotated[Cadence, Field(strict=False)] | None = None
    article_url: _Url | None = None
    zone: Annotated[str, Field(max_length=64)] | None = None
    hour: Annotated[int, Field(ge=0, le=23)] | None = None
    consent: Consent = Consent()


@router.post("/hooks/signup")
def sign_up(request: Request, app: AppDep, body: Body, background: BackgroundTasks) -> JSONResponse:
    """Ask a reader to confirm; the answer is the same for every address that can exist."""
    delivery_id = signed.verify(request, app, body)
    wanted = _request(_read(bodies.parse_object(body)))

    def work(session: Session) -> dict[str, Any]:
        signup.request(session, wanted, now=app.clock.now())
        return _ANSWER

    answer, is_new = signed.once(app, "signup", delivery_id, work)
    if is_new:
        background.add_task(app.bell.ring, "newsletter.notices")
    return JSONResponse(answer, 202, headers={"Cache-Control": "no-store"})


def _read(payload: dict[str, Any]) -> Signup:
    try:
        return Signup.model_validate(payload)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InvalidInput(
            f"The field {where} cannot be used: {first['msg']}.",
            hint="See docs/api.md for the fields of a signup.",
            reason="bad_field",
        ) from error


def _request(given: Signup) -> SignupRequest:
    consent = given.consent
    return SignupRequest(
        address=given.address,
        newsletters=tuple(given.newsletters),
        evidence=ConsentEvidence(
            channel="webhook",
            form_text=consent.form_text,
            form_version=consent.form_version,
            client_ip=consent.client_ip,
            user_agent=consent.user_agent,
            page_url=consent.page_url,
            extra=dict(consent.extra),
        ),
        name=given.name,
        topics=tuple(given.topics),
        language=given.language,
        cadence=given.cadence,
        article_url=given.article_url,
        zone=given.zone,
        hour=given.hour,
    )
