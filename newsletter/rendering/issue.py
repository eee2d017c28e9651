"""Render an issue once for all its readers: every story in every style, inlined together, cut into blocks.

One master document holds all blocks, so that the CSS is inlined once. A block must be the same whatever stands
around it, since readers' digests are put together from blocks in any order: it is rendered in two surroundings,
and a template that tells them apart is refused. So is one that looks into a reader's field (see checks).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup
from premailer import Premailer

from newsletter.domain import layout, rendered
from newsletter.domain.issues import IssueKind
from newsletter.domain.layout import HeadingKey, StoryStyle
from newsletter.domain.rendered import BlockKind, FrozenIssue, FrozenStory, RenderedBlock
from newsletter.rendering import plain, words
from newsletter.rendering.checks import Checks
from newsletter.rendering.environment import Environment
from newsletter.rendering.slots import Sightings
from newsletter.rendering.theme import Theme, theme
from newsletter.rendering.words import Words

_WIDTHS = {StoryStyle.LEAD: 600, StoryStyle.CARD: 168}  # of images, in CSS pixels
_SMALLEST_IMAGE = 80  # pixels: below it is an icon or a counter
# Attributes that we write ourselves, where Outlook needs them.
_NO_ATTRIBUTES = ["align", "background", "bgcolor", "height", "valign", "width"]


@dataclass(frozen=True)
class Picture:
    """Hold an image as it will be shown; ``height`` None when the natural size is not known."""

    url: str
    alt: str
    width: int
    height: int | None


@dataclass(frozen=True)
class _Suite:
    """Name the templates that make a mail; ``is_inlined``: their CSS is written into the elements."""

    folder: str = "email"
    is_inlined: bool = True

    @property
    def frame(self) -> str:
        return self.of("frame")

    def of(self, name: str) -> str:
        return f"{self.folder}/{name}.html"


_FULL = _Suite()
_HEADLINES = _Suite("email/headlines", is_inlined=False)


@dataclass(frozen=True)
class _Piece:
    """Hold a block before it is inlined."""

    kind: BlockKind
    key: str
    style: str
    template: str
    html: str
    text: str


def render(environment: Environment, issue: FrozenIssue, language: str | None = None) -> list[RenderedBlock]:
    """Return all blocks of an issue; raise TemplateError when a template cannot be used for many readers.

    ``language`` is that of the frame around the stories; None: the newsletter's. The stories say which is theirs.
    A fallback issue is made of headlines alone, by templates of ours that no publisher's file takes the place of.
    """
    if issue.is_fallback:
        return _Rendering(environment.shipped(), issue, _HEADLINES, language).blocks()
    return _Rendering(environment, issue, _FULL, language).blocks()


class _Rendering:
    """Hold what all templates of one issue see."""

    def __init__(
        self, environment: Environment, issue: FrozenIssue, suite: _Suite, language: str | None
    ) -> None:
        own = identity = issue.identity
        spoken = environment.words(language or own.language).language
        if language is None and spoken.partition("-")[0] != own.language.partition("-")[0]:
            language = spoken  # its own words cannot be read: English, rather than no mail at all
        if language is not None:
            identity = replace(own, language=language, direction=words.direction(language))
        self._environment = environment
        self._issue = replace(issue, identity=identity)
        self._suite = suite
        self._words: Words = environment.words(identity.language)
        self._theme: Theme = theme(
            accent=identity.accent, background=identity.background, direction=identity.direction
        )
        self._values = {
            "issue": self._issue,
            "newsletter": identity,
            "tongue": "" if language is None else _tongue(own.language, own.direction),
            "words": self._words,
            "theme": self._theme,
        }
        self._sightings = Sightings(issue.nonce)
        self._checks = Checks(environment, self._sightings, is_rtl=identity.direction == "rtl")

    def blocks(self) -> list[RenderedBlock]:
        pieces = self._pieces()
        page = self._page(pieces)
        cut = self._inlined(page, pieces)
        self._check_surroundings(page, pieces, cut)
        head = self._frame(BlockKind.FRAME_HEAD, plain.frame_head(self._issue, self._words))
        foot = self._frame(BlockKind.FRAME_FOOT, plain.imprint(self._issue.identity, self._words))
        return [
            RenderedBlock(
                ordinal=ordinal,
                kind=piece.kind,
                key=piece.key,
                style=piece.style,
                html=self._sightings.unnumbered(html),
                text=piece.text,
            )
            for ordinal, (piece, html) in enumerate(zip([head, *pieces, foot], cut, strict=True))
        ]

    def _pieces(self) -> list[_Piece]:
        linked = [self._linked(story) for story in self._issue.stories]
        stories = [self._story(story, style) for story in linked for style in StoryStyle]
        return [
            *self._note(),
            *stories,
            *(self._heading(key) for key in self._heading_keys()),
            self._piece(BlockKind.PERSONAL, "personal", plain.personal(self._issue, self._words)),
            self._piece(BlockKind.WEB, "web", plain.web(self._issue, self._words)),
        ]

    def _linked(self, story: FrozenStory) -> FrozenStory:
        """Return a story whose links are counted, where the newsletter counts them."""
        if not self._issue.has_clicks:
            return story
        nonce = self._issue.nonce
        more = [replace(link, url=rendered.story_mark(nonce, link.number)) for link in story.more]
        return replace(story, url=rendered.story_mark(nonce, story.number), more=tuple(more))

    def _note(self) -> list[_Piece]:
        found = layout.paragraphs(self._issue.note)
        return [self._piece(BlockKind.NOTE, "note", plain.note(found), paragraphs=found)] if found else []

    def _heading_keys(self) -> list[HeadingKey]:
        is_missed = any(story.is_missed for story in self._issue.stories)
        return [HeadingKey.MORE, HeadingKey.MISSED] if is_missed else [HeadingKey.MORE]

    def _heading(self, key: HeadingKey) -> _Piece:
        heading = self._words(f"email.{key}")
        is_shown = not self._issue.is_fallback or key is not HeadingKey.MORE  # headlines are all alike
        text = plain.heading(heading) if is_shown else ""
        return self._piece(BlockKind.HEADING, "heading", text, key=key, heading=heading)

    def _story(self, story: FrozenStory, style: StoryStyle) -> _Piece:
        topic, label = self._topic(story), self._label(story)
        summary, shown = self._summary(story, style), picture(story, style)
        told, kicker = style, " · ".join(filter(None, (label, topic)))
        if self._issue.is_fallback:
            told, kicker = StoryStyle.BRIEF, ""
        return self._piece(
            BlockKind.STORY,
            "story",
            plain.story(story, told, kicker, self._words),
            key=str(story.number),
            style=style,
            story=story,
            summary=summary,
            label=label,
            topic=topic,
            picture=shown,
        )

    @staticmethod
    def _summary(story: FrozenStory, style: StoryStyle) -> str:
        length = plain.SUMMARY_MAXIMUM[style]
        return layout.shorten(story.summary, length) if length else ""

    def _label(self, story: FrozenStory) -> str:
        """Return what a story is, before its topic: breaking news, an update, or "" for a story like others."""
        if self._issue.kind is IssueKind.BREAKING:
            return self._words("email.breaking")
        return self._words("email.update") if story.is_update else ""

    def _piece(
        self, kind: BlockKind, name: str, text: str, *, key: str = "", style: str = "", **values: object
    ) -> _Piece:
        template = self._suite.of(name)
        html = self._checks.rendered(
            template,
            lambda reader: self._environment.render(
                template, **self._values, reader=reader, key=key, style=style, **values
            ),
        )
        return _Piece(kind, key, style, template, html, text)

    def _frame(self, kind: BlockKind, text: str) -> _Piece:
        return _Piece(kind, "", "", self._suite.frame, "", text)

    def _topic(self, story: FrozenStory) -> str:
        """Return the name of the story's first topic; "" when it is for everyone."""
        return next((topic.name for topic in self._issue.topics if story.topics >> topic.number & 1), "")

    def _page(self, pieces: Sequence[_Piece]) -> str:
        """Return the frame around the pieces, as the templates wrote it."""
        start, end = self._markers()
        blocks = Markup("".join(f"{start}{piece.html}{end}" for piece in pieces))  # noqa: S704 - rendered above
        page = self._checks.rendered(
            self._suite.frame,
            lambda reader: self._environment.render(
                self._suite.frame, **self._values, reader=reader, blocks=blocks
            ),
        )
        self._checks.blocks(self._suite.frame, page, start)
        self._checks.places(page)
        return page

    def _inlined(self, page: str, pieces: Sequence[_Piece]) -> list[str]:
        """Return the frame's head, the pieces in their order, and the frame's foot, with the CSS inlined."""
        start, end = self._markers()
        page = self._inline(page)
        cut = re.split(f"{re.escape(start)}(.*?){re.escape(end)}", page, flags=re.DOTALL)
        if len(cut) != 2 * len(pieces) + 1:
            raise self._environment.refuse(
                self._suite.frame,
                "it does not write {{ blocks }} out exactly once",
                hint="Write {{ blocks }} between rows.",
            )
        return [
            cut[0].rstrip() + "\n",
            *(f"{block.strip()}\n" for block in cut[1::2]),
            cut[-1].strip() + "\n",
        ]

    def _inline(self, page: str) -> str:
        if not self._suite.is_inlined:
            return page
        try:
            return str(
                Premailer(
                    page,
                    strip_important=False,
                    disable_validation=True,
                    disable_basic_attributes=_NO_ATTRIBUTES,
                    align_floating_images=False,
                    cssutils_logging_level=logging.CRITICAL,
                    allow_network=False,
                ).transform(pretty_print=False)
            )
        except (SyntaxError, ValueError, AssertionError) as error:
            raise self._environment.refuse(
                self._suite.frame,
                f"its CSS cannot be inlined ({error})",
                hint="Check the selectors in email/inline.css.",
            ) from error

    def _markers(self) -> tuple[str, str]:
        return f"<!--zq{self._issue.nonce}-start-->", f"<!--zq{self._issue.nonce}-end-->"

    def _check_surroundings(self, page: str, pieces: Sequence[_Piece], cut: Sequence[str]) -> None:
        for piece, html in zip(pieces, cut[1:-1], strict=True):
            self._checks.kept(piece.template, piece.html, html)
        self._checks.kept(self._suite.frame, page, "".join(cut))
        self._checks.places("".join(cut))
        order = sorted(range(len(pieces)), key=lambda place: (_group(pieces[place]), -place))
        turned_page = self._page([pieces[place] for place in order])

        def is_told_apart(without: Collection[str]) -> bool:
            one, other = page, turned_page
            for rule in without:
                one, other = one.replace(rule, ""), other.replace(rule, "")
            first = self._inlined(one, pieces) if without else cut
            head, *turned, foot = self._inlined(other, pieces)
            again = [head, *(html for _, html in sorted(zip(order, turned, strict=True))), foot]
            unnumbered = self._sightings.unnumbered
            return [*map(unnumbered, first)] != [*map(unnumbered, again)]

        if is_told_apart(()):
            raise self._checks.neighbours(self._suite.frame, page, is_told_apart)


