"""Check under which topics articles stand, and what becomes of two that turn out to be one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from newsletter.domain import mapping
from newsletter.domain.articles import ArticleDraft, BacklogReason
from newsletter.domain.mapping import By, Rule
from newsletter.store import Session, article_drafts, article_places, articles
from newsletter.store.tables import Article, ArticleKey, Newsletter, NewsletterArticle, Source, StoryLink
from tests import builders
from tests.clocks import NOON
from tests.store.test_articles import HOUR, add_source, draft

CULTURE, SPORT = 1, 2
LONG_TITLE = "The night ferry is back after two winters"


def topics(session: Session) -> Newsletter:
    newsletter = builders.add_newsletter(session)
    builders.add_topic(session, newsletter, "culture", number=CULTURE)
    builders.add_topic(session, newsletter, "sport", number=SPORT)
    return newsletter


def mapped_source(session: Session, newsletter: Newsletter, name: str, *rules: Rule) -> Source:
    source = add_source(session, newsletter, name)
    source.mapping = mapping.to_plain(rules)
    session.flush()
    return source


def read(
    session: Session, newsletter: Newsletter, source: Source | None, *drafts: ArticleDraft, **options: Any
) -> None:
    article_drafts.upsert(session, drafts, source=source, newsletter=newsletter, **({"now": NOON} | options))


def place(session: Session, url: str) -> NewsletterArticle:
    article = articles.by_url(session, url)
    assert article is not None
    return session.query(NewsletterArticle).filter_by(article_id=article.id).one()


def test_a_source_gives_its_articles_topics_a_section_and_importance(session: Session) -> None:
    newsletter = topics(session)
    rules = (
        Rule(by=By.URL, pattern="/sport/*", topics=("sport",), importance=2),
        Rule(by=By.FEED, topics=("culture",)),
    )
    source = mapped_source(session, newsletter, "all", *rules)
    derby = draft(url="https://post.example.com/sport/derby")
    opera = draft(url="https://post.example.com/opera")

    read(session, newsletter, source, opera, derby)

    found = place(session, derby.url)
    assert (found.topics, found.section) == (1 << SPORT | 1 << CULTURE, SPORT)
    assert (place(session, opera.url).topics, place(session, opera.url).section) == (1 << CULTURE, CULTURE)
    ranks = {a.url: (a.importance, a.feed_position) for a in session.query(Article)}
    assert ranks == {opera.url: (0, 0), derby.url: (2, 1)}


def test_topics_are_kept_current_until_the_article_is_frozen(session: Session) -> None:
    newsletter = topics(session)
    source = add_source(session, newsletter)
    story = draft(categories=("Sport",))

    read(session, newsletter, source, story)
    moved = draft(url=story.url, guid=story.guid, categories=("Culture",))
    read(session, newsletter, source, moved)
    after = (place(session, story.url).topics, place(session, story.url).section)
    articles.freeze(session, [place(session, story.url).article_id], now=NOON)
    read(session, newsletter, source, story)

    assert after == (1 << CULTURE, CULTURE)
    assert place(session, story.url).topics == 1 << CULTURE


def test_the_feed_of_a_section_adds_to_what_the_front_page_says(session: Session) -> None:
    newsletter = topics(session)
    front = mapped_source(session, newsletter, "front")
    sport = mapped_source(session, newsletter, "sport", Rule(by=By.FEED, topics=("sport",)))
    story = draft(categories=("Culture",))

    for source in (front, sport, front, front):
        read(session, newsletter, source, draft(url=story.url, guid=story.guid, categories=("Culture",)))

    assert place(session, story.url).topics == 1 << CULTURE | 1 << SPORT
    assert place(session, story.url).section == CULTURE


def test_new_rules_hold_for_what_is_in_no_issue_yet(session: Session) -> None:
    newsletter = topics(session)
    source = mapped_source(session, newsletter, "all", Rule(by=By.FEED, topics=("culture",)))
    free, frozen = draft(categories=("Sport",)), draft()
    read(session, newsletter, source, free, frozen)
    articles.freeze(session, [place(session, frozen.url).article_id], now=NOON)

    changed = article_places.remap(
        session, newsletter, source, [Rule(by=By.AUTHOR, pattern="nobody", importance=1)]
    )

    assert changed == 1
    assert (place(session, free.url).topics, place(session, free.url).section) == (1 << SPORT, SPORT)
    assert place(session, frozen.url).topics == 1 << CULTURE


def test_backlog_says_why(session: Session) -> None:
    newsletter = topics(session)
    first, old, new = draft(), draft(published_at=NOON - timedelta(days=8)), draft()

    read(session, newsletter, None, first, backlog=True)
    read(session, newsletter, None, old, new)

    reasons = [place(session, each.url).reason for each in (first, old, new)]
    assert reasons == [BacklogReason.FIRST_IMPORT, BacklogReason.OLD, None]


def test_two_articles_that_turn_out_to_be_one_become_the_older(session: Session) -> None:
    newsletter = topics(session)
    source = add_source(session, newsletter)
    one, two = draft(title="One"), draft(title="Two")
    read(session, newsletter, source, one)
    read(session, newsletter, source, two, now=NOON + HOUR)

    both = draft(guid=one.guid, url=two.url, title="Both")
    read(session, newsletter, source, both, two, now=NOON + 2 * HOUR)

    older, newer = session.query(Article).order_by(Article.number)
    assert {key.article_id for key in session.query(ArticleKey)} == {older.id}
    assert (older.title, newer.title) == ("Both", "Two")
    offered = builders.offered(session, newsletter.id, since=NOON - HOUR, until=NOON + 3 * HOUR)
    assert [row.id for row in offered] == [older.id]
    gone = session.get_one(NewsletterArticle, (newsletter.id, newer.id))
    assert (gone.is_backlog, gone.reason) == (True, BacklogReason.MERGED)
    assert session.query(StoryLink).one().is_same


def test_of_two_that_are_one_the_one_that_was_told_stays(session: Session) -> None:
    newsletter, weekly = topics(session), builders.add_newsletter(session, slug="weekly")
    one, two = draft(), draft()
    read(session, weekly, None, one)
    read(session, newsletter, None, two)
    told = articles.by_url(session, two.url)
    assert told is not None
    articles.freeze(session, [told.id], now=NOON)
    retracted = articles.by_url(session, one.url)
    assert retracted is not None
    articles.mark_retracted(session, retracted.id, now=NOON)

    read(session, newsletter, None, draft(guid=two.guid, url=one.url))

    assert articles.by_url(session, one.url) is told
    assert {p.newsletter_id for p in session.query(NewsletterArticle).filter_by(article_id=told.id)} == {
        newsletter.id,
        weekly.id,
    }
    assert told.retracted_at == NOON


def test_a_strangers_feed_cannot_join_articles_of_others(session: Session) -> None:
    newsletter = topics(session)
    ours, theirs = add_source(session, newsletter, "ours"), add_source(session, newsletter, "theirs")
    story = draft()
    bait = draft(url="https://elsewhere.example/bait")
    read(session, newsletter, ours, story)
    read(session, newsletter, theirs, bait)

    read(session, newsletter, theirs, draft(guid=bait.guid, url=story.url, title="Taken over"))

    assert len(builders.offered(session, newsletter.id, since=NOON - HOUR, until=NOON)) == 2
    found = articles.by_url(session, story.url)
    assert found is not None
    assert (found.title, found.source_id) == (story.title, ours.id)


def test_a_title_that_its_source_used_lately_is_marked(session: Session) -> None:
    newsletter = topics(session)
    source, other = add_source(session, newsletter, "one"), add_source(session, newsletter, "other")
    titles = [LONG_TITLE, "Weather"]
    for hours, where in [(0, source), (1, other), (71, source), (80, source)]:
        drafts = [draft(title=title) for title in titles]
        read(session, newsletter, where, *drafts, now=NOON + hours * HOUR)

    found = {
        (a.first_seen_at - NOON) // HOUR: a.repeats_id
        for a in session.query(Article)
        if a.title == LONG_TITLE
    }
    ids = {(a.first_seen_at - NOON) // HOUR: a.id for a in session.query(Article) if a.title == LONG_TITLE}
    assert found == {0: None, 1: None, 71: ids[0], 80: ids[71]}
    assert {a.repeats_id for a in session.query(Article) if a.title == "Weather"} == {None}


def test_an_item_that_leaves_and_comes_back_is_the_same(session: Session) -> None:
    newsletter = topics(session)
    source = add_source(session, newsletter)
    story, other = draft(), draft()

    read(session, newsletter, source, story)
    read(session, newsletter, source, other, now=NOON + 24 * HOUR)
    again = draft(url=story.url, guid=story.guid, published_at=NOON + 47 * HOUR)
    read(session, newsletter, source, again, now=NOON + 48 * HOUR)

    assert session.query(Article).count() == 2
    assert place(session, story.url).seen_at == NOON
