"""Let readers, mail servers and editors do something in the course of the month."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any  # the JSON of a push

from newsletter.domain.consent import ConsentEvidence
from newsletter.domain.subscriptions import Cadence
from newsletter.ingest import articles as pushing
from newsletter.store.tables import Subscription
from newsletter.subscribing import confirm, signup, unsubscribe
from newsletter.subscribing.signup import SignupRequest
from tests.replay.house import Act, House
from tests.replay.readers import Reader
from tests.replay.scenario import BEGIN, DAY, NEWS
from tests.replay.world import Piece

_CONFIRM_LINK = re.compile(rb"/c/([A-Za-z0-9_-]+)")
_LATER = "451 4.3.0 try again later"


def arrange(house: House) -> None:
    """Set everything down for its time."""
    plan: Sequence[tuple[float, Act]] = (
        (2.2, _refuse_for_good),
        (3.1, _leave),
        (4.3, _push),
        (4.9, _retract_before_any_issue),
        (5.4, _sign_up),
        (5.6, _confirm),
        (6.1, _change_topics),
        (8.0, _put_off(slice(20, 24), until=8.4)),
        (10.2, _confirm_late),
        (12.0, _put_off(slice(24, 26), until=14.6)),
        (15.3, _leave_later),
        (16.2, _retract_what_was_told),
    )
    house.acts += [(at(day), act) for day, act in plan]


def at(day: float) -> datetime:
    """Return the instant of a day of the month, with its fraction."""
    return BEGIN + day * DAY


def _touch(house: House, readers: Sequence[Reader]) -> Sequence[Reader]:
    house.touched |= {reader.id for reader in readers}
    return readers


def _refuse_for_good(house: House) -> None:
    for reader in _touch(house, house.readers[10:13]):
        house.sink.refuse_rcpt[reader.address] = "550 5.1.1 no such user"


def _put_off(some: slice, *, until: float) -> Act:
    def relent(house: House) -> None:
        for reader in house.readers[some]:
            del house.sink.refuse_rcpt[reader.address]

    def act(house: House) -> None:
        for reader in _touch(house, house.readers[some]):
            house.sink.refuse_rcpt[reader.address] = _LATER
        house.add_act(at(until), relent)

    return act


def _leave(house: House) -> None:
    _let_leave(house, house.readers[30:34])


def _leave_later(house: House) -> None:
    _let_leave(house, house.readers[34:40])


def _let_leave(house: House, readers: Sequence[Reader]) -> None:
    with house.database.transaction() as session:
        for reader in _touch(house, readers):
            unsubscribe.leave_all(session, subscriber_id=reader.id, channel="one_click", now=house.now)


def _change_topics(house: House) -> None:
    with house.database.transaction() as session:
        for place, reader in enumerate(_touch(house, house.readers[40:60])):
            for slug in reader.cadences:
                row = session.get_one(Subscription, (reader.id, house.newsletter_id(slug)))
                row.topics = 1 << place % 6
                row.cadence = Cadence.WEEKLY if place % 5 == 0 else Cadence.DAILY


def _push(house: House) -> None:
    with house.database.transaction() as session:
        payload = {
            "newsletters": ["daily", "coast"],
            "articles": [entry(piece) for piece in house.stage.pushed],
        }
        pushing.push(session, payload, now=house.now)
    for slug in ("daily", "coast"):
        house.served[slug] |= {piece.number: {piece.url} for piece in house.stage.pushed}


def entry(piece: Piece) -> dict[str, Any]:
    """Return a piece as the website pushes it."""
    return {
        "id": f"cms-{piece.number}",
        "url": piece.url,
        "title": piece.title,
        "summary": piece.lead,
        "topics": [piece.section],
    }


def _retract_before_any_issue(house: House) -> None:
    _retract(house, house.stage.pushed[0])


def _retract_what_was_told(house: House) -> None:
    _retract(house, house.stage.pushed[1])


def _retract(house: House, piece: Piece) -> None:
    entry = {"id": f"cms-{piece.number}", "url": piece.url, "deleted": True}
    with house.database.transaction() as session:
        pushing.push(session, {"newsletters": ["daily", "coast"], "article": entry}, now=house.now)
    house.retracted[piece.url] = house.now


def _sign_up(house: House) -> None:
    """Let three people come from the website, each from an article that the feeds show."""
    shown = sorted(house.stage.scripts[NEWS.path].at(house.now).pages.values())[-3:]
    with house.database.transaction() as session:
        for place, page in enumerate(shown):
            address = f"new{place}@reader.example"
            wish = SignupRequest(
                address=address,
                newsletters=("daily",),
                evidence=ConsentEvidence(channel="form"),
                article_url=f"{page}?utm_source=newsletter-box",
                cadence=Cadence.DAILY,
            )
            signup.request(session, wish, now=house.now)
            house.signed_up[address] = page


def _confirm(house: House) -> None:
    _answer(house, ["new0@reader.example", "new1@reader.example"])


def _confirm_late(house: House) -> None:
    _answer(house, ["new2@reader.example"])


def _answer(house: House, addresses: Sequence[str]) -> None:
    for address in addresses:
        (mail,) = house.sink.to(address)
        found = _CONFIRM_LINK.search(mail.message.replace(b"=\r\n", b""))
        assert found is not None
        with house.database.transaction() as session:
            evidence = ConsentEvidence(channel="page")
            confirm.confirm(session, found[1].decode(), evidence=evidence, now=house.now)
