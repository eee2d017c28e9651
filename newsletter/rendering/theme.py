"""Turn a newsletter's two colours into all that mails and pages need, light and dark."""

from __future__ import annotations

from dataclasses import dataclass

from newsletter.rendering import colours

_PAPER = "#fffefb"
_DARK_PAPER = "#1f2124"
_DARK_GROUND = "#141517"
_MUTED = "#5d5b57"
_LINE = "#dedbd3"


@dataclass(frozen=True, kw_only=True)
class Theme:
    """Hold colours as #rrggbb, and the sides of the page in the reading direction."""

    accent: str
    ground: str
    paper: str
    text: str
    soft: str  # running text
    muted: str  # small print on paper
    muted_on_ground: str
    line: str
    link: str  # the accent, readable on paper
    link_on_ground: str
    on_accent: str
    tint: str  # behind images that are not loaded
    dark_ground: str
    dark_paper: str
    dark_text: str
    dark_soft: str
    dark_muted: str
    dark_line: str
    dark_link: str
    dark_accent: str
    dark_on_accent: str
    direction: str
    start: str
    end: str


def theme(*, accent: str, background: str, direction: str) -> Theme:
    """Derive a theme; every text colour has a contrast of at least 4.5 on its ground."""
    is_rtl = direction == "rtl"
    dark_accent = colours.readable(accent, on=_DARK_PAPER, enough=3.0)
    return Theme(
        accent=accent,
        ground=background,
        paper=_PAPER,
        text=colours.DARK_TEXT,
        soft="#3a3835",
        muted=_MUTED,
        muted_on_ground=colours.readable(_MUTED, on=background),
        line=_LINE,
        link=colours.readable(accent, on=_PAPER),
        link_on_ground=colours.readable(accent, on=background),
        on_accent=colours.text_on(accent),
        tint=colours.mix(_PAPER, accent, 0.08),
        dark_ground=_DARK_GROUND,
        dark_paper=_DARK_PAPER,
        dark_text="#f1efea",
        dark_soft="#d3d0ca",
        dark_muted="#aaa7a1",
        dark_line="#3a3c40",
        dark_link=colours.readable(accent, on=_DARK_PAPER, enough=6.0),
        dark_accent=dark_accent,
        dark_on_accent=colours.text_on(dark_accent),
        direction="rtl" if is_rtl else "ltr",
        start="right" if is_rtl else "left",
        end="left" if is_rtl else "right",
    )
