"""Measure composing: the CPU of one message with all its links and fields, beside Jinja2 and EmailMessage."""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from types import SimpleNamespace

from issue import WORDS, make_issue
from markupsafe import Markup

from newsletter.domain import layout, selection
from newsletter.domain.layout import StoryStyle
from newsletter.domain.mailings import PlannedMessage
from newsletter.domain.rendered import BlockKind, FrozenIssue, FrozenStory
from newsletter.domain.tokens import KeyRing
from newsletter.rendering import issue as rendering
from newsletter.rendering import plain
from newsletter.rendering.environment import Environment
from newsletter.rendering.theme import theme
from newsletter.runtime.memory import tune
from newsletter.runtime.settings import Settings
from newsletter.sending.compose import Composer, Rings

NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)
STORY_COUNT = 60
PICKED = 33  # with stories of this length a message has about 65 kB
PICKED_USUALLY = 20
TARGETS = {"broadcast": 14.0, "distinct": 30.0}  # us a message
READER_COUNT = 4_096
WINDOW = 256  # messages that share their moment
UNDER_WAY = 20  # on each connection one that goes out and the next
PEER_COUNT = 24
RUN_COUNT = 9
NAMES = ("Ana Müller", "John Smith", "María José Núñez", "Li Wei", "", "O'Brien, Pat", "Zoë", "Jan de Vries")
SETTINGS = Settings(public_url="https://news.post.example.com", inbound_domain="in.post.example.com")
KEY_IDS = {"links": 1, "return_path": 1}


