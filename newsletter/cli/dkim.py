"""Commands about the keys that sign messages (DKIM)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from newsletter.cli import output
from newsletter.cli.opening import opened
from newsletter.domain import dkim as rules
from newsletter.domain.dkim import KeyRecord
from newsletter.domain.errors import Conflict, NotFound
from newsletter.mime import dkim as signing
from newsletter.store import Session, dkim
from newsletter.store.tables import DkimKey
from newsletter.transports import dns
from newsletter.wiring import App

app = typer.Typer(no_args_is_help=True, help="Make, publish and rotate the keys that sign messages (DKIM).")
Domain = Annotated[
    str, typer.Argument(help="The domain behind the @ of the From address, or a parent of it.")
]
Selector = Annotated[str, typer.Argument(help="The name of the key, as the list shows it.")]


@app.command()
def add(
    domain: Domain,
    selector: Annotated[str, typer.Option(help="A name for the key; otherwise one after the day.")] = "",
    json_wanted: output.AsJson = False,
) -> None:
    """Make a key that signs nothing yet, and print the DNS record that publishes it."""
    named = rules.parse_domain(domain)
    key = signing.new_key()
    with opened() as service, service.transaction() as session:
        chosen = rules.parse_selector(selector or _next_selector(service, session, named), domain=named)
        made = record_of(dkim.add(session, named, chosen, private_key=key, now=service.clock.now()))
    _tell_made(made, f"{named} {chosen}", json_wanted=json_wanted)


@app.command("import")
def import_key(
    domain: Domain,
    selector: Annotated[str, typer.Argument(help="The selector at which the key is published.")],
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="An RSA key in PEM.")],
    json_wanted: output.AsJson = False,
) -> None:
    """Take a key that exists already, such as OpenDKIM's; it signs nothing yet."""
    named = rules.parse_domain(domain)
    chosen = rules.parse_selector(selector, domain=named)
    key = signing.from_pem(file.read_bytes())
    with opened() as service, service.transaction() as session:
        made = record_of(dkim.add(session, named, chosen, private_key=key, now=service.clock.now()))
    _tell_made(made, f"{named} {chosen}", json_wanted=json_wanted)


@app.command()
def record(
    domain: Domain,
    selector: Annotated[str, typer.Option(help="Only the record of this key.")] = "",
    json_wanted: output.AsJson = False,
) -> None:
    """Print the DNS records that must stand: those of all keys of a domain that are not retired."""
    named = rules.parse_domain(domain)
    with opened() as service, service.reading() as session:
        if selector:
            keys = [dkim.get(session, named, rules.parse_selector(selector, domain=named))]
        else:
            keys = [key for key in dkim.of_domain(session, named) if key.retired_at is None]
        records = [record_of(key) for key in keys]
    if not records:
        raise NotFound(
            f"{named} has no key to publish.",
            hint=f"Make one with: newsletter dkim add {named}",
            reason="no_dkim_key",
        )
    if json_wanted:
        output.as_json([_fields(each) for each in records])
        return
    for each in records:
        _print(each)


@app.command()
def activate(
    domain: Domain,
    selector: Selector,
    unchecked: Annotated[
        bool, typer.Option("--unchecked", help="Do not look whether the record is published.")
    ] = False,
    nameserver: Annotated[
        str, typer.Option(help="IP address of the name server to ask; otherwise this machine's.")
    ] = "",
) -> None:
    """Sign with a key from now on, once its DNS record is published; the key that signed before is retired."""
    named = rules.parse_domain(domain)
    with opened() as service:
        with service.reading() as session:
            expected = record_of(dkim.get(session, named, rules.parse_selector(selector, domain=named)))
        if not unchecked:
            _require_published(expected, domain=named, nameserver=nameserver)
        with service.transaction() as session:
            key = dkim.get(session, named, rules.parse_selector(selector, domain=named))
            replaced = dkim.activate(session, key, now=service.clock.now())
        output.say(f"The key {key.selector} signs the mail of {named} from now on.")
        for other in replaced:
            _say_retired(service, other)


@app.command()
def retire(domain: Domain, selector: Selector) -> None:
    """Sign nothing new with a key; messages that it signed once are repeated with it."""
    named = rules.parse_domain(domain)
    with opened() as service, service.transaction() as session:
        key = dkim.get(session, named, rules.parse_selector(selector, domain=named))
        dkim.retire(session, key, now=service.clock.now())
        _say_retired(service, key)
        if dkim.signing_key(session, named) is None:
            output.say(
                f"Mail of {named} is not signed here any more: let the relay sign it, or activate a key."
            )


@app.command("list")
def listing(json_wanted: output.AsJson = False, search: output.Search = "") -> None:
    """List the keys and what each does; private keys are never shown."""
    with opened() as service, service.reading() as session:
        records = [_summary(key) for key in dkim.listing(session)]
    output.table(
        output.matching(records, search),
        json_wanted=json_wanted,
        empty=output.nothing("key", search, "newsletter dkim add DOMAIN"),
    )


def _next_selector(service: App, session: Session, domain: str) -> str:
    taken = {key.selector for key in dkim.of_domain(session, domain)}
    return rules.next_selector(taken, on=service.clock.now().date())


def record_of(key: DkimKey) -> KeyRecord:
    """Return the DNS record that publishes a key."""
    return KeyRecord(rules.record_name(key.domain, key.selector), signing.record_value(key.private_key))


def _require_published(record: KeyRecord, *, domain: str, nameserver: str) -> None:
    if fault := rules.fault_of(dns.texts(record.name, server=nameserver), record):
        raise Conflict(
            f"The TXT record at {record.name} is not as it must be: {fault}.",
            hint=f"Publish what this prints: newsletter dkim record {domain}. Caches may remember for some minutes "
            "that there was none: --nameserver asks the zone's own server, --unchecked signs without looking.",
            reason="not_published",
        )


def _tell_made(record: KeyRecord, key: str, *, json_wanted: bool) -> None:
    if json_wanted:
        output.as_json(_fields(record))
    else:
        _print(record)
    output.say(f"When the record is published: newsletter dkim activate {key}")


def _print(record: KeyRecord) -> None:
    """Print both forms that name servers and their panels take; nothing is wrapped, so that it can be copied."""
    print(f"For a zone file:\n\n{record.zone_line}\n")
    print(f"For a panel that asks for name, type and value:\n\n{record.name}\nTXT\n{record.value}\n")


def _fields(record: KeyRecord) -> output.Record:
    return {
        "name": record.name,
        "type": "TXT",
        "value": record.value,
        "strings": record.strings,
        "zone": record.zone_line,
    }


def _say_retired(service: App, key: DkimKey) -> None:
    until = service.clock.now() + rules.KEEP_PUBLISHED
    output.say(
        f"The key {key.selector} signs nothing new. Mail that it signed is still under way: leave its record at "
        f"{rules.record_name(key.domain, key.selector)} until {until:%Y-%m-%d}."
    )


def _summary(key: DkimKey) -> output.Record:
    return {
        "domain": key.domain,
        "selector": key.selector,
        "status": _status(key),
        "created_at": key.created_at,
        "activated_at": key.activated_at,
        "retired_at": key.retired_at,
    }


def _status(key: DkimKey) -> str:
    if key.retired_at is not None:
        return "retired"
    return "signs" if key.activated_at is not None else "pending"
