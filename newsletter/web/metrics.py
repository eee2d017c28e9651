"""Tell monitoring how things stand, in the format of Prometheus; nothing of a reader.

Everything is counted in the database when it is asked for: one process knows nothing of what the others did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.responses import PlainTextResponse, Response

from newsletter import __version__
from newsletter.digest import watch
from newsletter.domain.mailings import MessageStatus
from newsletter.store import Session, gauges, progress
from newsletter.store.gauges import Gauges, RecentMailing
from newsletter.web import clients
from newsletter.web.deps import AppDep

router = APIRouter()
_KEPT_FOR = timedelta(minutes=10)  # counts of what is finished: only a late bounce changes them
_PLAIN: tuple[tuple[str, str, Callable[[Gauges], float]], ...] = (
    ("batches_due", "Batches of readers that are due, taken or not.", lambda now: now.batches_due),
    (
        "oldest_due_batch_seconds",
        "How long the oldest of them has been due.",
        lambda now: now.oldest_batch_age,
    ),
    ("notices_waiting", "Confirmations and mails to the desk not sent yet.", lambda now: now.notices_waiting),
    (
        "arrivals_waiting",
        "Mails and webhooks that came in and are not read yet.",
        lambda now: now.arrivals_waiting,
    ),
    (
        "slot_lag_seconds",
        "How long the oldest slot without a planned issue has passed.",
        lambda now: now.slot_lag,
    ),
)
_BY_LABEL: tuple[tuple[str, str, str, Callable[[Gauges], Mapping[str, int]]], ...] = (
    ("alerts_open", "Alerts that are not resolved.", "code", lambda now: now.alerts),
    ("sources", "Sources by state.", "state", lambda now: now.sources),
    ("mailings_unfinished", "Mailings that are not finished.", "status", lambda now: now.mailings),
)
_Counts = Mapping[MessageStatus, int]


@router.get("/metrics")
def metrics(request: Request, app: AppDep) -> Response:
    """Say how things stand, to the networks that may know."""
    if not is_allowed(request, app.settings.metrics_allow):
        return PlainTextResponse("Not from here: see NEWSLETTER_METRICS_ALLOW.\n", 403)
    now = app.clock.now()
    with app.reading() as session:
        collector = _Collected(
            gauges.read(session, beat=watch.BEAT, now=now),
            _messages(session, _kept(request), now=now),
        )
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    return Response(
        generate_latest(registry), media_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"}
    )


def is_allowed(request: Request, networks: tuple[str, ...]) -> bool:
    """Say whether a client may read metrics.

    Behind a proxy that is not trusted, everybody would come from its address: whatever was forwarded is refused then.
    """
    peer = request.client.host if request.client else ""
    client = clients.address_of(request)
    was_forwarded = any(name in request.headers for name in ("x-forwarded-for", "forwarded", "via"))
    if was_forwarded and client == peer:
        return False
    try:
        address = ip_address(client)
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in ip_network(network, strict=False) for network in networks)


class _Kept:
    """Keep the counts of finished mailings of this process for a while."""

    def __init__(self) -> None:
        self.counts: dict[int, tuple[datetime, _Counts]] = {}


def _kept(request: Request) -> _Kept:
    state = request.app.state
    if not hasattr(state, "metrics_kept"):
        state.metrics_kept = _Kept()
    kept: _Kept = state.metrics_kept
    return kept


def _messages(session: Session, kept: _Kept, *, now: datetime) -> list[tuple[RecentMailing, _Counts]]:
    found: list[tuple[RecentMailing, _Counts]] = []
    before, kept.counts = kept.counts, {}
    for mailing in gauges.recent(session, now=now):
        counted_at, counts = before.get(mailing.mailing_id, (None, {}))
        if counted_at is None or not mailing.is_finished or counted_at <= now - _KEPT_FOR:
            by_status = progress.by_status(session, mailing.mailing_id, since=0)
            counted_at, counts = now, {status: count.total for status, count in by_status.items()}
        if mailing.is_finished:
            kept.counts[mailing.mailing_id] = counted_at, counts
        found.append((mailing, counts))
    return found


class _Collected(Collector):
    """Hand what was counted to the format."""

    def __init__(self, now: Gauges, messages: list[tuple[RecentMailing, _Counts]]) -> None:
        self._now = now
        self._messages = messages

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield each metric."""
        info = GaugeMetricFamily("newsletter_info", "The version that runs.", labels=["version"])
        info.add_metric([__version__], 1)
        yield info
        for name, text, value in _PLAIN:
            yield GaugeMetricFamily(f"newsletter_{name}", text, value=value(self._now))
        if self._now.last_beat_age is not None:
            yield GaugeMetricFamily(
                "newsletter_last_beat_seconds",
                "How long ago a worker last looked after everything.",
                value=self._now.last_beat_age,
            )
        for name, text, label, values in _BY_LABEL:
            family = GaugeMetricFamily(f"newsletter_{name}", text, labels=[label])
            for key, count in sorted(values(self._now).items()):
                family.add_metric([key], count)
            yield family
        yield self._of_mailings()

    def _of_mailings(self) -> GaugeMetricFamily:
        family = GaugeMetricFamily(
            "newsletter_messages",
            "Messages of the last day's mailings, and of those that go out, by what became of them.",
            labels=["newsletter", "issue", "kind", "status"],
        )
        for mailing, counts in self._messages:
            for status in MessageStatus:
                labels = [mailing.slug, str(mailing.number), mailing.kind, status.name.lower()]
                family.add_metric(labels, counts.get(status, 0))
        return family
