"""A window keeps what was decided until everything in it has a result."""

from __future__ import annotations

from datetime import timedelta

from newsletter.domain.mailings import PlannedMessage, unpack_window
from newsletter.store import Session, leases, windows
from newsletter.store.leases import Claim
from newsletter.store.tables import Window
from tests.builders import add_newsletter
from tests.clocks import NOON
from tests.store.plans import add_batches, add_mailing

PLANNED = [
    PlannedMessage(1, b"\x03", "ada@example.com", "Ada Müller", domain_id=7),
    PlannedMessage(2, b"", "bob@example.com", "", is_retry=True),
]


def claimed(session: Session) -> Claim:
    add_batches(session, add_mailing(session, add_newsletter(session)), [0], count=3)
    claim = leases.claim(session, holder="worker-1", lease=timedelta(minutes=1), now=NOON)
    assert claim is not None
    return claim


def test_a_window_remembers_who_opened_it_and_what_was_decided(session: Session) -> None:
    claim = claimed(session)

    window_id = windows.open_window(
        session, claim, PLANNED, planned_at=NOON, key_ids={"links": 3, "return_path": 9}
    )

    window = session.get_one(Window, window_id)
    assert (window.batch_id, window.epoch, window.holder) == (claim.batch_id, claim.epoch, "worker-1")
    assert (window.planned_at, window.key_ids) == (NOON, {"links": 3, "return_path": 9})
    assert unpack_window(window.plan or b"") == [message._replace(domain_id=None) for message in PLANNED]


def test_a_closed_window_forgets_the_decisions_and_keeps_its_instant(session: Session) -> None:
    claim = claimed(session)
    window_id = windows.open_window(session, claim, PLANNED, planned_at=NOON, key_ids={})
    assert windows.lock_open(session, window_id)

    windows.close(session, window_id, now=NOON + timedelta(seconds=3))

    window = windows.get_many(session, [window_id])[window_id]
    assert (window.plan, window.planned_at) == (None, NOON)
    assert window.closed_at == NOON + timedelta(seconds=3)
    assert not windows.lock_open(session, window_id)
