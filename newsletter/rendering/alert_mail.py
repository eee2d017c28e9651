"""Render the mail that tells the publisher's people what is wrong; in English, as all that operators read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from newsletter.rendering import plain
from newsletter.rendering.environment import Environment
from newsletter.rendering.notice import Rendered

_TEMPLATE = "email/alert.html"
_SUBJECT_MAX = 120


def alert(environment: Environment, *, alerts: Sequence[Mapping[str, str]], more_count: int) -> Rendered:
    """Say what is wrong, each thing with its code, and where to see all of it."""
    count = len(alerts) + more_count
    subject = f"Alert: {alerts[0]['text']}" if count == 1 else f"{count} alerts: {alerts[0]['text']}"
    if len(subject) > _SUBJECT_MAX:
        subject = f"{subject[: _SUBJECT_MAX - 3]}..."
    values: dict[str, object] = {"subject": subject, "alerts": alerts, "more_count": more_count}
    return Rendered(subject, environment.render(_TEMPLATE, **values), _text(alerts, more_count))


def _text(alerts: Sequence[Mapping[str, str]], more_count: int) -> str:
    paragraphs = [
        plain.wrapped(f"* {each['text']} ({each['code']}, since {each['since']})") for each in alerts
    ]
    if more_count:
        paragraphs.append(f"And {more_count} more.")
    paragraphs.append(
        "All of them: newsletter alerts list\nWhen one is seen to: newsletter alerts resolve ID"
    )
    return "\n\n".join(paragraphs) + "\n"
