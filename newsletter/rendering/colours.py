"""Keep the publisher's colours readable: contrast as WCAG 2.2 §1.4.3 measures it."""

from __future__ import annotations

LIGHT_TEXT = "#fdfdfc"  # never pure white or black: clients that invert colours turn those into glare
DARK_TEXT = "#1c1b1a"
ENOUGH = 4.5  # contrast of body text, WCAG 2.2 §1.4.3
_STEPS = 40


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours such as "#1a4f8b", from 1 to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def text_on(ground: str) -> str:
    """Return the near-black or near-white that reads better on a ground."""
    return max((DARK_TEXT, LIGHT_TEXT), key=lambda text: contrast(text, ground))


def readable(colour: str, *, on: str, enough: float = ENOUGH) -> str:
    """Return the colour, moved towards black or white only as far as it must to be read on a ground."""
    towards = text_on(on)
    steps = (mix(colour, towards, step / _STEPS) for step in range(_STEPS))
    return next((mixed for mixed in steps if contrast(mixed, on) >= enough), towards)


def mix(one: str, other: str, share: float) -> str:
    """Return a colour with ``share`` (0 to 1) of ``other`` in it."""
    pairs = zip(_channels(one), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(channel / 255) for channel in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)
