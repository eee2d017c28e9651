"""Publishers may choose any colour; readers can still read."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from newsletter.rendering import colours
from newsletter.rendering.theme import theme

COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


def test_contrast_is_as_wcag_has_it() -> None:
    assert round(colours.contrast("#000000", "#ffffff"), 2) == 21
    assert round(colours.contrast("#767676", "#ffffff"), 2) == 4.54
    assert colours.contrast("#123456", "#123456") == 1


def test_a_readable_colour_is_left_alone() -> None:
    assert colours.readable("#1a4f8b", on="#ffffff") == "#1a4f8b"


@given(COLOURS, COLOURS)
def test_every_text_of_every_theme_can_be_read(accent: str, background: str) -> None:
    made = theme(accent=accent, background=background, direction="ltr")

    pairs = [
        (made.link, made.paper),
        (made.text, made.paper),
        (made.soft, made.paper),
        (made.muted, made.paper),
        (made.dark_link, made.dark_paper),
        (made.dark_link, made.dark_ground),
        (made.dark_text, made.dark_paper),
        (made.dark_muted, made.dark_ground),
    ]
    assert all(colours.contrast(text, ground) >= 4.5 for text, ground in pairs)
    # A mid grey allows neither black nor white to reach much more than 4.5.
    for text, ground in (
        (made.link_on_ground, background),
        (made.muted_on_ground, background),
        (made.on_accent, accent),
        (made.dark_on_accent, made.dark_accent),
    ):
        assert colours.contrast(text, ground) >= 4.1
