"""Say which figures there are, how each comes about, and what it should be; all runs of a round are shared."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any  # a figure knows which kind of round it is of

import _bell
import _sink
import signing
from _audience import Audience
from _runs import Bench, Run

_DELAY_MS = 20  # a round trip to a relay on another continent is longer, one within a country shorter
_DISTANT_COUNT = 1_024  # some 2 s when every message takes one round trip, 10 s when it takes four or five
_MERGE_COUNT = 60  # some 2 s
_SINK_COUNT = 12_288  # some 4 s, because smtp-sink takes 300 us for a message


class Audiences:
    """Prepare audiences when they are first asked for; every run starts from a copy."""

    def __init__(self, bench: Bench, reader_count: int) -> None:
        self._bench = bench
        self.reader_count = reader_count

    @cached_property
    def broadcast(self) -> Audience:
        """Return readers who all get the same stories."""
        return self._bench.prepared(self.reader_count, is_personal=False)

    @cached_property
    def personal(self) -> Audience:
        """Return readers who get a digest each."""
        return self._bench.prepared(self.reader_count, is_personal=True)

    @cached_property
    def built(self) -> Audience:
        """Return readers who get a digest each, not expanded yet."""
        return self._bench.built(self.reader_count, is_personal=True)

    @cached_property
    def built_small(self) -> Audience:
        """Return a tenth as many such readers."""
        return self._bench.built(self.reader_count // 10, is_personal=True)

    @cached_property
    def distant(self) -> Audience:
        """Return the readers who are written to over a slow line."""
        return self._bench.prepared(_DISTANT_COUNT, is_personal=False)

    @cached_property
    def few(self) -> Audience:
        """Return the readers who are written to by way of smtp-sink, which is slow."""
        return self._bench.prepared(min(_SINK_COUNT, self.reader_count), is_personal=False)

    @cached_property
    def merged(self) -> Audience:
        """Return the readers who are written to by a mail merge."""
        return self._bench.prepared(_MERGE_COUNT, is_personal=False)

    @cached_property
    def empty(self) -> str:
        """Return the URL of a database without anybody."""
        return self._bench.cluster.new()


class Round:
    """Run each way of sending when a figure first needs it, and once; ``runs`` are those so far, by name."""

    def __init__(self, bench: Bench, audiences: Audiences) -> None:
        self.runs: dict[str, Run] = {}
        self._bench = bench
        self._audiences = audiences

    @cached_property
    def source(self) -> Run:
        """Send with smtp-source: what a C program needs for the dialogue alone."""
        return self._keep("smtp-source", self._bench.source(self._audiences.reader_count))

    @cached_property
    def broadcast(self) -> Run:
        """Send the same stories to all."""
        return self._keep("broadcast", self._bench.run(self._audiences.broadcast))

    @cached_property
    def two(self) -> Run:
        """Send the same stories to all with two processes."""
        return self._keep("two processes", self._bench.run(self._audiences.broadcast, process_count=2))

    @cached_property
    def personal(self) -> Run:
        """Send each reader a digest of its own."""
        return self._keep("personal", self._bench.run(self._audiences.personal))

    @cached_property
    def merged(self) -> Run:
        """Send with a mail merge."""
        return self._keep("mail merge", self._bench.merge(self._audiences.merged))

    @cached_property
    def pipelined(self) -> Run:
        """Send over a slow line."""
        return self._keep("20 ms", self._bench.run(self._audiences.distant, delay_ms=_DELAY_MS))

    @cached_property
    def in_lockstep(self) -> Run:
        """Send over a slow line to a relay without PIPELINING."""
        run = self._bench.run(self._audiences.distant, delay_ms=_DELAY_MS, is_lockstep=True)
        return self._keep("20 ms, lock-step", run)

    @cached_property
    def recorded(self) -> Run:
        """Send the same stories to all and measure the recording."""
        return self._keep("recording watched", self._bench.run(self._audiences.broadcast, watch="recording"))

    @cached_property
    def to_smtp_sink(self) -> tuple[Run, Run]:
        """Send to smtp-sink, with smtp-source and with ours."""
        with _sink.smtp_sink() as port:
            source = self._bench.source(self._audiences.few.reader_count, port=port)
            ours = self._bench.run_against(self._audiences.few, port)
        return self._keep("smtp-source to smtp-sink", source), self._keep("broadcast to smtp-sink", ours)

    @cached_property
    def drain_cost(self) -> float:
        """Return the CPU seconds of Celery for a drain."""
        return _bell.cost_of_drain(self._audiences.empty)

    @cached_property
    def signed(self) -> dict[str, float]:
        """Return what a DKIM signature costs, ours and dkimpy's."""
        return signing.measure(_sink.MESSAGE_SIZE)

    def _keep(self, name: str, run: Run) -> Run:
        self.runs[name] = run
        return run


