"""From a plan ahead, over an editor's pin and the desk's silence, to the mail and a click: through real processes."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from newsletter.store import Database, articles, newsletters
from tests.end_to_end.installation import Installation
from tests.end_to_end.test_chain import await_digests, digests, publish, set_up
from tests.services.ports import wait_until

pytestmark = pytest.mark.end_to_end
ANA = "ana@reader.example"
_COUNTED_LINK = re.compile(rb"/r/[A-Za-z0-9_-]+/[A-Za-z0-9_-]+")
_TIME_TO_PIN = timedelta(seconds=30)  # between the plan and its cut-off, on a busy machine


def schedule_soon(installation: Installation) -> None:
    """Let an issue be due at one of the next minutes, and never again today."""
    slot = datetime.now(UTC) + _TIME_TO_PIN + timedelta(minutes=1)  # noqa: TID251 - the processes read it too
    installation.command("schedules", "add", "daily", f"{slot.minute} {slot.hour} * * *", "--zone", "UTC")


def await_plan(installation: Installation) -> int:
    """Wait until the issue is planned ahead of its cut-off; return its id."""
    planned: list[int] = []

    def is_planned() -> bool:
        planned[:] = [
            issue["id"] for issue in installation.told("issues", "list") if issue["status"] == "planned"
        ]
        return bool(planned)

    wait_until(is_planned, seconds=30, what="the issue is planned ahead")
    return planned[0]


def article_id(installation: Installation, word: str) -> int:
    """Return the id of the article whose title holds a word."""
    database = Database(installation.database_url)
    with database.reading() as session:
        (found,) = articles.search(session, newsletters.by_slug(session, "daily").id, word)
        database.dispose()
        return found.article.id


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_pin_leads_the_mail_that_goes_out_because_the_desk_is_silent(
    installation: Installation, tmp_path: Path
) -> None:
    set_up(installation, cron="")
    readers = tmp_path / "readers.csv"
    readers.write_text(f"address,confirmed_at,consent\n{ANA},2026-01-01T00:00:00Z,paper form\n")
    installation.command("subscribers", "import", "daily", str(readers))
    installation.start_all()
    installation.command("sources", "poll", "1")  # what the feed holds already is backlog
    for slug, title in (
        ("walrus", "A walrus naps on the pier"),
        ("gulls", "Gulls steal the mayor a sandwich"),
    ):
        publish(installation, slug, title)
        installation.command("sources", "poll", "1")
    schedule_soon(installation)

    issue_id = await_plan(installation)
    walrus = article_id(installation, "walrus")
    installation.command("issues", "pin", str(issue_id), "--article", str(walrus), "--by", "cleo")
    await_digests(installation, ANA, count=1)

    (mail,) = digests(installation, ANA)
    body = mail.message
    assert b"Subject: A walrus naps on the pier" in body
    assert body.index(b"A walrus naps on the pier</a>") < body.index(b"Gulls steal the mayor a sandwich</a>")
    links = dict.fromkeys(_COUNTED_LINK.findall(body.replace(b"=\r\n", b"")))
    answers = [httpx2.get(f"{installation.url}{link.decode()}", timeout=30) for link in links]
    assert {answer.status_code for answer in answers} == {302}
    assert any("/stories/walrus" in answer.headers["location"] for answer in answers)
    shown = installation.told("issues", "show", str(issue_id))
    assert (shown["status"], shown["approved_by"]) == ("mailed", None), json.dumps(shown)
    assert {"pin", "plan"} & {event["action"] for event in installation.told("audit", "list")} == {"pin"}
