"""Two hosts, each with a journal of its own and a wrong clock; one is cut off from the database in the middle."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.services.faults import everywhere
from tests.services.hosts import NoNamespaces, hosts
from tests.services.ordeal import Policy
from tests.services.postgres import Postgres
from tests.services.redis_server import RedisServer
from tests.services.two_hosts import TwoHosts, joined
from tests.services.witness import Trouble

pytestmark = pytest.mark.end_to_end
READERS = 2_000


@pytest.fixture
def two(postgres: Postgres, postgres_url: str, own_redis: RedisServer, tmp_path: Path) -> Iterator[TwoHosts]:
    """Make two hosts and a mailing; skip with the reason where hosts cannot be made."""
    trouble = Trouble(chances=everywhere(0.0005), answer=0.02)  # the mailing takes some seconds
    with ExitStack() as stack:
        try:
            net = stack.enter_context(hosts("a", "b"))
        except NoNamespaces as error:
            pytest.skip(str(error))
        made = stack.enter_context(
            joined(
                net,
                postgres=postgres,
                database_url=postgres_url,
                redis=own_redis,
                folder=tmp_path,
                trouble=trouble,
                reader_count=READERS,
            )
        )
        yield made
        print(made.logs())


def test_workers_whose_clocks_differ_by_minutes_agree(two: TwoHosts) -> None:
    two.start_both("retry-once")

    two.await_end()

    assert two.findings(hosts_lost=0).broken == []


@pytest.mark.parametrize("policy", ["retry-once", "hold"])
def test_a_host_that_loses_the_database_leaves_one_window_in_doubt(two: TwoHosts, policy: Policy) -> None:
    two.start_both(policy)

    two.lose_the_database_of_a(after=READERS // 4)

    findings = two.findings(hosts_lost=1, is_hold=policy == "hold")
    assert findings.broken == []
    assert findings.uncertain, "the host was cut off between two windows"