def main() -> None:
    """Print the figures; the runs of all ways alternate, so that a busy machine slows all of them."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--json", action="store_true")
    wants_json = options.parse_args().json
    tune()  # as every sending process does
    found = measure()
    if wants_json:
        print(json.dumps(found))
        return
    print(f"stories {STORY_COUNT}, readers {READER_COUNT}, CPU, median of {RUN_COUNT} interleaved runs")
    print(f"encode, once                    {found['encode_ms']:8.0f} ms")
    print(
        f"broadcast, {PICKED} stories           {found['broadcast']:8.1f} us a message of {found['kilobytes']:.0f} kB"
        f"  (target {TARGETS['broadcast']:.0f})"
    )
    print(f"distinct digests, {PICKED} of them    {found['distinct_large']:8.1f} us a message")
    print(
        f"distinct digests, {PICKED_USUALLY} of them    {found['distinct']:8.1f} us a message"
        f"  (target {TARGETS['distinct']:.0f})"
    )
    print(
        f"Jinja2 and EmailMessage, {PICKED}     {found['jinja']:8.0f} us a message"
        f"  ({found['jinja'] / found['distinct_large']:.0f} times as much)"
    )


def measure() -> dict[str, float]:
    """Return microseconds a message."""
    issue = long_issue()
    blocks = rendering.render(Environment(), issue)
    rings = Rings(KeyRing({1: b"l" * 32}), KeyRing({1: b"r" * 32}))
    start = time.process_time()
    composer = Composer(issue, blocks, settings=SETTINGS, rings=rings)
    encoded_in = time.process_time() - start
    everybody = planned(issue, PICKED, is_personal=False)
    personal, usual = (planned(issue, count, is_personal=True) for count in (PICKED, PICKED_USUALLY))
    peer = Peer(issue)
    sizes = [len(message) for message in compose(composer, everybody[:WINDOW])]
    broadcast, large, distinct, jinja = interleaved(
        (lambda: compose(composer, everybody), READER_COUNT),
        (lambda: compose(composer, personal), READER_COUNT),
        (lambda: compose(composer, usual), READER_COUNT),
        (lambda: [peer.message(each) for each in personal[:PEER_COUNT]], PEER_COUNT),
    )
    return {
        "encode_ms": encoded_in * 1e3,
        "kilobytes": statistics.mean(sizes) / 1e3,
        "broadcast": broadcast,
        "distinct_large": large,
        "distinct": distinct,
        "jinja": jinja,
    }


def compose(composer: Composer, messages: Sequence[PlannedMessage]) -> Sequence[bytes]:
    """Compose window by window; as many messages are kept as a worker with ten connections has at once."""
    kept: deque[bytes] = deque(maxlen=UNDER_WAY)
    for start in range(0, len(messages), WINDOW):
        planned_at = datetime.fromtimestamp(NOW.timestamp() + start, UTC)
        for each in messages[start : start + WINDOW]:
            _, message = composer.message(planned=each, mailing_id=3, planned_at=planned_at, key_ids=KEY_IDS)
            kept.append(message)
    return kept


class Peer:
    """Make the same digests reader by reader, without inlining their CSS, which would take most of the time."""

    def __init__(self, issue: FrozenIssue) -> None:
        identity = issue.identity
        self._issue = issue
        self._environment = Environment()
        self._chooser = issue.chooser()
        self._stories = {story.number: story for story in issue.stories}
        self._words = self._environment.words(identity.language)
        self._values = {
            "issue": issue,
            "newsletter": identity,
            "words": self._words,
            "theme": theme(
                accent=identity.accent, background=identity.background, direction=identity.direction
            ),
        }

    def message(self, planned: PlannedMessage) -> bytes:
        """Return one message."""
        numbers = self._chooser.in_order(planned.picks)
        stories = [self._stories[number] for number in numbers]
        url = SETTINGS.public_url
        reader = SimpleNamespace(
            title=layout.subject(stories),
            preheader=layout.preheader(stories),
            name=planned.name,
            address=planned.address,
            unsubscribe_url=f"{url}/u/{planned.subscriber_id:044}",
            preferences_url=f"{url}/p/{planned.subscriber_id:044}",
            view_url=f"{url}/v/{planned.subscriber_id:044}",
        )
        message = EmailMessage()
        message["From"] = f"{self._issue.identity.from_name} <{self._issue.identity.from_address}>"
        message["To"] = planned.address
        message["Subject"] = reader.title
        message["Date"] = format_datetime(NOW)
        message["Message-ID"] = f"<{planned.subscriber_id}.bench@news.post.example.com>"
        message["List-Unsubscribe"] = f"<{reader.unsubscribe_url}>"
        message.set_content(self._text(numbers, reader), cte="quoted-printable")
        message.add_alternative(self._page(numbers, reader), subtype="html", cte="quoted-printable")
        return message.as_bytes()

    def _text(self, numbers: Sequence[int], reader: SimpleNamespace) -> str:
        placed = layout.arrange(numbers)
        stories = (
            plain.story(self._stories[int(each.key)], StoryStyle(each.style), "")
            for each in placed
            if each.style
        )
        return "".join([plain.frame_head(self._issue, self._words), *stories, f"{reader.unsubscribe_url}\n"])

    def _page(self, numbers: Sequence[int], reader: SimpleNamespace) -> str:
        render, values = self._environment.render, self._values
        out = []
        for each in layout.arrange(numbers):
            if each.kind is BlockKind.HEADING:
                out.append(render("email/heading.html", **values, heading="More stories", style=""))
                continue
            story, style = self._stories[int(each.key)], StoryStyle(each.style)
            length = plain.SUMMARY_MAXIMUM[style]
            summary = layout.shorten(story.summary, length) if length else ""
            shown = rendering.picture(story, style)
            out.append(
                render(
                    "email/story.html",
                    **values,
                    story=story,
                    style=style,
                    topic="",
                    summary=summary,
                    picture=shown,
                )
            )
        out.append(render("email/personal.html", **values, reader=reader))
        return render("email/frame.html", **values, reader=reader, blocks=Markup("".join(out)))


def planned(issue: FrozenIssue, count: int, *, is_personal: bool) -> list[PlannedMessage]:
    """Return what was decided for the readers: the same stories for all, or drawn for each."""
    draw = random.Random(1)
    numbers = [story.number for story in issue.stories]
    return [
        PlannedMessage(
            4096 + reader,
            selection.encode_picks(
                draw.sample(numbers, count) if is_personal else numbers[:count], highest=issue.highest
            ),
            f"reader{4096 + reader}@example.com",
            NAMES[reader % len(NAMES)],
        )
        for reader in range(READER_COUNT)
    ]


def interleaved(*works: tuple[Callable[[], object], int]) -> list[float]:
    """Run each piece of work in turn, again and again; return the medians in microseconds for each message."""
    runs = [[timed(work, count) for work, count in works] for _ in range(RUN_COUNT)]
    return [statistics.median(times) for times in zip(*runs, strict=True)]


def timed(work: Callable[[], object], count: int) -> float:
    """Return the microseconds of this process for each message of a piece of work."""
    start = time.process_time()
    work()
    return (time.process_time() - start) / count * 1e6


def long_issue() -> FrozenIssue:
    """Return an issue with stories of the length that makes messages of 65 kB."""
    issue = make_issue(STORY_COUNT)
    return replace(issue, stories=tuple(map(_longer, issue.stories)), story_maximum=PICKED)


def _longer(story: FrozenStory) -> FrozenStory:
    words = [WORDS[(story.number + k * k) % len(WORDS)] for k in range(64)]
    url = f"https://post.example.com/2026/11/24/{'-'.join(words[:9])}-{story.number}?utm_source=newsletter&utm_medium=email"
    return replace(
        story,
        title=" ".join(words[:12]).capitalize(),
        summary=" ".join(words).capitalize() + ".",
        url=url,
        canonical_url=url,
        author="Ana Müller",
    )


if __name__ == "__main__":
    main()
