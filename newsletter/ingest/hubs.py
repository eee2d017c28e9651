"""Subscribe to the hubs that feeds name, and look at once when one of them tells of something new (W3C WebSub)."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from newsletter.domain import polling, websub
from newsletter.domain.errors import FetchError, NotFound
from newsletter.domain.websub import HubState
from newsletter.feeds import guard
from newsletter.feeds.fetch import Fetcher
from newsletter.runtime import ids, logs
from newsletter.store import Session, Transactions, sources
from newsletter.store.tables import Source, SourceStatus

_log = logs.get(__name__)


@dataclass(frozen=True)
class _Ask:
    source_id: int
    hub: str
    fields: dict[str, str]


def ask_due(transactions: Transactions, *, fetcher: Fetcher, public_url: str, now: datetime) -> int:
    """Ask hubs to tell us, to go on, or to end; return how many were asked.

    That we asked is committed before the call: a hub may verify while it answers.
    """
    if not is_reachable(public_url):
        return 0
    with transactions() as session:
        asks = [_prepare(source, public_url, now=now) for source in _due(session, now=now)]
    for each in asks:
        try:
            status = fetcher.post(each.hub, each.fields)
        except FetchError as error:
            _log.warning("hub not reached", source_id=each.source_id, reason=error.reason)
            continue
        if not 200 <= status < 300:
            _log.warning("hub refused", source_id=each.source_id, status=status)
    return len(asks)


def is_any_due(session: Session, *, public_url: str, now: datetime) -> bool:
    """Say whether a hub is to be asked."""
    return is_reachable(public_url) and bool(_due(session, now=now))


def confirm(
    session: Session, token: str, *, mode: str, topic: str, challenge: str, lease_seconds: str, now: datetime
) -> str:
    """Return the challenge when a hub verifies what we asked for, and note it; raise NotFound for anything else."""
    source = sources.by_hub_token(session, token, lock=True)
    if source is None or source.hub_topic != topic or len(challenge) > websub.CHALLENGE_MAX:
        raise _unknown()
    if mode == "denied":
        source.hub_until = None
        _log.warning("hub denied", source_id=source.id)
        return ""
    if not challenge or not websub.may_confirm(_state(source), now=now):
        raise _unknown()
    is_active = source.status is SourceStatus.ACTIVE
    if mode == "subscribe" and is_active:
        source.hub_until = now + websub.lease(lease_seconds)
        return challenge
    if mode == "unsubscribe" and not is_active:
        sources.forget_hub(source)
        return challenge
    raise _unknown()


def ping(session: Session, token: str, *, signature: str, body: bytes, now: datetime) -> int | None:
    """Let a source be asked now, because its hub says that it has something new; return its id.

    What the hub brought is not read: it may be a part of the feed, or in another form, and the feed itself is the
    one way in. None for a call that is not signed, which changes nothing. Raise NotFound for a token that is unknown.
    """
    source = sources.by_hub_token(session, token)
    if source is None:
        raise _unknown()
    if source.hub_secret is None or not websub.is_signed(signature, body, source.hub_secret):
        _log.warning("hub's call not signed", source_id=source.id)
        return None
    earliest = max(now, source.last_poll_at + polling.INTERVAL_MIN) if source.last_poll_at else now
    sources.ask_by(session, source.id, earliest)
    return source.id


def is_reachable(public_url: str) -> bool:
    """Say whether a hub could call us: not where the service runs for trying it out."""
    host = urlsplit(public_url).hostname or ""
    try:
        return guard.is_public(str(ipaddress.ip_address(host)))
    except ValueError:
        return "." in host and not host.endswith((".local", ".localhost", ".internal"))


def _due(session: Session, *, now: datetime) -> list[Source]:
    """Return the sources whose hub is to be asked: active ones, and stopped ones that are still told."""
    return [
        source
        for source in sources.with_hub(session)
        if (source.status is SourceStatus.ACTIVE or _is_told(source, now=now))
        and websub.is_due(_state(source, leaving=source.status is SourceStatus.STOPPED), now=now)
    ]


def _is_told(source: Source, *, now: datetime) -> bool:
    return source.hub_until is not None and source.hub_until > now


def _state(source: Source, *, leaving: bool = False) -> HubState:
    return HubState(asked_at=source.hub_asked_at, until=None if leaving else source.hub_until)


def _prepare(source: Source, public_url: str, *, now: datetime) -> _Ask:
    token = source.hub_token = source.hub_token or ids.secret_bytes(20).hex()
    secret = source.hub_secret = source.hub_secret or ids.secret_bytes(32).hex()
    source.hub_asked_at = now
    is_active = source.status is SourceStatus.ACTIVE
    fields = {
        "hub.callback": f"{public_url.rstrip('/')}/hooks/websub/{token}",
        "hub.mode": "subscribe" if is_active else "unsubscribe",
        "hub.topic": source.hub_topic or source.url,
    }
    if is_active:
        fields["hub.secret"] = secret
        fields["hub.lease_seconds"] = str(int(websub.LEASE_WANTED.total_seconds()))
    return _Ask(source.id, source.hub_url or "", fields)


def _unknown() -> NotFound:
    return NotFound(
        "There is no such subscription.", hint="Let the hub forget it.", reason="unknown_hub_subscription"
    )
