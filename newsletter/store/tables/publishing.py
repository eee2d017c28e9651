"""Define the tables of what is published: newsletters, sources, articles, issues."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any  # JSON columns hold flat objects

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.domain.articles import RetractedBy
from newsletter.domain.issues import IssueKind, IssueStatus, OnSilence, Verdict
from newsletter.store.tables.base import Base
from newsletter.store.types import BigId, UtcDateTime, Words


class SourceStatus(StrEnum):
    """Say whether a source is polled."""

    ACTIVE = "active"
    STOPPED = "stopped"


class Newsletter(Base):
    """One newsletter of the publisher: who it is from, what it looks like, how it is filled.

    ``spread_minutes``: the time over which an issue goes out; 0 = as fast as it can. ``rules`` is YAML: how articles
    are chosen and issues are run (domain/rules.py); empty = the defaults.
    """

    __tablename__ = "newsletters"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    slug: Mapped[str] = mapped_column(String(60), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    description: Mapped[str] = mapped_column(String(400), default="")
    from_name: Mapped[str] = mapped_column(String(120))
    from_address: Mapped[str] = mapped_column(String(254))
    reply_to: Mapped[str | None] = mapped_column(String(254))
    postal_address: Mapped[str] = mapped_column(String(400))
    home_url: Mapped[str] = mapped_column(String(2000), default="")
    privacy_url: Mapped[str] = mapped_column(String(2000), default="")
    language: Mapped[str] = mapped_column(String(10), default="en")
    direction: Mapped[str] = mapped_column(String(3), default="ltr")
    zone: Mapped[str] = mapped_column(String(64), default="UTC")
    accent: Mapped[str] = mapped_column(String(7), default="#1a4f8b")
    background: Mapped[str] = mapped_column(String(7), default="#f4f3ef")
    logo_url: Mapped[str] = mapped_column(String(2000), default="")
    story_minimum: Mapped[int] = mapped_column(SmallInteger, default=1)
    story_maximum: Mapped[int] = mapped_column(SmallInteger, default=20)
    on_silence: Mapped[OnSilence] = mapped_column(Words(OnSilence), default=OnSilence.SEND)
    spread_minutes: Mapped[int] = mapped_column(SmallInteger, default=0)
    rules: Mapped[str] = mapped_column(Text, default="", server_default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Topic(Base):
    """A subject that readers follow; ``number`` is its bit (0 to 62) in the masks of its newsletter.

    A retired one is offered to nobody any more; it is never deleted, so that its bit means nothing else later.
    """

    __tablename__ = "topics"
    __table_args__ = (UniqueConstraint("newsletter_id", "slug"), UniqueConstraint("newsletter_id", "number"))

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    newsletter_id: Mapped[int] = mapped_column(ForeignKey("newsletters.id"))
    number: Mapped[int] = mapped_column(SmallInteger)
    slug: Mapped[str] = mapped_column(String(60))
    name: Mapped[str] = mapped_column(String(120))
    retired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Schedule(Base):
    """When issues of a newsletter are due; ``next_slot_at`` is the next slot in UTC."""

    __tablename__ = "schedules"
    __table_args__ = (Index("ix_schedules_due", "next_slot_at"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    newsletter_id: Mapped[int] = mapped_column(ForeignKey("newsletters.id"))
    cron: Mapped[str] = mapped_column(String(120))
    zone: Mapped[str] = mapped_column(String(64))
    next_slot_at: Mapped[datetime] = mapped_column(UtcDateTime)
    is_active: Mapped[bool] = mapped_column(Boolean, default=True)


class Source(Base):
    """A feed that fills a newsletter. The first import is backlog unless ``include_existing``.

    ``mapping`` is a list of rules that give articles their topics (domain/mapping.py). ``importance`` is added to
    that of its articles. ``pace_seconds`` is the learned time between two polls, NULL until it is known;
    ``rhythm_seconds`` the usual time between two new articles. ``lost_count``: polls that found the whole window new,
    so that articles may have been missed in between. ``moved_url``: where permanent redirects lead, ``moved_count``
    times in a row since ``moved_since``; ``former_urls`` are addresses that it had before. ``floor_seconds`` is the
    shortest time between two polls the feed asks for, ``skip_hours`` the hours of the day in UTC that it wants left
    out (bit 0 = midnight). ``skipped`` counts the items that the last reading left out, by reason. The hub columns are
    a WebSub subscription: ``hub_token`` stands in the callback's path.
    """

    __tablename__ = "sources"
    __table_args__ = (
        UniqueConstraint("newsletter_id", "url"),
        Index("ix_sources_due", "status", "next_poll_at"),
        Index("ix_sources_hub_token", "hub_token", unique=True),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    newsletter_id: Mapped[int] = mapped_column(ForeignKey("newsletters.id"))
    url: Mapped[str] = mapped_column(String(2000))
    title: Mapped[str] = mapped_column(String(300), default="")
    status: Mapped[SourceStatus] = mapped_column(Words(SourceStatus), default=SourceStatus.ACTIVE)
    include_existing: Mapped[bool] = mapped_column(Boolean, default=False)
    interval_seconds: Mapped[int] = mapped_column(Integer, default=900)
    etag: Mapped[str | None] = mapped_column(String(500))
    last_modified: Mapped[str | None] = mapped_column(String(100))
    next_poll_at: Mapped[datetime] = mapped_column(UtcDateTime)
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    first_import_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_poll_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_success_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failure_count: Mapped[int] = mapped_column(Integer, default=0)
    last_error: Mapped[str | None] = mapped_column(String(40))
    last_error_text: Mapped[str | None] = mapped_column(String(500))
    mapping: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list, server_default="[]")
    importance: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    pace_seconds: Mapped[int | None] = mapped_column(Integer)
    rhythm_seconds: Mapped[int | None] = mapped_column(Integer)
    last_new_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    lost_count: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    moved_url: Mapped[str | None] = mapped_column(String(2000))
    moved_count: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    moved_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    former_urls: Mapped[list[str]] = mapped_column(JSON, default=list, server_default="[]")
    floor_seconds: Mapped[int | None] = mapped_column(Integer)
    skip_hours: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    skipped: Mapped[dict[str, int]] = mapped_column(JSON, default=dict, server_default="{}")
    hub_url: Mapped[str | None] = mapped_column(String(2000))
    hub_topic: Mapped[str | None] = mapped_column(String(2000))
    hub_token: Mapped[str | None] = mapped_column(String(40))
    hub_secret: Mapped[str | None] = mapped_column(String(64))
    hub_asked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    hub_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Article(Base):
    """A piece that can be in an issue. ``number`` is dense over the installation (picks count in it).

    ``frozen_at``: in a built issue since then; as long as it is in one, the text is not refreshed. ``importance`` is
    what its source or the website says, ``feed_position`` its place in the feed when it was last seen there (0 =
    first). ``story_key`` is the website's own id of the story. ``is_worth_telling``: an editor tells it to readers who
    know its story already. ``image_fault`` says why its image is left out; ``image_checked_at`` NULL: not looked at
    yet. ``is_image_of_page``: the feed names no image, the article's page does. ``repeats_id`` is the earlier article
    of the same source that had the same title within three days.
    ``retracted_by``: only an editor takes back what an editor retracted; NULL of before this was kept = the website.
    """

    __tablename__ = "articles"
    __table_args__ = (
        Index("ix_articles_seen", "first_seen_at"),
        # Every window asks for them: a few among all articles that ever were.
        Index(
            "ix_articles_retracted",
            "number",
            postgresql_where=text("retracted_at IS NOT NULL"),
            sqlite_where=text("retracted_at IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    number: Mapped[int] = mapped_column(Integer, unique=True)
    source_id: Mapped[int | None] = mapped_column(ForeignKey("sources.id"))
    guid: Mapped[str | None] = mapped_column(String(2000))
    url: Mapped[str] = mapped_column(String(2000))
    canonical_url: Mapped[str] = mapped_column(String(2000))
    title: Mapped[str] = mapped_column(String(300))
    summary: Mapped[str] = mapped_column(Text, default="")
    author: Mapped[str] = mapped_column(String(200), default="")
    image_url: Mapped[str] = mapped_column(String(2000), default="")
    image_width: Mapped[int | None] = mapped_column(Integer)
    image_height: Mapped[int | None] = mapped_column(Integer)
    image_alt: Mapped[str] = mapped_column(String(300), default="")
    categories: Mapped[list[str]] = mapped_column(JSON, default=list)
    published_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    first_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    frozen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    retracted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    retracted_by: Mapped[RetractedBy | None] = mapped_column(Words(RetractedBy))
    importance: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    feed_position: Mapped[int | None] = mapped_column(SmallInteger)
    story_key: Mapped[str | None] = mapped_column(String(200))
    is_worth_telling: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    image_checked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    image_fault: Mapped[str | None] = mapped_column(String(40))
    is_image_of_page: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    repeats_id: Mapped[int | None] = mapped_column(BigId)


class StoryLink(Base):
    """An editor's word on two articles, the lower id first: whether they tell one story."""

    __tablename__ = "story_links"

    first_id: Mapped[int] = mapped_column(ForeignKey("articles.id"), primary_key=True)
    second_id: Mapped[int] = mapped_column(ForeignKey("articles.id"), primary_key=True, index=True)
    is_same: Mapped[bool] = mapped_column(Boolean)
    by: Mapped[str] = mapped_column(String(120))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class ArticleKey(Base):
    """What identifies an article: ``url`` + canonical URL, or ``guid`` + "source id:guid".

    An article may have several; a draft that meets any of them is that article.
    """

    __tablename__ = "article_keys"

    kind: Mapped[str] = mapped_column(String(4), primary_key=True)
    value: Mapped[str] = mapped_column(String(2100), primary_key=True)
    article_id: Mapped[int] = mapped_column(ForeignKey("articles.id"), index=True)


