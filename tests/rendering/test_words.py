"""The catalogues of phrases."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from pathlib import Path

import pytest
from markupsafe import Markup

from newsletter.domain.errors import InvalidInput
from newsletter.rendering import words
from newsletter.runtime import paths

LANGUAGES = ("ar", "de", "en", "es", "fr")


def catalogue(language: str) -> dict[str, str]:
    found: dict[str, str] = json.loads((paths.templates() / "words" / f"{language}.json").read_text("utf-8"))
    return found


def test_the_shipped_languages_are_known() -> None:
    assert words.languages() == LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_phrase_with_the_same_places(language: str) -> None:
    english, other = catalogue("en"), catalogue(language)

    assert sorted(other) == sorted(english)
    for key, phrase in english.items():
        assert sorted(re.findall(r"\{\w+\}", other[key])) == sorted(re.findall(r"\{\w+\}", phrase)), key


def test_dates_are_written_as_the_language_writes_them() -> None:
    day = date(2026, 11, 24)

    assert words.load("en").long_date(day) == "Tuesday, November 24, 2026"
    assert words.load("en-GB").long_date(day) == "Tuesday, 24 November 2026"
    assert words.load("de").long_date(day) == "Dienstag, 24. November 2026"
    assert words.load("de").span(timedelta(days=7)) == "7 Tage"


def test_values_are_put_in_their_places_and_marked_up_ones_escape_the_rest() -> None:
    speak = words.load("en")

    plain = speak("email.byline", author="<b>")
    marked = speak("email.reason", newsletter="<b>", address=Markup("<i>a</i>"))

    assert plain == "By <b>"
    assert not isinstance(plain, Markup)
    assert marked == Markup("You receive &lt;b&gt; because you signed up with <i>a</i>.")


def test_a_missing_phrase_or_value_is_an_error() -> None:
    speak = words.load("en")

    with pytest.raises(words.MissingWords, match="no catalogue has the phrase"):
        speak("email.nothing")
    with pytest.raises(words.MissingWords, match="needs 'author'"):
        speak("email.byline")


def test_a_publisher_overrides_phrases_and_adds_languages(tmp_path: Path) -> None:
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "en.json").write_text('{"email.more": "And also"}')
    (tmp_path / "words" / "pt.json").write_text('{"email.more": "Mais"}')

    assert words.load("en", tmp_path)("email.more") == "And also"
    assert words.load("pt-BR", tmp_path)("email.more") == "Mais"
    assert words.load("pt", tmp_path)("email.unsubscribe") == "Unsubscribe"


def test_an_unknown_language_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(InvalidInput) as caught:
        words.load("xx")

    assert caught.value.reason == "unknown_language"
    assert "ar, de, en" in caught.value.hint
