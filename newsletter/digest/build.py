"""Build issues: freeze the content at the cut-off, render it once, keep the blocks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from newsletter.digest import content, desk, plan, sizes
from newsletter.digest.content import Content
from newsletter.domain import issues as rules
from newsletter.domain.errors import Conflict, InvalidInput
from newsletter.domain.issues import IssueKind, IssueStatus, SkipReason, Verdict
from newsletter.domain.rendered import FrozenIssue, RenderedBlock
from newsletter.rendering import issue as rendering
from newsletter.rendering.environment import Environment
from newsletter.runtime import ids
from newsletter.store import (
    Session,
    Transactions,
    alerts,
    articles,
    audiences,
    blocks,
    counters,
    issues,
    newsletters,
    stories,
    verdicts,
)
from newsletter.store.tables import Issue

SKIPPED_ALERT = "issue_skipped"
WORDS_ALERT = "bad_words"


class Preview(NamedTuple):
    """Hold an issue and its blocks; nothing of it need be kept.

    ``other_language`` is that of the blocks, when it is not the newsletter's.
    """

    frozen: FrozenIssue
    blocks: list[RenderedBlock]
    other_language: str = ""


def build(
    transactions: Transactions,
    issue_id: int,
    *,
    environment: Environment,
    now: datetime,
    message_max_bytes: int = sizes.MESSAGE_MAX_BYTES,
    is_fallback: bool = False,
) -> IssueStatus:
    """Build a planned issue whose cut-off has come, or skip it with a reason; return where it stands then.

    Nothing is frozen before the cut-off, so that a late article enters if it ranks. A fault in a template leaves the
    issue planned, with ``fault`` naming file and line: mend it and build again. So does a digest that would be too
    large. ``is_fallback``: headlines alone, by the shipped templates, whatever is wrong with the publisher's.
    Building twice, or in two places at once, builds once.
    """
    with transactions() as session:
        issue = issues.get(session, issue_id)
        if issue.status is not IssueStatus.PLANNED or issue.cut_off_at > now:
            return issue.status
        if plan.skip_stale(session, issue, now=now):
            return IssueStatus.SKIPPED
        made, since = _freeze(session, issue)
        if is_fallback:
            made = made._replace(frozen=replace(made.frozen, is_fallback=True))
        else:
            languages = _languages(session, environment, made.frozen)
            made = made._replace(frozen=replace(made.frozen, languages=languages))
        revision = issue.revision
        if _is_skipped(session, made, revision=revision, now=now):
            return issues.get(session, issue_id).status
    try:
        rendered = _in_all_languages(environment, made.frozen, message_max_bytes)
    except InvalidInput as error:
        with transactions() as session:
            issues.record_fault(session, issue_id, str(error))
            return issues.get(session, issue_id).status
    with transactions() as session:
        _tell_of_words(session, environment, now=now)
        return _keep(session, made, rendered, revision=revision, since=since, now=now)


def preview(
    session: Session,
    newsletter_id: int,
    *,
    environment: Environment,
    now: datetime,
    message_max_bytes: int = sizes.MESSAGE_MAX_BYTES,
    language: str = "",
) -> Preview:
    """Return the next issue as it would be if it were built now, without moving any state.

    When there is nothing new, the newest articles stand in, so that there is something to look at; raise Conflict
    when the newsletter has no article at all. ``language`` is that of the frame; "": the newsletter's.
    """
    newsletter = newsletters.get(session, newsletter_id)
    number = counters.last(session, f"issue:{newsletter_id}") + 1
    since = plan.fresh_since(session, newsletter, cut_off_at=now)
    frozen = content.freeze(
        session, newsletter, number=number, since=since, cut_off_at=now, nonce=ids.nonce()
    ).frozen
    if not any(story.is_fresh for story in frozen.stories):
        frozen = content.recent(session, newsletter, number=number, cut_off_at=now, nonce=ids.nonce())
    if not frozen.stories:
        raise _nothing_to_show()
    return _previewed(environment, frozen, message_max_bytes, language)


def preview_issue(
    session: Session,
    issue_id: int,
    *,
    environment: Environment,
    message_max_bytes: int = sizes.MESSAGE_MAX_BYTES,
    language: str = "",
) -> Preview:
    """Return an issue that is built as it is, and any other as it would be built; no state is moved.

    Raise InvalidInput when it was built, and not in ``language``.
    """
    issue = issues.get(session, issue_id)
    if issue.frozen is not None:
        frozen = issues.frozen(issue)
        kept = _kept_in(frozen, language)
        other = "" if kept == frozen.identity.language else kept
        return Preview(frozen, blocks.of_issue(session, issue_id, kept), other)
    frozen = _freeze(session, issue)[0].frozen
    if not any(story.is_fresh for story in frozen.stories):
        raise _nothing_to_show()
    return _previewed(environment, frozen, message_max_bytes, language)


def _previewed(
    environment: Environment, frozen: FrozenIssue, message_max_bytes: int, language: str
) -> Preview:
    other = "" if _base(language) == _base(frozen.identity.language) else _base(language)
    if other:
        environment.require_language(language)
    return Preview(frozen, _rendered(environment, frozen, message_max_bytes, other or None), other)


def _kept_in(frozen: FrozenIssue, language: str) -> str:
    own, made = frozen.identity.language, frozen.made_in(language)
    if language and made == own and _base(language) != _base(own):
        raise InvalidInput(
            f"The issue was not made in the language {language!r}: no reader had asked for it.",
            hint=f"It is there in: {', '.join((own, *frozen.languages))}.",
            reason="language_not_made",
        )
    return made


def _base(language: str) -> str:
    """Return a language without its region: frames of mails are in languages, not in those of countries."""
    return language.partition("-")[0].lower()


def look(session: Session, issue: Issue) -> FrozenIssue:
    """Return what an issue holds: as it was built, else as it would be built now; no state is moved."""
    return issues.frozen(issue) if issue.frozen is not None else _freeze(session, issue)[0].frozen


def _tell_of_words(session: Session, environment: Environment, *, now: datetime) -> None:
    """Tell the operator of catalogues of phrases that were left out: the issue goes without them."""
    faults = environment.faults()
    for path in dict.fromkeys(fault.path for fault in faults):
        first = next(fault for fault in faults if fault.path == path)
        alerts.note(session, WORDS_ALERT, path.name, f"{path}: {first.text}. {first.hint}", now=now)
    alerts.resolve_others(session, WORDS_ALERT, [fault.path.name for fault in faults], now=now)


def _languages(session: Session, environment: Environment, frozen: FrozenIssue) -> tuple[str, ...]:
    """Return the other languages that readers have asked for, of those that there are words for."""
    asked = {_base(language) for language in audiences.languages(session, frozen.identity.newsletter_id)}
    return tuple(sorted(asked.intersection(environment.languages()) - {_base(frozen.identity.language)}))


def _in_all_languages(
    environment: Environment, frozen: FrozenIssue, message_max_bytes: int
) -> dict[str, list[RenderedBlock]]:
    """Return the blocks by language; the newsletter's own comes first."""
    rendered = {frozen.identity.language: _rendered(environment, frozen, message_max_bytes)}
    for language in frozen.languages:
        rendered[language] = _rendered(environment, frozen, message_max_bytes, language)
    return rendered


