"""The score of an address: what is proven suppresses at once, what passes adds up, life cancels."""

from __future__ import annotations

from datetime import timedelta
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.domain import scoring
from newsletter.domain.outcomes import OutcomeKind
from newsletter.domain.scoring import Decision, Ended, Event, History, Verdict, judge
from newsletter.domain.suppressions import Pending, SuppressionReason
from tests.clocks import NOON

DAY = timedelta(days=1)
_ids = count(1)
REASONS = {
    "invalid_recipient": "userunknown",
    "invalid_domain": "hostunknown",
    "inactive": "suspend",
    "mailbox_full": "mailboxfull",
    "transit": "expired",
    "policy": "rejected",
    "undetermined": "undefined",
    "reputation": "blocked",
}


def event(
    day: float,
    category: str = "mailbox_full",
    *,
    mailing: int | None = -1,
    kind: OutcomeKind = OutcomeKind.BOUNCED,
    mailed: float | None = None,
    reason: str | None = None,
    is_permanent: bool = False,
    is_proven: bool = True,
    is_shared: bool = False,
    text: str = "",
) -> Event:
    """Return a failure so many days after noon, of a mailing of its own unless told otherwise."""
    number = next(_ids)
    return Event(
        id=number,
        at=NOON + day * DAY,
        mailed_at=NOON + (day if mailed is None else mailed) * DAY,
        mailing_id=1000 + number if mailing == -1 else mailing,
        kind=kind,
        reason=REASONS.get(category, "") if reason is None else reason,
        category=category,
        is_permanent=is_permanent,
        is_proven=is_proven,
        is_shared=is_shared,
        text=text,
    )


def unknown(day: float, **over: object) -> Event:
    return event(day, "invalid_recipient", is_permanent=True, **over)  # type: ignore[arg-type]  # as the test says


def verdict(
    *events: Event, at: float | None = None, has_no_mail: bool | None = None, **over: object
) -> Verdict:
    """Judge at the last event unless told otherwise."""
    now = max(each.at for each in events) if at is None else NOON + at * DAY
    return judge(History(events=events, **over), now=now, has_no_mail=has_no_mail)  # type: ignore[arg-type]


def daily(category: str, days: int, *, every: int = 1, **over: object) -> list[Event]:
    return [event(day, category, **over) for day in range(0, days, every)]  # type: ignore[arg-type]


def test_a_mailbox_that_does_not_exist_is_suppressed_at_the_first_proven_word() -> None:
    found = verdict(one := unknown(0))

    assert (found.decision, found.reason) == (Decision.SUPPRESS, SuppressionReason.HARD_BOUNCE)
    assert found.events == (one,)


def test_a_temporary_word_that_a_mailbox_does_not_exist_only_counts() -> None:
    assert verdict(event(0, "invalid_recipient")).decision is Decision.NOTHING
    assert verdict(event(0, "invalid_recipient")).score == 1.0


def test_an_unproven_word_is_held_until_a_second_send_a_day_later() -> None:
    one, same = unknown(0, is_proven=False, mailing=1), unknown(2, is_proven=False, mailing=1)
    soon, later = unknown(0.5, is_proven=False, mailing=2), unknown(1, is_proven=False, mailing=2)

    for events in ([one], [one, same], [one, soon]):
        held = verdict(*events)
        assert (held.decision, held.pending) == (Decision.HOLD, Pending.DOUBTFUL)
    assert verdict(one, later).decision is Decision.SUPPRESS


def test_an_unproven_word_that_names_no_send_never_suffices() -> None:
    events = [unknown(day, is_proven=False, mailing=None) for day in range(100)]

    assert verdict(*events).decision is Decision.HOLD


def test_a_proven_word_is_held_when_the_reader_had_read_that_message() -> None:
    one, other = unknown(1, mailing=1), unknown(3, mailing=2)

    assert verdict(one, read_at={1: NOON}).pending is Pending.DOUBTFUL
    assert verdict(one, read_at={9: NOON}).decision is Decision.SUPPRESS
    assert verdict(one, other, read_at={1: NOON}).decision is Decision.SUPPRESS


def test_whoever_reads_afterwards_is_alive() -> None:
    assert verdict(unknown(0), seen_at=[NOON + DAY]).decision is Decision.NOTHING
    assert verdict(unknown(0), seen_at=[NOON - DAY]).decision is Decision.SUPPRESS
    assert verdict(unknown(0), arrived=[NOON + DAY]).decision is Decision.NOTHING


def test_a_message_that_arrived_while_an_earlier_one_was_still_tried_cancels_it() -> None:
    late_report = event(5, "transit", mailed=0)

    assert verdict(late_report, arrived=[NOON + DAY]).score == 0.0
    assert verdict(late_report, arrived=[NOON - DAY]).score == 0.5


