"""Compile tables of phrases: alternatives, one notion a line, that are searched for without case."""

from __future__ import annotations

import re
from functools import cached_property

_WISHES = (
    r"please|kindly|pls|just|can you|could you|would you|will you|i['’]d like to",
    r"i (?:want|wish|would like|ask you) (?:you )?to",
    r"(?:i am |i['’]m )?not interested(?: any ?more)?|no,? thanks?(?: you)?",
    r"bitte|hiermit|ich (?:möchte|will|bitte)|(?:können|könnten) sie",
    r"merci de|veuillez|je (?:souhaite|veux|voudrais|désire)|pourriez-vous|pouvez-vous|s['’]il vous plaît",
    r"por favor|quiero|quisiera|deseo|solicito|favor|quero|gostaria de|desejo",
    r"per favore|vorrei|voglio|desidero|prego|graag|gelieve|wilt u|kunt u|ik wil",
    r"venligst|vänligen|vennligst|proszę(?: o)?|prosím(?: o)?|chcę|пожалуйста|прошу|хочу|请|lütfen",
)
_THANKS = (
    r"please|now|immediately|asap|today|thanks?(?: you)?|thx|bitte|danke|sofort|merci|svp|s['’]il vous plaît",
    r"gracias|por favor|grazie|obrigad[oa]|dank u|bedankt|aub|a\.u\.b|tack|tak|takk|dziękuję|спасибо|пожалуйста",
)
_POLITE = rf"(?:(?:{'|'.join(_WISHES)})[ ,]+){{0,3}}"
_END = rf"(?:[ ,.!]+(?:{'|'.join(_THANKS)})){{0,3}}"


class Phrases:
    """Hold a pattern that is compiled when it is first asked for: all tables take a quarter of a second, and most
    processes never read a mail.
    """

    def __init__(self, pattern: str, flags: re.RegexFlag) -> None:
        self._text = pattern
        self._flags = flags

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(self._text, self._flags)

    def search(self, text: str) -> re.Match[str] | None:
        """Return the first place where one of them stands."""
        return self._pattern.search(text)

    def match(self, text: str) -> re.Match[str] | None:
        """Return the one that a text starts with."""
        return self._pattern.match(text)

    def fullmatch(self, text: str) -> re.Match[str] | None:
        """Return the one that a text is."""
        return self._pattern.fullmatch(text)


def any_of(*phrases: str) -> Phrases:
    """Return what finds any of these; each is a regular expression of bounded repetition."""
    return Phrases("|".join(f"(?:{phrase})" for phrase in phrases), re.IGNORECASE | re.MULTILINE)


def starting_with(*phrases: str) -> Phrases:
    """Return what finds any of these at the start of a text, behind signs at most."""
    return Phrases(r"\A\W{0,8}(?:" + "|".join(f"(?:{phrase})" for phrase in phrases) + ")", re.IGNORECASE)


def whole(*phrases: str) -> Phrases:
    """Return what takes a text only when one of these is all of it, signs and politeness aside."""
    return Phrases(
        rf"\W*{_POLITE}(?:" + "|".join(f"(?:{phrase})" for phrase in phrases) + rf"){_END}\W*",
        re.IGNORECASE,
    )
