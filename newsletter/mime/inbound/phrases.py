"""Compile tables of phrases: alternatives, one notion a line, that are searched for without case."""

from __future__ import annotations

import re

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


def any_of(*phrases: str) -> re.Pattern[str]:
    """Return a pattern that finds any of these; each is a regular expression of bounded repetition."""
    return re.compile("|".join(f"(?:{phrase})" for phrase in phrases), re.IGNORECASE | re.MULTILINE)


def starting_with(*phrases: str) -> re.Pattern[str]:
    """Return a pattern that finds any of these at the start of a text, behind signs at most."""
    return re.compile(r"\A\W{0,8}(?:" + "|".join(f"(?:{phrase})" for phrase in phrases) + ")", re.IGNORECASE)


def whole(*phrases: str) -> re.Pattern[str]:
    """Return a pattern that takes a text only when one of these is all of it, signs and politeness aside."""
    return re.compile(
        rf"\W*{_POLITE}(?:" + "|".join(f"(?:{phrase})" for phrase in phrases) + rf"){_END}\W*",
        re.IGNORECASE,
    )
