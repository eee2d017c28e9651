"""Render the mail that asks an editor to decide about an issue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from newsletter.domain import layout, schedules
from newsletter.domain.rendered import Identity
from newsletter.rendering import plain
from newsletter.rendering.environment import Environment
from newsletter.rendering.notice import Rendered
from newsletter.rendering.theme import theme
from newsletter.rendering.words import Words

_TEMPLATE = "email/desk.html"


def question(
    environment: Environment,
    *,
    identity: Identity,
    number: int,
    is_breaking: bool,
    is_waiting: bool,
    is_sent_by_silence: bool,
    void: Mapping[str, str],
    cut_off_at: datetime,
    subjects: Sequence[str],
    note: str,
    headlines: Sequence[str],
    more_count: int,
    approve_url: str,
    veto_url: str,
) -> Rendered:
    """Show an issue as it stands and ask for a word; ``is_waiting``: it is ready, and nothing happens without one.

    ``void`` says why an approval does not count any more: its reason and what that is about; empty = there was none.
    It is in the newsletter's language: editors read that.
    """
    words = environment.words(identity.language)
    waiting = "void" if void else "waiting"
    kind = "breaking" if is_breaking else waiting if is_waiting else "planned"
    about: dict[str, object] = {
        "newsletter": identity.name,
        "number": number,
        "moment": words.moment(cut_off_at, zone=schedules.zone(identity.zone)),
    }
    lead = words(f"notice.desk.lead_{kind}", **about)
    if void:
        lead = f"{lead} {words('notice.desk.void_' + void['reason'], **void)}"
    silence = words("notice.desk.silence_sends" if is_sent_by_silence else "notice.desk.silence_holds")
    subject = words(f"notice.desk.subject_{'breaking' if is_breaking else 'issue'}", **about)
    values: dict[str, object] = {
        "newsletter": identity,
        "words": words,
        "theme": theme(accent=identity.accent, background=identity.background, direction=words.direction),
        "subject": subject,
        "lead": lead,
        "silence": silence,
        "subjects": subjects,
        "note": layout.paragraphs(note),
        "headlines": headlines,
        "more": words("notice.desk.more", count=more_count) if more_count else "",
        "approve_url": approve_url,
        "veto_url": veto_url,
    }
    text = _text(words, identity, values, note)
    return Rendered(subject, environment.render(_TEMPLATE, **values), text)


def _text(words: Words, identity: Identity, values: dict[str, object], note: str) -> str:
    headlines = [plain.wrapped(f"* {title}") for title in _texts(values["headlines"])]
    subjects = [
        plain.wrapped(words("notice.desk.subject_line", subject=subject))
        for subject in _texts(values["subjects"])
    ]
    paragraphs = [
        plain.wrapped(identity.name),
        plain.wrapped(f"{values['lead']} {values['silence']}"),
        "\n".join(subjects),
        plain.note(layout.paragraphs(note)).rstrip(),
        "\n".join(headlines) or words("notice.desk.none"),
        str(values["more"]),
        f"{words('notice.desk.approve')}:\n{values['approve_url']}",
        f"{words('notice.desk.veto')}:\n{values['veto_url']}",
        plain.wrapped(words("notice.desk.once")),
        plain.wrapped(words("notice.desk.reason", newsletter=identity.name)),
    ]
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph).rstrip() + "\n"


def _texts(values: object) -> list[str]:
    assert isinstance(values, Sequence)
    return [str(value) for value in values]
