"""Check who may take back a retraction, and that it holds for articles that turned out to be one."""

from __future__ import annotations

import pytest

from newsletter.digest import editing
from newsletter.domain.articles import RetractedBy
from newsletter.domain.errors import Conflict
from newsletter.store import Session, articles, stories
from newsletter.store.tables import Article, Newsletter, Source
from tests.builders import EDITOR, add_newsletter
from tests.clocks import NOON
from tests.store.test_articles import HOUR, add_source, draft
from tests.store.test_placing import read

ONE, TWO = draft(title="One"), draft(title="Two")
BOTH = draft(guid=ONE.guid, url=TWO.url, title="Both")


@pytest.fixture
def newsletter(session: Session) -> Newsletter:
    return add_newsletter(session)


@pytest.fixture
def source(session: Session, newsletter: Newsletter) -> Source:
    """Return a source that has brought two articles, numbers 1 and 2."""
    found = add_source(session, newsletter)
    read(session, newsletter, found, ONE)
    read(session, newsletter, found, TWO)
    return found


def retracted(session: Session) -> list[RetractedBy | None]:
    session.flush()
    return [article.retracted_by for article in session.query(Article).order_by(Article.number)]


def test_only_an_editor_takes_back_what_an_editor_retracted(session: Session, newsletter: Newsletter) -> None:
    read(session, newsletter, None, ONE)
    article = session.query(Article).one()

    articles.mark_retracted(session, article.id, now=NOON)
    editing.retract(session, article.id, actor=EDITOR, now=NOON + HOUR)
    assert (article.retracted_at, article.retracted_by) == (NOON, RetractedBy.EDITOR)
    read(session, newsletter, None, draft(guid=ONE.guid, url=ONE.url, title="One, corrected"))
    assert not articles.mark_retracted(session, article.id, now=NOON + 2 * HOUR)

    assert (article.title, article.retracted_at) == ("One, corrected", NOON)
    with pytest.raises(Conflict, match="retracted already"):
        editing.retract(session, article.id, actor=EDITOR, now=NOON + HOUR)
    editing.restore(session, article.id, actor=EDITOR, now=NOON + HOUR)
    assert (article.retracted_at, article.retracted_by) == (None, None)


def test_the_website_puts_back_what_it_retracted(session: Session, newsletter: Newsletter) -> None:
    read(session, newsletter, None, ONE)
    article = session.query(Article).one()
    articles.mark_retracted(session, article.id, now=NOON)

    read(session, newsletter, None, ONE)

    assert (article.retracted_at, article.retracted_by) == (None, None)


@pytest.mark.parametrize("by", list(RetractedBy))
@pytest.mark.parametrize("is_older", [True, False])
@pytest.mark.parametrize("is_pushed", [True, False])
def test_what_turns_out_to_be_a_retracted_article_is_retracted(
    session: Session, newsletter: Newsletter, by: RetractedBy, *, is_older: bool, is_pushed: bool
) -> None:
    source = None if is_pushed else add_source(session, newsletter)
    read(session, newsletter, source, ONE)
    read(session, newsletter, source, TWO)
    older, newer = session.query(Article).order_by(Article.number)
    articles.mark_retracted(session, older.id if is_older else newer.id, now=NOON, by=by)

    read(session, newsletter, source, BOTH, now=NOON + HOUR)

    assert retracted(session) == [by, by]
    assert articles.retracted_numbers(session, 1, 2) == {1, 2}


def test_a_retraction_holds_for_all_that_turned_out_to_be_one(
    session: Session, newsletter: Newsletter, source: Source
) -> None:
    three = draft(title="Three")
    read(session, newsletter, source, three)
    read(session, newsletter, source, BOTH)
    read(session, newsletter, source, draft(guid=ONE.guid, url=three.url))
    stories.rule(session, 1, 2, is_same=True, by="Ada", now=NOON)

    editing.retract(session, 3, actor=EDITOR, now=NOON)
    assert retracted(session) == [RetractedBy.EDITOR] * 3

    editing.restore(session, 1, actor=EDITOR, now=NOON)
    assert retracted(session) == [None] * 3


def test_a_story_is_not_retracted_with_one_of_its_articles(
    session: Session, newsletter: Newsletter, source: Source
) -> None:
    stories.rule(session, 1, 2, is_same=True, by="Ada", now=NOON)

    editing.retract(session, 1, actor=EDITOR, now=NOON)

    assert retracted(session) == [RetractedBy.EDITOR, None]
