"""Compose the mail that one reader would get, for previews and test sends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from newsletter.digest import build
from newsletter.domain import addresses, layout
from newsletter.domain.errors import NotFound
from newsletter.domain.rendered import FrozenIssue
from newsletter.sending import context, proof, sample, signing
from newsletter.store import Session, issues, newsletters, subscribers
from newsletter.transports.base import Envelope
from newsletter.wiring import App


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Say which issue, chosen for whom: ``issue`` None = the next one; ``reader`` "" = one of these topics.

    ``language`` is that of the frame; "": the newsletter's.
    """

    newsletter: str
    issue: int | None = None
    reader: str = ""
    topics: Sequence[str] = ()
    language: str = ""


@dataclass(frozen=True)
class Proofs:
    """Hold marked mails, and the subjects that are tested, when some are: of each there is a mail to each address."""

    mails: Sequence[tuple[Envelope, bytes]]
    subjects: Sequence[str]


def compose(service: App, wanted: Wanted, addresses_to: Sequence[str]) -> Proofs:
    """Return a marked mail for each address and each subject; nothing is written and no state moves."""
    now = service.clock.now()
    recipients = [addresses.parse(text) for text in addresses_to]
    with service.reading() as session:
        preview = _preview(session, service, wanted, now=now)
        picks = _picks(session, preview.frozen, wanted, now=now)
        rings = context.load_rings(session)
        signers = signing.load(session, preview.frozen.identity.from_address)
    frozen = preview.frozen
    subjects = frozen.subjects if frozen.is_tested else ()
    mails = [
        proof.compose(
            preview.frozen,
            preview.blocks,
            rings=rings,
            signers=signers,
            settings=service.settings,
            picks=picks,
            address=str(recipient),
            now=now,
            arm=arm,
            language=preview.other_language,
        )
        for recipient in recipients
        for arm in range(len(subjects) or 1)
    ]
    return Proofs(mails, [layout.shorten(subject, layout.SUBJECT_MAXIMUM) for subject in subjects])


def _preview(session: Session, service: App, wanted: Wanted, *, now: datetime) -> build.Preview:
    newsletter = newsletters.by_slug(session, wanted.newsletter)
    environment, maximum = service.environment, service.settings.message_max_bytes
    if wanted.issue is None:
        return build.preview(
            session,
            newsletter.id,
            environment=environment,
            now=now,
            message_max_bytes=maximum,
            language=wanted.language,
        )
    issue = issues.by_number(session, newsletter.id, wanted.issue)
    return build.preview_issue(
        session,
        issue.id,
        environment=environment,
        message_max_bytes=maximum,
        language=wanted.language,
    )


def _picks(session: Session, frozen: FrozenIssue, wanted: Wanted, *, now: datetime) -> bytes:
    if not wanted.reader:
        return sample.of_topics(session, frozen, wanted.topics)
    reader = subscribers.find(session, addresses.parse(wanted.reader))
    if reader is None:
        raise NotFound(
            "No reader has this address.",
            hint="Look for one with: newsletter subscribers list --search",
            reason="unknown_reader",
        )
    return sample.of_reader(session, frozen, reader.id, now=now)
