"""Tell texts that are alike because they are made to one mould from texts about one event.

A newsroom writes the weather of every day, every burglary, every earthquake and every final whistle in much the same
words. What differs is what fills the places between them, and the day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import takewhile

from newsletter.domain import wording
from newsletter.domain.wording import Text, Vocabulary

_TITLE_PERCENT = 50  # of the shorter title's words, in the same order: one mould
_LEAD_PERCENT = 60  # leads repeat more of each other, also about one event
_BEGINNING = 3  # words at the start of two titles: the name of a column
_DAY_APART = timedelta(hours=11)  # what is made to one mould so much later is the next of a series
_REPOST_WORDS = 15  # in a lead: so many are the same word for word only in the same piece
_ELSEWHERE = 0.75  # how alike texts are of which each title names what the other text never does


def is_one_mould(one: Text, other: Text, vocabulary: Vocabulary, *, apart: timedelta) -> bool:
    """Say whether two texts that are alike tell two events: the next of a series, or the same of somebody else."""
    is_title, is_lead = _is_title_mould(one, other), _is_lead_mould(one, other)
    is_series = is_title or is_lead or _begin_alike(one, other)
    if is_series and apart >= _DAY_APART and not _is_repost(one, other):
        return True
    if not (is_title or is_lead):
        return False
    if _differ_in_numbers(one, other):
        return True
    if _differ_in_names(vocabulary, one, one.stems, other, other.stems):
        return True
    return is_title and one.title != other.title and not _share_a_name(one, other, vocabulary)


def factor(one: Text, other: Text, vocabulary: Vocabulary) -> float:
    """Return by what to multiply how alike two texts are: less than 1 when their titles are of different names."""
    return _ELSEWHERE if _differ_in_names(vocabulary, one, one.title_stems, other, other.title_stems) else 1.0


def _is_title_mould(one: Text, other: Text) -> bool:
    shared = _in_order(one.title_places, len(one.title), other.title)
    return shared >= 2 and shared * 100 >= _TITLE_PERCENT * min(len(one.title), len(other.title))


def _is_lead_mould(one: Text, other: Text) -> bool:
    shared = _in_order(one.lead_places, len(one.lead), other.lead)
    return shared >= 3 and shared * 100 >= _LEAD_PERCENT * min(len(one.lead), len(other.lead))


def _begin_alike(one: Text, other: Text) -> bool:
    pairs = zip(one.title, other.title, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs)) >= _BEGINNING


def _is_repost(one: Text, other: Text) -> bool:
    return one.title == other.title and one.lead == other.lead and len(one.lead) >= _REPOST_WORDS


def _differ_in_names(
    vocabulary: Vocabulary, one: Text, of_one: frozenset[str], other: Text, of_other: frozenset[str]
) -> bool:
    """Say whether each has a name, among these stems, that the other text never says."""
    here = vocabulary.names(one, of_one - other.stems)
    return bool(here) and bool(vocabulary.names(other, of_other - one.stems))


def _differ_in_numbers(one: Text, other: Text) -> bool:
    """Say whether nothing but numbers is different: parts, days, places in a list."""
    differing = one.stems ^ other.stems
    return bool(differing) and all(map(str.isdigit, differing))


def _share_a_name(one: Text, other: Text, vocabulary: Vocabulary) -> bool:
    shared = one.stems & other.stems
    return bool(vocabulary.names(one, shared)) or any(map(wording.has_no_case, shared))


def _in_order(places: Mapping[str, int], size: int, other: Sequence[str]) -> int:
    """Return how many words two texts share in the same order (the longest common subsequence).

    All places of the first text are worked on at once, as bits: H. Hyyrö, Bit-parallel LCS-length computation
    revisited (2004).
    """
    everywhere = (1 << size) - 1
    free = everywhere
    for found in other:
        met = free & places.get(found, 0)
        free = (free + met | free - met) & everywhere
    return size - free.bit_count()
