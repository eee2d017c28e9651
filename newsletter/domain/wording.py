"""Reduce titles and leads to what two of them can be compared by, in any language and without lists of words.

A word counts by its stem (its first letters), and for more the rarer it is among the texts at hand and the longer it
is; scripts without blanks are cut into pairs of characters. What is a name is learned from the texts: it stands with a
capital where no sentence begins.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property, lru_cache
from itertools import chain

_STEM = 6  # letters: "resigns" and "resignation" are one, "election" and "electricity" two
_FULL = 6  # letters from which on a word counts in full: most that hold a sentence together are shorter
_WORDS_MAXIMUM = 60  # of a lead: what it is about stands there
_FEW_TEXTS = 200  # among fewer, a word that was met twice is not common yet
_COMMON_SHARE = 4  # words of every fourth text hold sentences together ...
_COMMON_LEAST = 12  # ... unless so few texts have them that they may be one story
TITLE_WEIGHT = 2  # a title has about half the words of a lead, and was chosen with more care
_TELLING = 1.0  # the weight of a word that is not common, from about four letters on
_TELLING_LEAST = 3  # such words, one of them of a title, must be shared
_WORD = re.compile(r"[^\W_]{2,}|\d")
_CAPITAL = re.compile(r"(?<=[\w,;)])[ -]+([^\W\d_a-z][^\W_]+)")  # after a word of the same sentence
_UNSPACED = re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")  # Thai, kana, Han


def words(text: str) -> list[str]:
    """Return the words of a text in order, as many as are compared; single letters are left out."""
    found: list[str] = _WORD.findall(text)
    if not text.isascii() and _UNSPACED.search(text):
        found = list(chain.from_iterable(map(_pairs, found)))
    return found[:_WORDS_MAXIMUM]


@lru_cache(maxsize=1 << 16)
def stem(word: str) -> str:
    """Return the first letters of a word, in lower case and without accents."""
    if word.isascii():
        return word.lower()[:_STEM]
    plain = unicodedata.normalize("NFKD", word.casefold())
    return "".join(char for char in plain if not unicodedata.combining(char))[:_STEM]


def has_no_case(found: str) -> bool:
    """Say whether a word is of a script that tells no names by capitals."""
    return found[0].isalpha() and found.upper() == found.lower()


class Text:
    """Hold a title and its lead as stems, in order; ``names`` are those that have a capital inside a sentence."""

    def __init__(self, title: str, lead: str) -> None:
        """Read both."""
        self._words = (words(lead), words(title))
        self.lead, self.title = (tuple(map(stem, found)) for found in self._words)
        self.title_stems = frozenset(self.title)
        self.stems = self.title_stems.union(self.lead)
        of_title = _capitals(title)
        if len(of_title) * 2 > len(self.title):
            of_title = []  # a title in which most words have one
        self.names = frozenset(map(stem, _capitals(lead) + of_title))

    @property
    def plain_stems(self) -> set[str]:
        """Return the stems of words in small letters; of the title only when there is no lead."""
        return {stem(word) for word in self._words[0] or self._words[1] if word[0].islower()}

    @cached_property
    def spelled(self) -> dict[str, str]:
        """Return the stems with the words as they stand there."""
        return {stem(word): word for word in chain(*self._words)}

    @cached_property
    def title_places(self) -> dict[str, int]:
        """Return where each stem stands in the title, as a mask of places."""
        return _places(self.title)

    @cached_property
    def lead_places(self) -> dict[str, int]:
        """Return where each stem stands in the lead, as a mask of places."""
        return _places(self.lead)


class Vocabulary:
    """Know of many texts how common their words are, and which are names."""

    def __init__(self, texts: Sequence[Text]) -> None:
        """Count words by the texts that have them."""
        self._counts = Counter(chain.from_iterable(text.stems for text in texts))
        most = max(len(texts) // _COMMON_SHARE, _COMMON_LEAST)
        size = max(len(texts), _FEW_TEXTS)
        self._weights = {
            found: 0.0 if count > most else math.log(1 + size / count) * _length(found)
            for found, count in self._counts.items()
        }
        self._totals: dict[Text, float] = {}
        self._names = _names(texts)

    def weight(self, found: str) -> float:
        """Return for how much a word counts; 0 for one that says nothing."""
        return self._weights.get(found, 0.0)

    def rare(self, text: Text, count: int) -> list[str]:
        """Return the words of a text that say most and that another text has too, at most so many."""
        weights, counts, title = self._weights, self._counts, text.title_stems
        known = [
            (-weights[found] * (TITLE_WEIGHT if found in title else 1), found)
            for found in text.stems
            if counts[found] > 1 and weights[found]
        ]
        return [found for _, found in sorted(known)[:count]]

    def likeness(self, one: Text, other: Text) -> float:
        """Return which share of the words of two texts, by their weight, the other has too: the mean of both.

        0 when they share too little to tell: of few words, a few are a large share.
        """
        of_one, of_other = self._total(one), self._total(other)
        if not of_one or not of_other:
            return 0.0
        shared = one.stems & other.stems
        if not self._is_enough(shared, one.title_stems | other.title_stems):
            return 0.0
        return (self._sum(shared, one) / of_one + self._sum(shared, other) / of_other) / 2

    def names(self, text: Text, stems: Iterable[str]) -> list[str]:
        """Return which of the stems are names: in this text, or as a rule."""
        return [found for found in stems if found in text.names or found in self._names]

    def _is_enough(self, shared: frozenset[str], titles: frozenset[str]) -> bool:
        telling = [found for found in shared if self.weight(found) >= _TELLING]
        return len(telling) >= _TELLING_LEAST and not titles.isdisjoint(telling)

    def _total(self, text: Text) -> float:
        total = self._totals.get(text)
        if total is None:
            total = self._totals[text] = self._sum(text.stems, text)
        return total

    def _sum(self, stems: Iterable[str], text: Text) -> float:
        weights, title = self._weights, text.title_stems
        # fsum: the same whatever order a set has.
        return math.fsum(
            [weights.get(found, 0.0) * (TITLE_WEIGHT if found in title else 1) for found in stems]
        )


def _pairs(word: str) -> list[str]:
    if not _UNSPACED.search(word):
        return [word]
    return [word[place : place + 2] for place in range(max(len(word) - 1, 1))]


def _capitals(text: str) -> list[str]:
    return [word for word in _CAPITAL.findall(text) if word[0].isupper()]


def _length(found: str) -> float:
    """Return which share of its weight a word has by its length."""
    if found.isdigit():
        return min(len(found), 4) / 8  # a year or a sum says a little; days and counts next to nothing
    if _UNSPACED.match(found):
        return 0.5
    return (min(len(found), _FULL) / _FULL) ** 2


def _names(texts: Iterable[Text]) -> frozenset[str]:
    """Return the words that stand with a capital inside sentences in more texts than without."""
    capital: Counter[str] = Counter()
    plain: Counter[str] = Counter()
    for text in texts:
        capital.update(text.names)
        plain.update(text.plain_stems)
    return frozenset(found for found, count in capital.items() if count > plain[found])


def _places(text: Sequence[str]) -> dict[str, int]:
    places: dict[str, int] = {}
    for place, found in enumerate(text):
        places[found] = places.get(found, 0) | 1 << place
    return places
