"""Render the mails that are no digest: the request to confirm a subscription, the answer to who left by mail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from newsletter.domain.rendered import Identity
from newsletter.rendering import plain
from newsletter.rendering.environment import Environment
from newsletter.rendering.theme import theme

_CONFIRMATION = "email/confirmation.html"


@dataclass(frozen=True)
class Rendered:
    """Hold a mail before it is encoded."""

    subject: str
    html: str
    text: str


def confirmation(
    environment: Environment,
    *,
    identity: Identity,
    newsletters: Sequence[str],
    confirm_url: str,
    block_url: str,
    language: str | None = None,
    expires_on: date,
) -> Rendered:
    """Ask a reader to confirm ``newsletters``, given by name; ``language`` None is the newsletter's own.

    The mail says whom it is from, what was asked for, and how to have it never happen again. It carries nothing
    that a stranger typed into the form.
    """
    words = environment.words(_spoken(environment, language, identity))
    shown = theme(accent=identity.accent, background=identity.background, direction=words.direction)
    lead = "lead_one" if len(newsletters) == 1 else "lead_many"
    values: dict[str, object] = {
        "newsletter": identity,
        "newsletters": newsletters,
        "words": words,
        "theme": shown,
        "subject": words("notice.confirmation.subject", newsletter=", ".join(newsletters)),
        "lead": words(f"notice.confirmation.{lead}", newsletter=newsletters[0]),
        "expires": words("notice.confirmation.expires", day=words.long_date(expires_on)),
        "confirm_url": confirm_url,
        "block_url": block_url,
    }
    paragraphs = [
        plain.wrapped(identity.name),
        plain.wrapped(str(values["lead"])),
        "\n".join(f"* {name}" for name in newsletters) if len(newsletters) > 1 else "",
        f"{words('notice.confirmation.button')}:\n{confirm_url}",
        plain.wrapped(str(values["expires"])),
        plain.wrapped(words("notice.confirmation.not_you")),
        f"{words('notice.confirmation.block')}:\n{block_url}",
        f"-- \n{plain.imprint(identity, words)}",
    ]
    return Rendered(
        str(values["subject"]),
        environment.render(_CONFIRMATION, **values),
        "\n\n".join(paragraph for paragraph in paragraphs if paragraph).rstrip() + "\n",
    )


def farewell(
    environment: Environment, *, identity: Identity, subscribe_url: str, language: str | None = None
) -> Rendered:
    """Tell a reader who asked by mail to leave that it is done; plain text, as the answer of a machine."""
    words = environment.words(_spoken(environment, language, identity))
    paragraphs = [
        plain.wrapped(words("notice.left.lead", newsletter=identity.name)),
        f"{words('notice.left.back')}:\n{subscribe_url}",
        f"-- \n{plain.imprint(identity, words)}",
    ]
    subject = words("notice.left.subject", newsletter=identity.name)
    return Rendered(subject, "", "\n\n".join(paragraphs).rstrip() + "\n")


def _spoken(environment: Environment, language: str | None, identity: Identity) -> str:
    """Return the reader's language when we have words for it, else the newsletter's."""
    if language and language.partition("-")[0] in environment.languages():
        return language
    return identity.language
