"""Recognise readers who ask by mail to leave: by the address they wrote to, or by what they say themselves.

A wrong unsubscribe loses a reader, so whole sentences must match: to mention the word is not to ask for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from newsletter.mime.inbound import addresses, leaving
from newsletter.mime.inbound.notice import Notice
from newsletter.mime.inbound.phrases import any_of

_ADDRESS = re.compile(
    r"(?:u-[0-9a-z]{34}|(?:[\w.-]{1,64}-)?(?:unsub(?:scribe)?|leave|signoff)(?:[+.=_-][\w.+=-]{1,64})?)@",
    re.IGNORECASE,
)
_OWN_MAX = 2000  # characters of the reader's own words
_SENTENCES_MAX = 3  # of them that are looked at, greetings not counted
_QUOTATION = any_of(
    r"^[ \t]*(?:>|\||-{2}[ \t]*$|_{5,80}|-{2,80} ?\w[\w' ]{3,40} ?-{2,80})",
    r"^[ \t*]*(?:from|von|de|da|van|från|fra|od|от|差出人|发件人)[ \t]?[:：][* \t]",
    (
        r"^(?:on|am|le|el|il|op|em|den|dnia|w dniu) [^\n]{5,150}(?:\n[^\n]{0,80})?"
        r"(?:wrote|schrieb|écrit|escribió|scritto|schreef|escreveu|skrev|napisał\(?a?\)?) ?:"
    ),
    r"^[^\n]{5,100}(?:wrote|schrieb|a écrit|escribió|ha scritto|schreef|escreveu|skrev|написал\w*) ?:[ \t]*$",
)
_GREETING = re.compile(
    r"(?:hi|hello|hey|dear|good (?:morning|day|evening)|hallo|guten (?:tag|morgen|abend)"
    r"|sehr geehrte\w*|liebe[rs]?|moin|bonjour|madame"
    r"|monsieur|hola|buen[oa]s? \w+|estimad[oa]s?|ciao|buongiorno|salve|gentil[ei]|olá|bom dia"
    r"|boa tarde|beste|geachte|goede\w*|hej"
    r"|cześć|witam|dzień dobry|здравствуйте|добрый день)\b[^.!?\n]{0,40}",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[^.!?。！？\n]+[.!?。！？]?")
_EAST_MAX = 60  # characters of a sentence without spaces
_SUBJECT_MAX = 100  # characters of a subject that is nothing but the request


def request(notice: Notice) -> str:
    """Return the address or the words by which a person asks to leave, or "".

    What machines write must have been told apart before.
    """
    fields = notice.mail.fields
    own = _own(notice.written)
    if leaving.NOT.search(own):
        return ""
    if address(notice):
        return address(notice)
    subject = fields.text("subject").strip()[:_SUBJECT_MAX]
    if _is_request(subject, is_brief=True):
        return subject
    said = list(_sentences(own))
    is_brief = len(said) < _SENTENCES_MAX  # the word, and perhaps a name
    return next((sentence for sentence in said if _is_request(sentence, is_brief=is_brief)), "")


def address(notice: Notice) -> str:
    """Return the address for leaving that a message was written to, or ""."""
    fields = notice.mail.fields
    written_to = addresses.in_fields(fields, "to", "cc", "delivered-to", "x-original-to", "envelope-to")
    return next((address for address in written_to if _ADDRESS.match(address)), "")


def _is_request(sentence: str, *, is_brief: bool) -> bool:
    if sentence.rstrip().endswith("?") and not leaving.ASKING_US.search(sentence):
        return False
    if leaving.REQUEST.fullmatch(sentence) or (is_brief and leaving.ONLY_WORD.fullmatch(sentence)):
        return True
    return (
        len(sentence) < _EAST_MAX
        and bool(leaving.EAST.search(sentence))
        and not leaving.EAST_NOT.search(sentence)
    )


def _own(text: str) -> str:
    """Return what the writer added above the quotation and the signature."""
    cut = _QUOTATION.search(text)
    return text[: cut.start() if cut else len(text)][:_OWN_MAX]


def _sentences(own: str) -> Iterator[str]:
    said = (sentence.group().strip() for sentence in _SENTENCE.finditer(own))
    kept = [sentence for sentence in said if sentence and not _GREETING.fullmatch(sentence.strip(" ,.!"))]
    yield from kept[:_SENTENCES_MAX]
