"""Say who may do what at the desk."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from newsletter.domain.errors import Forbidden


class Role(StrEnum):
    """Say what somebody may do; each role may do what those before it may."""

    DRAFT = "draft"  # pin, ban, retitle, note, subjects
    SEND = "send"  # approve, hold, veto, breaking news, pause
    ADMIN = "admin"  # newsletters, sources, editors, tokens


_ORDER = list(Role)


class DeskAction(StrEnum):
    """Say what a link in a mail to the desk does."""

    APPROVE = "approve"
    VETO = "veto"


class Way(StrEnum):
    """Say how something was done."""

    CLI = "cli"
    API = "api"
    MAIL = "mail"
    SERVICE = "service"  # by itself, by a rule


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Say who acts, how, and what that one may do; ``newsletters`` empty = all."""

    name: str
    way: Way
    role: Role
    newsletters: frozenset[int] = frozenset()


def require(actor: Actor, role: Role, *, newsletter_id: int | None = None) -> None:
    """Raise Forbidden unless the actor has the role, for that newsletter when one is named.

    Who is bound to some newsletters may do nothing that concerns all (``newsletter_id`` None).
    """
    if not may(actor, role, newsletter_id=newsletter_id):
        raise Forbidden(
            f"{actor.name} may not do this: it takes the role {role.value!r} for this newsletter.",
            hint="Ask an admin: newsletter editors role NAME ROLE",
            reason="role_missing",
        )


def may(actor: Actor, role: Role, *, newsletter_id: int | None = None) -> bool:
    """Say whether an actor has a role, for that newsletter when one is named."""
    is_bound = bool(actor.newsletters)
    return is_at_least(actor.role, role) and (not is_bound or newsletter_id in actor.newsletters)


def is_at_least(role: Role, wanted: Role) -> bool:
    """Say whether a role may do what another may."""
    return _ORDER.index(role) >= _ORDER.index(wanted)


def narrower(first: Role, second: Role) -> Role:
    """Return the role of two that may do less."""
    return min(first, second, key=_ORDER.index)


def common(first: Collection[int], second: Collection[int]) -> frozenset[int] | None:
    """Return the newsletters that two bounds leave, where empty is no bound; None when they leave nothing."""
    if not first or not second:
        return frozenset(first or second)
    return frozenset(first) & frozenset(second) or None
