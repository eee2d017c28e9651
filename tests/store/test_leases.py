"""A bucket is worked by one worker for one mailing, and what is open is found among all that ever was."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from sqlalchemy import text

from newsletter.domain.errors import StaleLease
from newsletter.domain.issues import IssueStatus
from newsletter.domain.mailings import BatchStatus, Lane, MailingStatus
from newsletter.store import Database, Session, leases, mailings
from newsletter.store.leases import Claim
from newsletter.store.tables import Newsletter
from tests.builders import add_newsletter
from tests.clocks import NOON
from tests.store.plans import add_batches, add_mailing

LEASE = timedelta(minutes=5)
GONE = timedelta(seconds=-1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def daily(session: Session) -> Newsletter:
    """Add the daily."""
    return add_newsletter(session)


def claim(
    session: Session, holder: str = "one", *, lease: timedelta = LEASE, above: Lane | None = None
) -> Claim | None:
    return leases.claim(session, holder=holder, lease=lease, now=NOON, above=above)


def claim_some(session: Session, reader_count: int) -> list[Claim]:
    return leases.claim_some(session, holder="one", lease=LEASE, now=NOON, reader_count=reader_count)


def test_what_is_due_first_is_claimed_first_and_only_what_is_due(session: Session, daily: Newsletter) -> None:
    mailing_id = add_mailing(session, daily)
    [late] = add_batches(session, mailing_id, [1], due_at=NOON)
    [early] = add_batches(session, mailing_id, [2], due_at=NOON - MINUTE)
    add_batches(session, mailing_id, [3], due_at=NOON + MINUTE)

    found = [claim(session) for _ in range(3)]

    assert [one and one.batch_id for one in found] == [early, late, None]
    assert leases.waiting_count(session, now=NOON) == 2  # leased or not


def test_a_mailing_of_a_higher_lane_goes_first(session: Session, daily: Newsletter) -> None:
    add_batches(session, add_mailing(session, daily), [1, 2], due_at=NOON - MINUTE)
    urgent = add_mailing(session, daily, lane=Lane.URGENT)
    add_batches(session, urgent, [3])

    found = [claim(session), claim(session, above=Lane.BULK), claim(session)]

    assert [one and one.mailing_id for one in found] == [urgent, None, urgent - 1]


def test_urgent_work_is_noticed_and_only_above_ones_own_lane(session: Session, daily: Newsletter) -> None:
    add_batches(session, add_mailing(session, daily), [1])
    assert not leases.urgent_is_due(session, lane=Lane.BULK, now=NOON)

    add_batches(session, add_mailing(session, daily, lane=Lane.URGENT), [2], due_at=NOON + MINUTE)
    assert not leases.urgent_is_due(session, lane=Lane.BULK, now=NOON)
    assert leases.urgent_is_due(session, lane=Lane.BULK, now=NOON + MINUTE)
    assert not leases.urgent_is_due(session, lane=Lane.URGENT, now=NOON + MINUTE)


def test_urgent_work_is_due_though_bulk_holds_the_bucket_but_not_while_it_is_done(
    session: Session, daily: Newsletter
) -> None:
    add_batches(session, add_mailing(session, daily), [1])
    held = claim(session)
    assert held is not None
    add_batches(session, add_mailing(session, daily, lane=Lane.URGENT), [1])

    while_held_by_bulk = leases.urgent_is_due(session, lane=Lane.BULK, now=NOON)
    leases.release(session, held)
    assert claim(session, "two") is not None
    while_worked = leases.urgent_is_due(session, lane=Lane.BULK, now=NOON)

    assert (while_held_by_bulk, while_worked) == (True, False)


@pytest.mark.parametrize("status", [IssueStatus.BUILT, IssueStatus.HELD])
def test_nothing_is_claimed_before_the_audience_is_complete(
    session: Session, daily: Newsletter, status: IssueStatus
) -> None:
    add_batches(session, add_mailing(session, daily, status=status), [1])

    assert claim(session) is None
    assert leases.waiting_count(session, now=NOON) == 0


def test_a_cancelled_mailing_is_claimed_at_once_until_all_have_a_result(
    session: Session, daily: Newsletter
) -> None:
    mailing = mailings.get(session, add_mailing(session, daily))
    [batch_id] = add_batches(session, mailing.id, [1], due_at=NOON + MINUTE)
    mailings.move(session, mailing, MailingStatus.CANCELLED)

    first = claim(session)
    assert first is not None
    leases.release(session, first)
    mailings.settle_batch(session, batch_id, status=BatchStatus.DONE, retry_at=None)

    assert claim(session) is None


def test_a_paused_mailing_waits(session: Session, daily: Newsletter) -> None:
    mailing = mailings.get(session, add_mailing(session, daily))
    add_batches(session, mailing.id, [1])
    mailings.move(session, mailing, MailingStatus.PAUSED)

    assert claim(session) is None


def test_a_done_batch_is_claimed_again_when_a_retry_is_due(session: Session, daily: Newsletter) -> None:
    [batch_id] = add_batches(session, add_mailing(session, daily), [1])
    mailings.settle_batch(session, batch_id, status=BatchStatus.DONE, retry_at=NOON + MINUTE)

    before = claim(session)
    after = leases.claim(session, holder="one", lease=LEASE, now=NOON + MINUTE)

    assert before is None
    assert after is not None


def test_an_expired_lease_passes_on_with_a_new_epoch(session: Session, daily: Newsletter) -> None:
    add_batches(session, add_mailing(session, daily), [1])

    first = claim(session, "one", lease=GONE)
    second = claim(session, "two")

    assert first is not None
    assert second is not None
    assert (first.epoch, second.epoch, claim(session, "three")) == (1, 2, None)
    with pytest.raises(StaleLease):
        leases.renew(session, first, lease=LEASE)
    leases.release(session, first)  # harmless
    leases.renew(session, second, lease=LEASE)


def test_thin_batches_of_one_mailing_are_claimed_together(session: Session, daily: Newsletter) -> None:
    thin = add_mailing(session, daily)
    add_batches(session, thin, range(1, 8), count=500, due_at=NOON - MINUTE)
    other = add_mailing(session, daily)
    add_batches(session, other, range(10, 12), count=10)

    found = [claim_some(session, 2048), claim_some(session, 2048), claim_some(session, 2048)]

    assert [{one.mailing_id for one in some} for some in found] == [{thin}, {thin}, {other}]
    assert [len(some) for some in found] == [4, 3, 2]
    assert len({one.bucket for some in found for one in some}) == 9


def test_a_full_batch_is_claimed_alone_and_several_waves_of_a_bucket_one_by_one(
    session: Session, daily: Newsletter
) -> None:
    full = add_mailing(session, daily)
    add_batches(session, full, [1, 2], count=4096, due_at=NOON - MINUTE)
    waves = add_mailing(session, daily)
    for wave in range(3):
        mailings.add_batches(session, waves, {5: [5 * 4096 + wave]}, due_at=NOON, wave=wave)

    found = [claim_some(session, 2048) for _ in range(4)]

    assert [len(some) for some in found] == [1, 1, 1, 0]


def test_claims_are_made_anew_for_buckets_of_any_past(session: Session, daily: Newsletter) -> None:
    add_batches(session, add_mailing(session, daily), [2])
    known = claim(session)
    assert known is not None
    leases.release(session, known)
    add_batches(session, add_mailing(session, daily, lane=Lane.URGENT), [1, 2, 3])

    found = claim_some(session, 100)

    assert sorted((one.bucket, one.epoch) for one in found) == [(1, 1), (2, 2), (3, 1)]
    assert len({one.batch_id for one in found}) == 3


def test_leases_are_renewed_together_and_those_lost_are_named(session: Session, daily: Newsletter) -> None:
    add_batches(session, add_mailing(session, daily), [1, 2, 3])
    claims = [one for _ in range(3) if (one := claim(session, lease=GONE if _ == 0 else LEASE))]
    assert [one.bucket for one in claims] == [1, 1, 2]  # the first is lost already

    lost = leases.renew_many(session, claims[1:], lease=LEASE)
    assert lost == set()
    assert leases.renew_many(session, [claims[0], claims[2]], lease=LEASE) == {claims[0].batch_id}
    assert leases.renew_many(session, [], lease=LEASE) == set()


def test_a_renewed_lease_lasts_and_a_released_bucket_is_free(session: Session, daily: Newsletter) -> None:
    add_batches(session, add_mailing(session, daily), [1])
    held = claim(session, lease=GONE)
    assert held is not None

    leases.renew(session, held, lease=LEASE)
    while_held = claim(session, "two")
    leases.release(session, held)
    afterwards = claim(session, "two")

    assert while_held is None
    assert afterwards is not None
    assert afterwards.epoch == held.epoch + 1


def test_two_workers_at_once_get_different_buckets(postgres_url: str) -> None:
    database = Database(postgres_url)
    with database.transaction() as session:
        mailing_id = add_mailing(session, add_newsletter(session))
        add_batches(session, mailing_id, range(1, 5), count=100)
        for held in [claim(session) for _ in range(4)]:
            assert held is not None
            leases.release(session, held)

    with database.transaction() as one, database.transaction() as other:
        first, second = claim(one, "one"), claim(other, "two")

    assert first is not None
    assert second is not None
    assert first.bucket != second.bucket
    database.dispose()


def test_open_work_is_found_by_index_on_a_database_without_statistics(database: Database) -> None:
    with database.transaction() as session:
        newsletter = add_newsletter(session)
        for _ in range(20):
            mailing_id = add_mailing(session, newsletter)
            add_batches(session, mailing_id, range(1, 6))
        session.execute(
            text("UPDATE batches SET status = 'done' WHERE mailing_id < :last"), {"last": mailing_id}
        )
        session.execute(
            text("UPDATE mailings SET finished_at = started_at WHERE id < :last"), {"last": mailing_id}
        )
        if not database.is_sqlite:  # which takes the index or refuses the statement
            session.execute(text("SET LOCAL enable_seqscan = off"))

    with database.transaction() as session:
        found = [one.bucket for _ in range(5) if (one := claim(session))]

    assert all(first < second for first, second in pairwise(found))
    assert len(found) == 5
