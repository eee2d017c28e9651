"""Keep readers: one row an address."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from sqlalchemy import exists, func, select, update
from sqlalchemy.orm import Session

from newsletter.domain.addresses import EmailAddress
from newsletter.domain.errors import NotFound
from newsletter.store import inserts, lists
from newsletter.store.tables import Domain, Subscriber, Subscription


def ensure(
    session: Session,
    address: EmailAddress,
    *,
    name: str,
    language: str | None,
    zone: str | None = None,
    now: datetime,
) -> Subscriber:
    """Return the reader with this address, new or known.

    A name, language or zone that is known already is kept: whoever types an address into a form may be a stranger.
    """
    domain_id = domain_ids(session, [address.domain])[address.domain]
    row = _row(address, name=name, language=language, domain_id=domain_id, now=now)
    inserts.missing(session, Subscriber, [row], returning=Subscriber.id)
    subscriber = session.scalars(
        select(Subscriber)
        .where(Subscriber.address_key == address.key)
        .execution_options(populate_existing=True)
    ).one()
    subscriber.name = subscriber.name or name
    subscriber.language = subscriber.language or language
    subscriber.zone = subscriber.zone or zone
    return subscriber


def ensure_many(
    session: Session,
    readers: Iterable[tuple[EmailAddress, str, str | None]],
    *,
    zones: Mapping[str, str] | None = None,
    now: datetime,
) -> dict[str, int]:
    """Add the readers (address, name, language) that are not known yet; return the id of each address key.

    ``zones`` are those of readers who name one, by address key.
    """
    wanted = {address.key: (address, name, language) for address, name, language in readers}
    known = ids_of(session, list(wanted))
    new = [reader for key, reader in wanted.items() if key not in known]
    domains = domain_ids(session, {address.domain for address, _, _ in new})
    rows = [
        _row(address, name=name, language=language, domain_id=domains[address.domain], now=now)
        | {"zone": (zones or {}).get(address.key)}
        for address, name, language in new
    ]
    inserts.missing(session, Subscriber, rows, returning=Subscriber.id)
    return known | ids_of(session, [address.key for address, _, _ in new])


def ids_of(session: Session, address_keys: list[str]) -> dict[str, int]:
    """Return the ids of the address keys that are known."""
    rows = session.execute(
        select(Subscriber.address_key, Subscriber.id).where(
            lists.among(session, Subscriber.address_key, address_keys)
        )
    )
    return {key: subscriber_id for key, subscriber_id in rows if key is not None}


def domain_ids(session: Session, names: Iterable[str]) -> dict[str, int]:
    """Return the ids of mail domains; add those that are new.

    Names are taken in one order by everybody, so that two imports at once do not wait for each other in a circle.
    """
    ordered = sorted(names)
    found = _known_domains(session, ordered)
    new = [name for name in ordered if name not in found]
    inserts.missing(session, Domain, [{"name": name} for name in new], returning=Domain.id)
    return found | _known_domains(session, new)


def find(session: Session, address: EmailAddress) -> Subscriber | None:
    """Return the reader with this address."""
    return session.scalars(select(Subscriber).where(Subscriber.address_key == address.key)).one_or_none()


def get(session: Session, subscriber_id: int) -> Subscriber:
    """Return a reader by id; raise NotFound."""
    subscriber = session.get(Subscriber, subscriber_id)
    if subscriber is None:
        raise NotFound(
            f"There is no reader {subscriber_id}.",
            hint="Look for one with: newsletter subscribers list --search",
            reason="unknown_reader",
        )
    return subscriber


def get_many(session: Session, subscriber_ids: Collection[int]) -> list[Subscriber]:
    """Return readers by their ids, those that there are."""
    return list(
        session.scalars(select(Subscriber).where(lists.among(session, Subscriber.id, subscriber_ids)))
    )


def find_id(session: Session, subscriber_id: int) -> Subscriber | None:
    """Return a reader by id, if there is such a one."""
    return session.get(Subscriber, subscriber_id)


def lock(session: Session, subscriber_id: int) -> Subscriber | None:
    """Return a reader and keep others from working on the same one until the transaction ends."""
    return session.scalars(
        select(Subscriber)
        .where(Subscriber.id == subscriber_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()


def set_place(session: Session, subscriber_id: int, *, zone: str | None, language: str | None) -> None:
    """Keep by which clocks and in which language a reader lives; None: as each newsletter has it."""
    session.execute(
        update(Subscriber)
        .where(Subscriber.id == subscriber_id)
        .values(zone=zone, language=language)
        .execution_options(synchronize_session=False)
    )


def forget(session: Session, subscriber_id: int, *, now: datetime) -> None:
    """Blank a reader's row: it names nobody any more."""
    session.execute(
        update(Subscriber)
        .where(Subscriber.id == subscriber_id)
        .values(
            address=None, address_key=None, abuse_key=None, name="", language=None, zone=None, erased_at=now
        )
        .execution_options(synchronize_session=False)
    )


def search(
    session: Session, text: str = "", *, newsletter_id: int | None = None, limit: int = 50, after_id: int = 0
) -> list[Subscriber]:
    """Return readers whose address or name contains ``text``, in order of their ids, those after ``after_id``."""
    query = select(Subscriber).where(Subscriber.id > after_id, Subscriber.erased_at.is_(None))
    if text:
        pattern = text.casefold()
        query = query.where(
            Subscriber.address_key.contains(pattern, autoescape=True)
            | func.lower(Subscriber.name).contains(pattern, autoescape=True)
        )
    if newsletter_id is not None:
        query = query.where(
            exists().where(
                Subscription.subscriber_id == Subscriber.id, Subscription.newsletter_id == newsletter_id
            )
        )
    return list(session.scalars(query.order_by(Subscriber.id).limit(limit)))


def _known_domains(session: Session, names: list[str]) -> dict[str, int]:
    rows = session.execute(select(Domain.name, Domain.id).where(lists.among(session, Domain.name, names)))
    return {row.name: row.id for row in rows}


def _row(
    address: EmailAddress, *, name: str, language: str | None, domain_id: int, now: datetime
) -> dict[str, object]:
    return {
        "address": str(address),
        "address_key": address.key,
        "abuse_key": address.abuse_key,
        "name": name,
        "language": language,
        "domain_id": domain_id,
        "created_at": now,
    }
