"""Find the files that are shipped beside the code."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


def templates() -> Path:
    """Return the folder of the templates: the checkout's, or the copy inside the installed package.

    The checkout comes first, because an editable installation leaves a copy behind that goes stale.
    """
    checkout = _PACKAGE.parent
    is_checkout = (checkout / "pyproject.toml").is_file() and (checkout / "templates").is_dir()
    return (checkout if is_checkout else _PACKAGE) / "templates"
