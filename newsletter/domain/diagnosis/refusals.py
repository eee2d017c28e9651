"""Make a refusal plain: its codes, and its words on one line that phrases can be looked for in."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Characters that are read. The longest refusals that say something new late are Exchange's, at about 1,500.
_READ_MAX = 2000
# A local part has at most 64 octets and a domain 255 (RFC 5321 §4.5.3.1); looking no further keeps the search linear.
_ADDRESS = re.compile(r"[^\s<>\"'():;,=\[\]@]{0,64}@[^\s<>\"'():;,\[\]@]{1,255}")
_CODE = re.compile(r"(?<![\w./-])([45]\d\d)(?![\w./])")
_ENHANCED = re.compile(r"(?<![\w.])([45]\.\d{1,3}\.\d{1,3})(?!\.?\w)")
_STATUS = re.compile(r"\s*([45]\.\d{1,3}\.\d{1,3})(?!\d)")
_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "`": "'", "´": "'"})
_SPELLINGS = (
    ("can't", "cannot"),
    ("n't", " not"),
    ("doesnt", "does not"),
    ("'s", "s"),
    ("(s)", "s"),
)
_NOT_WORDS = re.compile(r"[^\w.]+|_+")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Hold what the tables look at.

    ``code`` is the SMTP reply's ("550") or empty; ``enhanced`` that of the text ("5.1.1") or empty, ``status`` that of
    the report around it (RFC 3464 §2.3.4) or empty. The first of ``lines`` is the reply that the text quotes: code,
    enhanced code and the group of servers that spoke, "-" for what is not known, and the words in lower case, such as
    "550 5.1.1 google recipient address rejected user unknown". Where words stand before the reply, a second line holds
    all of them: what is told about the reply.
    """

    code: str
    enhanced: str
    status: str
    lines: tuple[str, ...]

    @property
    def is_reply(self) -> bool:
        """Say whether a server is quoted: with an enhanced code, or with a code and words behind it."""
        return bool(self.enhanced or (self.code and not self.lines[0].endswith(" ")))

    @property
    def is_temporary(self) -> bool:
        """Say whether the server itself asked for another attempt; the first digit counts (RFC 5321 §4.2.1)."""
        return (self.code or self.enhanced or self.status).startswith("4")


def read(text: str, *, status: str | None = None, group: str | None = None) -> Refusal:
    """Read a reply, a Diagnostic-Code or a sentence of a report; only the first 2,000 characters count."""
    text = text[:_READ_MAX].lower().translate(_APOSTROPHES)
    code, enhanced = _CODE.search(text), _ENHANCED.search(text)
    begins = _begin(text, code or enhanced)
    codes = f"{code.group(1) if code else '-'} {enhanced.group(1) if enhanced else '-'} {group or '-'} "
    before, said = _words(text[:begins]), _words(text[begins:])
    given = _STATUS.match(status or "")
    return Refusal(
        code=code.group(1) if code else "",
        enhanced=enhanced.group(1) if enhanced else "",
        status=given.group(1) if given else "",
        lines=(codes + said, f"{codes}{before} {said}") if before else (codes + said,),
    )


def _begin(text: str, code: re.Match[str] | None) -> int:
    """Return where a reply begins; qmail writes its code behind the words: "no mailbox here by that name. (#5.1.1)"."""
    return 0 if code is None or text[code.start() - 1 : code.start()] == "#" else code.start()


def _words(text: str) -> str:
    if "@" in text:
        text = _ADDRESS.sub(" ", text)
    text = _CODE.sub(" ", _ENHANCED.sub(" ", text))  # each line of a reply repeats them (RFC 2034 §4)
    for written, meant in _SPELLINGS:
        text = text.replace(written, meant)
    words = f" {_NOT_WORDS.sub(' ', text)}"
    return words.replace(" . ", " ").replace(" e mail", " email").replace("mail box", "mailbox").strip()
