"""Work off batches: claim, decide, submit, record. No transaction is open while bytes go out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from newsletter.domain.errors import StaleLease
from newsletter.domain.mailings import DRAIN_TIME
from newsletter.runtime import logs
from newsletter.runtime.clock import Clock
from newsletter.runtime.settings import Settings
from newsletter.sending.batch import BatchWork, Stop, Tools
from newsletter.store import Transactions, leases
from newsletter.transports.base import Transport

_log = logs.get(__name__)


@dataclass(frozen=True)
class DrainReport:
    """Hold what a drain did; ``has_more`` when its time was over before its work."""

    batch_count: int
    message_count: int
    has_more: bool


def drain(
    *,
    transactions: Transactions,
    transport: Transport,
    settings: Settings,
    clock: Clock,
    holder: str,
    should_stop: Callable[[], bool],
) -> DrainReport:
    """Work on whatever is due for at most 45 seconds, or until the relay is gone or somebody says stop."""
    ends_at = clock.monotonic() + DRAIN_TIME.total_seconds()
    tools = Tools(
        transactions=transactions,
        transport=transport,
        settings=settings,
        clock=clock,
        holder=holder,
        is_over=lambda: should_stop() or clock.monotonic() >= ends_at,
    )
    batch_count = message_count = 0
    while not tools.is_over():
        with transactions() as session:
            claim = leases.claim(session, holder=holder, lease=tools.lease, now=clock.now())
        if claim is None:
            return DrainReport(batch_count, message_count, has_more=False)
        work = BatchWork(tools, claim)
        try:
            stop = work.run()
        except StaleLease:
            _log.warning("lease_lost", batch=claim.batch_id, epoch=claim.epoch)
            stop = None
        except Exception:  # the shell tells of it
            work.put_off()
            raise
        finally:
            with transactions() as session:
                leases.release(session, claim)
        batch_count += 1
        message_count += work.message_count
        if stop is Stop.RELAY:
            return DrainReport(batch_count, message_count, has_more=False)
    return DrainReport(batch_count, message_count, has_more=True)
