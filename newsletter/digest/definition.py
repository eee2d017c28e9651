"""Keep newsletters as files: write one down, say what another would change, and change it.

A plan is what applying would do, done and undone: so it can promise nothing that applying does not keep.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any  # fields of several types

from newsletter.digest import newsletters as setup
from newsletter.digest import parts
from newsletter.digest.newsletters import NewsletterDraft
from newsletter.digest.parts import Change, ChangeKind, Changes
from newsletter.domain import definitions
from newsletter.domain import rules as ruling
from newsletter.domain.definitions import COUNTS, TEXTS, Definition
from newsletter.domain.editors import Actor
from newsletter.domain.errors import Conflict, InvalidInput
from newsletter.domain.faults import Faults
from newsletter.rendering import words
from newsletter.store import Session, audit, newsletters, rules, sources
from newsletter.store.tables import Newsletter, SourceStatus

_NAMES = {column: name for name, column in COUNTS.items()}  # as the file has them


@dataclass(frozen=True)
class Plan:
    """Hold what applying a file changes; nothing when the newsletter is as the file says."""

    slug: str
    changes: tuple[Change, ...]


def export(session: Session, newsletter: Newsletter) -> str:
    """Return a newsletter as the file that ``apply`` reads."""
    texts = {name: getattr(newsletter, name) or "" for name in TEXTS}
    topics = newsletters.topics(session, newsletter.id, with_retired=True)
    schedules = newsletters.schedules(session, newsletter.id)
    found = sources.listing(session, newsletter.id)
    return rules.dump_plain(
        {
            "newsletter": newsletter.slug,
            **texts,
            **{name: getattr(newsletter, column) for name, column in COUNTS.items()},
            "on_silence": newsletter.on_silence.value,
            "topics": [
                {"slug": topic.slug, "name": topic.name, **({"retired": True} if topic.retired_at else {})}
                for topic in topics
            ],
            "schedules": [{"cron": each.cron, "zone": each.zone} for each in schedules if each.is_active],
            "sources": [
                {
                    "url": each.url,
                    "interval_minutes": max(each.interval_seconds // 60, 1),
                    "importance": each.importance,
                    "include_existing": each.include_existing,
                    "mapping": each.mapping,
                }
                for each in found
                if each.status is SourceStatus.ACTIVE
            ],
            "rules": ruling.to_plain(rules.of(newsletter)),
        }
    )


def plan(
    session: Session,
    files: Mapping[str, str],
    *,
    actor: Actor,
    now: datetime,
    languages: tuple[str, ...] | None = None,
) -> list[Plan]:
    """Say what applying the files (text by name) would change; it is done and undone.

    Raise InvalidInput that names everything that is wrong with them.
    """
    with session.begin_nested() as savepoint:
        plans = apply(session, files, actor=actor, now=now, languages=languages)
        savepoint.rollback()
    session.expire_all()
    return plans


def apply(
    session: Session,
    files: Mapping[str, str],
    *,
    actor: Actor,
    now: datetime,
    languages: tuple[str, ...] | None = None,
    expected: Sequence[Plan] | None = None,
) -> list[Plan]:
    """Make newsletters as the files say, all or none, and write it down.

    ``expected`` is the plan that was agreed to: raise Conflict when it is not what would be done now.
    """
    known = words.languages() if languages is None else languages
    faults = Faults()
    plans = [
        _applied(session, definition, faults, actor=actor, now=now, languages=known)
        for definition in _read(files, faults)
    ]
    _refuse(faults, files)
    if expected is not None and list(expected) != plans:
        raise Conflict(
            "The newsletter was changed meanwhile: this is not what was shown.",
            hint="Look at it again with: newsletter newsletters plan",
            reason="changed_meanwhile",
        )
    return plans


def set_rule(
    session: Session, newsletter: Newsletter, path: str, value: object, *, actor: Actor, now: datetime
) -> tuple[Change, ...]:
    """Change one rule, None = back to its default, and write it down; raise InvalidInput."""
    changes, faults = Changes(), Faults()
    parts.set_rules(
        session, newsletter, ruling.changed(rules.of(newsletter), path, value), changes, faults, where=""
    )
    faults.refuse(subject="The rules", hint="See docs/rules.md.", reason="bad_rule")
    _write_down(session, newsletter, changes, actor=actor, now=now)
    return tuple(changes.found)


def _read(files: Mapping[str, str], faults: Faults) -> list[Definition]:
    """Read all files; what is wrong with any of them is told at once, and then nothing is looked at further."""
    found: dict[str, Definition] = {}
    for name, text in files.items():
        here = Faults()
        try:
            definition = definitions.read(rules.load(text), here)
        except InvalidInput as error:
            faults.add(f"{name}:", error.message.rstrip("."))
            continue
        if definition.slug in found:
            here.add("newsletter", f"{definition.slug!r} has another file already")
        found[definition.slug] = definition
        _take_over(here, faults, definition.slug or name)
    _refuse(faults, files)
    return list(found.values())


def _refuse(faults: Faults, files: Mapping[str, str]) -> None:
    faults.refuse(
        subject=", ".join(files),
        hint="Nothing was changed. What may stand in a file: docs/rules.md.",
        reason="bad_definition",
    )


def _take_over(here: Faults, faults: Faults, slug: str) -> None:
    for fault in here.found:
        faults.add(f"{slug}: {fault.where}", fault.what)


def _applied(
    session: Session,
    definition: Definition,
    faults: Faults,
    *,
    actor: Actor,
    now: datetime,
    languages: tuple[str, ...],
) -> Plan:
    changes, here = Changes(), Faults()
    newsletter = _newsletter(session, definition, changes, here, now=now, languages=languages)
    if newsletter is not None:
        if definition.topics is not None:
            parts.set_topics(session, newsletter, definition.topics, changes, here, now=now)
        if definition.schedules is not None:
            parts.set_schedules(session, newsletter, definition.schedules, changes, here, now=now)
        if definition.sources is not None:
            parts.set_sources(session, newsletter, definition.sources, changes, here, now=now)
        if definition.rules is not None:
            parts.set_rules(session, newsletter, definition.rules, changes, here, where="rules.")
        _write_down(session, newsletter, changes, actor=actor, now=now)
    _take_over(here, faults, definition.slug)
    return Plan(definition.slug, tuple(changes.found))


def _newsletter(
    session: Session,
    definition: Definition,
    changes: Changes,
    faults: Faults,
    *,
    now: datetime,
    languages: tuple[str, ...],
) -> Newsletter | None:
    """Return the newsletter with its own fields as the file says; None with faults when that cannot be."""
    found = newsletters.find(session, definition.slug)
    names = [each.name for each in fields(NewsletterDraft)]
    present: dict[str, Any] = (
        _first(definition, faults) if found is None else {name: getattr(found, name) for name in names}
    )
    wanted = NewsletterDraft(**{**present, **_given(definition)})
    draft, wrong = setup.cleaned(wanted, languages=languages)
    for field, error in wrong.items():
        where = {"slug": "newsletter"}.get(field, _NAMES.get(field, field))
        what = error.message.removeprefix(f"{field} cannot be used: ").rstrip(".")
        faults.add(where, f"cannot be used: {what} ({error.hint.rstrip('.')})")
    if faults.found:
        return found
    if found is None:
        changes.add(
            ChangeKind.ADD, "newsletter", f"{draft.name}, from {draft.from_name} <{draft.from_address}>"
        )
        return setup.add(session, draft, now=now, languages=languages)
    for name, value in asdict(draft).items():
        changes.differs(_NAMES.get(name, name), getattr(found, name), value)
    setup.edit(session, found, asdict(draft), languages=languages)
    return found


def _given(definition: Definition) -> dict[str, Any]:
    given = dict(definition.fields)
    return given | ({"reply_to": given["reply_to"] or None} if "reply_to" in given else {})


def _first(definition: Definition, faults: Faults) -> dict[str, Any]:
    """Return what a new newsletter begins with; whatever has no default must stand in the file."""
    needed = ("name", "from_address", "postal_address")
    for name in needed:
        if name not in definition.fields:
            faults.add(name, f"is missing: there is no newsletter {definition.slug!r} yet")
    blank = dict.fromkeys(needed, "")
    return {"slug": definition.slug, "from_name": definition.fields.get("name", ""), **blank}


def _write_down(
    session: Session, newsletter: Newsletter, changes: Changes, *, actor: Actor, now: datetime
) -> None:
    if not changes.found:
        return
    audit.append(
        session,
        actor,
        "newsletter_changed",
        now=now,
        newsletter_id=newsletter.id,
        changes=[str(change) for change in changes.found],
    )
