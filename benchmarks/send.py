"""Measure a mailing from its expansion to its receipt over real SMTP, against a mail merge, in the same run.

Both send each reader a digest of the reader's own topics, up to 20 stories of 60, to a server in a process of its
own. The peer does what many newsletter scripts do, reader by reader: render the shipped templates with Jinja2, inline
with premailer, build an EmailMessage, submit with smtplib, insert a row and commit. A second peer leaves the inlining
out, as if its templates had been inlined beforehand. CPU is that of the sender alone.
"""

from __future__ import annotations

import argparse
import resource
import smtplib
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from types import SimpleNamespace

import _smtp_server
from _setup import databases, machine, spread
from issue import WORDS
from premailer import Premailer
from sqlalchemy import select

from newsletter.digest import build as building
from newsletter.digest import desk, newsletters, plan
from newsletter.digest.newsletters import NewsletterDraft
from newsletter.domain import layout
from newsletter.domain.consent import ConsentEvidence
from newsletter.domain.layout import StoryStyle
from newsletter.domain.mailings import MessageStatus
from newsletter.domain.rendered import BlockKind, FrozenIssue
from newsletter.domain.subscriptions import Cadence
from newsletter.ingest import articles
from newsletter.rendering import plain
from newsletter.rendering.environment import Environment
from newsletter.rendering.issue import picture
from newsletter.rendering.theme import theme
from newsletter.reporting import receipts
from newsletter.runtime import logs
from newsletter.runtime.clock import SystemClock
from newsletter.runtime.settings import Settings
from newsletter.sending import drain as draining
from newsletter.sending import expand as expanding
from newsletter.store import Database, issues
from newsletter.store.tables import Message, Subscriber, Subscription
from newsletter.subscribing import importing
from newsletter.transports.smtp import Relay, SmtpTransport

TOPIC_COUNT = 8
STORY_COUNT = 60
STORY_MAXIMUM = 20
SETTINGS = Settings(
    public_url="https://news.post.example.com",
    inbound_domain="in.post.example.com",
    relay_host="127.0.0.1",
)
CLOCK = SystemClock()
Figures = dict[str, float]
SERVICE, MERGE = "the service", "mail merge"


