"""Lay a message out for those who read reports: what the machine wrote, and what it returns of our message."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from newsletter.mime.inbound import addresses
from newsletter.mime.inbound.fields import Fields
from newsletter.mime.inbound.parts import TEXT_MAX, Mail, Part, header_block, parse

RETURNED = (
    "message/rfc822",
    "text/rfc822-headers",
    "message/rfc822-headers",
    "message/global",
    "message/global-headers",
    "text/rfc822",
)
_MESSAGE = r"(?:message|mail|e-?mail|text|header)s?"
_BEHIND_DASHES = (
    rf"(?:original|unsent|undelivered|returned|rejected) {_MESSAGE}"
    r"|message (?:headers?|text)|(?:copy|headers?|body) of"
)
_BEFORE_COLON = (
    rf"copy of (?:the|your) (?:original )?{_MESSAGE}|(?:original|unsent|undelivered|returned) {_MESSAGE}(?: headers?)?"
    rf"|message headers?|headers? of (?:the|your)(?: original)? {_MESSAGE}|content of the message"
)
_ELSEWHERE = (
    r"ursprüngliche (?:nachricht|e-?mail)|message d.origine|mensaje original|mensagem original|messaggio originale"
    r"|oorspronkelijk bericht|исходное сообщение|元のメッセージ|オリジナルメッセージ|原始邮件"
)
# A line that says: here begins what you wrote. It ends with a colon, dashes or "follows", or begins with dashes.
_CUT = re.compile(
    rf"[ \t>*]{{0,8}}(?:[-=_*#]{{2,80}}.{{0,60}}\b(?:{_BEHIND_DASHES})\b"
    rf"|.{{0,40}}\b(?:{_BEFORE_COLON})\b[^\n.:]{{0,40}}(?::|follows?[:.]?|below[:.]?|[-=_*]{{2,80}})[ \t]*$"
    rf"|.{{0,20}}(?:{_ELSEWHERE})[^\n.:]{{0,40}}[ \t:：]*$)",
    re.IGNORECASE,
)
# Each match of it holds one of these, and to look for words is quicker.
_CUT_WORDS = tuple(
    "original|unsent|undeliv|returned|rejected|copy|header|message|body of|content of|nachricht|e-mail"
    "|bericht|сообщение|メッセージ|邮件".split("|")
)
_FOR = re.compile(rf"\bfor <?({addresses.ADDRESS})")
_QUOTE = re.compile(r"^[>|] ?", re.MULTILINE)
_HEADER_LINE = re.compile(r"^(?:[>|] ?)?([A-Za-z][\w-]{1,40}):(?!//)")
_ONLY_IN_HEADERS = frozenset(
    "received return-path message-id mime-version dkim-signature delivered-to "
    "content-type x-mailer x-original-to".split()
)


@dataclass
class Notice:
    """Hold one message with the views that readers of reports share."""

    mail: Mail

    @cached_property
    def _returned_part(self) -> Part | None:
        found = self.mail.of_type(*RETURNED)
        if found:
            return found
        return next(
            (part for part in self.mail.parts[1:] if "from" in part.fields and "to" in part.fields), None
        )

    @cached_property
    def own_parts(self) -> list[Part]:
        """Return the leaves that are not our message coming back."""
        parts = self.mail.parts
        if self._returned_part in parts:
            parts = parts[: parts.index(self._returned_part)]
        return parts

    @cached_property
    def written(self) -> str:
        """Return the readable text, with whatever is quoted in it."""
        for kind in ("text/plain", "text/html"):
            texts = [part.text for part in self.own_parts if part.type == kind]
            if any(text.strip() for text in texts):
                return "\n".join(texts)[:TEXT_MAX]
        return ""

    @cached_property
    def _cut_at(self) -> int:
        """Return where in the readable text our own message begins."""
        return min(_announced_at(self.written), _headers_at(self.written, strict=True))

    @cached_property
    def text(self) -> str:
        """Return what the machine wrote, up to what it returns."""
        return self.written[: self._cut_at]

    @cached_property
    def returned(self) -> Fields:
        """Return the header of our message, as far as it came back."""
        part = self._returned_part
        if part:
            return header_block(part.content) if part.type in RETURNED else part.fields
        rest = _QUOTE.sub("", self.written[self._cut_at :])
        return header_block(rest[_headers_at(rest, strict=False) :].encode("utf-8", "replace"))

    @property
    def returned_report(self) -> Notice | None:
        """Return what came back when that is a report itself."""
        part = self._returned_part
        inner = parse(part.content) if part and part.type in RETURNED else None
        return Notice(inner) if inner and inner.type == "multipart/report" else None

    @cached_property
    def addressed(self) -> frozenset[str]:
        """Return the addresses that this message itself went to: ours.

        X-Original-To is left out: in the notices of one server (dma) it names who failed.
        """
        return addresses.folded(addresses.in_fields(self.mail.fields, "to", "delivered-to", "envelope-to"))

    @cached_property
    def addressees(self) -> frozenset[str]:
        """Return the addresses that our message, as it came back, was on its way to."""
        named = addresses.in_fields(
            self.returned, "to", "cc", "delivered-to", "x-original-to", "x-envelope-to"
        )
        return addresses.folded(named + _FOR.findall("\n".join(self.returned.all("received"))))

    @cached_property
    def senders(self) -> frozenset[str]:
        """Return the addresses that our message, as it came back, went out from."""
        return addresses.folded(
            addresses.in_fields(self.returned, "return-path", "from", "sender", "reply-to", "errors-to")
        )


def _announced_at(text: str) -> int:
    """Return where a line says that our message follows."""
    position = 0
    for line in text.split("\n"):
        lowered = line.lower()
        if any(word in lowered for word in _CUT_WORDS) and _CUT.match(line):
            return position
        position += len(line) + 1
    return len(text)


def _headers_at(text: str, *, strict: bool) -> int:
    """Return where two header lines in a row begin; strictly, one of them stands in nothing but headers."""
    position, run_at, run = 0, 0, 0
    is_sure = not strict
    for line in text.split("\n"):
        field = _HEADER_LINE.match(line)
        if field:
            run_at = run_at if run else position
            run += 1
            is_sure = is_sure or field.group(1).lower() in _ONLY_IN_HEADERS
            if run > 1 and is_sure:
                return run_at
        elif not (run and line[:1] in " \t" and line.strip()):
            run, is_sure = 0, not strict
        position += len(line) + 1
    return len(text)
