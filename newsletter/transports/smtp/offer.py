"""Read what a relay offers in its answer to EHLO (RFC 5321 §4.1.1.1)."""

from __future__ import annotations

from dataclasses import dataclass

from newsletter.transports.smtp.replies import Reply


@dataclass(frozen=True, kw_only=True)
class Offer:
    """Hold the extensions that matter to us; nothing is offered in an answer to HELO.

    ``size_max`` 0: no fixed limit (RFC 1870 §4). ``mail_max``: messages in one connection (RFC 9422); 0: not said.
    """

    has_pipelining: bool = False
    has_8bitmime: bool = False
    has_smtputf8: bool = False
    has_dsn: bool = False
    has_size: bool = False
    size_max: int = 0
    has_starttls: bool = False
    mail_max: int = 0
    mechanisms: frozenset[str] = frozenset()


def read(reply: Reply) -> Offer:
    """Return what the lines behind the greeting name; what we do not know is not our concern."""
    words = [line.decode("ascii", "replace").upper().split() for line in reply.lines[1:]]
    found = {keyword: values for keyword, *values in filter(None, words)}
    # Old servers write AUTH=LOGIN beside or instead of AUTH LOGIN.
    mechanisms = {name for line in words for name in _mechanisms(line)}
    return Offer(
        has_pipelining="PIPELINING" in found,
        has_8bitmime="8BITMIME" in found,
        has_smtputf8="SMTPUTF8" in found,
        has_dsn="DSN" in found,
        has_size="SIZE" in found,
        size_max=_number(found.get("SIZE", [])),
        has_starttls="STARTTLS" in found,
        mail_max=_mail_max(found.get("LIMITS", [])),
        mechanisms=frozenset(mechanisms),
    )


def _mechanisms(words: list[str]) -> list[str]:
    if not words or not words[0].startswith("AUTH"):
        return []
    first = words[0].removeprefix("AUTH")
    if first and not first.startswith("="):
        return []
    return [name for name in [first.removeprefix("="), *words[1:]] if name]


def _number(values: list[str]) -> int:
    text = values[0] if values else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0


def _mail_max(values: list[str]) -> int:
    limits = dict(value.split("=", 1) for value in values if "=" in value)
    return _number([limits.get("MAILMAX", "")])
