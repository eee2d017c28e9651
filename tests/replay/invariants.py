"""Say what must hold after any replay; each function returns complaints, none when all is well."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select

from newsletter.domain import articles as rules
from newsletter.domain import schedules
from newsletter.domain.issues import IssueKind
from newsletter.domain.rendered import FrozenIssue, FrozenStory
from newsletter.domain.subscriptions import Cadence
from newsletter.reporting import receipts
from newsletter.store import Session
from newsletter.store.tables import Article, ArticleKey, IssueArticle, Mailing, Newsletter, NewsletterArticle
from tests.replay.evidence import Evidence, Told
from tests.replay.house import STEP, House
from tests.replay.readers import Reader

_BERLIN = ZoneInfo("Europe/Berlin")


class Had:
    """Hold what one reader has been told so far."""

    def __init__(self, evidence: Evidence, pages: Mapping[str, int]) -> None:
        self._evidence = evidence
        self._pages = pages
        self.numbers: set[int] = set()
        self._addresses: set[str] = set()
        self._pieces: set[int] = set()

    def hear(self, told: Told) -> list[str]:
        """Take in one digest; return what it repeats."""
        issue = self._evidence.issues[told.mailing]
        complaints, new = [], set()
        for story in issue.stories:
            if story.number not in told.numbers:
                continue
            if not story.is_missed:
                complaints += [f"{fault} in {story.title!r}" for fault in self._faults(story)]
            new |= {story.number, *(link.number for link in story.more)}
            for url in (story.url, *(link.url for link in story.more)):
                self._addresses.add(rules.canonical_url(url))
                self._pieces |= {
                    self._pages[page] for page in [rules.canonical_url(url)] if page in self._pages
                }
        self.numbers |= new
        untold = new - set(told.numbers)  # a story told briefly names no further articles, and stands for all
        leads = {story.number for story in issue.stories}
        if new != set(told.picks) or not set(told.numbers) <= new or untold & leads:
            complaints.append(
                f"links {sorted(told.numbers)}, stories {sorted(new)}, ledger {sorted(told.picks)}"
            )
        return [f"reader {told.reader}, mailing {told.mailing}: {each}" for each in complaints]

    def _faults(self, story: FrozenStory) -> Iterable[str]:
        if self.numbers & {story.number, *story.members}:
            yield "a story twice"
        for url in (story.url, *(link.url for link in story.more)):
            address = rules.canonical_url(url)
            if address in self._addresses:
                yield f"{address} twice"
            if self._pages.get(address) in self._pieces:
                yield f"a page twice, under {address}"


def nothing_twice(house: House, evidence: Evidence) -> list[str]:
    """Check that nobody got an address, a page or a story twice, over all newsletters."""
    pages = {
        rules.canonical_url(page): number
        for by_number in house.served.values()
        for number, found in by_number.items()
        for page in found
    }
    by_reader: dict[int, Had] = {}
    complaints = []
    for told in evidence.told:
        had = by_reader.setdefault(told.reader, Had(evidence, pages))
        complaints += had.hear(told)
    return complaints


def nothing_lost(house: House, evidence: Evidence) -> list[str]:
    """Check that every piece that a readable document showed is known, and told or left out with a reason."""
    complaints = []
    with house.database.reading() as session:
        known = {
            row.value: row.article_id
            for row in session.scalars(select(ArticleKey).where(ArticleKey.kind == "url"))
        }
        for slug, by_number in house.served.items():
            newsletter = session.scalars(select(Newsletter).where(Newsletter.slug == slug)).one()
            fates = _fates(session, newsletter.id, evidence)
            for number, pages in sorted(by_number.items()):
                keys = [rules.url_key(rules.canonical_url(page)) for page in sorted(pages)]
                ids = {known[key] for key in keys if key in known}
                if len(ids) != 1:
                    complaints.append(f"{slug}: piece {number} is {len(ids)} articles: {sorted(pages)}")
                elif not fates.get(ids.pop()):
                    complaints.append(
                        f"{slug}: piece {number} was left out without a reason: {sorted(pages)}"
                    )
    return complaints


def _fates(session: Session, newsletter_id: int, evidence: Evidence) -> dict[int, str]:
    """Return what became of each article of a newsletter; an empty text when nobody can say."""
    mailed = [m for m, owner in evidence.newsletters.items() if owner == newsletter_id]
    issues = [evidence.issues[mailing] for mailing in mailed]
    candidates = {story.article_id for issue in issues for story in issue.stories}
    last = max(issue.cut_off_at for issue in issues)
    verdicts = {row.article_id: str(row.verdict) for row in session.scalars(select(IssueArticle))}
    fates = {}
    rows = session.execute(
        select(NewsletterArticle, Article)
        .join(Article, Article.id == NewsletterArticle.article_id)
        .where(NewsletterArticle.newsletter_id == newsletter_id)
    )
    for place, article in rows:
        fate = verdicts.get(article.id, "")
        if article.id in candidates:
            fate = "candidate"
        elif place.is_backlog:
            fate = place.reason or ""
        elif article.retracted_at is not None:
            fate = "retracted"
        elif place.seen_at > last:
            fate = "not yet"
        fates[article.id] = fate
    return fates


def adds_up(house: House, evidence: Evidence) -> list[str]:
    """Check every receipt against itself and against what came."""
    came = Counter((told.mailing, told.reader) for told in evidence.told)
    complaints = [f"reader {reader} got mailing {m} {n} times" for (m, reader), n in came.items() if n > 1]
    by_mailing = Counter(told.mailing for told in evidence.told)
    with house.database.reading() as session:
        for mailing_id in session.scalars(select(Mailing.id)):
            found = receipts.receipt(session, mailing_id)
            if not found.adds_up or found.unclaimed or found.submitted != by_mailing[mailing_id]:
                complaints.append(f"mailing {mailing_id}: {found}, {by_mailing[mailing_id]} came")
    return complaints


def nothing_withdrawn(house: House, evidence: Evidence) -> list[str]:
    """Check that nobody is told what was retracted before the mail was decided on."""
    complaints = []
    for page, retracted_at in house.retracted.items():
        for told in evidence.told:
            stories = evidence.issues[told.mailing].stories
            pages = {story.url for story in stories if story.number in told.numbers}
            if page in pages and told.at >= retracted_at:  # the editors act first
                complaints.append(f"reader {told.reader} was told {page} at {told.at}, after {retracted_at}")
    return complaints


def nothing_known(house: House, evidence: Evidence) -> list[str]:
    """Check that who came from an article gets a digest soon, and not with that article."""
    complaints = []
    for address, page in house.signed_up.items():
        mine = [arrival for arrival in house.arrivals if arrival.received.rcpt_to == address]
        if len(mine) < 2:
            complaints.append(f"{address} got no digest")
        complaints += [
            f"{address} was told {page}"
            for told in evidence.told
            if told.address == address
            for story in evidence.issues[told.mailing].stories
            if story.number in told.numbers and story.canonical_url == rules.canonical_url(page)
        ]
    return complaints


def in_rhythm(house: House, evidence: Evidence) -> list[str]:
    """Check that readers of all topics of the daily newsletter got it on the days of their cadence."""
    daily = house.newsletter_id("daily")
    numbers_by_day = _issues_by_day(evidence, daily)
    got: dict[int, list[tuple[date, int]]] = defaultdict(list)
    for told in evidence.told:
        issue = evidence.issues[told.mailing]
        if evidence.newsletters[told.mailing] == daily and issue.kind is IssueKind.DIGEST:
            got[told.reader].append((issue.cut_off_at.astimezone(_BERLIN).date(), issue.number))
    complaints = []
    for reader in house.readers:
        cadence = reader.cadences.get("daily")
        if cadence is None or reader.topics or reader.id in house.touched:
            continue
        wanted = _wanted(cadence, numbers_by_day)
        if cadence is Cadence.EVERY_ISSUE and reader.hour is not None:
            wanted = _last_of_each_stroke(evidence, daily, reader)
        found = sorted(got[reader.id])
        if cadence is not Cadence.EVERY_ISSUE:
            found = [(day, 0) for day, _ in found]
        if found != wanted:
            missing = sorted(set(wanted) ^ set(found))
            complaints.append(f"reader {reader.id} ({cadence}, hour {reader.hour}): {missing}")
    return complaints


def everything_told(house: House, evidence: Evidence) -> list[str]:
    """Check that who reads every issue of the daily newsletter, and all topics, was told every story of it."""
    daily = house.newsletter_id("daily")
    mailings = [mailing for mailing, owner in evidence.newsletters.items() if owner == daily]
    complaints = []
    for reader in house.readers:
        if reader.topics or reader.id in house.touched:
            continue
        if reader.cadences.get("daily") is not Cadence.EVERY_ISSUE:
            continue
        had = {number for told in evidence.of_reader(reader.id) for number in told.numbers}
        complaints += [
            f"reader {reader.id} was never told {story.title!r}, {story.number} of mailing {mailing}"
            for mailing in mailings
            for story in evidence.issues[mailing].stories
            if story.is_fresh and story.url not in house.retracted
            if not had & {story.number, *story.members}
        ]
    return complaints


def at_their_hour(house: House, evidence: Evidence) -> list[str]:
    """Check that who chose an hour gets the digest in the step of the clock after it, by the reader's own clock."""
    complaints = []
    zones = {newsletter: ZoneInfo(issue.identity.zone) for newsletter, issue in _issue_of_each(evidence)}
    by_id = {reader.id: reader for reader in house.readers}
    for told in evidence.told:
        reader = by_id.get(told.reader)
        newsletter = evidence.newsletters[told.mailing]
        issue = evidence.issues[told.mailing]
        if issue.kind is IssueKind.BREAKING or issue.is_tested:  # these wait for no hour, or for a test
            continue
        if reader is None or reader.id in house.touched or reader.first != house.slugs[newsletter]:
            continue
        if reader.hour is None or reader.cadences[reader.first] is Cadence.EVERY_ISSUE:
            continue
        local = told.at.astimezone(ZoneInfo(reader.zone) if reader.zone else zones[newsletter])
        late = (local.hour * 60 + local.minute - reader.hour * 60) % (24 * 60)
        if late > STEP.total_seconds() / 60:
            complaints.append(f"reader {reader.id} wants {reader.hour}:00 and got it at {local}")
    return complaints


