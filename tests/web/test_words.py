"""Check that every page can be said in every language."""

from __future__ import annotations

import json
import re

import pytest

from newsletter.rendering import words
from newsletter.runtime import paths


def phrases(language: str) -> dict[str, str]:
    """Return the phrases of pages in one language."""
    found = json.loads((paths.templates() / "words" / f"{language}.json").read_text("utf-8"))
    return {key: phrase for key, phrase in found.items() if key.startswith("web.")}


@pytest.mark.parametrize("language", words.languages())
def test_every_language_says_what_english_says(language: str) -> None:
    english, other = phrases("en"), phrases(language)

    assert english.keys() == other.keys()
    for key, phrase in english.items():
        assert set(re.findall(r"\{\w+\}", phrase)) == set(re.findall(r"\{\w+\}", other[key])), key
