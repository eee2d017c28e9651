"""Render an issue once for all its readers: every story in every style, inlined together, cut into blocks.

One master document holds all blocks, so that the CSS is inlined once. A block must be the same whatever stands
around it, since readers' digests are put together from blocks in any order: it is rendered in two surroundings,
and a template that tells them apart is refused. So is one that looks into a reader's field (see checks).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from markupsafe import Markup
from premailer import Premailer

from newsletter.domain import layout
from newsletter.domain.layout import HeadingKey, StoryStyle
from newsletter.domain.rendered import BlockKind, FrozenIssue, FrozenStory, RenderedBlock
from newsletter.rendering import plain
from newsletter.rendering.checks import Checks
from newsletter.rendering.environment import Environment
from newsletter.rendering.slots import Sightings
from newsletter.rendering.theme import Theme, theme
from newsletter.rendering.words import Words

_FRAME = "email/frame.html"
_STORY = "email/story.html"
_HEADING = "email/heading.html"
_PERSONAL = "email/personal.html"
_WEB = "email/web.html"
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
class _Piece:
    """Hold a block before it is inlined."""

    kind: BlockKind
    key: str
    style: str
    template: str
    html: str
    text: str


def render(environment: Environment, issue: FrozenIssue) -> list[RenderedBlock]:
    """Return all blocks of an issue; raise TemplateError when a template cannot be used for many readers."""
    return _Rendering(environment, issue).blocks()


class _Rendering:
    """Hold what all templates of one issue see."""

    def __init__(self, environment: Environment, issue: FrozenIssue) -> None:
        identity = issue.identity
        self._environment = environment
        self._issue = issue
        self._words: Words = environment.words(identity.language)
        self._theme: Theme = theme(
            accent=identity.accent, background=identity.background, direction=identity.direction
        )
        self._values = {
            "issue": issue,
            "newsletter": identity,
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
        stories = [self._story(story, style) for story in self._issue.stories for style in StoryStyle]
        more = self._words("email.more")
        return [
            *stories,
            self._piece(BlockKind.HEADING, _HEADING, plain.heading(more), key=HeadingKey.MORE, heading=more),
            self._piece(BlockKind.PERSONAL, _PERSONAL, plain.personal(self._issue, self._words)),
            self._piece(BlockKind.WEB, _WEB, plain.web(self._issue, self._words)),
        ]

    def _story(self, story: FrozenStory, style: StoryStyle) -> _Piece:
        topic = self._topic(story)
        length = plain.SUMMARY_MAXIMUM[style]
        return self._piece(
            BlockKind.STORY,
            _STORY,
            plain.story(story, style, topic),
            key=str(story.number),
            style=style,
            story=story,
            summary=layout.shorten(story.summary, length) if length else "",
            topic=topic,
            picture=picture(story, style),
        )

    def _piece(
        self, kind: BlockKind, template: str, text: str, *, key: str = "", style: str = "", **values: object
    ) -> _Piece:
        html = self._checks.rendered(
            template,
            lambda reader: self._environment.render(
                template, **self._values, reader=reader, style=style, **values
            ),
        )
        return _Piece(kind, key, style, template, html, text)

    def _frame(self, kind: BlockKind, text: str) -> _Piece:
        return _Piece(kind, "", "", _FRAME, "", text)

    def _topic(self, story: FrozenStory) -> str:
        """Return the name of the story's first topic; "" when it is for everyone."""
        return next((topic.name for topic in self._issue.topics if story.topics >> topic.number & 1), "")

    def _page(self, pieces: Sequence[_Piece]) -> str:
        """Return the frame around the pieces, as the templates wrote it."""
        start, end = self._markers()
        blocks = Markup("".join(f"{start}{piece.html}{end}" for piece in pieces))  # noqa: S704 - rendered above
        page = self._checks.rendered(
            _FRAME,
            lambda reader: self._environment.render(_FRAME, **self._values, reader=reader, blocks=blocks),
        )
        self._checks.blocks(_FRAME, page, start)
        self._checks.places(page)
        return page

    def _inlined(self, page: str, pieces: Sequence[_Piece]) -> list[str]:
        """Return the frame's head, the pieces in their order, and the frame's foot, with the CSS inlined."""
        start, end = self._markers()
        page = self._inline(page)
        cut = re.split(f"{re.escape(start)}(.*?){re.escape(end)}", page, flags=re.DOTALL)
        if len(cut) != 2 * len(pieces) + 1:
            raise self._environment.refuse(
                _FRAME,
                "it does not write {{ blocks }} out exactly once",
                hint="Write {{ blocks }} between rows.",
            )
        return [
            cut[0].rstrip() + "\n",
            *(f"{block.strip()}\n" for block in cut[1::2]),
            cut[-1].strip() + "\n",
        ]

    def _inline(self, page: str) -> str:
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
                _FRAME,
                f"its CSS cannot be inlined ({error})",
                hint="Check the selectors in email/inline.css.",
            ) from error

    def _markers(self) -> tuple[str, str]:
        return f"<!--zq{self._issue.nonce}-start-->", f"<!--zq{self._issue.nonce}-end-->"

    def _check_surroundings(self, page: str, pieces: Sequence[_Piece], cut: Sequence[str]) -> None:
        for piece, html in zip(pieces, cut[1:-1], strict=True):
            self._checks.kept(piece.template, piece.html, html)
        self._checks.kept(_FRAME, page, "".join(cut))
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
            raise self._checks.neighbours(_FRAME, page, is_told_apart)


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
