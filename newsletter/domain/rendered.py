"""Hold an issue as it was frozen at its build, its rendered blocks, and the marks where a reader's fields go.

Everything that is mailed comes from a FrozenIssue and its blocks alone, so that a change of the newsletter, of an
article or of a template reaches no issue that is already built.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any  # JSON objects

from newsletter.domain.issues import IssueKind
from newsletter.domain.selection import Candidate, Chooser, Limits, encode_picks


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Hold who a newsletter is from and what it looks like."""

    newsletter_id: int
    slug: str
    name: str
    description: str
    from_name: str
    from_address: str
    reply_to: str | None
    postal_address: str
    home_url: str
    privacy_url: str
    language: str
    direction: str
    zone: str
    accent: str
    background: str
    logo_url: str


@dataclass(frozen=True, kw_only=True)
class FrozenTopic:
    """Hold a topic; ``number`` is its bit in the masks."""

    number: int
    slug: str
    name: str


@dataclass(frozen=True, kw_only=True)
class FrozenLink:
    """Hold another article of a story: it stands below the one that tells it."""

    number: int
    title: str
    url: str


@dataclass(frozen=True, kw_only=True)
class FrozenStory:
    """Hold an article as it will be mailed, with the story that it tells.

    ``members`` are the numbers of the story's other articles at the freeze, old ones too: who had one of them has had
    the story. ``more`` are those of them that are named in the mail. ``is_update``: told to readers who know the
    story, so that it has no members. ``is_missed``: told once more, marked. ``section`` is the number of its main
    topic.
    """

    number: int
    article_id: int
    topics: int
    seen_at: datetime
    is_fresh: bool
    title: str
    summary: str
    url: str
    canonical_url: str
    author: str = ""
    image_url: str = ""
    image_width: int | None = None
    image_height: int | None = None
    image_alt: str = ""
    published_at: datetime | None = None
    section: int | None = None
    members: tuple[int, ...] = ()
    more: tuple[FrozenLink, ...] = ()
    is_update: bool = False
    is_missed: bool = False

    @property
    def candidate(self) -> Candidate:
        """Return what choosing needs to know."""
        return Candidate(
            self.number,
            self.topics,
            self.seen_at,
            self.is_fresh,
            members=self.members,
            more=tuple(link.number for link in self.more),
            section=self.section,
            author=self.author,
            is_missed=self.is_missed,
            is_update=self.is_update,
        )


@dataclass(frozen=True, kw_only=True)
class FrozenIssue:
    """Hold the content of a built issue; ``stories`` are all candidates in the order of the mail.

    ``issue_id`` is 0 for a preview that is not kept. ``nonce`` makes the marks of the blocks unmistakable.
    ``reach_hours``, the maxima, ``top_count`` and ``outside_percent`` are the rules of choosing (domain/rules.py);
    readers of whom fewer than ``story_minimum`` stories are left get no mail. ``subjects`` are the editors', none =
    the top story's headline; two or more are tested on ``sample_percent`` of the readers for ``test_minutes``.
    ``is_fallback``: headlines alone. ``languages`` are those that its blocks were rendered in besides the newsletter's.
    """

    issue_id: int
    number: int
    issued_on: date
    nonce: str
    identity: Identity
    topics: tuple[FrozenTopic, ...]
    stories: tuple[FrozenStory, ...]
    highest: int
    story_maximum: int
    cut_off_at: datetime
    kind: IssueKind = IssueKind.DIGEST
    story_minimum: int = 1
    reach_hours: int = 0
    section_maximum: int = 0
    author_maximum: int = 0
    top_count: int = 0
    outside_percent: int = 0
    note: str = ""
    subjects: tuple[str, ...] = ()
    sample_percent: int = 0
    test_minutes: int = 0
    has_clicks: bool = False
    is_flash: bool = False
    is_fallback: bool = False
    languages: tuple[str, ...] = ()

    @property
    def in_mail_order(self) -> tuple[FrozenStory, ...]:
        """Return the stories as they stand in a mail: by rank, and last what is told once more."""
        return tuple(sorted(self.stories, key=lambda story: story.is_missed))

    @property
    def urls(self) -> dict[int, str]:
        """Return where the links of the mail lead, by article number: those of stories and what is below them."""
        below = {link.number: link.url for story in self.stories for link in story.more}
        return below | {story.number: story.url for story in self.stories}

    def language_number(self, language: str | None) -> int:
        """Return the place of a reader's language among ``languages``, from 1 on; 0 stands for the newsletter's."""
        base = (language or "").partition("-")[0].lower()
        return self.languages.index(base) + 1 if base in self.languages else 0

    def made_in(self, language: str) -> str:
        """Return the language that there are blocks in for one that was asked for: that, else the newsletter's."""
        place = self.language_number(language)
        return self.languages[place - 1] if place else self.identity.language

    @property
    def is_tested(self) -> bool:
        """Say whether subjects are tried on a sample of the readers."""
        return len(self.subjects) > 1 and self.sample_percent > 0 and self.kind is IssueKind.DIGEST

    def chooser(self, *, is_first: bool = False) -> Chooser:
        """Prepare the choosing of readers' stories; ``is_first``: for readers who have just come."""
        return Chooser(
            [story.candidate for story in self.stories],
            highest=self.highest,
            limits=self._limits(),
            cut_off=self.cut_off_at,
            is_first=is_first,
            is_breaking=self.kind is IssueKind.BREAKING,
        )

    def _limits(self) -> Limits:
        if self.kind is IssueKind.BREAKING:  # one story, for those who follow its topic
            return Limits(maximum=self.story_maximum)
        return Limits(
            maximum=self.story_maximum,
            top_count=self.top_count,
            outside_percent=self.outside_percent,
            section_maximum=self.section_maximum,
            author_maximum=self.author_maximum,
            reach=timedelta(hours=self.reach_hours),
        )

    @property
    def missed(self) -> bytes:
        """Return the articles that are told once more, as picks."""
        return encode_picks((s.number for s in self.stories if s.is_missed), highest=self.highest)

    def as_dict(self) -> dict[str, Any]:
        """Return the issue as a JSON object."""
        plain = asdict(self)
        plain["issued_on"] = self.issued_on.isoformat()
        plain["cut_off_at"] = self.cut_off_at.isoformat()
        for story in plain["stories"]:
            story["seen_at"] = story["seen_at"].isoformat()
            story["published_at"] = story["published_at"] and story["published_at"].isoformat()
        return plain

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> FrozenIssue:
        """Read what ``as_dict`` wrote."""
        return cls(
            **{
                **plain,
                "issued_on": date.fromisoformat(plain["issued_on"]),
                "cut_off_at": datetime.fromisoformat(plain["cut_off_at"]),
                "identity": Identity(**plain["identity"]),
                "kind": IssueKind(plain.get("kind", IssueKind.DIGEST)),
                "subjects": tuple(plain.get("subjects", ())),
                "languages": tuple(plain.get("languages", ())),
                "topics": tuple(FrozenTopic(**topic) for topic in plain["topics"]),
                "stories": tuple(_story(story) for story in plain["stories"]),
            }
        )


