"""Say in whose name a command acts: whoever can run one may do anything, and what was done is written down."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from newsletter.domain.editors import Actor, Role, Way

By = Annotated[str, typer.Option("--by", help="In whose name; otherwise your user name.")]


def actor(by: str = "") -> Actor:
    """Return who acts."""
    return Actor(name=by or _user(), way=Way.CLI, role=Role.ADMIN)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "operator"
