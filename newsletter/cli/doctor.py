"""Command to check an installation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict
from datetime import datetime
from functools import partial
from http.client import HTTPException
from tempfile import TemporaryFile
from typing import Annotated
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

import typer

from newsletter import wiring
from newsletter.cli import mail_back, output
from newsletter.cli.dkim import record_of
from newsletter.cli.findings import Finding, State
from newsletter.domain import dkim as rules
from newsletter.domain.errors import FetchError, NewsletterError
from newsletter.domain.relays import RelayKind
from newsletter.runtime import logs, settings
from newsletter.store import (
    OperationalError,
    Session,
    destinations,
    dkim,
    keys,
    mailings,
    migrate,
    newsletters,
    sources,
)
from newsletter.store.tables import DkimKey, KeyPurpose, Newsletter
from newsletter.transports import dns
from newsletter.transports.smtp import SmtpTransport
from newsletter.wiring import App

app = typer.Typer(help="Check settings, database, broker and relay; say what to do.")
_PATIENCE = 5.0  # seconds for our own web server to answer
_LOCAL_HOSTS = {"127.0.0.1", "localhost", "::1"}


@app.command()
def doctor(
    json_wanted: output.AsJson = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Leave the relay and the public URL alone.")
    ] = False,
) -> None:
    """Check settings, database, broker, relay and public URL; exit with 1 when something is broken."""
    findings = list(examine(offline=offline))
    if json_wanted:
        output.as_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            _print(finding)
    if any(finding.state is State.FAULT for finding in findings):
        raise typer.Exit(1)


def examine(*, offline: bool) -> Iterator[Finding]:
    """Look at one thing after another."""
    try:
        service = wiring.build(settings.load())
    except NewsletterError as error:
        yield _fault("settings", error)
        return
    logs.configure("ERROR")
    yield Finding("settings", State.OK, "can be read")
    yield from _public_url(service)
    yield from _tried("data folder", _data_folder, service)
    yield from _words(service)
    yield from _tried("broker", _broker, service)
    yield from _tried("providers", _providers, service)
    if not offline:
        yield from _tried("relay", _relay, service)
        yield from _tried("web", _web, service)
    yield from _tried("return path", partial(mail_back.examine, offline=offline), service)
    yield from _tried("database", partial(_database, offline=offline), service)


def _tried(subject: str, look: Callable[[App], Iterator[Finding]], service: App) -> Iterator[Finding]:
    try:
        yield from look(service)
    except NewsletterError as error:
        yield _fault(subject, error)
    except OperationalError as error:
        yield Finding(
            subject, State.FAULT, f"cannot be used: {error.orig}", "Check DATABASE_URL and the server."
        )


def _public_url(service: App) -> Iterator[Finding]:
    parts = urlsplit(service.settings.public_url)
    if parts.hostname in _LOCAL_HOSTS:
        yield Finding(
            "public URL",
            State.NOTE,
            f"{service.settings.public_url} is reachable from this machine only",
            "For real readers set NEWSLETTER_PUBLIC_URL to an https address of your domain.",
        )
    elif parts.scheme != "https":
        yield Finding(
            "public URL",
            State.FAULT,
            f"{service.settings.public_url} is not https, so mail programs offer no one-click unsubscribe",
            "Put the web process behind TLS and set NEWSLETTER_PUBLIC_URL to its https address (RFC 8058 §3.1).",
        )
    else:
        yield Finding("public URL", State.OK, service.settings.public_url)


def _data_folder(service: App) -> Iterator[Finding]:
    folder = service.settings.data_dir.absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            yield Finding("data folder", State.OK, str(folder))
    except OSError as error:
        yield Finding(
            "data folder",
            State.FAULT,
            f"{folder} cannot be written to ({error.strerror})",
            "Give the service's user the folder, or set NEWSLETTER_DATA_DIR to another one.",
        )


def _words(service: App) -> Iterator[Finding]:
    """Judge the publisher's catalogues of phrases: what cannot be used is left out of mails and pages."""
    for fault in service.environment.faults():
        yield Finding("words", State.FAULT, f"{fault.path}: {fault.text}", fault.hint)
    for path, count in service.environment.incomplete().items():
        yield Finding(
            "words",
            State.NOTE,
            f"{path} lacks {count} phrases: English stands in for them",
            "Translate what words/en.json has and it has not.",
        )


