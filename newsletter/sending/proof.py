"""Make a test mail of a built or previewed issue: no row is written, no state is moved."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from newsletter.domain.mailings import PlannedMessage
from newsletter.domain.rendered import FrozenIssue, RenderedBlock
from newsletter.runtime.settings import Settings
from newsletter.sending import context
from newsletter.sending.compose import Composer, Rings
from newsletter.sending.signing import Signers
from newsletter.transports.base import Envelope


def compose(
    frozen: FrozenIssue,
    blocks: Iterable[RenderedBlock],
    *,
    rings: Rings,
    signers: Signers,
    settings: Settings,
    picks: bytes,
    address: str,
    name: str = "",
    now: datetime,
    arm: int = 0,
    language: str = "",
) -> tuple[Envelope, bytes]:
    """Return the mail that a reader with these picks would get, marked as a test, its links naming no reader.

    ``arm`` is the place of its subject among those tested; ``language`` that of the blocks, "": the newsletter's.
    """
    composer = Composer(
        frozen,
        blocks,
        settings=settings,
        rings=rings,
        signers=signers.by_id,
        kinds=context.kinds(settings),
        language=language,
    )
    return composer.message(
        planned=PlannedMessage(0, picks, address, name),
        mailing_id=0,
        planned_at=now,
        key_ids=context.newest_keys(rings) | signers.key_ids,
        is_proof=True,
        proof_arm=arm,
    )
