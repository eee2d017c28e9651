"""Write the plain text of an issue from its content, never by stripping HTML."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from newsletter.domain import layout, rendered
from newsletter.domain.layout import StoryStyle
from newsletter.domain.rendered import FrozenIssue, FrozenStory, Identity, ReaderField
from newsletter.rendering.words import Words

WIDTH = 72  # columns, so that a reply with "> " before it stays below 76
SUMMARY_MAXIMUM = {StoryStyle.LEAD: 420, StoryStyle.CARD: 220, StoryStyle.BRIEF: 0}  # characters


def frame_head(issue: FrozenIssue, words: Words) -> str:
    """Return the name of the newsletter, the day and a rule."""
    name = wrapped(issue.identity.name)
    day = f"{words.long_date(issue.issued_on)} · {words('email.issue', number=issue.number)}"
    return f"{name}\n{wrapped(day)}\n{'=' * min(WIDTH, max(map(len, name.splitlines())))}\n\n"


def note(paragraphs: Iterable[Sequence[str]]) -> str:
    """Return the editors' words, given as paragraphs of lines."""
    return "".join("\n".join(map(wrapped, lines)) + "\n\n" for lines in paragraphs)


def story(found: FrozenStory, style: StoryStyle, kicker: str, words: Words) -> str:
    """Return headline, summary and address of a story, and what else there is on it.

    Each address stands on a line of its own, and briefs name nothing else, as in the HTML.
    """
    head = f"{kicker}: {found.title}" if kicker else found.title
    summary = layout.shorten(found.summary, SUMMARY_MAXIMUM[style]) if SUMMARY_MAXIMUM[style] else ""
    lines = [wrapped(head), wrapped(summary), found.url]
    if found.more and style is not StoryStyle.BRIEF:
        lines += ["", f"{words('email.more_on')}:"]
        for link in found.more:
            lines += [wrapped(link.title), link.url]
    kept = (line for place, line in enumerate(lines) if line or place > 2)
    return "\n".join(kept) + "\n\n"


def heading(words: str) -> str:
    """Return a heading between stories."""
    return f"{wrapped(words)}\n{'-' * min(WIDTH, len(words))}\n\n"


def personal(issue: FrozenIssue, words: Words) -> str:
    """Return why the reader gets the mail, and the reader's own links."""
    address = rendered.mark(issue.nonce, ReaderField.ADDRESS)
    shown = f"\u2068{address}\u2069" if words.direction == "rtl" else address
    # Wrapped around a short stand-in, so that the line's breaks do not depend on the mark's length.
    reason = wrapped(words("email.reason", newsletter=issue.identity.name, address="\ue000" * 24))
    links = (
        ("email.unsubscribe", ReaderField.UNSUBSCRIBE_URL),
        ("email.preferences", ReaderField.PREFERENCES_URL),
        ("email.view", ReaderField.VIEW_URL),
    )
    lines = [f"{words(key)}:\n{rendered.mark(issue.nonce, field)}\n" for key, field in links]
    return f"-- \n{reason.replace(chr(0xE000) * 24, shown)}\n\n" + "".join(lines) + "\n"


def web(issue: FrozenIssue, words: Words) -> str:
    """Return what stands on the web in the place of the reader's links."""
    mark = rendered.mark(issue.nonce, ReaderField.SUBSCRIBE_URL)
    return f"{words('email.subscribe', newsletter=issue.identity.name)}:\n{mark}\n\n"


def imprint(identity: Identity, words: Words) -> str:
    """Return who publishes the newsletter, where, and the links that everybody has."""
    is_named = identity.postal_address.startswith(identity.from_name)
    lines = [identity.postal_address] if is_named else [identity.from_name, identity.postal_address]
    if identity.home_url:
        lines.append(identity.home_url)
    if identity.privacy_url:
        lines += [f"{words('email.privacy')}:", identity.privacy_url]
    return "\n".join(lines) + "\n"


def wrapped(text: str) -> str:
    """Break a paragraph into lines; words that are longer, such as addresses, stay whole."""
    return textwrap.fill(" ".join(text.split()), WIDTH, break_long_words=False, break_on_hyphens=False)
