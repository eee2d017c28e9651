"""A replay shows what today's rules make of all that is stored, and changes it once when told to."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, update

from newsletter.domain.suppressions import Pending, SuppressionReason
from newsletter.feedback.replay import Change, Step, replay
from newsletter.feedback.suppress import suppress
from newsletter.store import suppressions
from newsletter.store.tables import Suppression
from tests.clocks import NOON
from tests.feedback.post import ADA, BOB, Post, bounce


def run(post: Post, *, is_applied: bool = False) -> list[Change]:
    return list(replay(post.database.transaction, now=post.clock.now(), is_applied=is_applied))


def act(post: Post) -> None:
    suppress(post.database.transaction, now=post.clock.now(), ask_dns=lambda _domain: None)


def standing(post: Post) -> dict[str, Pending | None]:
    """Return who is suppressed, and what is pending."""
    with post.database.reading() as session:
        return {row.address_key: row.pending for row in suppressions.listing(session, now=NOON, limit=10)}


def test_where_the_rules_are_the_same_nothing_changes(post: Post) -> None:
    post.come(bounce(), recipient=post.token("b"))
    post.come(bounce(BOB))
    act(post)

    assert run(post, is_applied=True) == []
    assert standing(post) == {ADA: None, BOB: Pending.DOUBTFUL}


def test_what_older_rules_let_pass_is_shown_and_then_done_once(post: Post) -> None:
    post.come(bounce(), recipient=post.token("b"))
    post.come(bounce(BOB))
    act(post)
    with post.database.transaction() as session:
        session.execute(delete(Suppression))

    shown = run(post)

    assert {(change.address, change.step, change.reason) for change in shown} == {
        (ADA, Step.SUPPRESS, SuppressionReason.HARD_BOUNCE),
        (BOB, Step.HOLD, SuppressionReason.HARD_BOUNCE),
    }
    assert standing(post) == {}
    assert run(post, is_applied=True) == shown
    assert standing(post) == {ADA: None, BOB: Pending.DOUBTFUL}
    assert run(post, is_applied=True) == []


def test_what_older_rules_did_is_taken_back_and_forgives_nothing(post: Post) -> None:
    post.come(bounce(status="5.2.2", text="552 5.2.2 Mailbox full"), recipient=post.token("b"))
    post.come(bounce(BOB))
    act(post)
    told = {address: [outcome.id for outcome in post.outcomes(address)] for address in (ADA, BOB)}
    with post.database.transaction() as session:
        session.execute(delete(Suppression))
        for address, ids in told.items():
            suppressions.add(session, address, reason="soft_bounces", evidence="", now=NOON, outcome_ids=ids)

    steps = {change.address: change.step for change in run(post, is_applied=True)}

    assert steps == {ADA: Step.LIFT, BOB: Step.HOLD}
    assert standing(post) == {BOB: Pending.DOUBTFUL}
    with post.database.reading() as session:
        [lifted] = suppressions.of_address(session, ADA)
    assert (lifted.lifted_at, lifted.forgiven_at) == (NOON, None)
    assert run(post, is_applied=True) == []


def test_what_people_decided_and_what_rests_on_forgotten_outcomes_stays(post: Post) -> None:
    post.come(bounce(status="5.2.2", text="552 5.2.2 Mailbox full"), recipient=post.token("b"))
    post.come(bounce(BOB, status="5.2.2", text="552 5.2.2 Mailbox full"), recipient=post.token("b", BOB))
    act(post)
    with post.database.transaction() as session:
        suppressions.add(session, ADA, reason="manual", evidence="", now=NOON)
        suppressions.add(session, BOB, reason="hard_bounce", evidence="", now=NOON, outcome_ids=[999])

    assert run(post, is_applied=True) == []


def test_what_was_forgiven_is_not_done_again(post: Post) -> None:
    post.come(bounce(), recipient=post.token("b"))
    act(post)
    with post.database.transaction() as session:
        suppressions.lift(session, ADA, now=NOON + timedelta(minutes=1))

    assert run(post) == []


def test_what_an_outbreak_holds_is_left_to_a_person(post: Post) -> None:
    post.come(bounce(), recipient=post.token("b"))
    act(post)
    with post.database.transaction() as session:
        session.execute(update(Suppression).values(pending=Pending.OUTBREAK))

    assert run(post) == []
