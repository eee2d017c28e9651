"""Workers are killed at any instant: nobody is lost, nobody is written to twice, every doubt has a name."""

from __future__ import annotations

import random  # noqa: TID251 - the instants of kills
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from newsletter.domain.mailings import WINDOW_SIZE, MessageStatus
from newsletter.runtime.clock import SystemClock
from newsletter.store import messages
from tests.clocks import FixedClock
from tests.sending.drainer import CONNECTIONS, LEASE, Worker
from tests.sending.press import Press
from tests.sending.test_drain import set_up

READERS = 600  # three windows


@pytest.fixture
def press(press: Press) -> Press:
    """Stand a little before the real time: the processes under test read the machine's clock."""
    press.clock = FixedClock(SystemClock().now() - timedelta(minutes=10))
    return press


def start(press: Press, holder: str, *, instant: str = "never", count: int = 0) -> Worker:
    """Start a drain and wait until it is at work."""
    url = press.database.engine.url.render_as_string(hide_password=False)
    return Worker(url, press.sink.port, press.settings.data_dir, holder, instant=instant, count=count)


def finish(press: Press, *mailings: int) -> None:
    """Drain here and now until nobody is unclaimed; a dead worker's lease has to run out first."""
    time.sleep(LEASE.total_seconds() + 0.1)
    press.clock = FixedClock(SystemClock().now())
    press.drain(holder="last")
    assert [press.receipt(mailing_id).unclaimed for mailing_id in mailings] == [0] * len(mailings)


def check_accounts(press: Press, mailing_id: int) -> int:
    """Compare the receipt with what the server got; return how many are uncertain."""
    got = Counter(received.rcpt_to for received in press.sink.messages)
    assert max(got.values()) == 1, "somebody was written to twice"
    receipt = press.receipt(mailing_id)
    assert receipt.submitted + receipt.uncertain == receipt.planned == READERS
    with press.database.reading() as session:
        rows = messages.of_mailing(session, mailing_id, range(1, READERS + 1))
    submitted = {
        f"r{row.subscriber_id - 1}@reader.example"
        for row in rows.values()
        if row.status is MessageStatus.SUBMITTED
    }
    assert submitted <= set(got), "a message counts as submitted that never arrived"
    return receipt.uncertain


def test_kills_at_random_instants_lose_and_double_nobody(press: Press) -> None:
    mailing_id = press.expand(set_up(press, *(f"r{n}@reader.example" for n in range(READERS))))
    press.sink.answer_delay = 0.001
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    print("seed", seed)

    for turn in range(6):
        process = start(press, f"worker{turn}")
        time.sleep(chance.uniform(0, 0.9))
        process.kill()
        time.sleep(LEASE.total_seconds())
    finish(press, mailing_id)

    assert check_accounts(press, mailing_id) <= 6 * CONNECTIONS


@pytest.mark.parametrize("instant", ["untouched", "begun", "answered"])
@pytest.mark.parametrize("count", [1, 300])
def test_a_worker_that_dies_around_a_submission_leaves_in_doubt_what_was_under_way(
    press: Press, instant: str, count: int
) -> None:
    mailing_id = press.expand(set_up(press, *(f"r{n}@reader.example" for n in range(READERS))))

    assert start(press, "dying", instant=instant, count=count).wait(60) < 0
    finish(press, mailing_id)

    uncertain = check_accounts(press, mailing_id)
    assert uncertain <= CONNECTIONS
    assert uncertain >= (instant != "untouched")
    assert len(press.sink.messages) >= READERS - uncertain


def test_a_worker_whose_disk_is_lost_leaves_one_window_in_doubt(press: Press, tmp_path: Path) -> None:
    mailing_id = press.expand(set_up(press, *(f"r{n}@reader.example" for n in range(READERS))))
    here = press.settings
    press.settings = here.model_copy(update={"data_dir": tmp_path / "another machine"})

    assert start(press, "dying", instant="answered", count=300).wait(60) < 0
    press.settings = here
    finish(press, mailing_id)

    assert CONNECTIONS < check_accounts(press, mailing_id) <= WINDOW_SIZE


def test_two_workers_share_the_buckets_without_doubling_anybody(press: Press) -> None:
    mailing_id = press.expand(set_up(press, *(f"r{n}@reader.example" for n in range(READERS))))

    workers = [start(press, "one"), start(press, "two")]
    for worker in workers:
        assert worker.wait(60) == 0
    finish(press, mailing_id)

    assert check_accounts(press, mailing_id) == 0
