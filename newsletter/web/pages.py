"""Render pages in a newsletter's colours and words, and send them under a strict policy."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from urllib.parse import quote, urlsplit

from fastapi import Request
from markupsafe import Markup
from starlette.responses import HTMLResponse

from newsletter.rendering.environment import Environment
from newsletter.rendering.theme import Theme, theme
from newsletter.rendering.words import FALLBACK, Words
from newsletter.runtime import ids
from newsletter.store.tables import Newsletter

_PLAIN_ACCENT, _PLAIN_GROUND = "#1a4f8b", "#f4f3ef"  # for pages that belong to no newsletter
_LANGUAGE = re.compile(r"\s*([A-Za-z]{2,3})(?:-[A-Za-z0-9]+)*\s*(?:;|$)")
_ICON = (
    "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'><rect width='32' height='32' rx='7' fill='{fill}'/>"
    "<path d='M7 10h18v12H7z M7 10l9 7 9-7' fill='none' stroke='{line}' stroke-width='2'/></svg>"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
# Issues are mails: their styles stand in attributes and their images on the publisher's hosts.
_ISSUE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src https: http: data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True)
class Brand:
    """Hold what stands above and below a page."""

    name: str = ""
    home_url: str = ""
    logo_url: str = ""
    publisher: str = ""
    postal_address: str = ""
    privacy_url: str = ""


class Pages:
    """Make the responses that people see."""

    def __init__(self, environment: Environment, public_url: str) -> None:
        self._environment = environment
        self.public_url = public_url

    def words(self, request: Request, newsletter: Newsletter | None, language: str | None = None) -> Words:
        """Return the phrases of the reader's language, else the newsletter's, else what the browser asks for."""
        wanted = [language, newsletter.language if newsletter else None, *_accepted(request)]
        known = self._environment.languages()
        chosen = next((one for one in wanted if one and one.partition("-")[0] in known), FALLBACK)
        return self._environment.words(chosen)

    def languages(self) -> list[tuple[str, str]]:
        """Return the languages that pages can be in, each with what its speakers call it."""
        return [(tag, self._environment.words(tag).name) for tag in self._environment.languages()]

    def page(
        self,
        request: Request,
        template: str,
        *,
        newsletter: Newsletter | None,
        language: str | None = None,
        status: int = 200,
        is_private: bool = True,
        **values: object,
    ) -> HTMLResponse:
        """Render a page; a private one is kept by nobody and found by no search engine."""
        words = self.words(request, newsletter, language)
        colours = _theme(
            newsletter.accent if newsletter else _PLAIN_ACCENT,
            newsletter.background if newsletter else _PLAIN_GROUND,
            words.direction,
        )
        brand, nonce = _brand(newsletter), ids.nonce()
        body = self._environment.render(
            template,
            words=words,
            theme=colours,
            brand=brand,
            nonce=nonce,
            icon="data:image/svg+xml," + quote(_ICON.format(fill=colours.accent, line=colours.on_accent)),
            is_private=is_private,
            **values,
        )
        headers = (
            _HEADERS | {"Content-Security-Policy": _policy(nonce, brand.logo_url)} | _keeping(is_private)
        )
        return HTMLResponse(body, status, headers=headers)

    def message(
        self,
        request: Request,
        key: str,
        *,
        newsletter: Newsletter | None = None,
        language: str | None = None,
        status: int = 200,
        **values: object,
    ) -> HTMLResponse:
        """Render a page that only says something: the phrases ``{key}title`` and ``{key}lead``."""
        words = self.words(request, newsletter, language)
        return self.page(
            request,
            "web/message.html",
            newsletter=newsletter,
            language=language,
            status=status,
            title=words(f"{key}title", **values),
            paragraphs=[words(f"{key}lead", **values)],
            link=None,
        )

    def issue(self, body: str, *, is_private: bool) -> HTMLResponse:
        """Send an issue as it was mailed."""
        headers = _HEADERS | {"Content-Security-Policy": _ISSUE_POLICY} | _keeping(is_private)
        return HTMLResponse(body, headers=headers)


def address_markup(address: str) -> Markup:
    """Return an address that keeps its order in any script and is not broken at its dots."""
    return Markup('<bdi class="address" dir="ltr">{}</bdi>').format(address)


@cache
def _theme(accent: str, ground: str, direction: str) -> Theme:
    return theme(accent=accent, background=ground, direction=direction)


def _keeping(is_private: bool) -> dict[str, str]:
    if is_private:
        return {"Cache-Control": "no-store", "X-Robots-Tag": "noindex, nofollow"}
    return {"Cache-Control": "public, max-age=60"}


def _brand(newsletter: Newsletter | None) -> Brand:
    if newsletter is None:
        return Brand()
    return Brand(
        name=newsletter.name,
        home_url=newsletter.home_url,
        logo_url=newsletter.logo_url,
        publisher="" if newsletter.postal_address.startswith(newsletter.from_name) else newsletter.from_name,
        postal_address=newsletter.postal_address,
        privacy_url=newsletter.privacy_url,
    )


def _policy(nonce: str, logo_url: str) -> str:
    parts = urlsplit(logo_url)
    logo = f" {parts.scheme}://{parts.netloc}" if parts.netloc else ""
    return (
        f"default-src 'none'; style-src 'nonce-{nonce}'; img-src 'self' data:{logo}; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def _accepted(request: Request) -> list[str]:
    """Return the languages that a browser asks for, in its order."""
    matches = (_LANGUAGE.match(part) for part in request.headers.get("accept-language", "")[:200].split(","))
    return [match[1].lower() for match in matches if match]
