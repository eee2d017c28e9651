"""Commands about readers."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from io import TextIOWrapper
from pathlib import Path
from typing import IO, Annotated

import typer

from newsletter.cli import output
from newsletter.cli.newsletters import Slug
from newsletter.cli.opening import opened
from newsletter.domain import addresses
from newsletter.domain.consent import ConsentEvidence
from newsletter.domain.errors import InvalidInput, NotFound
from newsletter.domain.subscriptions import Cadence
from newsletter.store import Session, consent, newsletters, subscribers, subscriptions, suppressions
from newsletter.store.tables import Subscriber, Subscription
from newsletter.subscribing import exporting, importing, privacy, signup, unsubscribe
from newsletter.subscribing.importing import ImportReport
from newsletter.subscribing.signup import SignupRequest

app = typer.Typer(no_args_is_help=True, help="Add, find, import and export readers.")
Address = Annotated[str, typer.Argument(help="The reader's mail address.")]
_REJECTIONS_SHOWN = 20


@app.command()
def add(
    address: Address,
    newsletter: Annotated[list[str], typer.Option(help="Slug of a newsletter; may be repeated.")],
    name: Annotated[str, typer.Option(help="As the reader wants to be addressed.")] = "",
    topic: Annotated[
        list[str] | None, typer.Option(help="Slug of a topic; may be repeated; none = all.")
    ] = None,
    language: Annotated[str, typer.Option(help="A language tag, such as en.")] = "",
    cadence: Annotated[Cadence, typer.Option(help="How often.")] = Cadence.EVERY_ISSUE,
    zone: Annotated[str, typer.Option(help="The reader's IANA time zone.")] = "",
    hour: Annotated[
        int | None, typer.Option(min=0, max=23, help="Of the reader's day; none = at once.")
    ] = None,
) -> None:
    """Ask somebody to confirm a subscription; the reader gets a mail and decides."""
    wanted = SignupRequest(
        address=address,
        newsletters=tuple(newsletter),
        name=name,
        topics=tuple(topic or ()),
        language=language or None,
        cadence=cadence,
        zone=zone or None,
        hour=hour,
        evidence=ConsentEvidence(channel="cli"),
    )
    with opened() as service:
        with service.transaction() as session:
            result = signup.request(session, wanted, now=service.clock.now())
        if result.notice_ids:
            service.bell.ring("newsletter.notices")
    if result.notice_ids:
        output.say("A confirmation mail is on its way.")
    for slug, silence in result.silences.items():
        output.say(f"No mail for {slug}: {silence.value.replace('_', ' ')}.")


@app.command("list")
def listing(
    newsletter: Annotated[str, typer.Option(help="Only readers of this newsletter.")] = "",
    json_wanted: output.AsJson = False,
    search: output.Search = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 50,
    after: Annotated[int, typer.Option(help="Only readers with a higher id: the next page.")] = 0,
) -> None:
    """List readers, or find them by a piece of their name or address."""
    with opened() as service, service.reading() as session:
        newsletter_id = newsletters.by_slug(session, newsletter).id if newsletter else None
        found = subscribers.search(session, search, newsletter_id=newsletter_id, limit=limit, after_id=after)
        names = {each.id: each.slug for each in newsletters.listing(session)}
        records = [_summary(session, subscriber, names) for subscriber in found]
    output.table(
        records,
        json_wanted=json_wanted,
        empty=output.nothing("reader", search, "newsletter subscribers add ADDRESS --newsletter SLUG"),
    )
    if len(records) == limit and not json_wanted:
        output.say(f"More with: --after {records[-1]['id']}")


@app.command()
def show(address: Address, json_wanted: output.AsJson = False) -> None:
    """Show one reader: subscriptions, what was agreed to and when, and whether mail is suppressed."""
    with opened() as service, service.reading() as session:
        fields = _fields(session, _find(session, address), now=service.clock.now())
    output.record(fields, json_wanted=json_wanted)


@app.command()
def erase(
    address: Address,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; it cannot be undone.")] = False,
) -> None:
    """Erase what names a reader, for good: address, name, mails that came back; receipts still add up."""
    with opened() as service:
        with service.reading() as session:
            subscriber_id = _find(session, address).id
        if not yes:
            typer.confirm("This cannot be undone. Erase the reader?", abort=True, err=True)
        with service.transaction() as session:
            privacy.erase(session, subscriber_id, now=service.clock.now())
    output.say("The reader is erased. What suppressed the address still does.")


@app.command()
def leave(
    address: Address,
    newsletter: Annotated[str, typer.Option(help="Slug; otherwise all newsletters.")] = "",
) -> None:
    """End a reader's subscription, as if the reader had clicked on the link."""
    with opened() as service, service.transaction() as session:
        subscriber, now = _find(session, address), service.clock.now()
        if newsletter:
            newsletter_id = newsletters.by_slug(session, newsletter).id
            ended = int(
                unsubscribe.leave(
                    session, subscriber_id=subscriber.id, newsletter_id=newsletter_id, channel="cli", now=now
                )
            )
        else:
            ended = len(unsubscribe.leave_all(session, subscriber_id=subscriber.id, channel="cli", now=now))
    output.say(f"Ended {ended} subscription{'' if ended == 1 else 's'}.")


