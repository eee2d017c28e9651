"""Stop before many addresses are lost by somebody else's mistake: breakers over what receivers and mailings tell.

A big provider answered "no such user" for existing accounts for hours once (Gmail, December 2020); an old list that
was imported shows in the first hundreds of results.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

HOUR = timedelta(hours=1)
MONTH = timedelta(days=30)
_SUDDEN = 0.30  # of a receiver's results within an hour say the same
_SUDDEN_MIN = 20  # results that do
_USUAL = 0.05  # what such results come to in other times

_RESULTS_MIN = 500  # of a mailing, before its share of bad addresses means anything
_BAD = 0.05  # from which providers review a sender: SES's page on reputation, 5 %
_BAD_WHEN_YOUNG = 0.02  # a new newsletter has no old readers yet: its addresses should be good
_YOUNG = timedelta(days=30)


@dataclass(frozen=True)
class Share:
    """Count failures among results, which need not be counted beyond ``results_wanted``."""

    failed: int
    results: int

    def exceeds(self, limit: float) -> bool:
        """Say whether more than a share of the results failed."""
        return self.failed > limit * self.results


def may_be_sudden(failed: int) -> bool:
    """Say whether so many failures for one reason in an hour are worth a look."""
    return failed >= _SUDDEN_MIN


def is_sudden(hour: Share) -> bool:
    """Say whether a receiver's results of the last hour turn to one reason."""
    return may_be_sudden(hour.failed) and hour.exceeds(_SUDDEN)


def is_outbreak(hour: Share, month: Share) -> bool:
    """Say whether a receiver suddenly says of many what it said of few in the 30 days before that hour."""
    return is_sudden(hour) and (month.failed < _USUAL * month.results or month.failed == 0)


def results_wanted(failed: int) -> int:
    """Return how many results have to be counted to compare so many failures with any of the limits."""
    return max(_RESULTS_MIN, int(failed / _BAD_WHEN_YOUNG)) + 1


def is_mailing_bad(hard: Share, *, newsletter_age: timedelta) -> bool:
    """Say whether so many addresses of a mailing do not exist that it must be paused."""
    limit = _BAD_WHEN_YOUNG if newsletter_age < _YOUNG else _BAD
    return hard.results >= _RESULTS_MIN and hard.exceeds(limit)
