"""Measure sending over the full path, beside smtp-source and a mail merge, in the same run."""

from __future__ import annotations

import argparse

import _runs
import _sink
from _runs import Bench
from _setup import cluster

from newsletter.runtime import logs


def main() -> None:
    """Measure what is asked for and print it."""
    options = _options()
    logs.configure("WARNING")
    _sink.require_tools()
    with cluster() as server, _sink.compiled() as sink:
        bench = Bench(server, sink)
        if options.profile:
            _profile(bench, options.readers)
        else:
            _compare(bench, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=40_960, help="readers of a run (40,960 = ten buckets)")
    parser.add_argument("--repeat", type=int, default=5, help="runs of each kind, in turn")
    parser.add_argument("--json", action="store_true", help="print one object instead of tables")
    parser.add_argument("--profile", action="store_true", help="show where the sender's CPU time goes")
    parser.add_argument("--scale", action="store_true", help="send to 100,000 and to 1,000,000 readers")
    return parser.parse_args()


def _profile(bench: Bench, reader_count: int) -> None:
    """Send to both audiences and print where the CPU time of the sender goes."""
    for is_personal, title in ((False, "broadcast"), (True, "personal")):
        run = bench.run(bench.prepared(reader_count, is_personal=is_personal), watch=title)
        print(f"{title}: {_line(run)}", flush=True)


def _compare(bench: Bench, options: argparse.Namespace) -> None:
    """Send in turn with each of the ways and print what they took."""
    broadcast = bench.prepared(options.readers, is_personal=False)
    personal = bench.prepared(options.readers, is_personal=True)
    few = bench.prepared(60, is_personal=False)
    for _ in range(options.repeat):
        with _sink.running(bench.sink) as port:
            source = _sink.smtp_source(port, count=options.readers, connections=10)
        print(
            f"smtp-source: {source.cpu / source.count * 1e6:.1f} us; {source.count / source.wall:,.0f} a second"
        )
        print(f"broadcast: {_line(bench.run(broadcast))}")
        print(f"personal: {_line(bench.run(personal))}")
        print(f"mail merge: {bench.merge(few).microseconds:,.0f} us of CPU a message")


def _line(run: _runs.Run) -> str:
    server = run.server_cpu / run.count * 1e6
    return (
        f"{run.count:,} messages of {run.kilobytes:.1f} kB, {run.digest_count:,} different digests;"
        f" {run.microseconds:.1f} us of CPU and the database {server:.1f} us a message; {run.rate:,.0f} a second"
    )


if __name__ == "__main__":
    main()
