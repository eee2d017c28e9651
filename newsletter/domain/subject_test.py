"""Say which readers try out which subject."""

from __future__ import annotations

from newsletter.domain.mailings import draw

_SHARES = 10_000  # hundredths of a per cent


def sample_arm(issue_id: int, subscriber_id: int, *, sample_percent: int, count: int) -> int | None:
    """Return the place of the subject that a reader of the sample gets (0 = first); None outside the sample.

    It is drawn by hash, so that every place that asks gets the same answer, whenever it asks.
    """
    drawn = draw(issue_id, subscriber_id)
    if drawn % _SHARES >= sample_percent * 100:
        return None
    return drawn // _SHARES % count


def arm(issue_id: int, subscriber_id: int, *, sample_percent: int, count: int, winner: int | None) -> int:
    """Return the place of a reader's subject: the sample's own, or for all others the winner, else the first."""
    tried = sample_arm(issue_id, subscriber_id, sample_percent=sample_percent, count=count)
    return (winner or 0) if tried is None else tried