class NewsletterArticle(Base):
    """An article as a candidate of one newsletter, with that newsletter's topics as a bit mask (0 = everyone).

    ``is_backlog``: never mailed; ``reason`` says why. ``section`` is the number of its main topic. ``weight`` is an
    editor's: higher stands further up.
    """

    __tablename__ = "newsletter_articles"
    __table_args__ = (Index("ix_newsletter_articles_window", "newsletter_id", "seen_at"),)

    newsletter_id: Mapped[int] = mapped_column(ForeignKey("newsletters.id"), primary_key=True)
    article_id: Mapped[int] = mapped_column(ForeignKey("articles.id"), primary_key=True)
    topics: Mapped[int] = mapped_column(BigInteger, default=0)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    is_backlog: Mapped[bool] = mapped_column(Boolean, default=False)
    reason: Mapped[str | None] = mapped_column(String(40))
    section: Mapped[int | None] = mapped_column(SmallInteger)
    weight: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")


class Issue(Base):
    """One dated assembly of stories.

    ``since`` .. ``cut_off_at`` is the window of fresh articles. ``frozen`` is the snapshot taken at the build: the
    newsletter's identity and the ranked candidates; what is mailed comes from it and from the blocks alone.
    ``revision`` grows with every change; an approval counts only for its ``approved_revision``. ``note`` stands on
    top of the mail, ``subjects`` are the editors' (the first is the favourite; two to four are tested). ``is_flash``:
    breaking news that no quiet hours and no cap holds back. ``is_fallback``: headlines alone, because the full issue
    could not be made. ``is_held``: an editor holds it, also before its build; silence does not let it go. ``told_at``:
    when the desk was asked about it.
    """

    __tablename__ = "issues"
    __table_args__ = (
        UniqueConstraint("schedule_id", "slot_at"),
        UniqueConstraint("newsletter_id", "number"),
        Index("ix_issues_status", "status", "cut_off_at"),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    newsletter_id: Mapped[int] = mapped_column(ForeignKey("newsletters.id"))
    number: Mapped[int] = mapped_column(Integer)
    schedule_id: Mapped[int | None] = mapped_column(ForeignKey("schedules.id"))
    slot_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    kind: Mapped[IssueKind] = mapped_column(Words(IssueKind), default=IssueKind.DIGEST)
    status: Mapped[IssueStatus] = mapped_column(Words(IssueStatus), default=IssueStatus.PLANNED)
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    cut_off_at: Mapped[datetime] = mapped_column(UtcDateTime)
    planned_at: Mapped[datetime] = mapped_column(UtcDateTime)
    built_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revision: Mapped[int] = mapped_column(Integer, default=1)
    approved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    approved_by: Mapped[str | None] = mapped_column(String(120))
    approved_revision: Mapped[int | None] = mapped_column(Integer)
    reason: Mapped[str | None] = mapped_column(String(40))
    fault: Mapped[str | None] = mapped_column(Text)
    nonce: Mapped[str | None] = mapped_column(String(16))
    frozen: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    note: Mapped[str] = mapped_column(Text, default="", server_default="")
    subjects: Mapped[list[str]] = mapped_column(JSON, default=list, server_default="[]")
    is_flash: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    is_fallback: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    is_held: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    told_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class DeskItem(Base):
    """What editors decided about one article in one issue.

    ``pin`` is the place from the top, 1 = first. ``title`` is for the mail alone. ``is_missed``: told once more,
    marked, also to readers who had it; ``missed_place`` is its place among those, 1 = first.
    """

    __tablename__ = "desk_items"

    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id"), primary_key=True)
    article_id: Mapped[int] = mapped_column(ForeignKey("articles.id"), primary_key=True, index=True)
    pin: Mapped[int | None] = mapped_column(SmallInteger)
    is_banned: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    is_missed: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    missed_place: Mapped[int | None] = mapped_column(SmallInteger)
    title: Mapped[str | None] = mapped_column(String(300))


class IssueArticle(Base):
    """What became of an article when an issue was frozen, and why.

    ``rank`` is its place among the candidates, 0 = first. ``lead_id`` is the article that tells its story. ``detail``
    holds what it was ranked by.
    """

    __tablename__ = "issue_articles"

    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id"), primary_key=True)
    article_id: Mapped[int] = mapped_column(ForeignKey("articles.id"), primary_key=True, index=True)
    verdict: Mapped[Verdict] = mapped_column(Words(Verdict))
    rank: Mapped[int | None] = mapped_column(SmallInteger)
    lead_id: Mapped[int | None] = mapped_column(BigId)
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)


