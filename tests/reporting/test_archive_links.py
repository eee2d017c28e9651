"""Issues on the web: what the desk added, and links that are counted as those of a page."""

from __future__ import annotations

import re
from dataclasses import replace

from newsletter.domain import clicks
from newsletter.domain.issues import IssueStatus
from newsletter.domain.rendered import FrozenLink
from newsletter.domain.selection import encode_picks
from newsletter.domain.tokens import read_click
from newsletter.rendering import issue as rendering
from newsletter.rendering.environment import Environment
from newsletter.reporting import archive
from newsletter.store import Database, blocks, issues, keys
from newsletter.store.tables import KeyPurpose
from tests import issues as made
from tests.builders import add_article, add_newsletter
from tests.clocks import NOON

URL = "https://news.example.com"


def test_a_page_has_the_note_the_links_below_and_the_missed_and_its_links_are_counted(
    database: Database,
) -> None:
    environment = Environment()
    with database.transaction() as session:
        newsletter = add_newsletter(session)
        numbers = [add_article(session, newsletter, title=word, seen_at=NOON).number for word in "abc"]
        issue = issues.add(session, newsletter.id, since=NOON, cut_off_at=NOON, now=NOON)
        assert issue is not None
        below = (FrozenLink(number=numbers[1], title="Below it", url="https://post.example.com/b"),)
        frozen = made.issue(
            issue_id=issue.id,
            stories=[
                replace(made.story(numbers[2], title="Top"), more=below),
                made.story(numbers[0], title="Missed", is_missed=True),
            ],
            note="Good morning",
            subjects=("Chosen by Ada", "Another"),
            sample_percent=20,
            has_clicks=True,
        )
        issue.status, issue.frozen, issue.nonce = IssueStatus.MAILED, frozen.as_dict(), frozen.nonce
        blocks.add(session, issue.id, "en", rendering.render(environment, frozen))
        number, issue_id = issue.number, issue.id
        ring = keys.ring(session, KeyPurpose.LINKS)
    picks = encode_picks(numbers, highest=frozen.highest)

    with database.reading() as session:
        shown = [
            archive.page(session, "daily", number, public_url=URL, environment=environment),
            archive.view(session, issue_id, picks, public_url=URL, environment=environment),
        ]

    for page in shown:
        assert page.title == "Chosen by Ada"
        assert page.html.index("Good morning") < page.html.index(">Top<") < page.html.index(">Below it<")
        links = re.findall(rf'href="{URL}/r/([\w-]+)/(\w+)"', page.html)
        assert {end for _, end in links} == {clicks.FROM_WEB}
        assert {read_click(token, ring).issue_id for token, _ in links} == {issue_id}
        assert "invalid" not in page.html
        assert "post.example.com/b" not in page.html
    assert {read_click(token, ring).number for token, _ in links} == set(numbers)
    assert shown[1].html.index("You may have missed") < shown[1].html.index(">Missed<")
