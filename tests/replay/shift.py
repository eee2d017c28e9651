"""Do in this process what the Procfile's workers do, with the same tasks, at instants that a test chooses."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from typing import Any  # Celery is untyped

import pytest

from newsletter.runtime import ids
from newsletter.store import sources
from newsletter.wiring import App
from workers import process, tasks
from workers.app import app as celery

# These ask the name servers of the world: for the mail servers of readers' domains, and for the websites of images.
_LEFT_OUT = frozenset({"newsletter.resolve", "newsletter.images"})


class Shift:
    """Ring and be the one who hears it: a queue in memory stands for the broker, everything else is real."""

    def __init__(self, service: App) -> None:
        self.counts: Counter[str] = Counter()
        self._service = service
        self._rings: deque[tuple[str, Sequence[Any]]] = deque()

    def work(self) -> None:
        """Beat once, and do all that follows from it.

        What fell due since the last beat goes first: in life it was done before anything new was planned.
        """
        tasks.sweep.run()
        self._do_all()
        tasks.plan.run()
        self._do_all()
        for _ in range(3):  # what an earlier step wrote is found by the next sweep
            tasks.sweep.run()
            if not self._do_all():
                return

    def ring(self, task: str, args: Sequence[Any] = (), *_: object, **__: object) -> None:
        """Hear a ring; one that waits already is not kept twice."""
        if task not in _LEFT_OUT and (task, args) not in self._rings:
            self._rings.append((task, args))

    def _do_all(self) -> int:
        count = 0
        while self._rings:
            task, args = self._rings.popleft()
            count += 1
            for each in self._in_order(task, args):
                self.counts[task] += 1
                celery.tasks[task].run(*each)
        return count

    def _in_order(self, task: str, args: Sequence[Any]) -> list[Sequence[Any]]:
        """Ask sources one by one: asked at once, they would number their articles in the order of their answers."""
        if task != "newsletter.poll" or args:
            return [args]
        with self._service.reading() as session:
            return [(source_id,) for source_id in sources.due(session, now=self._service.clock.now())]


@contextmanager
def on_duty(service: App, *, seed: int) -> Iterator[Shift]:
    """Let the workers' tasks use a service whose clock is the test's, and chance that can be repeated."""
    shift = Shift(service)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(process, "app", lambda: service)
        patch.setattr(celery, "send_task", shift.ring)
        _seed(patch, seed)
        yield shift


def _seed(patch: pytest.MonkeyPatch, seed: int) -> None:
    """Draw from a counter of each kind, so that one more draw of one kind moves no other."""
    counts: Counter[str] = Counter()

    def drawn(kind: str) -> bytes:
        counts[kind] += 1
        return blake2b(f"{seed} {kind} {counts[kind]}".encode()).digest()

    patch.setattr(ids, "nonce", lambda: drawn("nonce")[:6].hex())
    patch.setattr(ids, "secret_bytes", lambda count: drawn("secret")[:count])
    patch.setattr(ids, "unique_id", lambda: drawn("id")[:16].hex())
    # Which message of those under way is answered first is nobody's to choose: what is drawn must not depend on it.
    patch.setattr(ids, "jitter", lambda: 0.5)
