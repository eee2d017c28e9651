"""Send an issue the way many newsletter scripts do, reader by reader; started by send.py as a process of its own.

Render the shipped templates with Jinja2, inline with premailer, build an EmailMessage, submit with smtplib, insert a
row and commit. It makes the same digests as the service, from the same database.
"""

from __future__ import annotations

import json
import smtplib
import sys
from dataclasses import asdict
from email.message import EmailMessage
from email.utils import format_datetime
from types import SimpleNamespace

import _sender
from _sender import Cost, Task
from premailer import Premailer
from sqlalchemy import select

from newsletter.domain import layout
from newsletter.domain.layout import StoryStyle
from newsletter.domain.mailings import MessageStatus
from newsletter.domain.rendered import BlockKind, FrozenIssue
from newsletter.domain.subscriptions import Cadence
from newsletter.rendering import plain
from newsletter.rendering.environment import Environment
from newsletter.rendering.issue import picture
from newsletter.rendering.theme import theme
from newsletter.runtime.clock import SystemClock
from newsletter.store import Database, issues
from newsletter.store.tables import Issue, Mailing, Message, Subscriber, Subscription

PUBLIC_URL = "https://news.post.example.com"
CLOCK = SystemClock()


class Merge:
    """Make mails one by one from the templates that the service uses."""

    def __init__(self, issue: FrozenIssue) -> None:
        identity = issue.identity
        self._issue = issue
        self._environment = Environment()
        self._chooser = issue.chooser()
        self._stories = {story.number: story for story in issue.stories}
        self._values = {
            "issue": issue,
            "newsletter": identity,
            "words": self._environment.words(identity.language),
            "theme": theme(
                accent=identity.accent, background=identity.background, direction=identity.direction
            ),
        }

    def message(self, subscriber_id: int, address: str, name: str, topics: int) -> EmailMessage:
        """Return one reader's digest."""
        identity = self._issue.identity
        picks = self._chooser.choose(topics=topics, cadence=Cadence.EVERY_ISSUE, history=0)
        numbers = self._chooser.in_order(picks)
        stories = [self._stories[number] for number in numbers]
        unsubscribe = f"{PUBLIC_URL}/u/{subscriber_id:044}"
        reader = SimpleNamespace(
            title=layout.subject(stories),
            preheader=layout.preheader(stories),
            name=name,
            address=address,
            unsubscribe_url=unsubscribe,
            preferences_url=f"{PUBLIC_URL}/p/{subscriber_id:044}",
            view_url=f"{PUBLIC_URL}/v/{subscriber_id:044}",
        )
        message = EmailMessage()
        message["From"] = f"{identity.from_name} <{identity.from_address}>"
        message["To"] = address
        message["Subject"] = reader.title
        message["Date"] = format_datetime(CLOCK.now())
        message["Message-ID"] = f"<{subscriber_id}.bench@news.post.example.com>"
        message["List-Unsubscribe"] = f"<{unsubscribe}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        message.set_content(self._text(numbers, reader), cte="quoted-printable")
        message.add_alternative(self._html(numbers, reader), subtype="html", cte="quoted-printable")
        return message

    def _html(self, numbers: list[int], reader: SimpleNamespace) -> str:
        blocks = "".join(
            self._block(placement.kind, placement.key, placement.style, reader)
            for placement in layout.digest(numbers, middle=BlockKind.PERSONAL)
        )
        page = self._environment.render(
            "email/frame.html", **self._values, reader=reader, blocks=Html(blocks)
        )
        inliner = Premailer(
            page,
            strip_important=False,
            disable_validation=True,
            cssutils_logging_level=50,
            allow_network=False,
        )
        return str(inliner.transform(pretty_print=False))

    def _block(self, kind: BlockKind, key: str, style: str, reader: SimpleNamespace) -> str:
        render = self._environment.render
        if kind is BlockKind.HEADING:
            return render("email/heading.html", **self._values, heading="More", style="")
        if kind is BlockKind.PERSONAL:
            return render("email/personal.html", **self._values, reader=reader)
        if kind is not BlockKind.STORY:
            return ""
        story = self._stories[int(key)]
        length = plain.SUMMARY_MAXIMUM[StoryStyle(style)]
        return render(
            "email/story.html",
            **self._values,
            story=story,
            style=style,
            topic=self._topic(story.topics),
            summary=layout.shorten(story.summary, length) if length else "",
            picture=picture(story, StoryStyle(style)),
        )

    def _text(self, numbers: list[int], reader: SimpleNamespace) -> str:
        stories = [
            plain.story(
                self._stories[int(p.key)], StoryStyle(p.style), self._topic(self._stories[int(p.key)].topics)
            )
            for p in layout.arrange(numbers)
            if p.kind is BlockKind.STORY
        ]
        return "".join([*stories, f"{reader.unsubscribe_url}\n{reader.preferences_url}\n{reader.view_url}\n"])

    def _topic(self, mask: int) -> str:
        return next((topic.name for topic in self._issue.topics if mask >> topic.number & 1), "")


class Html(str):
    """Stand in a template as it is."""

    def __html__(self) -> str:
        return self


def _measured(task: Task) -> Cost:
    database = Database(task.database_url)
    with database.reading() as session:
        issue = session.scalars(select(Issue).join(Mailing).order_by(Mailing.id.desc())).first()
        mailing_id = session.scalars(select(Mailing.id).order_by(Mailing.id.desc())).first()
        assert issue is not None
        assert mailing_id is not None
        merge = Merge(issues.frozen(issue))
        columns = (Subscriber.id, Subscriber.address, Subscriber.name, Subscription.topics)
        readers = session.execute(select(*columns).join(Subscription).order_by(Subscriber.id)).all()
    merge.message(1, "warm@example.com", "Warm", 0)  # templates are compiled at their first use
    with smtplib.SMTP("127.0.0.1", task.port) as connection, _sender.measuring() as meter:
        for subscriber_id, address, name, topics in readers:
            connection.send_message(merge.message(subscriber_id, address, name, topics))
            with database.transaction() as session:
                row = {"mailing_id": mailing_id, "subscriber_id": subscriber_id, "at": 0, "code": 250}
                session.add(Message(**row, status=MessageStatus.SUBMITTED, picks=b""))
    return meter.cost(len(readers))


if __name__ == "__main__":
    print(json.dumps(asdict(_measured(Task(**json.loads(sys.argv[1]))))))
