"""Speak the reader's language: a catalogue of phrases per language, and dates."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError, dates
from markupsafe import Markup, escape

from newsletter.domain.errors import InvalidInput
from newsletter.rendering import catalogues
from newsletter.rendering.catalogues import FALLBACK, PLACE

__all__ = ["FALLBACK", "MissingWords", "Words", "direction", "languages", "load", "require"]

_RTL = frozenset({"ar", "fa", "he", "ur"})


class MissingWords(LookupError):
    """Say that no catalogue has a phrase."""


class Words:
    """Hold the phrases of one language; English stands in for what is missing."""

    def __init__(self, language: str, phrases: Mapping[str, str]) -> None:
        self.language = language
        self._phrases = phrases
        self._locale = Locale.parse(language, sep="-")

    @property
    def direction(self) -> str:
        """Return "rtl" or "ltr"."""
        return direction(self.language)

    @property
    def name(self) -> str:
        """Return what the language is called by those who speak it."""
        said: str = self._locale.get_language_name(self.language) or self.language
        return said[:1].upper() + said[1:]

    def __call__(self, key: str, **values: object) -> str:
        """Return a phrase with its {places} filled; marked-up values give marked-up text, all else escaped."""
        try:
            phrase = self._phrases[key]
        except KeyError:
            raise MissingWords(f"no catalogue has the phrase {key!r}") from None
        if any(hasattr(value, "__html__") for value in values.values()):
            return _filled_markup(phrase, values)
        return PLACE.sub(lambda place: str(_value(place, values)), phrase)

    def long_date(self, day: date) -> str:
        """Return a day with its weekday, as in "Tuesday, November 24, 2026"."""
        return dates.format_date(day, "full", locale=self._locale)

    def plain_date(self, day: date) -> str:
        """Return a day, as in "November 24, 2026"."""
        return dates.format_date(day, "long", locale=self._locale)

    def moment(self, instant: datetime, *, zone: ZoneInfo) -> str:
        """Return a day and a time, as in "November 24, 2026, 7:00 AM"."""
        day = dates.format_date(instant.astimezone(zone).date(), "long", locale=self._locale)
        return f"{day}, {dates.format_time(instant, 'short', tzinfo=zone, locale=self._locale)}"

    def span(self, length: timedelta) -> str:
        """Return a length of time, as in "7 days"."""
        return dates.format_timedelta(length, granularity="day", threshold=10, locale=self._locale)


def languages(folder: Path | None = None) -> tuple[str, ...]:
    """Name the languages that have a catalogue, the shipped ones and those of the publisher's template folder."""
    return catalogues.languages(folder)


def load(language: str, folder: Path | None = None) -> Words:
    """Read a language's phrases; what the publisher's template folder has goes before what is shipped.

    ``language`` may carry a region ("pt-BR"): it decides dates, the catalogue is the language's.
    """
    require(language, folder)
    base = language.partition("-")[0]
    phrases = catalogues.phrases(base, folder)
    try:
        return Words(language, phrases)
    except (UnknownLocaleError, ValueError):
        return Words(base, phrases)


def require(language: str, folder: Path | None = None) -> None:
    """Raise InvalidInput for a language without words, and say what is wrong with its catalogue when there is one."""
    base, known = language.partition("-")[0], languages(folder)
    if base in known:
        return
    for fault in catalogues.faults(folder):
        if fault.path.stem == base:
            raise fault.as_error()
    raise InvalidInput(
        f"There are no words for the language {language!r}.",
        hint=f"Use one of {', '.join(known)}, or add words/{base}.json to the template folder.",
        reason="unknown_language",
    )


def direction(language: str) -> str:
    """Return in which direction a language is written: "rtl" or "ltr"."""
    return "rtl" if language.partition("-")[0] in _RTL else "ltr"


def _filled_markup(phrase: str, values: Mapping[str, object]) -> Markup:
    filled = PLACE.sub(lambda place: str(escape(_value(place, values))), str(escape(phrase)))
    return Markup(filled)  # noqa: S704 - phrase and values are escaped above


def _value(place: re.Match[str], values: Mapping[str, object]) -> object:
    try:
        return values[place[1]]
    except KeyError:
        raise MissingWords(f"the phrase {place.string!r} needs {place[1]!r}") from None