def _tongue(language: str, direction: str) -> Markup:
    """Return the attributes of what the newsletter wrote, in a frame of another language."""
    return Markup(' lang="{}" dir="{}"').format(language, direction)


def _group(piece: _Piece) -> int:
    """Return where a piece stands in the other surroundings: beside those of its style, the latest first.

    The first surroundings have the styles of each story side by side. A rule that goes by neighbours meets other
    ones here, whichever it means.
    """
    if piece.kind is BlockKind.STORY:
        return {StoryStyle.LEAD: 1, StoryStyle.CARD: 2, StoryStyle.BRIEF: 4}[StoryStyle(piece.style)]
    return 3 if piece.kind is BlockKind.HEADING else 0


def picture(story: FrozenStory, style: StoryStyle) -> Picture | None:
    """Return the image of a story in a style; None when it has none that is worth showing."""
    width = _WIDTHS.get(style)
    if width is None or not story.image_url:
        return None
    natural_width, natural_height = story.image_width, story.image_height
    alt = story.image_alt or story.title
    if not natural_width or not natural_height:
        return Picture(story.image_url, alt, width, None)
    if min(natural_width, natural_height) < _SMALLEST_IMAGE:
        return None
    return Picture(story.image_url, alt, width, round(width * natural_height / natural_width))