def main() -> None:
    """Run both in turn and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=4_096)
    parser.add_argument("--peer-readers", type=int, default=100)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--server", choices=["plain", "aiosmtpd"], default="plain")
    options = parser.parse_args()
    logs.configure("WARNING")
    print(f"{machine()}; server: {options.server}")
    with databases() as places, _smtp_server.running(options.server) as port:
        for name, new_database in places.items():
            figures: dict[str, list[Figures]] = defaultdict(list)
            for _ in range(options.repeat):
                for label, work, readers in (
                    (SERVICE, send_all, options.readers),
                    (MERGE, merge_all, options.peer_readers),
                    ("... not inlined", merge_as_it_is, options.peer_readers),
                ):
                    database, issue_id, built_in = prepared(new_database(), readers)
                    figures[label].append({"built": built_in} | work(database, issue_id, port, readers))
                    database.dispose()
            report(name, figures)


def report(name: str, figures: dict[str, list[Figures]]) -> None:
    """Print what one database came to."""
    print(
        f"\n{name}{'':14}readers  {'wall us a message':28}{'CPU us a message':28}{'messages a second':24}kB a message"
    )
    for label, runs in figures.items():
        print(
            f"  {label:16}{runs[0]['count']:12,.0f}  {spread([r['wall'] for r in runs], digits=0):28}"
            f"{spread([r['cpu'] for r in runs], digits=0):28}"
            f"{spread([1e6 / r['wall'] for r in runs], digits=0):24}"
            f"{statistics.median([r['kilobytes'] for r in runs]):.1f}"
        )
    own = figures.pop(SERVICE)
    for label, runs in figures.items():
        walls, cpus = (
            spread([peer[what] / ours[what] for peer, ours in zip(runs, own, strict=True)])
            for what in ("wall", "cpu")
        )
        print(f"  a message of: {label:16} costs as much as so many of ours: wall {walls}, CPU {cpus}")
    print(
        f"  before the first message, once an issue: {spread([r['built'] * 1e3 for r in own], digits=0)} ms of CPU"
    )
    print(f"  peak memory of the sender: {max(r['peak'] for r in own):.0f} MB")


def prepared(url: str, reader_count: int) -> tuple[Database, int, float]:
    """Make a newsletter with readers and a built issue; return how many seconds the build took."""
    database, now = Database(url), CLOCK.now()
    with database.transaction() as session:
        newsletter = newsletters.add(session, draft(), now=now - timedelta(days=1))
        for number in range(TOPIC_COUNT):
            newsletters.add_topic(session, newsletter, slug=f"t{number}", name=f"Topic {number}")
        articles.push(session, {"newsletters": ["daily"], "articles": entries(now)}, now=now)
    importing.import_csv(
        database.transaction,
        reader_lines(reader_count),
        "daily",
        evidence=ConsentEvidence(channel="import"),
        progress=lambda _: None,
        now=now,
    )
    with database.transaction() as session:
        issue_id = plan.plan_now(session, newsletter.id, now=now).id
        desk.approve(session, issue_id, by="benchmark", now=now)
    start = time.process_time()
    building.build(database.transaction, issue_id, environment=Environment(), now=now)
    return database, issue_id, time.process_time() - start


def send_all(database: Database, issue_id: int, port: int, reader_count: int) -> Figures:
    """Expand and drain as a worker does, until nothing is due; check the receipt."""
    transport = SmtpTransport(Relay(host="127.0.0.1", port=port, tls="off"))

    def work() -> None:
        expanding.expand(database.transaction, issue_id, now=CLOCK.now())
        while draining.drain(
            transactions=database.transaction,
            transport=transport,
            settings=SETTINGS,
            clock=CLOCK,
            holder="bench",
            should_stop=lambda: False,
        ).has_more:
            pass

    before = _smtp_server.taken(port)
    figures = measured(work, reader_count)
    transport.close()
    with database.reading() as session:
        receipt = receipts.receipt(session, 1)
    assert receipt.adds_up, receipt
    assert receipt.submitted == reader_count, receipt
    return figures | taken_by(port, before, reader_count)


def merge_as_it_is(database: Database, issue_id: int, port: int, reader_count: int) -> Figures:
    """Make and submit one mail after another, without inlining."""
    return merge_all(database, issue_id, port, reader_count, is_inlined=False)


def merge_all(
    database: Database, issue_id: int, port: int, reader_count: int, *, is_inlined: bool = True
) -> Figures:
    """Make and submit one mail after another."""
    with database.reading() as session:
        issue = issues.frozen(issues.get(session, issue_id))
        readers = list(
            session.execute(
                select(Subscriber.id, Subscriber.address, Subscriber.name, Subscription.topics).join(
                    Subscription
                )
            )
        )
    merge = Merge(issue, is_inlined=is_inlined)
    merge.message(1, "warm@example.com", "Warm", 0)  # templates are compiled at their first use
    connection = smtplib.SMTP("127.0.0.1", port)

    def work() -> None:
        for subscriber_id, address, name, topics in readers:
            connection.send_message(merge.message(subscriber_id, address, name, topics))
            with database.transaction() as session:
                session.add(
                    Message(
                        mailing_id=1,
                        subscriber_id=subscriber_id,
                        at=0,
                        code=250,
                        status=MessageStatus.SUBMITTED,
                        picks=b"",
                    )
                )

    before = _smtp_server.taken(port)
    figures = measured(work, reader_count)
    connection.quit()
    return figures | taken_by(port, before, reader_count)


class Merge:
    """Make mails one by one from the templates that the service uses."""

    def __init__(self, issue: FrozenIssue, *, is_inlined: bool) -> None:
        identity = issue.identity
        self._is_inlined = is_inlined
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
        unsubscribe = f"{SETTINGS.public_url}/u/{subscriber_id:044}"
        reader = SimpleNamespace(
            title=layout.subject(stories),
            preheader=layout.preheader(stories),
            name=name,
            address=address,
            unsubscribe_url=unsubscribe,
            preferences_url=f"{SETTINGS.public_url}/p/{subscriber_id:044}",
            view_url=f"{SETTINGS.public_url}/v/{subscriber_id:044}",
        )
        message = EmailMessage()
        message["From"] = f"{identity.from_name} <{identity.from_address}>"
        message["To"] = f"{name} <{address}>"
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
        if not self._is_inlined:
            return page
        return str(
            Premailer(
                page,
                strip_important=False,
                disable_validation=True,
                cssutils_logging_level=50,
                allow_network=False,
            ).transform(pretty_print=False)
        )

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


def measured(work: Callable[[], None], count: int) -> Figures:
    """Return what a piece of work costs a message, in microseconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return {
        "wall": (time.perf_counter() - wall) / count * 1e6,
        "cpu": (time.process_time() - cpu) / count * 1e6,
        "count": count,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def taken_by(port: int, before: tuple[int, int], count: int) -> Figures:
    """Check that the server took each message once; return their mean size."""
    messages, octets = _smtp_server.taken(port)
    assert messages - before[0] == count, (messages, before, count)
    return {"kilobytes": (octets - before[1]) / count / 1000}


def draft() -> NewsletterDraft:
    """Return a newsletter."""
    return NewsletterDraft(
        slug="daily",
        name="The Daily",
        from_name="The Daily",
        from_address="news@post.example.com",
        postal_address="The Daily, 1 Quay Street, Porttown",
        home_url="https://post.example.com/",
        privacy_url="https://post.example.com/privacy",
        story_maximum=STORY_MAXIMUM,
    )


def entries(now: datetime) -> list[dict[str, object]]:
    """Return articles of usual length, the same on every run."""
    return [entry(number, now - timedelta(minutes=number)) for number in range(STORY_COUNT)]


def entry(number: int, at: datetime) -> dict[str, object]:
    """Return one article as a website pushes it."""
    words = [WORDS[(number + k * k) % len(WORDS)] for k in range(45)]
    url = f"https://post.example.com/2026/11/{number}"
    return {
        "url": url,
        "title": " ".join(words[:9]).capitalize(),
        "summary": " ".join(words).capitalize() + ".",
        "image": {"url": f"{url}.jpg", "width": 1120, "height": 630, "alt": "A picture"},
        "topics": [f"t{number % TOPIC_COUNT}"],
        "published_at": at.isoformat(),
    }


def reader_lines(count: int) -> Iterator[str]:
    """Yield a file of readers who follow between one topic and all."""
    yield "address,name,topics\n"
    for number in range(count):
        mask = number * 2654435761 % (1 << TOPIC_COUNT) or 1
        topics = ";".join(f"t{bit}" for bit in range(TOPIC_COUNT) if mask >> bit & 1)
        yield f"reader{number}@example.com,Ana Müller,{topics}\n"


if __name__ == "__main__":
    main()
