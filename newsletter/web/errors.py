"""Turn errors into answers: pages for people, JSON for programs. The only place that knows which status fits."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast  # FastAPI takes handlers of any exception

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.responses import JSONResponse, Response

from newsletter.domain.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    InvalidSignature,
    InvalidToken,
    NewsletterError,
    NotFound,
)
from newsletter.runtime import logs
from newsletter.store import DatabaseUnavailable, OperationalError
from newsletter.web.pages import Pages

_log = logs.get(__name__)
_HOOKS = "/hooks/"

# The first class that fits decides; pages say it in the phrases of that key.
_ANSWERS: tuple[tuple[type[Exception], int, str], ...] = (
    (InvalidToken, 404, "web.token."),
    (InvalidSignature, 401, "web.refused."),
    (Forbidden, 403, "web.refused."),
    (NotFound, 404, "web.missing."),
    (Conflict, 409, "web.refused."),
    (InvalidInput, 422, "web.refused."),
    (DatabaseUnavailable, 503, "web.fault."),
    (OperationalError, 503, "web.fault."),
)
_PAGES = {404: "web.missing.", 405: "web.missing.", 429: "web.limit."}
_SAID = {
    400: ("bad_request", "The request cannot be read.", "Check its body and content type."),
    404: ("not_found", "There is nothing at this address.", "See docs/api.md."),
    405: ("bad_method", "This address does not take this method.", "See docs/api.md."),
    413: ("too_large", "The body is too large.", "Send less at a time."),
    429: ("too_many", "There were too many requests.", "Wait a minute and try again."),
}


def install(web: FastAPI) -> None:
    """Answer every error of the service, and every other one."""
    web.add_exception_handler(NewsletterError, _ours)
    web.add_exception_handler(OperationalError, _ours)
    web.add_exception_handler(RequestValidationError, _missing)
    web.add_exception_handler(StarletteHTTPException, cast("Callable[[Request, Exception], Response]", _http))
    web.add_exception_handler(Exception, _fault)


def error_json(status: int, *, reason: str, message: str, hint: str) -> JSONResponse:
    """Return the body that every refusal of a program's request has."""
    content = {"error": {"reason": reason, "message": message, "hint": hint}}
    return JSONResponse(content, status, headers={"Cache-Control": "no-store"})


def _ours(request: Request, error: Exception) -> Response:
    status, key = next(
        ((status, key) for kind, status, key in _ANSWERS if isinstance(error, kind)), (500, "web.fault.")
    )
    if status >= 500:
        _log.error("request_failed", path=request.url.path, error=type(error).__name__, exc_info=error)
    if _is_for_programs(request):
        is_hook = request.url.path.startswith(_HOOKS)
        status = (
            422 if status == 404 and is_hook else status
        )  # the address exists; what the body names does not
        response = _json(status, error)
        if status == 401 and not is_hook:
            response.headers["WWW-Authenticate"] = "Bearer"  # RFC 6750 §3
        return response
    return _page(request, key, status)


def _http(request: Request, error: HTTPException) -> Response:
    if _is_for_programs(request):
        reason, message, hint = _SAID.get(error.status_code, _SAID[400])
        response: Response = error_json(error.status_code, reason=reason, message=message, hint=hint)
    else:
        response = _page(request, _PAGES.get(error.status_code, "web.refused."), error.status_code)
    response.headers.update(error.headers or {})
    return response


def _missing(request: Request, error: Exception) -> Response:
    """Answer a path that cannot name anything of ours, and to a program which field cannot be read."""
    if _is_for_programs(request) and isinstance(error, RequestValidationError):
        return _bad_field(error)
    return _page(request, "web.missing.", 404)


def _bad_field(error: RequestValidationError) -> JSONResponse:
    """Name the first field that is wrong; what was given is not repeated."""
    first = error.errors()[0]
    place = [str(part) for part in first["loc"]]
    if place[0] == "path":
        reason, message, hint = _SAID[404]
        return error_json(404, reason=reason, message=message, hint=hint)
    if first["type"] == "json_invalid":
        return error_json(422, reason="bad_json", message="The body is no JSON.", hint="Send a JSON object.")
    name = ".".join(place[1:]) or "body"
    message = f"The field {name} cannot be used: {first['msg']}."
    return error_json(422, reason="bad_field", message=message[:400], hint="See docs/api.md.")


def _fault(request: Request, error: Exception) -> Response:
    _log.error("request_failed", path=request.url.path, error=type(error).__name__, exc_info=error)
    if _is_for_programs(request):
        return error_json(500, reason="fault", message="Something is not working.", hint="Try again later.")
    return _page(request, "web.fault.", 500)


def _json(status: int, error: Exception) -> JSONResponse:
    if isinstance(error, NewsletterError) and status < 500:
        return error_json(status, reason=error.reason, message=error.message, hint=error.hint)
    message, hint = "The service is not ready.", "Send the same request again in a minute."
    return error_json(status, reason="unavailable", message=message, hint=hint)


def _page(request: Request, key: str, status: int) -> Response:
    pages: Pages = request.app.state.pages
    return pages.message(request, key, status=status)


def _is_for_programs(request: Request) -> bool:
    return request.url.path.startswith((_HOOKS, "/api/"))
