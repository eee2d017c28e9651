"""Name the states of mailings, batches and messages; count readers; keep windows and the receipt.

A bucket is 4,096 neighbouring subscriber ids. A batch is (mailing, wave, bucket) with a bitmap of its planned
readers: bit k is the reader ``bucket * 4096 + k``.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import IntEnum, StrEnum
from functools import lru_cache
from hashlib import blake2b
from itertools import accumulate, compress, pairwise
from struct import Struct
from typing import AnyStr, NamedTuple

from newsletter.domain.errors import Conflict

BUCKET_SIZE = 4096
WINDOW_SIZE = 256  # readers: the most that one crash can leave uncertain, about a second of work
DRAIN_TIME = timedelta(seconds=45)  # a drain opens no message after this

# Bitmaps are made and read as binary numerals: the interpreter turns 4,096 digits into bits at once.
_NOBODY = b"0" * BUCKET_SIZE
_ONE = ord("1")
_IS_ONE = bytes.maketrans(b"0", b"\0")


class MailingKind(StrEnum):
    """Say which sending of an issue this is."""

    MAIN = "main"
    FIRST = "first"  # a standing one: for those who confirmed after the main one was expanded


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
    BOUNCED = 6  # submitted, and it came back for good


# The relay took these, whatever came back later.
TAKEN = (MessageStatus.SUBMITTED, MessageStatus.BOUNCED)

# A reader has had the articles of a message in one of these states: what came back, failed, was withheld or expired may
# be told again.
HAD = (MessageStatus.SUBMITTED, MessageStatus.UNCERTAIN, MessageStatus.DEFERRED)

MESSAGE_MOVES: dict[MessageStatus, frozenset[MessageStatus]] = {
    MessageStatus.SUBMITTED: frozenset({MessageStatus.BOUNCED}),
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
    MessageStatus.BOUNCED: frozenset(),
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
    SNOOZED = 9
    QUIET_HOURS = 10  # breaking news only: a digest waits for their end
    FREQUENCY_CAP = 11
    TOO_FEW = 12  # fewer stories than the newsletter's minimum; they stay for the next issue
    RETRACTED = 13  # nothing is left of what would have been told
    SUPERSEDED = 14  # a later issue waited for the same hour, or the reader has waited for too long


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
    """Return the 512 octets that mark the given subscriber ids of one bucket; raise ValueError at a stranger."""
    low = bucket * BUCKET_SIZE
    digits = bytearray(_NOBODY)
    for subscriber_id in members:
        if not 0 <= subscriber_id - low < BUCKET_SIZE:
            raise ValueError(f"The reader {subscriber_id} is not in bucket {bucket}.")
        digits[low - subscriber_id - 1] = _ONE  # the lowest bit is the last digit
    return int(digits, 2).to_bytes(BUCKET_SIZE // 8, "little")


def members(marks: bytes, bucket: int) -> Iterator[int]:
    """Yield the subscriber ids that a bitmap marks, in ascending order."""
    low = bucket * BUCKET_SIZE
    digits = format(int.from_bytes(marks, "little"), f"0{BUCKET_SIZE}b").encode()
    return compress(range(low, low + BUCKET_SIZE), digits[::-1].translate(_IS_ONE))


def draw(*numbers: int) -> int:
    """Return a number below 2 ** 64 that looks drawn and is the same for the same numbers, on every machine."""
    return int.from_bytes(blake2b(repr(numbers).encode(), digest_size=8).digest(), "big")


class PlannedMessage(NamedTuple):
    """Hold what was decided for one reader before the first byte: enough to make the same bytes again.

    ``domain_id`` names the destination while the message is under way; a window does not keep it. ``language`` is 0
    for the newsletter's own, else the place, from 1 on, among the issue's other languages.
    """

    subscriber_id: int
    picks: bytes
    address: str
    name: str
    is_retry: bool = False
    domain_id: int | None = None
    language: int = 0


_COUNT = Struct("<I")  # of the messages of a window
_HAS_LANGUAGES = (
    1 << 31
)  # in the count: a column of languages follows it; without it all have the newsletter's


def pack_window(messages: Sequence[PlannedMessage]) -> bytes:
    """Return the decisions of a window, compressed: columns of numbers, then all picks, then all texts.

    Column by column it is a tenth of the work of JSON. Compressing costs 0.5 us a message (measured), and spares the
    database more than that: it would compress, store and log two and a half times as much.
    """
    count = len(messages)
    columns = zip(*messages, strict=True) if messages else ((),) * 7
    ids, picks, addresses, names, are_retries, _, languages = columns
    numbers = _numbers(count).pack(
        *ids, *map(len, picks), *map(len, addresses), *map(len, names), *are_retries
    )
    texts = "".join((*addresses, *names)).encode()
    has_languages = any(languages)
    head = _COUNT.pack(count | _HAS_LANGUAGES * has_languages) + bytes(languages) * has_languages
    return zlib.compress(b"".join((head, numbers, *picks, texts)), 1)


def unpack_window(packed: bytes) -> list[PlannedMessage]:
    """Read the decisions of a window back."""
    plain = zlib.decompress(packed)
    (marked,) = _COUNT.unpack_from(plain)
    count, head = marked & ~_HAS_LANGUAGES, _COUNT.size
    languages: Sequence[int] = bytes(count)
    if marked & _HAS_LANGUAGES:
        languages, head = plain[head : head + count], head + count
    numbers = _numbers(count)
    columns = numbers.unpack_from(plain, head)
    ids, lengths, are_retries = columns[:count], columns[count : 4 * count], columns[4 * count :]
    start = head + numbers.size
    end = start + sum(lengths[:count])
    picks = _cut(plain[start:end], lengths[:count])
    texts = _cut(plain[end:].decode(), lengths[count:])
    nowhere = (None,) * count
    rows = zip(ids, picks, texts[:count], texts[count:], are_retries, nowhere, languages, strict=True)
    return [PlannedMessage(*row) for row in rows]


@lru_cache
def _numbers(count: int) -> Struct:
    """Return the shape of the columns: ids, three columns of lengths, and which messages are retries."""
    return Struct(f"<{count}q{3 * count}I{count}?")


def _cut(whole: AnyStr, lengths: Sequence[int]) -> list[AnyStr]:
    """Cut a text or octets into pieces of the given lengths."""
    ends = list(accumulate(lengths, initial=0))
    return [whole[start:end] for start, end in pairwise(ends)]


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