def _broker(service: App) -> Iterator[Finding]:
    if service.bell.ping():
        yield Finding("broker", State.OK, "answers")
    elif service.settings.redis_url:
        yield Finding("broker", State.FAULT, "does not answer", "Check REDIS_URL, and that Redis runs.")
    else:
        yield Finding(
            "broker",
            State.NOTE,
            "is not running; the embedded one runs with the service",
            "Start the service with: newsletter up",
        )


def _providers(service: App) -> Iterator[Finding]:
    """Say whose events are taken, and whose would be lost although mail goes out through them."""
    if service.event_feeds:
        yield Finding("providers", State.OK, f"events are taken from {', '.join(service.event_feeds)}")
    silent = {relay.kind for relay in service.relays} - {RelayKind.SMTP} - set(service.settings.providers)
    for kind in sorted(silent):
        yield Finding(
            "providers",
            State.NOTE,
            f"mail goes out through {kind}, and its bounces and complaints are not heard",
            "Set up its webhook and NEWSLETTER_PROVIDERS; see docs/operations/providers.md.",
        )


def _relay(service: App) -> Iterator[Finding]:
    for relay in service.relays:
        try:
            with closing(SmtpTransport(relay)) as transport:
                transport.check()
        except NewsletterError as error:
            yield Finding("relay", State.FAULT, error.message, error.hint)
            continue
        answer = f"{relay.place} answers{', and takes the login' if relay.username else ''}"
        yield Finding("relay", State.OK, answer)


def _web(service: App) -> Iterator[Finding]:
    url = f"{service.settings.public_url}/healthz"
    try:
        with urlopen(url, timeout=_PATIENCE) as answer:  # noqa: S310 - our own setting, http or https
            status = answer.status
    except (URLError, HTTPException, OSError) as error:
        yield Finding(
            "web",
            State.NOTE,
            f"{url} does not answer from here ({getattr(error, 'reason', error)})",
            "Readers could not unsubscribe: start the web process, and check the name and the proxy before it.",
        )
        return
    yield Finding("web", State.OK, f"{url} answers {status}")


def _database(service: App, *, offline: bool) -> Iterator[Finding]:
    service.database.ping()
    kind = "SQLite" if service.database.is_sqlite else "PostgreSQL"
    if not migrate.is_current(service.database):
        yield Finding(
            "database",
            State.FAULT,
            f"{kind} answers, its tables are not of this version",
            "Run: newsletter init",
        )
        return
    yield Finding("database", State.OK, f"{kind}, revision {migrate.head()}")
    with service.reading() as session:
        yield from _keys(session)
        yield from _newsletters(session)
        yield from _sources(session)
        yield from _mailings(session)
        yield from _destinations(session, now=service.clock.now())
        yield from mail_back.examine_queue(service, session)
    yield from _dkim(service, offline=offline)
    service.database.dispose()


def _keys(session: Session) -> Iterator[Finding]:
    signing = {key.purpose for key in keys.listing(session) if key.retired_at is None}
    if missing := [purpose.value for purpose in KeyPurpose if purpose not in signing]:
        yield Finding(
            "keys", State.FAULT, f"none for {', '.join(missing)}", "Make them with: newsletter init"
        )
    else:
        yield Finding("keys", State.OK, "present; a backup holds them too")


def _newsletters(session: Session) -> Iterator[Finding]:
    found = newsletters.listing(session)
    if not found:
        yield Finding("newsletters", State.NOTE, "none yet", "Add one: newsletter newsletters add --help")
    for newsletter in found:
        yield _newsletter(session, newsletter)


