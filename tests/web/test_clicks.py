"""Counted links: where they lead, where they never lead, and whom they count."""

from __future__ import annotations

from dataclasses import replace
from typing import Any  # any field of an issue

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newsletter.domain import clicks as rules
from newsletter.domain.clicks import PEOPLE, WEB_ARM
from newsletter.domain.errors import InvalidToken
from newsletter.domain.issues import IssueStatus
from newsletter.domain.rendered import FrozenLink
from newsletter.domain.tokens import (
    KeyRing,
    LinkPurpose,
    LinkToken,
    read_arm,
    read_click,
    sign_arm,
    sign_click,
    sign_link,
)
from newsletter.store import clicks, issues, keys
from newsletter.store.clicks import Total
from newsletter.store.tables import Article, Issue, KeyPurpose
from newsletter.wiring import App
from tests import issues as made
from tests.builders import add_article, add_newsletter
from tests.clocks import NOON

BROWSER = {
    "accept": "text/html,application/xhtml+xml,*/*;q=0.8",
    "accept-language": "de,en;q=0.5",
    "accept-encoding": "gzip, deflate",
}
MACHINES = (
    {"user-agent": "curl/8.5.0"},
    {"user-agent": "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)"},
    {"user-agent": "Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/130.0 Safari/537.36"},
    {"user-agent": ""},
    {"sec-purpose": "prefetch;prerender"},
    {"purpose": "prefetch"},
    {"x-moz": "prefetch"},
    {"accept": "*/*", "accept-language": ""},
    {"sec-fetch-mode": "no-cors", "accept": "*/*"},
)
RING = KeyRing({1: b"a" * 32, 2: b"b" * 32})


def people(number: int) -> dict[str, str]:
    """Return the headers of somebody else."""
    return BROWSER | {
        "user-agent": f"Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/{100 + number}.0"
    }


@pytest.fixture
def issue(app: App) -> Issue:
    """Mail an issue whose third story names the first article below it."""
    with app.transaction() as session:
        newsletter = add_newsletter(session)
        newsletter_id = newsletter.id
        numbers = [
            add_article(session, newsletter, title=word, seen_at=NOON).number for word in ("a", "b", "c", "d")
        ]
    below = (FrozenLink(number=numbers[0], title="a", url="https://post.example.com/below"),)
    stories = [made.story(number) for number in numbers[1:]]
    stories[0] = replace(stories[0], more=below)
    return mailed(app, newsletter_id, stories=stories)


def mailed(app: App, newsletter_id: int, **over: Any) -> Issue:
    with app.transaction() as session:
        found = issues.add(session, newsletter_id, since=NOON, cut_off_at=NOON, now=NOON)
        assert found is not None
        frozen = made.issue(issue_id=found.id, has_clicks=True, **over)
        found.status, found.frozen = IssueStatus.MAILED, frozen.as_dict()
        session.flush()
        session.expunge(found)
        return found


def ring_of(app: App) -> KeyRing:
    with app.reading() as session:
        return keys.ring(session, KeyPurpose.LINKS)


def link(app: App, issue: Issue, number: int, end: str = rules.FROM_MAIL) -> str:
    ring = ring_of(app)
    return f"/r/{sign_click(issue.id, number, ring, key_number=ring.newest)}/{end}"


def counted(app: App, issue: Issue) -> list[Total]:
    with app.reading() as session:
        return clicks.totals(session, issue.id)


def move(app: App, number: int, **values: Any) -> None:
    with app.transaction() as session:
        article = session.query(Article).filter_by(number=number).one()
        for name, value in values.items():
            setattr(article, name, value)


def test_a_link_leads_to_the_article_and_a_person_is_counted_once(
    web: TestClient, app: App, issue: Issue
) -> None:
    answers = [web.get(link(app, issue, 2), headers=people(1)) for _ in range(3)]
    web.head(link(app, issue, 3), headers=people(1))
    web.get(link(app, issue, 1), headers=people(1))

    assert {answer.status_code for answer in answers} == {302}
    assert answers[0].headers["location"] == "https://post.example.com/2"
    assert answers[0].headers["cache-control"] == "no-store"
    assert answers[0].headers["referrer-policy"] == "no-referrer"
    assert web.head(link(app, issue, 3)).headers["location"] == "https://post.example.com/3"
    assert counted(app, issue) == [Total(PEOPLE, 0, 1, 0), Total(1, 0, 1, 0), Total(2, 0, 1, 0)]


def test_a_link_follows_a_correction_and_says_when_an_article_was_withdrawn(
    web: TestClient, app: App, issue: Issue
) -> None:
    move(app, 2, url="https://post.example.com/corrected")
    assert web.get(link(app, issue, 2)).headers["location"] == "https://post.example.com/corrected"

    move(app, 2, retracted_at=NOON)
    gone = web.get(link(app, issue, 2), headers=people(1))
    assert gone.status_code == 410
    assert "has been withdrawn" in gone.text
    assert "location" not in gone.headers
    assert not [total for total in counted(app, issue) if total.human_count]


def test_an_address_that_is_none_leads_nowhere(web: TestClient, app: App, issue: Issue) -> None:
    for url in ("javascript:alert(1)", "//evil.example/", "data:text/html,x", "/local", "HTTPS:x"):
        move(app, 2, url=url)

        answer = web.get(link(app, issue, 2))

        assert answer.status_code == 404
        assert "location" not in answer.headers


