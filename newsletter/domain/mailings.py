"""Name the states of mailings, batches and messages; count readers; keep the receipt.

A bucket is 4,096 neighbouring subscriber ids. A batch is (mailing, wave, bucket) with a bitmap of its planned
readers: bit k is the reader ``bucket * 4096 + k``.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import IntEnum, StrEnum

from newsletter.domain.errors import Conflict

BUCKET_SIZE = 4096
WINDOW_SIZE = 256  # readers: the most that one crash can leave uncertain, about a second of work
DRAIN_TIME = timedelta(seconds=45)  # a drain opens no message after this


class MailingKind(StrEnum):
    """Say which sending of an issue this is."""

    MAIN = "main"


class Lane(IntEnum):
    """Say which mailings go first; stored as a small number. Notices have a queue and a worker of their own."""

    BULK = 0
    URGENT = 1  # overtakes a running drain within a second; a fifth of every rate is kept for it


class MailingStatus(StrEnum):
    """Say where the sending of an issue stands."""

    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    DONE = "done"


MAILING_MOVES: dict[MailingStatus, frozenset[MailingStatus]] = {
    MailingStatus.RUNNING: frozenset({MailingStatus.PAUSED, MailingStatus.CANCELLED, MailingStatus.DONE}),
    MailingStatus.PAUSED: frozenset({MailingStatus.RUNNING, MailingStatus.CANCELLED}),
    MailingStatus.CANCELLED: frozenset(),
    MailingStatus.DONE: frozenset(),
}


class BatchStatus(StrEnum):
    """Say whether every planned reader of a batch has a result."""

    PENDING = "pending"
    DONE = "done"


class MessageStatus(IntEnum):
    """Say what became of one mail to one reader; stored as a small number."""

    SUBMITTED = 0
    DEFERRED = 1
    UNCERTAIN = 2
    FAILED = 3
    WITHHELD = 4
    EXPIRED = 5


# A reader has had the articles of a message in one of these states (failed, withheld and expired do not count).
HAD = (MessageStatus.SUBMITTED, MessageStatus.UNCERTAIN, MessageStatus.DEFERRED)

MESSAGE_MOVES: dict[MessageStatus, frozenset[MessageStatus]] = {
    MessageStatus.SUBMITTED: frozenset(),
    MessageStatus.DEFERRED: frozenset(
        {
            MessageStatus.SUBMITTED,
            MessageStatus.DEFERRED,
            MessageStatus.UNCERTAIN,
            MessageStatus.FAILED,
            MessageStatus.WITHHELD,
            MessageStatus.EXPIRED,
        }
    ),
    # Once in doubt, only a 250 resolves it: whatever a later attempt says, the first may have arrived.
    MessageStatus.UNCERTAIN: frozenset({MessageStatus.SUBMITTED, MessageStatus.UNCERTAIN}),
    MessageStatus.FAILED: frozenset(),
    MessageStatus.WITHHELD: frozenset(),
    MessageStatus.EXPIRED: frozenset(),
}


class WithheldReason(IntEnum):
    """Say why a planned reader got no mail; stored in the ``code`` of the message row.

    SMTP codes start at 200, so the two never meet.
    """

    UNSUBSCRIBED = 1
    SUPPRESSED = 2
    ERASED = 3
    NO_STORIES = 4
    NOT_DUE = 5
    ADDRESS_CHANGED = 6
    ADDRESS_UNUSABLE = 7
    CANCELLED = 8


def move_mailing(current: MailingStatus, target: MailingStatus) -> MailingStatus:
    """Return ``target`` when the move is allowed; raise Conflict otherwise."""
    if target not in MAILING_MOVES[current]:
        raise Conflict(
            f"A mailing that is {current} cannot become {target}.",
            hint="See where it stands with: newsletter issues show",
        )
    return target


def resolve(current: MessageStatus, told: MessageStatus) -> MessageStatus:
    """Return where a message stands that stood at ``current`` when a further attempt ended with ``told``."""
    return told if told in MESSAGE_MOVES[current] else current


def bitmap(members: Iterable[int], bucket: int) -> bytes:
    """Return the 512 octets that mark the given subscriber ids of one bucket."""
    bits = 0
    for subscriber_id in members:
        bits |= 1 << (subscriber_id - bucket * BUCKET_SIZE)
    return bits.to_bytes(BUCKET_SIZE // 8, "little")


def members(marks: bytes, bucket: int) -> Iterator[int]:
    """Yield the subscriber ids that a bitmap marks, in ascending order."""
    bits = int.from_bytes(marks, "little")
    while bits:
        lowest = bits & -bits
        yield bucket * BUCKET_SIZE + lowest.bit_length() - 1
        bits ^= lowest


@dataclass(frozen=True)
class PlannedMessage:
    """Hold what was decided for one reader before the first byte: enough to make the same bytes again."""

    subscriber_id: int
    picks: bytes
    address: str
    name: str
    is_retry: bool = False


def pack_window(messages: Iterable[PlannedMessage]) -> bytes:
    """Return the decisions of a window as compressed JSON."""
    rows = [[m.subscriber_id, m.picks.hex(), m.address, m.name, int(m.is_retry)] for m in messages]
    return zlib.compress(json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode(), 1)


def unpack_window(packed: bytes) -> list[PlannedMessage]:
    """Read the decisions of a window back."""
    return [
        PlannedMessage(subscriber_id, bytes.fromhex(picks), address, name, bool(is_retry))
        for subscriber_id, picks, address, name, is_retry in json.loads(zlib.decompress(packed))
    ]


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """Account for every planned reader of a mailing; every number is counted, none is computed from the others.

    ``failed`` includes expired; ``unclaimed`` are planned readers without a result yet; ``unplanned`` are results
    without a plan, which must not exist.
    """

    planned: int
    submitted: int
    withheld: Mapping[str, int] = field(default_factory=dict)
    failed: int
    deferred: int
    uncertain: int
    unclaimed: int
    unplanned: int = 0

    @property
    def adds_up(self) -> bool:
        """Check planned = submitted + withheld + failed + deferred + uncertain + unclaimed."""
        counted = self.submitted + sum(self.withheld.values()) + self.failed + self.deferred + self.uncertain
        return self.unplanned == 0 and self.planned == counted + self.unclaimed

    def as_dict(self) -> dict[str, object]:
        """Return the receipt as the documented JSON object."""
        return {
            "planned": self.planned,
            "submitted": self.submitted,
            "withheld": dict(self.withheld),
            "failed": self.failed,
            "deferred": self.deferred,
            "uncertain": self.uncertain,
            "unclaimed": self.unclaimed,
        }