def _newsletter(session: Session, newsletter: Newsletter) -> Finding:
    subject = f"newsletter {newsletter.slug}"
    active = [each for each in newsletters.schedules(session, newsletter.id) if each.is_active]
    if not active:
        return Finding(
            subject,
            State.NOTE,
            "has no schedule: issues go out by hand only",
            f'Add one: newsletter schedules add {newsletter.slug} "0 7 * * *"',
        )
    return Finding(subject, State.OK, f"next slot {active[0].next_slot_at:%Y-%m-%d %H:%M} UTC")


def _sources(session: Session) -> Iterator[Finding]:
    for source in sources.listing(session):
        if source.last_error:
            yield Finding(
                f"source {source.id}",
                State.NOTE,
                f"{source.url}: {source.last_error_text or source.last_error}",
                f"Try again with: newsletter sources poll {source.id}",
            )


def _mailings(session: Session) -> Iterator[Finding]:
    for mailing in mailings.unfinished(session):
        yield Finding(
            f"issue {mailing.issue_id}",
            State.NOTE if mailing.fault else State.OK,
            f"is being mailed ({mailing.status}){f': {mailing.fault}' if mailing.fault else ''}",
            f"Account: newsletter issues receipt {mailing.issue_id}",
        )


def _dkim(service: App, *, offline: bool) -> Iterator[Finding]:
    with service.reading() as session:
        domains = {each.from_address.rpartition("@")[2] for each in newsletters.listing(session)}
        keys_found = {domain: dkim.signing_key(session, domain) for domain in sorted(domains)}
    for domain, key in keys_found.items():
        subject = f"dkim {domain}"
        if key is None:
            yield Finding(
                subject,
                State.NOTE,
                "messages are not signed here",
                "Let the relay sign them, or make a key: docs/operations/dkim.md. Gmail and Yahoo refuse bulk mail "
                "that nobody signed.",
            )
        elif offline:
            yield Finding(subject, State.OK, f"{key.selector} of {key.domain} signs")
        else:
            yield _published(subject, key)


def _published(subject: str, key: DkimKey) -> Finding:
    record = record_of(key)
    try:
        fault = rules.fault_of(dns.texts(record.name), record)
    except FetchError as error:
        return Finding(subject, State.NOTE, error.message, "Run the doctor where DNS answers.")
    if fault:
        return Finding(
            subject,
            State.FAULT,
            f"the TXT record at {record.name} is not as it must be: {fault}",
            f"Receivers cannot verify what is mailed now. See the record: newsletter dkim record {key.domain}",
        )
    return Finding(subject, State.OK, f"{key.selector} of {key.domain} signs, and its record is published")


def _destinations(session: Session, *, now: datetime) -> Iterator[Finding]:
    for row in destinations.listing(session):
        is_suspended = row.suspended_until is not None and now < row.suspended_until
        if not row.fault and not is_suspended:
            continue
        name = row.mx_group or row.relay
        until = (
            f"takes nothing until {row.suspended_until:%Y-%m-%d %H:%M} UTC" if is_suspended else "complained"
        )
        yield Finding(
            f"destination {name}",
            State.FAULT if row.fault else State.NOTE,
            f"{until}: {row.fault or row.last_reply}",
            f"When it is mended: newsletter destinations resume {name}",
        )


def _fault(subject: str, error: NewsletterError) -> Finding:
    return Finding(subject, State.FAULT, error.message, error.hint)


def _print(finding: Finding) -> None:
    colours = {State.OK: "green", State.NOTE: "yellow", State.FAULT: "red"}
    console = output.console()
    console.print(f"[{colours[finding.state]}]{finding.state.value:<5}[/] ", end="")
    console.print(f"{finding.subject}: {finding.text}", markup=False, soft_wrap=True)
    if finding.hint and finding.state is not State.OK:
        console.print(f"      {finding.hint}", markup=False, soft_wrap=True)