class ScaleRound(Round):
    """Expand and send to two audiences, one ten times as large as the other."""

    @cached_property
    def small(self) -> Run:
        """Send to a tenth."""
        run = self._bench.run_all(self._audiences.built_small)
        return self._keep(f"{run.count:,} readers", run)

    @cached_property
    def large(self) -> Run:
        """Send to all."""
        run = self._bench.run_all(self._audiences.built)
        return self._keep(f"{run.count:,} readers", run)


@dataclass(frozen=True)
class Figure:
    """Hold a figure of one round, and what it should be."""

    meaning: str
    of: Callable[[Any], float]
    target: float
    is_upper: bool = False

    def is_met(self, value: float) -> bool:
        """Say whether a value is good enough."""
        return (operator.le if self.is_upper else operator.ge)(value, self.target)


def _at_most(target: float, meaning: str, of: Callable[[Any], float]) -> Figure:
    return Figure(meaning, of, target, is_upper=True)


def _at_least(target: float, meaning: str, of: Callable[[Any], float]) -> Figure:
    return Figure(meaning, of, target)


def _celery_share(found: Round) -> float:
    messages_a_drain = found.broadcast.rate * _bell.drain_seconds()
    return found.drain_cost / (messages_a_drain * found.broadcast.microseconds / 1e6)


def _gain_by_pipelining(found: Round) -> float:
    """Compare the times from the first message to the last: how long a sender takes to start is no round trip."""
    return found.in_lockstep.seconds_at_sink / found.pipelined.seconds_at_sink


FIGURES = {
    "cpu_vs_smtp_source": _at_most(
        1.0,
        "CPU of a message, one digest to all, smtp-source = 1",
        lambda found: found.broadcast.microseconds / found.source.microseconds,
    ),
    "throughput_vs_smtp_source": _at_least(
        0.8, "messages a second, smtp-source = 1", lambda found: found.broadcast.rate / found.source.rate
    ),
    "throughput_two_processes": _at_least(
        1.2,
        "messages a second of two processes, one smtp-source = 1",
        lambda found: found.two.rate / found.source.rate,
    ),
    "personal_cpu_vs_smtp_source": _at_most(
        1.6,
        "CPU of a message, a digest each, smtp-source = 1",
        lambda found: found.personal.microseconds / found.source.microseconds,
    ),
    "naive_cpu_ratio": _at_least(
        100,
        "CPU of a message of a mail merge, one of ours = 1",
        lambda found: found.merged.microseconds / found.broadcast.microseconds,
    ),
    "rtt20_vs_lockstep": _at_least(
        3.3, "messages a second at a round trip of 20 ms, lock-step = 1", _gain_by_pipelining
    ),
    "recording_share": _at_most(
        0.15,
        "part of the CPU that writes results down",
        lambda found: found.recorded.recording / found.recorded.cpu,
    ),
    "celery_share": _at_most(0.01, "CPU of Celery, that of the messages of a drain = 1", _celery_share),
    "dkim_vs_dkimpy": _at_least(
        20, "CPU of a signature by dkimpy, by ours = 1", lambda found: found.signed["dkim_vs_dkimpy"]
    ),
    "throughput_at_smtp_sink": _at_least(
        0.95,
        "messages a second to smtp-sink, which is what is measured then; smtp-source = 1",
        lambda found: found.to_smtp_sink[1].rate / found.to_smtp_sink[0].rate,
    ),
}

SCALE_FIGURES = {
    "scale_cost_ratio": _at_most(
        1.1,
        "CPU of a message to all readers, to a tenth of them = 1",
        lambda found: found.large.microseconds / found.small.microseconds,
    ),
    "scale_peak_mb": _at_most(250, "MB, peak memory of the worker", lambda found: found.large.peak),
    "scale_peak_ratio": _at_most(
        1.1, "peak memory, that for a tenth = 1", lambda found: found.large.peak / found.small.peak
    ),
    "scale_expand_seconds": _at_most(5, "s, to freeze the audience", lambda found: found.large.expanding),
    "scale_bytes_per_message_row": _at_most(
        100, "octets of table and index for each message", lambda found: found.large.octets_a_row
    ),
}