@app.command("import")
def import_(
    newsletter: Slug,
    file: Annotated[Path, typer.Argument(help="A CSV file in UTF-8; - reads from stdin.")],
    consent_text: Annotated[
        str, typer.Option(help="What the readers agreed to, when the file has no column for it.")
    ] = "",
    json_wanted: output.AsJson = False,
) -> None:
    """Import readers who have agreed and confirmed elsewhere.

    Columns, by name in the first line: address (or email), and as you have them name, topics, language, cadence,
    status, confirmed_at, consent. Good rows are imported, bad ones reported with their lines. After a break, import
    the same file again: nobody is imported twice, and nobody who has left comes back.
    """
    evidence = ConsentEvidence(channel="import", form_text=consent_text, extra={"file": file.name})
    with opened() as service, _reading(file) as lines, output.counting("rows") as progress:
        report = importing.import_csv(
            service.transaction,
            lines,
            newsletter,
            evidence=evidence,
            progress=progress,
            now=service.clock.now(),
        )
    _account(report, json_wanted=json_wanted)


@app.command()
def export(
    newsletter: Slug,
    file: Annotated[Path, typer.Argument(help="Where to write; - is stdout.")] = Path("-"),
) -> None:
    """Write everybody who has, had or asked for a newsletter as CSV that can be imported again."""
    with opened() as service, service.reading() as session, _writing(file) as stream:
        for line in exporting.export_csv(session, newsletter):
            stream.write(line)


@contextmanager
def _reading(file: Path) -> Iterator[IO[str]]:
    try:
        with _source(file) as octets, TextIOWrapper(octets, encoding="utf-8-sig", newline="") as stream:
            yield stream
    except FileNotFoundError as error:
        raise NotFound(f"There is no file {file}.", hint="Check its name.", reason="no_file") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"The file {file} is not in UTF-8.",
            hint="Save it as CSV UTF-8 and import it again: what was imported so far is not imported twice.",
            reason="bad_encoding",
        ) from error


def _source(file: Path) -> AbstractContextManager[IO[bytes]]:
    """Return the file, or stdin, whatever character set the terminal has."""
    return nullcontext(sys.stdin.buffer) if str(file) == "-" else file.open("rb")


@contextmanager
def _writing(file: Path) -> Iterator[IO[str]]:
    if str(file) == "-":
        yield sys.stdout
        return
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)  # addresses are for nobody else
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as stream:
        yield stream


def _account(report: ImportReport, *, json_wanted: bool) -> None:
    counts = {
        "read": report.read_count,
        "added": report.added,
        "already": report.already,
        "rejected": report.rejected_count,
    }
    rejections: list[output.Record] = [
        {"line": each.line, "reason": each.reason, "text": each.text} for each in report.rejected
    ]
    if json_wanted:
        output.as_json(counts | {"reasons": dict(report.reasons), "rejections": rejections})
        return
    output.record(counts, json_wanted=False)
    if rejections:
        output.table(rejections[:_REJECTIONS_SHOWN], json_wanted=False, empty="")
    if report.rejected_count > _REJECTIONS_SHOWN:
        output.say(f"{report.rejected_count - _REJECTIONS_SHOWN:,} more rejected rows; see them with --json.")


def _find(session: Session, address: str) -> Subscriber:
    found = subscribers.find(session, addresses.parse(address))
    if found is None:
        raise NotFound(
            "No reader has this address.",
            hint="Look for one with: newsletter subscribers list --search",
            reason="unknown_reader",
        )
    return found


def _summary(session: Session, subscriber: Subscriber, names: dict[int, str]) -> output.Record:
    held = subscriptions.of_subscriber(session, subscriber.id)
    return {
        "id": subscriber.id,
        "address": subscriber.address,
        "name": subscriber.name,
        "newsletters": [f"{names[each.newsletter_id]} {each.status.value}" for each in held],
        "created_at": subscriber.created_at,
    }


def _fields(session: Session, subscriber: Subscriber, *, now: datetime) -> output.Record:
    suppression = suppressions.why(session, subscriber.address_key or "", now=now)
    return {
        "id": subscriber.id,
        "address": subscriber.address,
        "name": subscriber.name,
        "language": subscriber.language,
        "created_at": subscriber.created_at,
        "suppressed": suppression.reason if suppression else None,
        "subscriptions": [
            _subscription(session, each) for each in subscriptions.of_subscriber(session, subscriber.id)
        ],
        "consent": [
            {"at": event.at, "kind": event.kind, "channel": event.evidence.get("channel")}
            for event in consent.of_subscriber(session, subscriber.id)
        ],
    }


def _subscription(session: Session, subscription: Subscription) -> dict[str, object]:
    topics = newsletters.topics(session, subscription.newsletter_id, with_retired=True)
    return {
        "newsletter": newsletters.get(session, subscription.newsletter_id).slug,
        "status": subscription.status,
        "topics": [topic.slug for topic in topics if subscription.topics >> topic.number & 1] or "all",
        "cadence": subscription.cadence,
        "requested_at": subscription.requested_at,
        "confirmed_at": subscription.confirmed_at,
        "ended_at": subscription.ended_at,
        "end_reason": subscription.end_reason,
    }
