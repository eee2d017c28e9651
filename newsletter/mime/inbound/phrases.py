"""Compile tables of phrases: alternatives, one notion a line, that are searched for without case."""

from __future__ import annotations

import re

_POLITE = (
    r"(?:(?:please|kindly|pls|just|can you|could you|would you|will you|i (?:want|wish|would like"
    r"|ask you) (?:you )?to|i['’]d like to"
    r"|bitte|hiermit|ich (?:möchte|will|bitte)|können sie|merci de|veuillez|je (?:souhaite|veux"
    r"|voudrais|désire)|pourriez-vous"
    r"|s['’]il vous plaît|por favor|quiero|quisiera|deseo|solicito|favor|quero|gostaria de|desejo"
    r"|per favore|vorrei|voglio|desidero"
    r"|prego|graag|gelieve|wilt u|kunt u|ik wil|venligst|vänligen|vennligst|proszę(?: o)?|chcę"
    r"|пожалуйста|прошу|хочу)[ ,]+){0,3}"
)
_THANKS = (
    r"(?:[ ,.!]+(?:please|now|immediately|asap|today|thanks?(?: you)?|thx|bitte|danke|sofort|merci"
    r"|svp|s['’]il vous plaît|gracias|por favor"
    r"|grazie|obrigad[oa]|dank u|bedankt|tack|tak|takk|dziękuję|спасибо)){0,3}"
)


def any_of(*phrases: str) -> re.Pattern[str]:
    """Return a pattern that finds any of these; each is a regular expression of bounded repetition."""
    return re.compile("|".join(f"(?:{phrase})" for phrase in phrases), re.IGNORECASE | re.MULTILINE)


def starting_with(*phrases: str) -> re.Pattern[str]:
    """Return a pattern that finds any of these at the start of a text, behind signs at most."""
    return re.compile(r"\A\W{0,8}(?:" + "|".join(f"(?:{phrase})" for phrase in phrases) + ")", re.IGNORECASE)


def whole(*phrases: str) -> re.Pattern[str]:
    """Return a pattern that takes a text only when one of these is all of it, signs and politeness aside."""
    return re.compile(
        rf"\W*{_POLITE}(?:" + "|".join(f"(?:{phrase})" for phrase in phrases) + rf"){_THANKS}\W*",
        re.IGNORECASE,
    )
