"""The catalogues of phrases."""

from __future__ import annotations

import json
import os
import re
from datetime import date, timedelta
from pathlib import Path

import pytest
from markupsafe import Markup

from newsletter.domain.errors import InvalidInput
from newsletter.rendering import words
from newsletter.rendering.environment import Environment
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


@pytest.mark.parametrize(
    ("name", "written", "said"),
    [
        ("foo.json", '{"email.more": "Moo"}', "'foo' is no language"),
        ("pt-BR.json", '{"email.more": "Mais"}', "is more or other"),
        ("pt.json", '{"email.more": ', "cannot be read as JSON"),
        ("pt.json", '["Mais"]', "is no object"),
        ("pt.json", "\udcff", "cannot be read as JSON"),
    ],
)
def test_a_catalogue_that_cannot_be_used_is_left_out_and_named(
    tmp_path: Path, name: str, written: str, said: str
) -> None:
    path = tmp_path / "words" / name
    path.parent.mkdir()
    path.write_bytes(written.encode("utf-8", "surrogateescape"))
    environment = Environment(tmp_path)

    (fault,) = environment.faults()

    assert fault.path == path
    assert said in fault.text
    assert fault.hint
    assert environment.languages() == LANGUAGES
    assert environment.words("pt")("email.more") == "More stories"
    with pytest.raises(InvalidInput) as caught:
        environment.require_language(path.stem)
    assert str(path) in caught.value.message or path.stem == "pt-BR"


def test_a_phrase_that_cannot_be_used_is_left_out_alone_until_it_is_mended(tmp_path: Path) -> None:
    path = tmp_path / "words" / "de.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"email.more": "Noch", "email.issue": "Nr. {nummer}", "email.view": 7}))
    environment = Environment(tmp_path)

    assert [fault.text for fault in environment.faults()] == [
        "the phrase 'email.issue' has the place {nummer}, which nothing is put into",
        "the phrase 'email.view' is no text",
    ]
    assert environment.words("de")("email.more") == "Noch"
    assert environment.words("de")("email.issue", number=3) == "Ausgabe 3"

    path.write_text(json.dumps({"email.issue": "Nr. {number}"}))
    os.utime(path, ns=(0, 0))

    assert environment.faults() == []
    assert environment.words("de")("email.issue", number=3) == "Nr. 3"


def test_a_language_of_the_publishers_own_says_how_much_it_lacks(tmp_path: Path) -> None:
    path = tmp_path / "words" / "pt.json"
    path.parent.mkdir()
    path.write_text('{"email.more": "Mais"}')

    assert Environment(tmp_path).incomplete() == {path: len(catalogue("en")) - 1}
    assert Environment().incomplete() == {}
