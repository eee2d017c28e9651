"""Check that no markup of a stranger takes long, or stops the reading."""

from __future__ import annotations

from time import perf_counter

import pytest

from newsletter.domain import articles


@pytest.mark.parametrize("opening", ["<a ", "<a x='", "<a/", "<!--", "</", "<![", "<script>x</"])
def test_markup_that_never_ends_takes_no_longer_than_any_other(opening: str) -> None:
    began = perf_counter()

    text = articles.text_of_markup("Before. " + opening * 15_000, limit=300)

    assert text.startswith("Before.")
    assert perf_counter() - began < 1  # second; the standard library takes thirty


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("before <![if !vml]>between<![endif]> after", "before between after"),
        ("before <![endless kind]> after", "before after"),
        ("before <![1", "before <![1"),
        ("4 < 5 <3", "4 < 5 <3"),
        ("salt & pepper &", "salt & pepper &"),
    ],
)
def test_marked_sections_of_any_kind_are_skipped(markup: str, text: str) -> None:
    assert articles.text_of_markup(markup, limit=300) == text
