"""Try two to four subjects on a sample of an issue's readers, and decide which the rest gets. Pure.

The rule (docs/clicks.md has its figures): another subject replaces the editor's first only when it is better beyond
doubt. The doubt is measured by a mixture of likelihood ratios, which may be looked at after every click: when both
subjects are alike, it ever reaches ``1 / x`` with a probability of at most ``x`` (Ville's inequality; Robbins 1970;
"always valid inference", Johari, Pekelis, Walsh 2015). With several others, each gets its share of the five per cent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import lgamma, log

from newsletter.domain.mailings import draw

SUBJECT_MAXIMUM = 4
FALSE_ALARM = 0.05  # the highest probability that another subject wins that is no better than the first
PEOPLE_MINIMUM = 100  # who opened something: the first few clickers are not like the others

_SHARES = 10_000  # hundredths of a per cent
_PRIOR = 200.0  # clicks: how small the differences are that are looked for (a sixth more or less, mostly)


class DecisionReason(StrEnum):
    """Say why a subject won."""

    BETTER = "better"
    NO_DIFFERENCE = "no_difference"  # time was over; the editor's first
    TOO_FEW_CLICKS = "too_few_clicks"  # likewise


@dataclass(frozen=True)
class Trial:
    """Hold what is known of one subject: people who opened a story, and messages that were submitted with it."""

    people: int
    messages: int

    @property
    def rate(self) -> float:
        """Return the people per message."""
        return self.people / self.messages if self.messages else 0.0


@dataclass(frozen=True)
class Decision:
    """Hold which subject the rest gets."""

    arm: int
    reason: DecisionReason


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


def decide(trials: Sequence[Trial], *, is_over: bool) -> Decision | None:
    """Return the winner, or None while the test goes on; ``is_over``: its time is."""
    first, others = trials[0], trials[1:]
    is_enough = sum(trial.people for trial in trials) >= PEOPLE_MINIMUM
    if is_enough and others:
        doubt = log(len(others) / FALSE_ALARM)
        better = [trial for trial in others if trial.rate > first.rate and evidence(trial, first) >= doubt]
        if better:
            best = max(better, key=lambda trial: trial.rate)
            return Decision(trials.index(best, 1), DecisionReason.BETTER)
        if all(first.rate > trial.rate and evidence(trial, first) >= doubt for trial in others):
            return Decision(0, DecisionReason.BETTER)
    if not is_over:
        return None
    return Decision(0, DecisionReason.NO_DIFFERENCE if is_enough else DecisionReason.TOO_FEW_CLICKS)


def evidence(one: Trial, other: Trial) -> float:
    """Return the logarithm of how much likelier the clicks are when two subjects differ than when they do not.

    When they do not, each person who clicks is one of the first's with the share that the first has of the messages.
    """
    if not one.messages or not other.messages:
        return 0.0
    share = one.messages / (one.messages + other.messages)
    prior, rest = _PRIOR * share, _PRIOR * (1 - share)
    mixed = _log_beta(one.people + prior, other.people + rest) - _log_beta(prior, rest)
    return mixed - one.people * log(share) - other.people * log(1 - share)


def _log_beta(one: float, other: float) -> float:
    return lgamma(one) + lgamma(other) - lgamma(one + other)