def _story(plain: Mapping[str, Any]) -> FrozenStory:
    published_at = plain["published_at"]
    return FrozenStory(
        **{
            **plain,
            "seen_at": datetime.fromisoformat(plain["seen_at"]),
            "published_at": published_at and datetime.fromisoformat(published_at),
            "members": tuple(plain.get("members", ())),
            "more": tuple(FrozenLink(**link) for link in plain.get("more", ())),
        }
    )


class BlockKind(StrEnum):
    """Say what a block is for."""

    FRAME_HEAD = "frame_head"
    NOTE = "note"  # the editors' words on top
    STORY = "story"
    HEADING = "heading"
    PERSONAL = "personal"  # why the reader gets this, and the links that carry the reader's tokens
    WEB = "web"  # stands on the web where PERSONAL stands in the mail
    FRAME_FOOT = "frame_foot"


@dataclass(frozen=True, kw_only=True)
class RenderedBlock:
    """Hold a piece of an issue, rendered and inlined; ``html`` and ``text`` have marks for a reader's fields.

    ``key`` is the article number of a story or the name of a heading, and empty otherwise.
    """

    ordinal: int
    kind: BlockKind
    key: str
    style: str
    html: str
    text: str


class ReaderField(StrEnum):
    """Name what differs from message to message."""

    TITLE = "title"
    PREHEADER = "preheader"
    NAME = "name"
    ADDRESS = "address"
    UNSUBSCRIBE_URL = "unsubscribeurl"
    PREFERENCES_URL = "preferencesurl"
    VIEW_URL = "viewurl"
    SUBSCRIBE_URL = "subscribeurl"
    ARCHIVE_URL = "archiveurl"
    ARM = "arm"  # the end of a counted link: with which subject the mail came


def mark(nonce: str, field: ReaderField) -> str:
    """Return the mark of a field: letters and digits only, so that escaping and inlining leave it alone."""
    return f"zq{nonce}{field.value}qz"


def marks(nonce: str) -> re.Pattern[str]:
    """Return the pattern of all marks of an issue; its group is the field."""
    return re.compile(f"zq{nonce}({'|'.join(ReaderField)})qz")


def story_mark(nonce: str, number: int) -> str:
    """Return what stands in blocks for the counted link of an article.

    It looks like an address, so that templates can treat it as one; no host has this name (RFC 2606 §2).
    """
    return f"https://{nonce}.invalid/{number}/"


def story_marks(nonce: str) -> re.Pattern[str]:
    """Return the pattern of all counted links of an issue; its group is the article number."""
    return re.compile(rf"https://{nonce}\.invalid/(\d+)/")
