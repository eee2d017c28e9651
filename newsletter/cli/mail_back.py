"""What the doctor looks at of the mail that comes back: the way to us, and what waits or could not be read."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

from newsletter.cli.findings import Finding, State
from newsletter.domain.arrivals import TO_LOOK_AT, ArrivalStatus
from newsletter.domain.errors import FetchError
from newsletter.runtime.settings import Listener
from newsletter.store import Session, alerts, arrivals, mailboxes
from newsletter.transports import dns
from newsletter.wiring import App

_DOCUMENT = "See docs/operations/bounces.md."
_PATIENCE = 5.0  # seconds for our own receiver to answer
_READ_WITHIN = timedelta(
    minutes=15
)  # a worker reads within seconds; a backlog of a large mailing takes some minutes
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where a listener of all addresses is reached


def examine(service: App, *, offline: bool) -> Iterator[Finding]:
    """Look at the inbound domain, its mail server, and the ways in."""
    settings = service.settings
    if not settings.inbound_domain:
        yield Finding(
            "return path",
            State.NOTE,
            "no inbound domain is set: bounces go to the From address of each newsletter, and are not heard here",
            f"Set NEWSLETTER_INBOUND_DOMAIN. {_DOCUMENT}",
        )
        return
    if not settings.listeners and not service.mailboxes:
        yield Finding(
            "return path",
            State.NOTE,
            "no way in is set: only a mail server that runs newsletter bounces ingest brings mail back",
            _DOCUMENT,
        )
    if offline:
        return
    yield mail_server(settings.inbound_domain)
    for listener in settings.listeners:
        yield receiver(listener)


def mail_server(domain: str, *, server: str = "") -> Finding:
    """Look up who takes the mail of the inbound domain; ``server`` is the name server to ask."""
    try:
        host = dns.mail_server(domain, server=server, patience=_PATIENCE)
    except FetchError as error:
        return Finding("return path", State.NOTE, error.message, "Run the doctor where DNS answers.")
    if host is None:
        return Finding(
            "return path",
            State.FAULT,
            f"nobody can mail to {domain}: there is no such domain, or it takes no mail",
            f"Many receivers refuse mail with such a return path. Publish an MX record. {_DOCUMENT}",
        )
    if host == domain:
        text = f"{domain} has no MX record, so its mail goes to the host of that name"
        return Finding("return path", State.NOTE, text, "Publish an MX record, if that is not meant.")
    return Finding("return path", State.OK, f"{host} takes the mail of {domain}")


def receiver(listener: Listener) -> Finding:
    """Ask our own receiver for its greeting."""
    subject = f"{listener.way} receiver"
    host = _EVERYWHERE.get(listener.host, listener.host)
    try:
        with closing(socket.create_connection((host, listener.port), timeout=_PATIENCE)) as opened:
            is_ready = opened.recv(3) == b"220"
    except OSError:
        is_ready = False
    if is_ready:
        return Finding(subject, State.OK, f"{host}:{listener.port} answers")
    return Finding(
        subject,
        State.NOTE,
        f"{host}:{listener.port} does not answer from here",
        "Mail comes back in vain: start it with newsletter receive, or the service with newsletter up.",
    )


def examine_queue(service: App, session: Session) -> Iterator[Finding]:
    """Look at the mailboxes, and at what came in."""
    for mailbox in service.mailboxes:
        yield _mailbox(session, mailbox.way)
    counts = arrivals.counts(session)
    failed = sum(count for (status, _), count in counts.items() if status is ArrivalStatus.FAILED)
    if failed:
        yield Finding(
            "arrivals",
            State.FAULT,
            f"{failed} of the last 30 days could not be read",
            f"They are kept. Please report what they have in common. {_DOCUMENT}",
        )
    oldest = arrivals.waiting_since(session)
    if oldest is not None and oldest < service.clock.now() - _READ_WITHIN:
        yield Finding(
            "arrivals",
            State.FAULT,
            f"the oldest waits since {oldest:%Y-%m-%d %H:%M} UTC to be read",
            "Check that worker and beat run.",
        )
    for alert in alerts.recent(session, now=service.clock.now()):
        times = "" if alert.count == 1 else f" ({alert.count} times, last {alert.last_at:%Y-%m-%d %H:%M} UTC)"
        yield Finding(f"{alert.code} of {alert.subject}", State.NOTE, f"{alert.text}{times}")
    to_look_at = sum(counts[ArrivalStatus.READ, result] for result in TO_LOOK_AT)
    if to_look_at:
        yield Finding("arrivals", State.OK, f"{to_look_at} of the last 30 days are for a person to look at")


def _mailbox(session: Session, name: str) -> Finding:
    row = mailboxes.get(session, name)
    if row is not None and row.fault:
        return Finding(name, State.FAULT, row.fault_text, "Try at once: newsletter bounces poll")
    if row is None or row.collected_at is None:
        return Finding(
            name,
            State.NOTE,
            "nobody has looked into it yet",
            "Check that worker and beat run, or: newsletter bounces poll",
        )
    return Finding(name, State.OK, f"looked into at {row.collected_at:%Y-%m-%d %H:%M} UTC")