def test_two_words_about_a_domain_want_the_dns_to_agree() -> None:
    one, soon, later = (event(day, "invalid_domain") for day in (0, 0.9, 1))

    assert verdict(one).decision is Decision.NOTHING
    assert verdict(one, soon, has_no_mail=True).decision is Decision.NOTHING
    assert verdict(one, later).decision is Decision.LOOK_UP
    assert verdict(one, later, has_no_mail=False).decision is Decision.NOTHING
    found = verdict(one, later, has_no_mail=True)
    assert (found.decision, found.reason) == (Decision.SUPPRESS, SuppressionReason.INVALID_DOMAIN)


def test_a_disabled_mailbox_is_suppressed_at_the_second_send_a_week_later() -> None:
    one, soon, later = (event(day, "inactive") for day in (0, 6, 7))

    assert verdict(one, soon).decision is Decision.NOTHING
    found = verdict(one, later)
    assert (found.decision, found.reason) == (Decision.SUPPRESS, SuppressionReason.INACTIVE)
    forged = [event(day, "inactive", is_proven=False) for day in (0, 7)]
    assert verdict(*forged).decision is Decision.NOTHING


def test_a_mailbox_that_its_provider_calls_discontinued_does_not_exist() -> None:
    found = verdict(event(0, "inactive", text="554 delivery error: account disabled or discontinued"))

    assert (found.decision, found.reason) == (Decision.SUPPRESS, SuppressionReason.HARD_BOUNCE)


@pytest.mark.parametrize(
    ("days", "every", "suppressed"),
    [(29, 1, False), (30, 1, False), (31, 1, True), (29, 7, False), (30, 7, False), (36, 7, True)],
)
def test_a_full_mailbox_is_given_five_sends_and_thirty_days(
    *, days: int, every: int, suppressed: bool
) -> None:
    found = verdict(*daily("mailbox_full", days, every=every))

    assert (found.reason is SuppressionReason.MAILBOX_FULL) is suppressed


def test_a_full_mailbox_of_a_monthly_newsletter_is_found_too() -> None:
    events = [event(30 * number) for number in range(5)]
    mailed = [each.at for each in events]

    assert verdict(*events[:4], mailed_at=mailed).decision is Decision.NOTHING
    assert verdict(*events, mailed_at=mailed).reason is SuppressionReason.MAILBOX_FULL


@pytest.mark.parametrize(
    ("category", "days", "every", "suppressed"),
    [
        ("undetermined", 14, 1, False),
        ("undetermined", 15, 1, True),
        ("undetermined", 15, 7, False),  # three sends, and their sum is too small
        ("inactive", 6, 1, False),
        ("policy", 14, 1, False),
        ("policy", 15, 1, True),
        ("reputation", 400, 1, False),
    ],
)
def test_failures_add_up_over_sends_and_days(
    *, category: str, days: int, every: int, suppressed: bool
) -> None:
    found = verdict(*daily(category, days, every=every))

    assert (found.reason is SuppressionReason.SOFT_BOUNCES) is suppressed


def test_trouble_on_the_way_counts_unless_most_of_the_domain_has_it() -> None:
    assert verdict(*daily("transit", 20)).reason is SuppressionReason.SOFT_BOUNCES
    assert verdict(*daily("transit", 20, is_shared=True)).score == 0.0


def test_what_anybody_could_have_written_never_suppresses_alone() -> None:
    forged = daily("undetermined", 40, is_proven=False)

    assert verdict(*forged).score > scoring.THRESHOLD
    assert verdict(*forged).decision is Decision.NOTHING
    assert verdict(*forged, event(41, "undetermined")).decision is Decision.SUPPRESS
    assert verdict(event(0, "inactive", is_proven=False)).score == 0.5


def test_one_message_counts_once_by_its_worst_word() -> None:
    events = [
        event(0, "policy", mailing=1),
        event(1, "mailbox_full", mailing=1),
        event(2, "policy", mailing=1),
    ]

    assert verdict(*events, at=1).score == 1.0


def test_a_delivery_in_between_begins_anew() -> None:
    events = daily("undetermined", 20)

    assert verdict(*events).decision is Decision.SUPPRESS
    assert verdict(*events, seen_at=[NOON + 10 * DAY]).decision is Decision.NOTHING


def test_an_event_loses_half_its_weight_in_sixty_days() -> None:
    assert verdict(event(0), at=60).score == pytest.approx(0.5)
    assert verdict(event(0), at=120).score == pytest.approx(0.25)


@pytest.mark.parametrize(("gap", "days"), [(1, 60), (7, 60), (15, 60), (30, 120)])
def test_where_mail_is_rare_failures_live_longer(gap: int, days: int) -> None:
    mailed = [NOON + number * gap * DAY for number in range(6)]

    assert scoring.half_life(mailed) == timedelta(days=days)


