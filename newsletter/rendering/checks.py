"""Refuse templates that cannot be rendered once for many readers, with file, line and the way out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable

from newsletter.domain import places
from newsletter.domain.errors import TemplateError
from newsletter.domain.places import Place
from newsletter.domain.rendered import ReaderField
from newsletter.rendering.environment import Environment
from newsletter.rendering.slots import ReaderSlots, Sightings

# Renders a template with these stand-ins for the reader's fields.
Render = Callable[[ReaderSlots], str]

_STYLE = re.compile(r"<style(?![^>]*data-premailer)[^>]*>(.*?)</style>", re.DOTALL | re.IGNORECASE)
_RULE = re.compile(r"([^{}]+)\{[^{}]*\}")
_CSS_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
# What may tell an element by its neighbours (Selectors Level 4 §14, §15).
_NEIGHBOURS = re.compile(r"[+~]|:(?:first|last|nth|only)-|:empty|:has\(|:not\(")
_AS_IT_IS = (
    "Write readers' fields out as they are: no if, no filter, no length, nothing that depends on them."
)
_WAYS_OUT = {
    Place.UNQUOTED: 'Put the value between quotes: title="{{ reader.name }}".',
    Place.ADDRESS: "Only the reader's links can stand in href, src and the like.",
}
_ELSEWHERE = "Write it into text, or into a quoted attribute such as title or alt."


class Checks:
    """Know the templates of one issue and where they write readers' fields."""

    def __init__(self, environment: Environment, sightings: Sightings, *, is_rtl: bool) -> None:
        self._environment = environment
        self._sightings = sightings
        self._is_rtl = is_rtl

    def rendered(self, template: str, render: Render) -> str:
        """Render a template and return it; refuse one that looks different for readers without the fields.

        That finds what cannot be told while it happens: a branch on, or a change of, what a field was written to.
        """
        first = len(self._sightings)
        text = render(ReaderSlots(self._sightings, is_rtl=self._is_rtl))
        count = len(self._sightings) - first

        def is_the_same_without(hidden: Collection[int]) -> bool:
            trial = ReaderSlots(self._sightings.trial(first), is_rtl=self._is_rtl, hidden=hidden)
            without_marks = self._sightings.without_marks
            return without_marks(text) == without_marks(render(trial))

        if is_the_same_without(range(count)):
            return text
        number = next((number for number in range(count) if not is_the_same_without([number])), 0)
        sighting = self._sightings.at(first + number)
        raise self._environment.refuse(
            sighting.template or template,
            "it depends on a field of the reader",
            line=sighting.line,
            hint=_AS_IT_IS,
        )

    def places(self, document: str) -> None:
        """Refuse a field where a value could change the text around it, or would be read by nobody."""
        for standing in places.find(document, self._sightings.pattern):
            field = ReaderField(standing.mark[1])
            fault = places.fault(field, standing.place)
            if fault is not None:
                sighting = self._sightings.at(int(standing.mark[2]))
                raise self._environment.refuse(
                    sighting.template,
                    f"the reader's {field} {fault}",
                    line=sighting.line,
                    hint=_WAYS_OUT.get(standing.place, _ELSEWHERE),
                )

    def kept(self, template: str, before: str, after: str) -> None:
        """Refuse a template whose marks are not the same before and after inlining."""
        old, new = (Counter(self._sightings.pattern.findall(text)) for text in (before, after))
        changed = min((int(number) for _, number in (old - new) + (new - old)), default=None)
        if changed is not None:
            sighting = self._sightings.at(changed)
            raise self._environment.refuse(
                sighting.template, "it changes a field of the reader", line=sighting.line, hint=_AS_IT_IS
            )
        if self._sightings.has_remains(after):
            raise self._environment.refuse(template, "it changes a field of the reader", hint=_AS_IT_IS)

    def blocks(self, template: str, page: str, marker: str) -> None:
        """Refuse a frame that does not write {{ blocks }} between its rows, as comments can stand there."""
        found = places.find(page, re.compile(re.escape(marker)))
        if not all(standing.place is Place.COMMENT for standing in found):
            raise self._environment.refuse(
                template,
                "it writes {{ blocks }} where no rows can stand",
                line=self._line_of(template, r"\{\{-?\s*blocks"),
                hint="Write {{ blocks }} between rows.",
            )

    def neighbours(
        self, template: str, page: str, is_told_apart: Callable[[Collection[str]], bool]
    ) -> TemplateError:
        """Return the error for blocks that look different by what stands around them: the rule that does it.

        ``is_told_apart`` inlines the page without some of its rules and says whether blocks still differ.
        """
        suspects = [rule for rule in _rules(page) if _NEIGHBOURS.search(_selector(rule))]
        rule = next((rule for rule in suspects if not is_told_apart([rule])), None)
        if rule is None and suspects and not is_told_apart(suspects):
            rule = suspects[0]  # several of them do it, each alone
        name, line = (template, None) if rule is None else self._place_of(template, _selector(rule))
        because = "" if rule is None else f", because of {_selector(rule)!r}"
        return self._environment.refuse(
            name,
            f"a block looks different depending on what stands around it{because}",
            line=line,
            hint="Take selectors such as + ~ :first-child and :nth-child out; give the element a class of its own.",
        )

    def _place_of(self, template: str, selector: str) -> tuple[str, int | None]:
        pattern = r"\s+".join(re.escape(word) for word in selector.split())
        for name in self._environment.sources(template):
            line = self._line_of(name, pattern)
            if line is not None:
                return name, line
        return template, None

    def _line_of(self, name: str, pattern: str) -> int | None:
        source = self._environment.sources(name)[name]
        found = re.search(pattern, source)
        return None if found is None else source.count("\n", 0, found.start()) + 1


def _rules(page: str) -> Iterable[str]:
    """Yield the rules of the style sheets that are inlined."""
    for sheet in _STYLE.findall(page):
        yield from (found[0] for found in _RULE.finditer(_CSS_COMMENT.sub("", sheet)))


def _selector(rule: str) -> str:
    """Return the selector of a rule; of several, the first that tells by neighbours."""
    selectors = [" ".join(each.split()) for each in rule.partition("{")[0].split(",")]
    return next((each for each in selectors if _NEIGHBOURS.search(each)), selectors[0])
