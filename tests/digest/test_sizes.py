"""No reader of a built issue can get a message that is too large."""

from __future__ import annotations

from datetime import timedelta
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.digest import build, plan, sizes
from newsletter.domain import selection
from newsletter.domain.errors import InvalidInput
from newsletter.domain.issues import IssueStatus
from newsletter.domain.layout import StoryStyle, arrange
from newsletter.domain.mailings import PlannedMessage
from newsletter.domain.tokens import KeyRing
from newsletter.mime import dkim
from newsletter.rendering import issue as rendering
from newsletter.rendering.environment import Environment
from newsletter.runtime.settings import Settings
from newsletter.sending.compose import Composer, Rings
from newsletter.store import Database, issues
from tests import issues as frozen_issues
from tests.builders import add_article, add_newsletter
from tests.clocks import NOON


def refused(maximum_bytes: int, story_maximum: int = 12) -> InvalidInput | None:
    issue = frozen_issues.issue(12, story_maximum=story_maximum)
    blocks = rendering.render(Environment(), issue)
    try:
        sizes.check(issue, blocks, maximum_bytes=maximum_bytes)
    except InvalidInput as error:
        return error
    return None


def test_a_digest_of_usual_size_is_let_through() -> None:
    assert refused(sizes.MESSAGE_MAX_BYTES) is None


@pytest.mark.parametrize("maximum_bytes", [34_000, 38_000])
def test_a_digest_that_is_too_large_is_refused_with_what_fits(maximum_bytes: int) -> None:
    error = refused(maximum_bytes)

    assert error is not None
    assert error.reason == "message_too_large"
    assert f"{maximum_bytes:,}" in error.message
    fitting = int(error.hint.partition("--maximum ")[2].partition(".")[0])
    assert 1 <= fitting < 12
    assert refused(maximum_bytes, story_maximum=fitting) is None
    assert refused(maximum_bytes, story_maximum=fitting + 1) is not None


def test_a_note_and_what_is_told_once_more_count_too() -> None:
    stories = [frozen_issues.story(number) for number in range(12, 0, -1)]
    again = [frozen_issues.story(number, is_missed=True) for number in (20, 21, 22)]
    plain = frozen_issues.issue(stories=stories)
    fuller = frozen_issues.issue(stories=[*again, *stories], note="Good morning. " * 100, has_clicks=True)

    for issue, is_fitting in ((plain, True), (fuller, False)):
        blocks = rendering.render(Environment(), issue)
        if is_fitting:
            sizes.check(issue, blocks, maximum_bytes=41_000)
        else:
            with pytest.raises(InvalidInput):
                sizes.check(issue, blocks, maximum_bytes=41_000)


def test_a_frame_that_is_too_large_alone_is_said_to_be_so() -> None:
    error = refused(10_000)

    assert error is not None
    assert "Shorten email/frame.html" in error.hint


def test_no_message_is_larger_than_was_reckoned() -> None:
    issue = frozen_issues.issue(12, story_maximum=9)
    blocks = rendering.render(Environment(), issue)
    rings = Rings(KeyRing({1: b"l" * 32}), KeyRing({1: b"r" * 32}))
    settings = Settings(public_url="https://news.example.com", inbound_domain="in.example.com")
    signer = dkim.Signer("post.example.com", "n1", dkim.new_key())
    composer = Composer(issue, blocks, settings=settings, rings=rings, signers={1: signer})
    picks = (selection.encode_picks(numbers, highest=12) for numbers in combinations(range(1, 13), 9))
    local = "&" * 64

    largest = max(
        len(
            composer.message(
                planned=PlannedMessage(2**40 - 1, each, f"{local}@example.com", "🙂" * 64),
                mailing_id=2**24 - 1,
                planned_at=NOON,
                key_ids={"links": 1, "return_path": 1, "dkim": 1},
            )[1]
        )
        for each in picks
    )

    with pytest.raises(InvalidInput):
        sizes.check(issue, blocks, maximum_bytes=largest - 1)
    sizes.check(issue, blocks, maximum_bytes=largest + 10_000)


@given(
    st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=9),
    st.integers(1, 9),
)
def test_the_largest_stories_are_found(octets: list[tuple[int, int, int]], maximum: int) -> None:
    by_style = {style: [each[place] for each in octets] for place, style in enumerate(StoryStyle)}
    count = min(maximum, len(octets))

    found = sizes._largest(by_style, count)

    assert found == [
        max(
            sum(by_style[StoryStyle(each.style)][int(each.key)] for each in arrange(ranks) if each.style)
            for ranks in combinations(range(len(octets)), size)
        )
        for size in range(1, count + 1)
    ]


def test_an_issue_with_such_a_digest_stays_planned_and_says_what_to_do(database: Database) -> None:
    with database.transaction() as session:
        newsletter = add_newsletter(session)
        add_article(session, newsletter, title="Ships", seen_at=NOON - timedelta(hours=1))
        issue_id = plan.plan_now(session, newsletter.id, now=NOON).id

    status = build.build(
        database.transaction, issue_id, environment=Environment(), now=NOON, message_max_bytes=10_000
    )

    with database.transaction() as session:
        fault = issues.get(session, issue_id).fault
    assert status is IssueStatus.PLANNED
    assert fault is not None
    assert "Shorten" in fault


def test_a_preview_says_so_before_the_issue_is_built(database: Database) -> None:
    with database.transaction() as session:
        newsletter = add_newsletter(session)
        add_article(session, newsletter, title="Ships", seen_at=NOON - timedelta(hours=1))
        issue_id = plan.plan_now(session, newsletter.id, now=NOON).id

    with database.reading() as session:
        with pytest.raises(InvalidInput, match="largest digest"):
            build.preview(
                session, newsletter.id, environment=Environment(), now=NOON, message_max_bytes=10_000
            )
        with pytest.raises(InvalidInput, match="largest digest"):
            build.preview_issue(session, issue_id, environment=Environment(), message_max_bytes=10_000)
