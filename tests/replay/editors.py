"""Let editors work on some issues of the daily newsletter, send breaking news, and test subjects that readers click."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from sqlalchemy import select

from newsletter.broker.limiter import Limiter
from newsletter.digest import arranging, breaking, editing
from newsletter.domain import articles as rules
from newsletter.domain.issues import IssueKind, IssueStatus
from newsletter.domain.rendered import FrozenIssue, FrozenStory
from newsletter.feedback.clicks import Clicks
from newsletter.ingest import articles as pushing
from newsletter.store import Session, issues
from newsletter.store.tables import Article, Issue, NewsletterArticle
from tests.builders import EDITOR
from tests.replay.acts import at, entry
from tests.replay.evidence import hrefs_of, subject_of, target
from tests.replay.house import Act, Decision, House
from tests.replay.scenario import DAY, NIGHTS
from tests.replay.world import Piece

_BROWSER = {
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
    "accept": "text/html",
    "accept-language": "en",
    "accept-encoding": "gzip",
}
_MANY, _FEW = 130, 9  # people who follow links, among them those to whom readers passed the mail on
_MORNING, _FORENOON = 0.05, 0.2  # of a day: before the cut-off, and hours after it
Work = Callable[[House, Session, Issue], Decision | None]


def arrange(house: House) -> None:
    """Set everything down for its time."""
    plan: Sequence[tuple[float, Act]] = (
        (2 + _FORENOON, _break_what_is_going_out),
        (3 + _MORNING, _test_subjects(2, winner=1)),
        (3 + _FORENOON, _click(1)),
        (7 + _MORNING, _arranged(_pin)),
        (7 + _MORNING, _arranged(_ban)),
        (9 + _MORNING, _arranged(_merge)),
        (9 + _MORNING, _arranged(_split)),
        (11 + _MORNING, _test_subjects(4, winner=0)),
        (13 + _MORNING, _arranged(_tell_an_update)),
        (14 + _MORNING, _arranged(_tell_once_more)),
        (17 + _MORNING, _test_subjects(3, winner=2)),
        (17 + _FORENOON, _click(2)),
        (18 + _FORENOON, _retract_what_is_going_out),
        (25 + _MORNING, _test_subjects(2, winner=0)),
    )
    house.acts += [(at(day), act) for day, act in plan]
    for piece, night, is_flash in zip(house.stage.breaking, NIGHTS, (False, True), strict=True):
        house.add_act(night, _break_at_night(piece, is_flash=is_flash))


def _arranged(work: Work) -> Act:
    """Let an editor change the issue of this morning, which is planned and not built; if nothing fits, tomorrow's."""

    def act(house: House) -> None:
        with house.database.transaction() as session:
            decision = work(house, session, _of_today(house, session, IssueStatus.PLANNED))
        if decision is None:
            house.add_act(house.now + DAY, act)
        else:
            house.decisions.append(decision)

    return act


def _pin(house: House, session: Session, issue: Issue) -> Decision:
    chosen = _alone(house, session, issue)[-1]  # the newest, which would not stand first on its own
    arranging.pin(session, issue.id, chosen.id, actor=EDITOR, now=house.now)
    return _decided(house, "pin", issue, chosen)


def _ban(house: House, session: Session, issue: Issue) -> Decision:
    chosen = _alone(house, session, issue)[0]
    arranging.ban(session, issue.id, chosen.id, actor=EDITOR, now=house.now)
    return _decided(house, "ban", issue, chosen)


def _merge(house: House, session: Session, issue: Issue) -> Decision:
    one, other = _alone(house, session, issue)[:2]
    editing.rule(session, one.id, other.id, is_same=True, actor=EDITOR, now=house.now)
    return _decided(house, "merge", issue, one, other)


def _split(house: House, session: Session, issue: Issue) -> Decision | None:
    alike = [found for found in _by_event(house, _fresh(session, issue)).values() if len(found) > 1]
    if not alike:
        return None
    one, other = alike[0][:2]
    editing.rule(session, one.id, other.id, is_same=False, actor=EDITOR, now=house.now)
    return _decided(house, "split", issue, one, other)


def _tell_an_update(house: House, session: Session, issue: Issue) -> Decision | None:
    """Tell an agency's version of what was told before: on its own it would drop out for who had that."""
    told = {_piece(house, story.canonical_url).event for story in _told(session, issue)}
    fresh = _by_event(house, _fresh(session, issue))
    chosen = [found[0] for event, found in fresh.items() if event in told and len(found) == 1]
    if not chosen:
        return None
    editing.mark_worth_telling(session, chosen[0].id, is_worth_telling=True, actor=EDITOR, now=house.now)
    return _decided(house, "update", issue, chosen[0])


def _tell_once_more(house: House, session: Session, issue: Issue) -> Decision:
    """Tell a story that has no fresh article: such a one would be told in its place."""
    counts = _writers(house)
    story = next(
        each for each in _told(session, issue) if counts[_piece(house, each.canonical_url).event] == 1
    )
    arranging.miss(session, issue.id, [story.article_id], actor=EDITOR, now=house.now)
    return Decision(what="missed", at=house.now, issue_id=issue.id, numbers=(story.number,))


def _test_subjects(count: int, *, winner: int) -> Act:
    def name(house: House, session: Session, issue: Issue) -> Decision:
        subjects = [f"Issue {issue.number}, subject {number}" for number in range(count)]
        arranging.name(session, issue.id, subjects, actor=EDITOR, now=house.now)
        return Decision(what="test", at=house.now, issue_id=issue.id, arm=winner)

    return _arranged(name)