def _rendered(
    environment: Environment, frozen: FrozenIssue, message_max_bytes: int, language: str | None = None
) -> list[RenderedBlock]:
    shipped = Environment() if frozen.is_fallback else None
    blocks = rendering.render(shipped or environment, frozen, language)
    sizes.check(frozen, blocks, maximum_bytes=message_max_bytes)
    return blocks


def _freeze(session: Session, issue: Issue) -> tuple[Content, datetime]:
    newsletter = newsletters.get(session, issue.newsletter_id)
    since = plan.fresh_since(session, newsletter, cut_off_at=issue.cut_off_at, except_id=issue.id)
    made = content.freeze(
        session,
        newsletter,
        number=issue.number,
        since=since,
        cut_off_at=issue.cut_off_at,
        nonce=ids.nonce(),
        issue=issue,
    )
    return made, since


def _is_skipped(session: Session, made: Content, *, revision: int, now: datetime) -> bool:
    """Skip an issue that has too little to tell, and tell the desk; what it has rolls over to the next one.

    One that the desk has changed meanwhile stays planned, and is built again.
    """
    frozen = made.frozen
    fresh_count = sum(story.is_fresh for story in frozen.stories)
    reason = rules.skip_reason(available=fresh_count, minimum=frozen.story_minimum)
    if reason is None:
        return False
    if reason is SkipReason.NO_ARTICLES:
        reason = _why_none(session, made)
    if issues.move(
        session,
        frozen.issue_id,
        IssueStatus.SKIPPED,
        only_from=IssueStatus.PLANNED,
        only_revision=revision,
        reason=reason.value,
        fault=None,
    ):
        verdicts.replace(session, frozen.issue_id, made.judged)
        alerts.resolve(session, desk.HELD, f"{frozen.identity.slug} {frozen.number}", now=now)
        alerts.note(
            session,
            SKIPPED_ALERT,
            frozen.identity.slug,
            f"Issue {frozen.number} was skipped ({reason.value.replace('_', ' ')}): it has {fresh_count} new stories "
            f"and needs {frozen.story_minimum}.",
            now=now,
            newsletter_id=frozen.identity.newsletter_id,
        )
    return True


def _why_none(session: Session, made: Content) -> SkipReason:
    is_breaking = made.frozen.kind is IssueKind.BREAKING
    if is_breaking and any(each.verdict is Verdict.RETRACTED for each in made.judged):
        return SkipReason.RETRACTED
    has_any = stories.has_any(session, made.frozen.identity.newsletter_id)
    return SkipReason.NO_ARTICLES if has_any else SkipReason.NO_SOURCES


def _keep(
    session: Session,
    made: Content,
    rendered: Mapping[str, list[RenderedBlock]],
    *,
    revision: int,
    since: datetime,
    now: datetime,
) -> IssueStatus:
    """Keep what was built, unless the desk has changed the issue meanwhile: then it is built again."""
    frozen = made.frozen
    is_ours = issues.move(
        session,
        frozen.issue_id,
        IssueStatus.BUILT,
        only_from=IssueStatus.PLANNED,
        only_revision=revision,
        frozen=frozen.as_dict(),
        nonce=frozen.nonce,
        since=since,
        built_at=now,
        fault=None,
        is_fallback=frozen.is_fallback,
    )
    if is_ours:
        for language, made_blocks in rendered.items():
            blocks.add(session, frozen.issue_id, language, made_blocks)
        verdicts.replace(session, frozen.issue_id, made.judged, members=made.members)
        articles.freeze(session, made.named_ids, now=now)
        alerts.resolve(session, SKIPPED_ALERT, frozen.identity.slug, now=now)
    return issues.get(session, frozen.issue_id).status


def _nothing_to_show() -> Conflict:
    return Conflict(
        "There is no new article to show.",
        hint="See what was read with: newsletter articles list; add feeds with: newsletter sources add",
        reason="no_articles",
    )
