"""Make issues that were never in a database."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any  # a builder takes any field

from newsletter.domain.rendered import FrozenIssue, FrozenStory, FrozenTopic, Identity
from tests.clocks import NOON

TOPICS = ("Politics", "Culture", "Sport", "Science", "Business")
HEADLINES = (
    "Council votes to keep the old ferry running until the tunnel opens",
    "A choir of fishermen sings its way into the national final",
    "Porttown hold on with ten men and go top for the first time since 1987",
    "Tide gauge from 1890 rewrites what we know about the rising harbour",
    "The last rope maker finds an apprentice, and orders from Norway",
    "Night buses return: what changes on Monday, line by line",
    "Museum opens its cellar, and nobody knows who painted the storm",
    "Rowers cross the bay in record time",
    "Why the herring came back early this year",
    "Fish market moves, stall holders stay",
    "New lights for the lighthouse",
    "School kitchen wins a prize with seaweed soup",
)


def identity(**over: Any) -> Identity:
    """Return a newsletter's identity."""
    values: dict[str, Any] = {
        "newsletter_id": 1,
        "slug": "daily",
        "name": "The Harbour Post",
        "description": "The news of Porttown, every morning.",
        "from_name": "The Harbour Post",
        "from_address": "news@post.example.com",
        "reply_to": "desk@post.example.com",
        "postal_address": "The Harbour Post, 1 Quay Street, Porttown",
        "home_url": "https://post.example.com/",
        "privacy_url": "https://post.example.com/privacy",
        "language": "en",
        "direction": "ltr",
        "zone": "Europe/Berlin",
        "accent": "#1a4f8b",
        "background": "#f4f3ef",
        "logo_url": "",
    }
    return Identity(**(values | over))


def story(number: int, **over: Any) -> FrozenStory:
    """Return the story with that article number."""
    values: dict[str, Any] = {
        "number": number,
        "article_id": number + 100,
        "topics": 1 << number % len(TOPICS),
        "seen_at": NOON - timedelta(hours=2) + timedelta(minutes=number),
        "is_fresh": True,
        "title": HEADLINES[number % len(HEADLINES)],
        "summary": (
            "The decision came after four hours and one interruption by a gull. Ferry 3 stays in service, tickets "
            "cost the same, and the captain says that he would have rowed if he had to."
        ),
        "url": f"https://post.example.com/2026/11/{number}?a=1&b=2",
        "canonical_url": f"https://post.example.com/2026/11/{number}?a=1&b=2",
        "author": "Ada Fischer" if number % 2 else "",
        "image_url": f"https://post.example.com/img/{number}.jpg" if number % 4 else "",
        "image_width": 1120,
        "image_height": 630,
        "image_alt": "A ferry in the morning light" if number % 4 else "",
        "published_at": NOON - timedelta(hours=3),
    }
    return FrozenStory(**(values | over))


def issue(count: int = 12, *, stories: list[FrozenStory] | None = None, **over: Any) -> FrozenIssue:
    """Return an issue with ``count`` stories, newest first."""
    found = [story(number) for number in range(count, 0, -1)] if stories is None else stories
    values: dict[str, Any] = {
        "issue_id": 7,
        "number": 42,
        "issued_on": date(2026, 11, 24),
        "nonce": "0a1b2c3d4e5f",
        "identity": identity(),
        "topics": tuple(
            FrozenTopic(number=number, slug=name.lower(), name=name) for number, name in enumerate(TOPICS)
        ),
        "stories": tuple(found),
        "highest": max(each.number for each in found),
        "story_maximum": 20,
        "cut_off_at": NOON,
    }
    return FrozenIssue(**(values | over))
