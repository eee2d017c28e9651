"""Say which topics and what importance a source gives its articles: rules by feed, category, author or address.

Patterns are texts in which ``*`` stands for anything. They are compared piece by piece, so that no pattern and no
article takes long, which regular expressions could not promise.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from newsletter.domain import articles
from newsletter.domain.errors import InvalidInput
from newsletter.domain.rules import WEIGHT_MAXIMUM

RULES_MAX = 50  # of one source: more than a publisher has sections
PATTERN_MAX = 200  # characters
TOPICS_MAX = 10  # of one rule
_TOPIC = re.compile(r"[a-z0-9-]{1,60}")


class By(StrEnum):
    """Name what a rule looks at."""

    FEED = "feed"
    CATEGORY = "category"
    AUTHOR = "author"
    URL = "url"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Give the articles that fit ``pattern`` topics, by slug, and importance; by FEED all of them fit."""

    by: By
    pattern: str = "*"
    topics: tuple[str, ...] = ()
    importance: int = 0


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Hold what rules look at."""

    url: str
    author: str = ""
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Mapped:
    """Hold what rules made of an article: bits of topics, the number of the main one, importance."""

    topics: int = 0
    section: int | None = None
    importance: int = 0


def mapped(rules: Iterable[Rule], facts: Facts, topics: Mapping[str, int]) -> Mapped:
    """Return what rules, and then the categories that are names of topics, make of an article.

    The first topic in this order is the main one. Importance adds up, within the bounds of an editor's weight.
    ``topics`` maps ``articles.topic_key`` of slugs and names to numbers.
    """
    fitting = [rule for rule in rules if fits(rule, facts)]
    named = [name for rule in fitting for name in rule.topics] + list(facts.categories)
    numbers = [topics[key] for name in named if (key := articles.topic_key(name)) in topics]
    total = sum(rule.importance for rule in fitting)
    return Mapped(
        topics=sum(1 << number for number in set(numbers)),
        section=next(iter(numbers), None),
        importance=max(-WEIGHT_MAXIMUM, min(total, WEIGHT_MAXIMUM)),
    )


def fits(rule: Rule, facts: Facts) -> bool:
    """Say whether an article fits a rule."""
    match rule.by:
        case By.FEED:
            return True
        case By.CATEGORY:
            return any(matches(rule.pattern, name) for name in facts.categories)
        case By.AUTHOR:
            return matches(rule.pattern, facts.author)
        case By.URL:
            return matches(_without_scheme(rule.pattern), _compared(facts.url, rule.pattern))


def matches(pattern: str, text: str) -> bool:
    """Say whether a text fits a pattern, in any case; ``*`` stands for any characters, also none."""
    first, *pieces = _folded(pattern).split("*")
    folded = _folded(text)
    if not pieces:
        return folded == first
    last = pieces.pop()
    if len(folded) < len(first) + len(last) or not (folded.startswith(first) and folded.endswith(last)):
        return False
    place, end = len(first), len(folded) - len(last)
    for piece in pieces:
        place = folded.find(piece, place, end)
        if place < 0:
            return False
        place += len(piece)
    return True


def from_plain(plain: object) -> tuple[Rule, ...]:
    """Read rules from lists and objects; raise InvalidInput that names what to mend."""
    if not isinstance(plain, list) or len(plain) > RULES_MAX:
        raise _fault("mapping", f"must be a list of at most {RULES_MAX} rules")
    return tuple(_rule(entry, f"rule {number}") for number, entry in enumerate(plain, 1))


def to_plain(rules: Sequence[Rule]) -> list[dict[str, object]]:
    """Return rules as lists and objects."""
    return [
        {
            "by": rule.by.value,
            "pattern": rule.pattern,
            "topics": list(rule.topics),
            "importance": rule.importance,
        }
        for rule in rules
    ]


def slugs(rules: Iterable[Rule]) -> tuple[str, ...]:
    """Return the topics that rules name, each once."""
    return tuple(dict.fromkeys(slug for rule in rules for slug in rule.topics))


def _rule(entry: object, where: str) -> Rule:
    if not isinstance(entry, Mapping) or not set(entry) <= {"by", "pattern", "topics", "importance"}:
        raise _fault(where, "must have the fields by, pattern, topics and importance, and no others")
    by, pattern = entry.get("by", "feed"), entry.get("pattern", "*")
    if by not in list(By):
        raise _fault(where, f"must be by one of {', '.join(By)}")
    if not isinstance(pattern, str) or not 0 < len(pattern.strip()) <= PATTERN_MAX:
        raise _fault(where, f"must have a pattern of 1 to {PATTERN_MAX} characters")
    rule = Rule(
        by=By(by),
        pattern=pattern.strip(),
        topics=_topics(entry.get("topics", []), where),
        importance=_importance(entry.get("importance", 0), where),
    )
    if not rule.topics and not rule.importance:
        raise _fault(where, "gives neither a topic nor importance")
    return rule


def _topics(given: object, where: str) -> tuple[str, ...]:
    if (
        not isinstance(given, list)
        or len(given) > TOPICS_MAX
        or not all(isinstance(slug, str) and _TOPIC.fullmatch(slug) for slug in given)
    ):
        raise _fault(where, f"must have a list of at most {TOPICS_MAX} names (slugs) of topics")
    return tuple(dict.fromkeys(given))


def _importance(given: object, where: str) -> int:
    if not isinstance(given, int) or isinstance(given, bool) or abs(given) > WEIGHT_MAXIMUM:
        raise _fault(where, f"must have an importance from -{WEIGHT_MAXIMUM} to {WEIGHT_MAXIMUM}")
    return given


def _compared(url: str, pattern: str) -> str:
    """Return the part of an address that a pattern speaks of: all without scheme, or from the path on."""
    bare = _without_scheme(url)
    return bare[len(bare.partition("/")[0]) :] if pattern.startswith("/") else bare


def _without_scheme(url: str) -> str:
    return url.removeprefix("https://").removeprefix("http://").removeprefix("www.")


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _fault(where: str, what: str) -> InvalidInput:
    return InvalidInput(
        f"The mapping cannot be used: {where} {what}.", hint="See docs/sources.md.", reason="bad_mapping"
    )
