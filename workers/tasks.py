"""Define the tasks: ids in, one use case each."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta

from newsletter.digest import build as building
from newsletter.digest import plan as planning
from newsletter.digest import telling, watch
from newsletter.domain import quiet_hours
from newsletter.feedback import collect as collecting
from newsletter.feedback import read as reading
from newsletter.feedback import suppress
from newsletter.ingest import hubs, images, rounds, sources
from newsletter.sending import expand as expanding
from newsletter.sending import first as firsts
from newsletter.sending import notices as notifying
from newsletter.sending import resolving, subjects
from newsletter.sending import sweep as sweeping
from newsletter.subscribing import unsubscribe
from workers import process
from workers.app import app


@app.task(name="newsletter.plan")  # type: ignore[untyped-decorator]  # Celery is untyped, here and below
def plan() -> None:
    """Plan the issues whose slots have come; tell the desk, and do what silence and retractions mean."""
    parts = process.app()
    for issue_id in planning.plan_due(parts.transaction, now=parts.clock.now()):
        build.delay(issue_id)
    if telling.look_after(parts.transaction, now=parts.clock.now()):
        notices.delay()


@app.task(name="newsletter.sweep")  # type: ignore[untyped-decorator]
def sweep() -> None:
    """Find what is due and ring for it; whatever a lost ring or a dead worker left behind is found here."""
    parts = process.app()
    now = parts.clock.now()
    reading.sweep(parts.transaction, now=now)
    sweeping.tidy(parts.transaction, now=now)
    subjects.decide_due(parts.transaction, now=now, quiet=quiet_hours.parse(parts.settings.quiet_hours))
    watch.look(parts.transaction, alert_address=parts.settings.alert_address, now=now)
    with parts.reading() as session:
        rings = list(sweeping.find_due(session, now=now).rings)
        if hubs.is_any_due(session, public_url=parts.settings.public_url, now=now):
            rings.append(("newsletter.hubs", ()))
        if images.is_any_due(session, now=now):
            rings.append(("newsletter.images", ()))
    for task, ids in rings:
        app.send_task(task, ids, expires=4 * app.conf.beat_schedule["sweep"]["schedule"])


@app.task(name="newsletter.feedback")  # type: ignore[untyped-decorator]
def feedback() -> None:
    """Read what came in, and do what follows from it and from refusals."""
    parts = process.app()
    progress = parts.read_arrivals()
    suppress.suppress(parts.transaction, now=parts.clock.now())
    unsubscribe.work_off(parts.transaction, now=parts.clock.now())
    if progress.has_more:
        feedback.delay()


@app.task(name="newsletter.collect")  # type: ignore[untyped-decorator]
def collect() -> None:
    """Take what came into the mailboxes, and ring for its reading."""
    parts = process.app()
    interval = timedelta(seconds=parts.settings.collect_seconds)
    found = [
        collecting.collect(parts.transaction, mailbox, interval=interval, clock=parts.clock)
        for mailbox in parts.mailboxes
    ]
    if any(each.new_count for each in found):
        feedback.delay()
    if any(each.has_more for each in found):
        collect.delay()


@app.task(name="newsletter.poll")  # type: ignore[untyped-decorator]
def poll(source_id: int | None = None) -> None:
    """Read all sources that are due, or one."""
    parts = process.app()
    if source_id is not None:
        sources.poll(parts.transaction, source_id, fetcher=parts.fetcher, now=parts.clock.now())
        return
    rounds.poll_due(
        parts.transaction, fetcher=parts.fetcher, clock=parts.clock, should_stop=process.should_stop
    )


@app.task(name="newsletter.hubs")  # type: ignore[untyped-decorator]
def ask_hubs() -> None:
    """Ask hubs to tell us of news, or to end that."""
    parts = process.app()
    hubs.ask_due(
        parts.transaction,
        fetcher=parts.quick_fetcher,
        public_url=parts.settings.public_url,
        now=parts.clock.now(),
    )


@app.task(name="newsletter.images")  # type: ignore[untyped-decorator]
def look_at_images() -> None:
    """Look at the images of new articles."""
    parts = process.app()
    images.check_due(parts.transaction, fetcher=parts.quick_fetcher, now=parts.clock.now())


@app.task(name="newsletter.resolve")  # type: ignore[untyped-decorator]
def resolve() -> None:
    """Find out to which destinations a few domains of readers belong."""
    parts = process.app()
    resolving.resolve_some(parts.transaction, now=parts.clock.now())


@app.task(name="newsletter.build")  # type: ignore[untyped-decorator]
def build(issue_id: int) -> None:
    """Freeze and render one issue; the next sweep finds it ready."""
    parts = process.app()
    building.build(
        parts.transaction,
        issue_id,
        environment=parts.environment,
        now=parts.clock.now(),
        message_max_bytes=parts.settings.message_max_bytes,
    )
    expand.delay(issue_id)


@app.task(name="newsletter.expand")  # type: ignore[untyped-decorator]
def expand(issue_id: int) -> None:
    """Freeze the audience of one issue, if it is ready."""
    parts = process.app()
    quiet = quiet_hours.parse(parts.settings.quiet_hours)
    if expanding.expand(parts.transaction, issue_id, now=parts.clock.now(), quiet=quiet) is not None:
        drain.delay()


@app.task(name="newsletter.first")  # type: ignore[untyped-decorator]
def first() -> None:
    """Plan first digests for those who have just confirmed."""
    parts = process.app()
    if firsts.top_up(parts.transaction, now=parts.clock.now()):
        drain.delay()


@app.task(name="newsletter.drain")  # type: ignore[untyped-decorator]
def drain() -> None:
    """Send what is due for at most 45 s; go on in a task of its own."""
    parts = process.app()
    report = parts.drain(should_stop=process.should_stop)
    if report.has_more and not process.should_stop():
        drain.delay()


@app.task(name="newsletter.notices")  # type: ignore[untyped-decorator]
def notices() -> None:
    """Send the confirmations that are due."""
    parts = process.app()
    with closing(parts.open_transport()) as transport:
        notifying.submit_due(
            transactions=parts.transaction,
            transport=transport,
            pace=parts.pace(),
            environment=parts.environment,
            settings=parts.settings,
            clock=parts.clock,
            holder=parts.holder,
        )
