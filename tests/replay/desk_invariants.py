"""Say what must come of what editors decided; each function returns complaints, none when all is well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from zoneinfo import ZoneInfo

from newsletter.domain.issues import IssueKind
from newsletter.domain.subject_test import sample_arm
from newsletter.domain.subscriptions import Cadence
from tests.replay.evidence import Evidence, Told
from tests.replay.house import Decision, House
from tests.replay.readers import Reader

_QUIET = (*range(22, 24), *range(6))  # hours, as the house has set them
_ARRANGED = ("pin", "ban", "merge", "split", "update", "missed")


def subjects_tried(house: House, evidence: Evidence) -> list[str]:
    """Check that each tested subject went to its part of the sample alone, and the winner to all others."""
    complaints = []
    for decision in _decisions(house, "test"):
        told = _of_issue(evidence, decision.issue_id)
        issue = evidence.issues[told[0].mailing]
        begun, came = min(each.at for each in told), Counter(each.subject for each in told)
        if set(came) != set(issue.subjects):
            complaints.append(f"issue {issue.number}: the subjects were {came}")
        for each in told:
            arm = sample_arm(
                issue.issue_id,
                each.reader,
                sample_percent=issue.sample_percent,
                count=len(issue.subjects),
            )
            wanted = issue.subjects[decision.arm if arm is None else arm]
            if each.subject != wanted:
                complaints.append(
                    f"issue {issue.number}: reader {each.reader} got {each.subject!r}, not {wanted!r}"
                )
            if arm is None and each.at == begun:
                complaints.append(f"issue {issue.number}: reader {each.reader} did not wait for the test")
    return complaints


def breaking_at_once(house: House, evidence: Evidence) -> list[str]:
    """Check that breaking news reaches, in the same step, all who read all topics and have not had it.

    But nobody who sleeps, unless it is flash: they are told by their digest. That nobody is told it twice, and so that
    it drops out of the digests of who had it, is checked for all stories alike.
    """
    complaints = []
    for decision in _decisions(house, "breaking", "flash"):
        (number,) = decision.numbers
        came = _of_issue(evidence, decision.issue_id)
        got = {told.reader: told.at for told in came}
        (story,) = evidence.issues[came[0].mailing].stories
        known_by = {number, *story.members, *(link.number for link in story.more)}
        complaints += [
            f"reader {reader} got breaking news {number} at {at}"
            for reader, at in got.items()
            if at != decision.at
        ]
        before = {  # what fell due before that step goes first in it
            told.reader
            for told in evidence.told
            if known_by & told.picks and told.at <= decision.at and told.mailing != came[0].mailing
        }
        if not got or (decision.what == "breaking" and len(got) == len(house.readers)):
            complaints.append(f"breaking news {number} went to {len(got)}")
        for reader in house.readers:
            if "daily" not in reader.cadences or reader.topics or reader.id in house.touched:
                continue
            sleeps = decision.what == "breaking" and _hour(house, reader, decision) in _QUIET
            if (reader.id in got) is (sleeps or reader.id in before):
                complaints.append(f"reader {reader.id} and breaking news {number}: {got.get(reader.id)}")
            if (
                sleeps
                and reader.cadences["daily"] is Cadence.EVERY_ISSUE
                and not _later(evidence, reader, number)
            ):
                complaints.append(f"reader {reader.id} slept, and was never told {number}")
    return complaints


def arranged(house: House, evidence: Evidence) -> list[str]:
    """Check that an issue is what the editors made of it."""
    complaints = []
    for decision in _decisions(house, *_ARRANGED):
        told = _of_issue(evidence, decision.issue_id)
        stories = {story.number: story for story in evidence.issues[told[0].mailing].stories}
        number, *others = decision.numbers
        story = stories.get(number)
        with_it = [each for each in told if number in each.numbers]
        match decision.what:
            case "pin":
                is_well = bool(with_it) and all(each.numbers[0] == number for each in with_it)
            case "ban":
                is_well = story is None and not with_it
            case "merge":
                apart = {number, *others} & stories.keys()
                is_well = len(apart) == 1 and {number, *others} <= {*apart, *stories[min(apart)].members}
            case "split":
                is_well = {number, *others} <= stories.keys()
            case "update":
                is_well = story is not None and story.is_update and bool(with_it)
            case _:
                is_well = story is not None and story.is_missed and _is_once_more(evidence, with_it, number)
        if not is_well:
            complaints.append(f"{decision}: {story}, told to {len(with_it)} of {len(told)}")
    return complaints


def retracted_under_way(house: House, evidence: Evidence) -> list[str]:
    """Check that who was early was told a story that was retracted while its issue went out, and nobody after that."""
    complaints = []
    for decision in _decisions(house, "retract"):
        told = _of_issue(evidence, decision.issue_id)
        early = [each for each in told if each.at < decision.at]
        late = [each for each in told if each.at >= decision.at]
        (number,) = decision.numbers
        if not any(number in each.picks for each in early) or not late:
            complaints.append(f"{decision}: {len(early)} were early, {len(late)} late")
        complaints += [
            f"reader {each.reader} was told {number} at {each.at}" for each in late if number in each.picks
        ]
    return complaints


def _is_once_more(evidence: Evidence, with_it: Iterable[Told], number: int) -> bool:
    """Say whether it stands last, once for each reader, and among them are some who knew it."""
    found = list(with_it)
    knew = {
        told.reader
        for told in evidence.told
        if number in told.picks and all(told.mailing != each.mailing for each in found)
    }
    last = all(each.numbers[-1] == number for each in found)
    return (
        last and len({each.reader for each in found}) == len(found) and any(e.reader in knew for e in found)
    )


def _decisions(house: House, *what: str) -> list[Decision]:
    found = [decision for decision in house.decisions if decision.what in what]
    assert {decision.what for decision in found} == set(what)
    return found


def _of_issue(evidence: Evidence, issue_id: int) -> list[Told]:
    found = [told for told in evidence.told if evidence.issues[told.mailing].issue_id == issue_id]
    assert found, f"issue {issue_id} went to nobody"
    return found


def _hour(house: House, reader: Reader, decision: Decision) -> int:
    return decision.at.astimezone(ZoneInfo(reader.zone or "Europe/Berlin")).hour


def _later(evidence: Evidence, reader: Reader, number: int) -> bool:
    return any(
        number in told.picks and evidence.issues[told.mailing].kind is IssueKind.DIGEST
        for told in evidence.of_reader(reader.id)
    )
