"""Find the phrase of a table that a refusal holds.

A table is a family of rules: a reason, and phrases that give it. A phrase is a regular expression over the refusal's
line, which ``refusals.read`` has made plain (lower case, no addresses, no punctuation but dots); capitals in it stand
for words that mean the same (``SYNONYMS``). The first phrase that fits decides, so that the order of tables and rows
carries meaning: the special before the general.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

SYNONYMS: Mapping[str, str] = {
    # A reader, by any name.
    "WHO": (
        r"\b(users?|(user|login|mail) ?ids?|user ?names?|recipients?|mailbox|accounts?|address|addresses|addressee"
        r"|customer|person|subscriber|alias|inbox)\b"
    ),
    # Our sender and our host, by any name; "returned to sender" says nothing of it.
    "OURS": (
        r"\b((?<!to )senders?|sending (domain|address|name)|originat\w+|return address|reply to|mail from"
        r"|from (address|domain|header|field)|(source|envelope) (address|from)|domain you|message id"
        r"|your (e?mail )?(domain|address|account|mailbox))\b"
    ),
    "HOST": r"\b(client|helo|ehlo|your (\w+ ){0,2}(ips?|hosts?|hostname|server|mailserver|network))\b",
    "BAD": (
        r"\b(unknown|invalid|illegal|malformed|forged|spoofed|missing|unverified|unresolv\w+|blacklisted|not \w+|no"
        r"|cannot|rejected|refused|denied|blocked|banned|removed|disabled)\b"
    ),
    "MAIL": r"\b(e?mails?|messages?)\b",
    "NEAR": r"\b.{0,40}\b",
    "IS ": r"(is |was |are |were |be |been |has been |have been |being )?",
    "THE ": r"(the |a |an |this |that |your |my |our |its |their |his )?",
}
_GROUP = re.compile(r"\((\?<?!)?([^()]*)\)([?*+]|\{[^}]*\})?")
# What is no letter that must stand in the text: classes, escapes, counted and optional letters, anchors.
_LOOSE = re.compile(r"\[[^]]*\][?*+]?|\\[^.][?*+]?|[^\\][?*]|.?\{[^}]*\}|(?<!\\)\.|[+^$\0]")


@dataclass(frozen=True, slots=True)
class Rule:
    """Give a reason to the refusals that hold one of the phrases; ``family`` is whose words they are."""

    family: str
    reason: str
    phrases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """Hold the reason, and the words that gave it."""

    reason: str
    evidence: str


@dataclass(frozen=True)
class Rules:
    """Hold rules in the order in which they are asked."""

    rules: tuple[Rule, ...]

    def without(self, *families: str) -> Rules:
        """Return the rules that remain when families are taken out."""
        return Rules(tuple(rule for rule in self.rules if rule.family not in families))

    def find(self, *lines: str) -> Found | None:
        """Return what the first phrase that fits says, line by line; None when there is none."""
        return next((found for line in lines if (found := self._find(line))), None)

    def _find(self, line: str) -> Found | None:
        for number in sorted({n for needle, numbers in self._index if needle in line for n in numbers}):
            pattern, reason = self._phrases[number]
            if match := pattern.search(line):
                return Found(reason, match.group().strip())
        return None

    @cached_property
    def _phrases(self) -> tuple[tuple[re.Pattern[str], str], ...]:
        return tuple(
            (re.compile(spell(phrase)), rule.reason) for rule in self.rules for phrase in rule.phrases
        )

    @cached_property
    def _index(self) -> tuple[tuple[str, list[int]], ...]:
        """List the needles, each with the numbers of its phrases: looking for letters is far quicker than matching."""
        found: dict[str, list[int]] = {}
        for number, (pattern, _) in enumerate(self._phrases):
            for needle in needles_of(pattern.pattern):
                found.setdefault(needle, []).append(number)
        return tuple(found.items())


def family(name: str, *rows: tuple[str, ...]) -> tuple[Rule, ...]:
    """Make the rules of a family from rows: a reason, then its phrases."""
    return tuple(Rule(name, row[0], row[1:]) for row in rows)


def spell(phrase: str) -> str:
    """Return a phrase as a regular expression."""
    for capitals, meaning in SYNONYMS.items():
        phrase = phrase.replace(capitals, meaning)
    return phrase


def needles_of(phrase: str) -> tuple[str, ...]:
    """Return letters of which every text that fits a phrase holds at least one run.

    That is the longest run outside of groups, or the runs of a group's alternatives where all of them are longer.
    """
    choices: list[tuple[str, ...]] = []
    while found := _GROUP.search(phrase):
        unwanted, body, counted = found.groups()
        is_nested = "(" in phrase[: found.start()]
        if not unwanted and not counted and not is_nested:
            choices.append(tuple(_longest_run(part) for part in body.split("|")))
        phrase = f"{phrase[: found.start()]}\0{phrase[found.end() :]}"
    choices.append((_longest_run(phrase),))
    return max(choices, key=lambda runs: min(map(len, runs)))


def _longest_run(part: str) -> str:
    return max(_LOOSE.split(part), key=len).replace("\\.", ".")
