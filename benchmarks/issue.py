"""Measure an issue of many stories: rendering and encoding once, then joining a message per reader."""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

from newsletter.domain.mailings import PlannedMessage
from newsletter.domain.rendered import FrozenIssue, FrozenStory, FrozenTopic, Identity
from newsletter.domain.subscriptions import Cadence
from newsletter.domain.tokens import KeyRing
from newsletter.rendering import issue as rendering
from newsletter.rendering.environment import Environment
from newsletter.runtime.settings import Settings
from newsletter.sending.compose import Composer, Rings

T = TypeVar("T")

NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)
TOPIC_COUNT = 8
READER_COUNT = 5_000
WORDS = "council votes harbour ferry tide museum herring light bridge market storm school choir river".split()


def main() -> None:
    """Print the figures."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--stories", type=int, default=60)
    issue = make_issue(options.parse_args().stories)
    environment = Environment()

    rendered_in, blocks = timed(lambda: rendering.render(environment, issue))
    settings = Settings(public_url="https://news.example.com", inbound_domain="in.example.com")
    rings = Rings(KeyRing({1: b"l" * 32}), KeyRing({1: b"r" * 32}))
    encoded_in, composer = timed(lambda: Composer(issue, blocks, settings=settings, rings=rings))
    joined_in, sizes = timed(lambda: join(issue, composer))

    print(f"stories {len(issue.stories)}, blocks {len(blocks)}")
    print(f"render and inline, once     {rendered_in * 1e3:8.0f} ms")
    print(f"encode, once                {encoded_in * 1e3:8.0f} ms")
    print(f"join, each reader           {joined_in / READER_COUNT * 1e6:8.0f} us  (choosing included)")
    print(f"message, median             {statistics.median(sizes) / 1e3:8.1f} kB")


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """Return how many seconds of this process a piece of work took, and its result."""
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def join(issue: FrozenIssue, composer: Composer) -> list[int]:
    """Compose a digest of its own for each reader; return the sizes in octets."""
    chooser = issue.chooser()
    sizes = []
    for reader in range(READER_COUNT):
        topics = reader * 2654435761 % (1 << TOPIC_COUNT)  # a spread of masks, the same on every run
        picks = chooser.choose(topics=topics, cadence=Cadence.EVERY_ISSUE, history=0)
        _, message = composer.message(
            planned=PlannedMessage(reader, picks, f"reader{reader}@example.com", "Ana Müller"),
            mailing_id=1,
            planned_at=NOW,
            key_ids={"links": 1, "return_path": 1},
        )
        sizes.append(len(message))
    return sizes


def make_issue(count: int) -> FrozenIssue:
    """Return an issue with that many stories."""
    return FrozenIssue(
        issue_id=1,
        number=1,
        issued_on=date(2026, 11, 24),
        nonce="0a1b2c3d4e5f",
        identity=Identity(
            newsletter_id=1,
            slug="daily",
            name="The Daily",
            description="",
            from_name="The Daily",
            from_address="news@post.example.com",
            reply_to=None,
            postal_address="The Daily, 1 Quay Street, Porttown",
            home_url="https://post.example.com/",
            privacy_url="https://post.example.com/privacy",
            language="en",
            direction="ltr",
            zone="UTC",
            accent="#1a4f8b",
            background="#f4f3ef",
            logo_url="",
        ),
        topics=tuple(FrozenTopic(number=n, slug=f"t{n}", name=f"Topic {n}") for n in range(TOPIC_COUNT)),
        stories=tuple(make_story(number) for number in range(count, 0, -1)),
        highest=count,
        story_maximum=20,
        cut_off_at=NOW,
    )


def make_story(number: int) -> FrozenStory:
    """Return a story of usual length."""
    words = [WORDS[(number + k * k) % len(WORDS)] for k in range(45)]
    url = f"https://post.example.com/2026/11/{number}"
    return FrozenStory(
        number=number,
        article_id=number,
        topics=1 << number % TOPIC_COUNT,
        seen_at=NOW - timedelta(minutes=number),
        is_fresh=True,
        title=" ".join(words[:9]).capitalize(),
        summary=" ".join(words).capitalize() + ".",
        url=url,
        canonical_url=url,
        image_url=f"{url}.jpg",
        image_width=1120,
        image_height=630,
        image_alt="A picture",
    )


if __name__ == "__main__":
    main()
