"""Say in a sentence what a reason code means: why there was no mail, no issue, or not this article."""

from __future__ import annotations

from collections.abc import Mapping

from newsletter.domain.issues import SkipReason, Verdict
from newsletter.domain.mailings import WithheldReason

WITHHELD: Mapping[WithheldReason, str] = {
    WithheldReason.UNSUBSCRIBED: "The reader was not subscribed any more when the mail was decided.",
    WithheldReason.SUPPRESSED: "The address was suppressed when the mail was decided.",
    WithheldReason.ERASED: "The reader was erased before the mail was decided.",
    WithheldReason.NO_STORIES: "Nothing in the issue was new to the reader and within the topics followed.",
    WithheldReason.NOT_DUE: "The reader wants the newsletter less often, and this issue was not due.",
    WithheldReason.ADDRESS_CHANGED: "The address changed after the first attempt, which is never repeated elsewhere.",
    WithheldReason.ADDRESS_UNUSABLE: "The address cannot be written to through this relay.",
    WithheldReason.CANCELLED: "The mailing was cancelled before this reader's turn.",
    WithheldReason.SNOOZED: "The reader had asked for a pause.",
    WithheldReason.QUIET_HOURS: "It was night by the reader's clock, and this breaking news was no flash.",
    WithheldReason.FREQUENCY_CAP: "The reader had as many mails in 24 hours as the installation allows.",
    WithheldReason.TOO_FEW: "Fewer stories were left for the reader than the newsletter's minimum; they stay for the "
    "next issue.",
    WithheldReason.RETRACTED: "All that was left for the reader had been retracted.",
    WithheldReason.SUPERSEDED: "A later issue was on its way when the reader's turn came, with what was left of this "
    "one.",
}

SKIPPED: Mapping[SkipReason, str] = {
    SkipReason.NO_ARTICLES: "there was no new article",
    SkipReason.TOO_FEW_ARTICLES: "there were fewer new stories than the minimum; they stay for the next one",
    SkipReason.TOO_LATE: "it was found too late after its slot, as after downtime",
    SkipReason.NO_READERS: "the newsletter had no active reader",
    SkipReason.HOLIDAY: "its day is one of the newsletter's holidays",
    SkipReason.NO_SOURCES: "the newsletter has no source that is read",
    SkipReason.RETRACTED: "the article of this breaking news was retracted",
    SkipReason.VETOED: "an editor gave it up",
    SkipReason.SUPERSEDED: "a later issue's slot had come before this one could go out",
    SkipReason.RESCHEDULED: "its schedule was changed or stopped",
}

VERDICTS: Mapping[Verdict, str] = {
    Verdict.CANDIDATE: "The article was a candidate of the issue.",
    Verdict.PINNED: "An editor pinned the article in the issue.",
    Verdict.SAME_STORY: "Another article told the same story in the issue.",
    Verdict.MISSED: "An editor chose the article to be told once more.",
    Verdict.BANNED: "An editor kept the article out of the issue.",
    Verdict.RETRACTED: "The article was retracted before the issue was made.",
    Verdict.BEYOND_CANDIDATES: "The article ranked behind the last candidate of the issue.",
    Verdict.BACKLOG: "The article was in the feed before the source was added: such articles are never mailed.",
    Verdict.OLD: "The article was too old to be news when it was first seen.",
    Verdict.NOT_YET: "The article is dated ahead and waits for its day.",
    Verdict.OUT_OF_REACH: "The article was seen before what any reader's cadence reaches back to.",
}


def withheld(code: int) -> str:
    """Return why a reader got no mail, by the code of the message."""
    return WITHHELD[WithheldReason(code)]


def skipped(reason: str | None) -> str:
    """Return why an issue was skipped; an unknown reason is told as it is."""
    known = {each.value: text for each, text in SKIPPED.items()}
    return known.get(reason or "", reason or "for a reason that nobody wrote down")