def test_after_a_suppression_that_ended_the_first_failure_of_its_kind_is_enough() -> None:
    ended = Ended(SuppressionReason.MAILBOX_FULL, NOON)

    assert verdict(event(9), ended=ended).reason is SuppressionReason.MAILBOX_FULL
    assert verdict(event(-9), event(9, "policy"), ended=ended).decision is Decision.NOTHING
    assert verdict(event(9, is_proven=False), ended=ended).decision is Decision.NOTHING
    assert verdict(event(9), ended=ended, arrived=[NOON + DAY]).decision is Decision.NOTHING
    assert verdict(event(9), ended=ended, seen_at=[NOON + DAY]).decision is Decision.NOTHING
    assert verdict(event(9), ended=Ended("complaint", NOON)).decision is Decision.NOTHING


def test_a_complaint_counts_for_ever_and_whatever_was_read_since() -> None:
    complaint = event(0, "complaint", kind=OutcomeKind.COMPLAINED, reason="abuse")

    found = verdict(complaint, at=900, seen_at=[NOON + DAY])

    assert (found.decision, found.reason) == (Decision.SUPPRESS, SuppressionReason.COMPLAINT)


@pytest.mark.parametrize("reason", ["other", "virus", "auth-failure", "not-spam", "dmarc", "opt-out"])
def test_a_report_that_is_no_complaint_changes_nothing(reason: str) -> None:
    report = event(0, "complaint", kind=OutcomeKind.COMPLAINED, reason=reason)

    assert verdict(report) == Verdict()


def test_a_complaint_that_anybody_could_have_written_changes_nothing() -> None:
    forged = [
        event(day, "complaint", kind=OutcomeKind.COMPLAINED, reason="abuse", is_proven=False)
        for day in (0, 9)
    ]

    assert verdict(*forged) == Verdict()


def test_what_the_provider_does_not_try_is_suppressed_here_too() -> None:
    found = verdict(event(0, "provider_suppressed", kind=OutcomeKind.SUPPRESSED))

    assert (found.decision, found.reason) == (Decision.SUPPRESS, SuppressionReason.PROVIDER)


def test_a_complaint_stands_beside_a_failure_of_the_same_message() -> None:
    complaint = event(1, "complaint", kind=OutcomeKind.COMPLAINED, reason="fraud", mailing=1)

    assert verdict(unknown(2, mailing=1), complaint).reason is SuppressionReason.COMPLAINT


def test_a_replay_judges_each_event_as_if_nothing_later_were_known() -> None:
    events = daily("undetermined", 15)
    history = History(
        events=events, seen_at=[NOON + 30 * DAY], read_at={events[0].mailing_id or 0: NOON + 30 * DAY}
    )

    assert judge(history, now=NOON + 400 * DAY).decision is Decision.NOTHING
    assert scoring.replay(history, now=NOON + 400 * DAY).decision is Decision.SUPPRESS


def test_a_replay_leaves_out_what_would_have_ended_by_itself() -> None:
    full = History(events=daily("mailbox_full", 31))
    doubtful = History(events=[unknown(0, is_proven=False)])

    assert scoring.replay(full, now=NOON + 209 * DAY).decision is Decision.SUPPRESS
    assert scoring.replay(full, now=NOON + 210 * DAY) == Verdict()
    assert scoring.replay(doubtful, now=NOON + 89 * DAY).decision is Decision.HOLD
    assert scoring.replay(doubtful, now=NOON + 90 * DAY) == Verdict()


CATEGORIES = st.sampled_from([*REASONS, "", "new"])
EVENTS = st.lists(
    st.builds(
        event,
        st.floats(0, 400),
        CATEGORIES,
        mailing=st.one_of(st.none(), st.integers(1, 9)),
        kind=st.sampled_from(OutcomeKind),
        is_permanent=st.booleans(),
        is_proven=st.booleans(),
    ),
    max_size=12,
)


@given(EVENTS)
def test_any_history_is_judged_and_forgeries_alone_suppress_by_two_sends_at_the_least(
    events: list[Event],
) -> None:
    found = judge(History(events=events), now=NOON + 400 * DAY)

    if found.decision is Decision.SUPPRESS and not any(each.is_proven for each in events):
        assert len({each.mailing_id for each in found.events} - {None}) >= 2
    assert found.score >= 0


@given(EVENTS)
def test_the_order_in_which_events_are_stored_changes_nothing(events: list[Event]) -> None:
    now = NOON + 400 * DAY

    assert (
        judge(History(events=events), now=now).decision
        is judge(History(events=events[::-1]), now=now).decision
    )