class StoryMember(Base):
    """An article of a story as it was put together when an issue was frozen; ``lead_id`` is the one that tells it.

    Its readers have had the whole story, so that later issues do not take it apart.
    """

    __tablename__ = "story_members"

    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id"), primary_key=True)
    article_id: Mapped[int] = mapped_column(ForeignKey("articles.id"), primary_key=True, index=True)
    lead_id: Mapped[int] = mapped_column(ForeignKey("articles.id"), index=True)


class ClickCount(Base):
    """How often an article was opened from an issue, hour by hour since 1970, without a trace of who.

    ``number`` is the article's, ``arm`` the place of the reader's subject among those tested (0 = first).
    """

    __tablename__ = "click_counts"

    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    arm: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    hour: Mapped[int] = mapped_column(Integer, primary_key=True)
    human_count: Mapped[int] = mapped_column(Integer)
    machine_count: Mapped[int] = mapped_column(Integer)


class Block(Base):
    """A piece of an issue, rendered and inlined once per language and style, with marks where a reader's fields go."""

    __tablename__ = "blocks"

    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id"), primary_key=True)
    language: Mapped[str] = mapped_column(String(10), primary_key=True)
    ordinal: Mapped[int] = mapped_column(Integer, primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    key: Mapped[str] = mapped_column(String(60))
    style: Mapped[str] = mapped_column(String(20))
    html: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