def _issue_of_each(evidence: Evidence) -> list[tuple[int, FrozenIssue]]:
    return [(evidence.newsletters[mailing], issue) for mailing, issue in evidence.issues.items()]


def _digests(evidence: Evidence, newsletter_id: int) -> list[tuple[datetime, int]]:
    """Return cut-off and number of a newsletter's digests, in their order."""
    return sorted(
        {
            (issue.cut_off_at, issue.number)
            for mailing, issue in evidence.issues.items()
            if evidence.newsletters[mailing] == newsletter_id and issue.kind is IssueKind.DIGEST
        }
    )


def _issues_by_day(evidence: Evidence, newsletter_id: int) -> dict[date, list[int]]:
    found: dict[date, list[int]] = defaultdict(list)
    for cut_off_at, number in _digests(evidence, newsletter_id):
        found[cut_off_at.astimezone(_BERLIN).date()].append(number)
    return found


def _last_of_each_stroke(evidence: Evidence, newsletter_id: int, reader: Reader) -> list[tuple[date, int]]:
    """Return the issues of a reader of all with an own hour: of those that wait for one stroke the last."""
    own = ZoneInfo(reader.zone) if reader.zone else _BERLIN
    by_stroke = {
        schedules.next_strike(time(reader.hour or 0), own, after=cut_off_at): (
            cut_off_at.astimezone(_BERLIN).date(),
            number,
        )
        for cut_off_at, number in _digests(evidence, newsletter_id)
    }
    return sorted(by_stroke.values())


def _wanted(cadence: Cadence, numbers_by_day: Mapping[date, Sequence[int]]) -> list[tuple[date, int]]:
    days = sorted(numbers_by_day)
    if cadence is Cadence.EVERY_ISSUE:
        return [(day, number) for day in days for number in numbers_by_day[day]]
    if cadence is Cadence.WEEKDAYS:
        return [(day, 0) for day in days if day.weekday() < 5]
    if cadence is Cadence.DAILY:
        return [(day, 0) for day in days]
    wanted, next_day = [], days[0]
    for day in days:
        if day >= next_day:
            wanted.append((day, 0))
            next_day = day + timedelta(days=7)
    return wanted
