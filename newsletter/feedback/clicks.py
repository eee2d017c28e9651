"""Follow counted links to their articles, and count who does: people and machines apart, nobody by name.

A link leads where the frozen issue says, or where the article has moved since; never to an address that stands in the
request. Counting is statistics: it comes after the answer, and neither a limiter nor a database that is away keeps
anybody from an article.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

from newsletter.broker.limiter import Limit, Limiter
from newsletter.domain import clicks as rules
from newsletter.domain.clicks import PEOPLE, WEB_ARM, Client
from newsletter.domain.errors import InvalidToken, NotFound
from newsletter.domain.tokens import ClickToken, KeyRing, read_arm, read_click
from newsletter.runtime import logs
from newsletter.runtime.clock import Clock
from newsletter.store import DatabaseUnavailable, OperationalError, Session, clicks, issues, keys
from newsletter.store.tables import KeyPurpose

_ISSUES_KEPT = 32  # whose addresses are at hand: a thousand stories are some 200 KB
_CLIENTS_KEPT = 5_000  # whose last clicks can be taken back
_TAKE_BACK = 10.0  # seconds in which a burst shows
_PAUSE = 5.0  # seconds without looking an article up after the database was away

# Of one client, told by a hash with a salt of the day. Redis forgets it when its time is over.
_ONCE = Limit("clicks", per_hour=1)  # on one article of one issue
_DAILY = Limit("clicks-people", per_day=1)  # on anything of one issue
_BURST = Limit("clicks-burst", per_ten_seconds=2)  # different stories: the third makes a machine
_SCANNER = Limit("clicks-scanner", per_minute=1)  # the mark that a burst leaves

_log = logs.get(__name__)


@dataclass(frozen=True)
class Followed:
    """Hold where a link leads; ``url`` is "" when the article was retracted.

    ``arm`` is the subject of the mail, WEB_ARM for a page, and None for what is not counted.
    """

    issue_id: int
    newsletter_id: int
    number: int
    arm: int | None
    url: str


@dataclass(frozen=True)
class _Frozen:
    """Hold what following links needs of an issue."""

    newsletter_id: int
    subject_count: int  # of those that are tested
    urls: Mapping[int, str]


@dataclass(frozen=True)
class _Counted:
    """Remember a click that was counted as a person's."""

    issue_id: int
    number: int
    arm: int
    at: datetime
    second: float
    is_first: bool