def _click(arm: int) -> Act:
    """Let many people follow a link of mails with one subject, and a few a link of those with another."""

    def act(house: House) -> None:
        with house.database.reading() as session:
            subjects = issues.frozen(_of_today(house, session, IssueStatus.MAILED)).subjects
        mails = {subject_of(each.received.message): each.received.message for each in house.arrivals[-100:]}
        clicks = Clicks(
            house.database.transaction,
            house.database.reading,
            limiter=Limiter(clock=house.clock),
            clock=house.clock,
        )
        for place, subject in enumerate(subjects):
            link = next(url for url in map(target, hrefs_of(mails[subject])) if "/r/" in url)
            token, _, end = link.partition("/r/")[2].partition("/")
            followed = clicks.follow(token, end)
            assert followed.arm == place
            for number in range(_MANY if place == arm else _FEW):
                clicks.count(followed, client=f"192.0.{place}.{number}", headers=_BROWSER)

    return act


def _break_what_is_going_out(house: House) -> None:
    """Send the story on top of today's digest to all who wait for theirs."""
    with house.database.transaction() as session:
        story = _going_out(house, session).stories[0]
        _send(house, session, story.article_id, number=story.number, is_flash=False)


def _break_at_night(piece: Piece, *, is_flash: bool) -> Act:
    def act(house: House) -> None:
        with house.database.transaction() as session:
            pushing.push(session, {"newsletters": ["daily"], "articles": [entry(piece)]}, now=house.now)
        house.served["daily"][piece.number] = {piece.url}
        with house.database.transaction() as session:
            chosen = session.scalars(select(Article).where(Article.canonical_url == piece.url)).one()
            _send(house, session, chosen.id, number=chosen.number, is_flash=is_flash)

    return act


def _send(house: House, session: Session, article_id: int, *, number: int, is_flash: bool) -> None:
    issue = breaking.send(
        session,
        _daily(house),
        article_id,
        actor=EDITOR,
        now=house.now,
        is_flash=is_flash,
        is_approved=True,
    )
    what = "flash" if is_flash else "breaking"
    house.decisions.append(Decision(what=what, at=house.now, issue_id=issue.id, numbers=(number,)))


def _retract_what_is_going_out(house: House) -> None:
    with house.database.transaction() as session:
        issue = _going_out(house, session)
        story = issue.stories[0]
        editing.retract(session, story.article_id, actor=EDITOR, now=house.now)
    house.retracted[story.url] = house.now
    house.decisions.append(
        Decision(what="retract", at=house.now, issue_id=issue.issue_id, numbers=(story.number,))
    )


def _decided(house: House, what: str, issue: Issue, *chosen: Article) -> Decision:
    numbers = tuple(article.number for article in chosen)
    return Decision(what=what, at=house.now, issue_id=issue.id, numbers=numbers)


def _daily(house: House) -> int:
    return next(newsletter_id for newsletter_id, slug in house.slugs.items() if slug == "daily")


def _of_today(house: House, session: Session, status: IssueStatus) -> Issue:
    query = select(Issue).where(
        Issue.newsletter_id == _daily(house), Issue.status == status, Issue.kind == IssueKind.DIGEST
    )
    return session.scalars(query.order_by(Issue.cut_off_at.desc())).first() or _nothing(house, status)


def _nothing(house: House, status: IssueStatus) -> Issue:
    raise AssertionError(f"no issue is {status} at {house.now}")


def _going_out(house: House, session: Session) -> FrozenIssue:
    return issues.frozen(_of_today(house, session, IssueStatus.MAILED))


def _told(session: Session, issue: Issue) -> Sequence[FrozenStory]:
    """Return the stories of the issue before."""
    query = select(Issue).where(
        Issue.newsletter_id == issue.newsletter_id,
        Issue.status == IssueStatus.MAILED,
        Issue.kind == IssueKind.DIGEST,
        Issue.id < issue.id,
    )
    return issues.frozen(session.scalars(query.order_by(Issue.id.desc())).first() or issue).stories


def _fresh(session: Session, issue: Issue) -> Sequence[Article]:
    """Return the articles that an issue is the first to tell, in the order of their numbers."""
    return session.scalars(
        select(Article)
        .join(NewsletterArticle, NewsletterArticle.article_id == Article.id)
        .where(
            NewsletterArticle.newsletter_id == issue.newsletter_id,
            NewsletterArticle.seen_at > issue.since,
            NewsletterArticle.is_backlog.is_(False),
            Article.retracted_at.is_(None),
            Article.repeats_id.is_(None),
        )
        .order_by(Article.number)
    ).all()


def _alone(house: House, session: Session, issue: Issue) -> list[Article]:
    """Return the fresh articles about what nobody else writes about."""
    counts = _writers(house)
    return [
        article
        for article in _fresh(session, issue)
        if counts[_piece(house, article.canonical_url).event] == 1
    ]


def _writers(house: House) -> Counter[int]:
    """Return how many pieces there are about each event."""
    return Counter(piece.event for piece in house.stage.newsroom.pieces)


def _by_event(house: House, articles: Iterable[Article]) -> dict[int, list[Article]]:
    found: dict[int, list[Article]] = {}
    for article in articles:
        found.setdefault(_piece(house, article.canonical_url).event, []).append(article)
    return found


def _piece(house: House, canonical_url: str) -> Piece:
    number = canonical_url.rpartition("/")[2].partition("-")[0]
    piece = house.stage.newsroom.pieces[int(number) - 1]
    assert rules.canonical_url(piece.url) == canonical_url.removesuffix("-a-better-address")
    return piece
