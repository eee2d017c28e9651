"""Bound what a client may send, and read forms and JSON from it."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any  # JSON has any type

from fastapi import Depends, HTTPException, Request
from starlette.datastructures import FormData, Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from newsletter.domain.errors import InvalidInput

_FIELDS_MAX = 200  # of a form: all topics of a newsletter, and some more
_CHARSET = re.compile(r";\s*charset[\s*\d]*=\s*\"?([^\s;\"]*)", re.IGNORECASE)  # also as RFC 2231 writes it
_CHARSETS = frozenset({"utf-8", "us-ascii", "ascii", "iso-8859-1"})


class BodyLimit:
    """Refuse bodies that are too long: by what they announce, and by what really comes."""

    def __init__(
        self, app: ASGIApp, *, default: int, larger: dict[str, int], folders: dict[str, int]
    ) -> None:
        """``larger``: limits of single addresses; ``folders``: of all addresses that begin so."""
        self._app = app
        self._default = default
        self._larger = larger
        self._folders = folders

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count the octets of one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limit(scope["path"])
        announced = Headers(scope=scope).get("content-length", "")
        is_too_long = announced.isdigit() and int(announced) > limit
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if is_too_long or seen > limit:
                raise HTTPException(413)
            return message

        await self._app(scope, counted, send)

    def _limit(self, path: str) -> int:
        folder = next(
            (limit for start, limit in self._folders.items() if path.startswith(start)), self._default
        )
        return self._larger.get(path, folder)


async def read_form(request: Request) -> FormData:
    """Return the fields of a form, urlencoded or multipart without files; empty for any other body.

    A form in another character set is refused: Python has some (unicode_escape, punycode, utf-7) that make of octets
    what can neither be stored nor shown.
    """
    named = _CHARSET.findall(request.headers.get("content-type", ""))
    if not _CHARSETS.issuperset(name.lower() for name in named):
        raise HTTPException(400)
    return await request.form(max_files=0, max_fields=_FIELDS_MAX, max_part_size=64 * 1024)


async def read_body(request: Request) -> bytes:
    """Return the body as it came."""
    return await request.body()


Form = Annotated[FormData, Depends(read_form)]
Body = Annotated[bytes, Depends(read_body)]


def parse_object(body: bytes) -> dict[str, Any]:
    """Return a JSON object; raise InvalidInput for anything else."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidInput("The body is no JSON.", hint="Send a JSON object.", reason="bad_json") from error
    if not isinstance(found, dict):
        raise InvalidInput("The body is no JSON object.", hint="Send a JSON object.", reason="bad_json")
    return found


def field(form: FormData, name: str) -> str:
    """Return a field of a form; empty when it is missing or a file."""
    value = form.get(name)
    return value.replace("\0", "").strip() if isinstance(value, str) else ""


def fields(form: FormData, name: str) -> tuple[str, ...]:
    """Return all values of a field."""
    values = (value.replace("\0", "") for value in form.getlist(name) if isinstance(value, str))
    return tuple(value for value in values if value)