class Clicks:
    """Follow and count links; safe to share between threads."""

    def __init__(
        self,
        transaction: Callable[[], AbstractContextManager[Session]],
        reading: Callable[[], AbstractContextManager[Session]],
        *,
        limiter: Limiter,
        clock: Clock,
    ) -> None:
        """Take the database and the limiter; nothing is read yet."""
        self._transaction, self._reading = transaction, reading
        self._limiter, self._clock = limiter, clock
        self._ring = KeyRing({})
        self._issues: OrderedDict[int, _Frozen] = OrderedDict()
        self._recent: OrderedDict[str, deque[_Counted]] = OrderedDict()
        self._blind_until = 0.0
        self._lock = threading.Lock()

    def follow(self, token: str, end: str) -> Followed:
        """Return where a link leads; raise InvalidToken for one that is not ours, NotFound for what is no longer there.

        ``end`` is what stands behind the token. It decides how the click is counted and nothing else: a link that lost
        it, as from a mail program that broke the line, still leads to its article.
        """
        click = self._read(token)
        frozen = self._frozen(click.issue_id)
        url = frozen.urls.get(click.number)
        if url is None:
            raise NotFound("This issue has no such article.", reason="unknown_article")
        moved = self._moved(click.number)
        if moved is not None:
            url = "" if moved.is_retracted else moved.url
        if url and not url.startswith(("https://", "http://")):
            raise NotFound("This article has no address.", reason="unknown_article")
        return Followed(
            click.issue_id, frozen.newsletter_id, click.number, self._arm(click, frozen, end), url
        )

    def count(self, followed: Followed, *, client: str, headers: Mapping[str, str]) -> None:
        """Count a click; ``client`` is an address, or the network of one. Whatever goes wrong is logged, not raised."""
        try:
            if followed.arm is not None and followed.url:
                self._count(followed, followed.arm, self._hash(client, headers), headers)
        except Exception as error:  # noqa: BLE001 - figures are never the reason that something fails
            _log.warning("click_not_counted", error=type(error).__name__)

    def _read(self, token: str) -> ClickToken:
        try:
            return read_click(token, self._ring)
        except InvalidToken:
            with self._reading() as session:
                ring = keys.ring(session, KeyPurpose.LINKS)
            if ring.keys.keys() == self._ring.keys.keys():
                raise
            self._ring = ring
            return read_click(token, ring)

    def _frozen(self, issue_id: int) -> _Frozen:
        with self._lock:
            found = self._issues.get(issue_id)
            if found is not None:
                self._issues.move_to_end(issue_id)
                return found
        with self._reading() as session:
            issue = issues.get(session, issue_id)
            frozen = issues.frozen(issue)
            found = _Frozen(issue.newsletter_id, len(frozen.subjects) if frozen.is_tested else 0, frozen.urls)
            is_final = clicks.is_mailed(session, issue_id)
        if is_final:  # until then it may be built again
            with self._lock:
                self._issues[issue_id] = found
                while len(self._issues) > _ISSUES_KEPT:
                    self._issues.popitem(last=False)
        return found

    def _moved(self, number: int) -> clicks.Target | None:
        """Return where an article is now; None when nobody knows."""
        if self._clock.monotonic() < self._blind_until:
            return None
        try:
            with self._reading() as session:
                return clicks.target(session, number)
        except (OperationalError, DatabaseUnavailable):
            self._blind_until = self._clock.monotonic() + _PAUSE
            return None

    def _arm(self, click: ClickToken, frozen: _Frozen, end: str) -> int | None:
        if end == rules.FROM_WEB:
            return WEB_ARM
        if frozen.subject_count < 2:
            return 0 if end == rules.FROM_MAIL else None
        try:
            arm = read_arm(end, click.issue_id, self._ring, key_number=click.key_number)
        except InvalidToken:
            return None
        return arm if arm < frozen.subject_count else None

    def _hash(self, client: str, headers: Mapping[str, str]) -> str:
        """Return what tells clients apart for a day: nobody can compute it later without the day's salt."""
        salt = f"clicks {self._clock.now().date()}".encode()
        about = "\0".join((client, headers.get("user-agent", ""), headers.get("accept-language", "")))
        key = blake2b(salt, key=self._ring.keys[self._ring.newest], digest_size=32).digest()
        return blake2b(about.encode(), key=key, digest_size=12).hexdigest()

    def _count(self, followed: Followed, arm: int, client: str, headers: Mapping[str, str]) -> None:
        issue_id, number, limiter = followed.issue_id, followed.number, self._limiter
        if not limiter.allows(_ONCE, f"{client}:{issue_id}:{number}"):
            return
        is_burst = not limiter.allows(_BURST, client)
        if is_burst:
            limiter.allows(_SCANNER, client)
        is_scanner = is_burst or not limiter.has_room(_SCANNER, client)
        is_human = rules.verdict(headers, is_burst=is_scanner) is Client.HUMAN
        is_first = is_human and limiter.allows(_DAILY, f"{client}:{issue_id}")
        now = self._clock.now()
        taken_back = self._taken_back(client) if is_scanner else []
        with self._transaction() as session:
            if not clicks.is_mailed(session, issue_id):  # editors look at proofs
                return
            clicks.add(session, issue_id, number, arm, at=now, human=int(is_human), machine=int(not is_human))
            if is_first:
                clicks.add(session, issue_id, PEOPLE, arm, at=now, human=1, machine=0)
            for one in taken_back:
                _take_back(session, one)
        if is_human:
            self._remember(
                client, _Counted(issue_id, number, arm, now, self._clock.monotonic(), is_first=is_first)
            )

    def _remember(self, client: str, counted: _Counted) -> None:
        with self._lock:
            self._recent.setdefault(client, deque(maxlen=4)).append(counted)
            self._recent.move_to_end(client)
            while len(self._recent) > _CLIENTS_KEPT:
                self._recent.popitem(last=False)

    def _taken_back(self, client: str) -> list[_Counted]:
        """Return what was counted as a person's before the burst showed, as far as this process knows."""
        since = self._clock.monotonic() - _TAKE_BACK
        with self._lock:
            return [one for one in self._recent.pop(client, ()) if one.second >= since]


def _take_back(session: Session, one: _Counted) -> None:
    clicks.add(session, one.issue_id, one.number, one.arm, at=one.at, human=-1, machine=1)
    if one.is_first:
        clicks.add(session, one.issue_id, PEOPLE, one.arm, at=one.at, human=-1, machine=1)