def test_nothing_in_the_request_decides_where_it_leads(web: TestClient, app: App, issue: Issue) -> None:
    path = link(app, issue, 2)
    evil = "https://evil.example/"

    for odd in (f"{path}?url={evil}", f"{path}?next={evil}&u={evil}", f"{path}#{evil}"):
        answer = web.get(
            odd, headers={"host": "evil.example", "x-forwarded-host": "evil.example", "referer": evil}
        )
        assert answer.headers["location"] == "https://post.example.com/2"
    for odd in (f"/r/{evil}", f"/r/{path.split('/')[2]}/{evil}", f"/r//{evil}"):
        assert "evil" not in web.get(odd).headers.get("location", "")


def test_forged_and_foreign_links_lead_nowhere(web: TestClient, app: App, issue: Issue) -> None:
    ring = ring_of(app)
    good = link(app, issue, 2).split("/")[2]
    view = LinkToken(purpose=LinkPurpose.VIEW, subscriber_id=0, object_id=issue.id, issued_at=NOON)
    forged = (
        good[:-1] + ("A" if good[-1] != "A" else "B"),
        "A" * 28,
        good[:27],
        good + "A",
        good + "%00",
        "%F0%9F%99%82" * 28,
        "!" * 28,
        sign_link(view, ring),
        sign_click(issue.id, 2, RING, key_number=1),
    )
    for token in forged:
        answer = web.get(f"/r/{token}/m", headers=people(1))
        assert answer.status_code == 404, token
        assert "location" not in answer.headers
    for token in (
        sign_click(issue.id, 77, ring, key_number=ring.newest),
        sign_click(999, 2, ring, key_number=ring.newest),
    ):
        assert web.get(f"/r/{token}/m").status_code == 404
    assert counted(app, issue) == []


def test_old_links_work_after_the_keys_were_rotated(web: TestClient, app: App, issue: Issue) -> None:
    old = link(app, issue, 2)
    assert web.get(old, headers=people(1)).status_code == 302
    with app.transaction() as session:
        keys.rotate(session, KeyPurpose.LINKS, now=NOON)

    assert link(app, issue, 2) != old
    assert (
        web.get(old, headers=people(2)).status_code
        == web.get(link(app, issue, 2), headers=people(3)).status_code
        == 302
    )


def test_the_end_of_a_link_decides_how_it_is_counted_and_nothing_else(web: TestClient, app: App) -> None:
    with app.transaction() as session:
        newsletter = add_newsletter(session)
        add_article(session, newsletter, title="a", seen_at=NOON)
        newsletter_id = newsletter.id
    tested = mailed(app, newsletter_id, stories=[made.story(1)], subjects=("One", "Two"), sample_percent=20)
    other = mailed(app, newsletter_id, stories=[made.story(1)], subjects=("One", "Two"), sample_percent=20)
    ring = ring_of(app)
    signed = [sign_arm(tested.id, arm, ring, key_number=ring.newest) for arm in range(3)]
    foreign = sign_arm(other.id, 0, ring, key_number=ring.newest)

    ends = [*signed, foreign, rules.FROM_MAIL, rules.FROM_WEB, rules.NOT_COUNTED, "AAAAAAAA", "x" * 200, ""]
    for number, end in enumerate(ends):
        path = link(app, tested, 1, end).rstrip("/")
        assert web.get(path, headers=people(number)).status_code == 302

    arms = (WEB_ARM, 0, 1)
    assert counted(app, tested) == [Total(number, arm, 1, 0) for number in (PEOPLE, 1) for arm in arms]


def test_machines_are_led_on_and_counted_apart(web: TestClient, app: App, issue: Issue) -> None:
    for number, odd in enumerate(MACHINES):
        assert web.get(link(app, issue, 2), headers=people(number) | odd).status_code == 302

    assert counted(app, issue) == [Total(2, 0, 0, len(MACHINES))]


def test_a_filter_that_opens_all_links_is_a_machine_from_the_first_on(
    web: TestClient, app: App, issue: Issue
) -> None:
    for number in (1, 2, 3, 4):
        web.get(link(app, issue, number), headers=people(1))
    web.get(link(app, issue, 2), headers=people(2))

    found = counted(app, issue)
    assert [(total.number, total.human_count, total.machine_count) for total in found] == [
        (PEOPLE, 1, 1),
        (1, 0, 1),
        (2, 1, 1),
        (3, 0, 1),
        (4, 0, 1),
    ]


def test_what_is_not_mailed_yet_is_followed_and_not_counted(web: TestClient, app: App, issue: Issue) -> None:
    with app.transaction() as session:
        issues.get(session, issue.id).status = IssueStatus.BUILT

    assert web.get(link(app, issue, 2), headers=people(1)).status_code == 302
    assert counted(app, issue) == []


def test_counting_is_a_matter_of_tokens_that_prove_one_thing_each() -> None:
    token = sign_click(7, 42, RING, key_number=1)

    assert len(token) == 28
    assert read_click(token, RING).number == 42
    with pytest.raises(InvalidToken):
        read_click(token, KeyRing({2: RING.keys[2]}))
    arm = sign_arm(7, 3, RING, key_number=1)
    assert read_arm(arm, 7, RING, key_number=1) == 3
    for issue_id, key_number, text in (
        (8, 1, arm),
        (7, 2, arm),
        (7, 1, "B" + arm[1:]),
        (7, 1, ""),
        (7, 1, "é" * 8),
    ):
        with pytest.raises(InvalidToken):
            read_arm(text, issue_id, RING, key_number=key_number)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 27), st.characters(codec="utf-8"))
def test_a_token_with_any_character_changed_is_refused(place: int, char: str) -> None:
    token = sign_click(7, 42, RING, key_number=1)
    forged = token[:place] + char + token[place + 1 :]

    if forged.replace("+", "-").replace("/", "_") != token:
        with pytest.raises(InvalidToken):
            read_click(forged, RING)
