"""Measure sending over the full path, beside smtp-source and a mail merge in the same run.

The full path: claim, choose, window, join, send, journal, record, from PostgreSQL to a sink in C that counts. Each
run starts from a copy of the same database, in processes of its own whose CPU time is measured; every reader must
have got one message, at the sink and on the receipt. Ratios within a round are what counts on a busy machine.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence

import _sink
from _figures import FIGURES, SCALE_FIGURES, Audiences, Round, ScaleRound
from _runs import Bench, Run
from _setup import cluster, machine, spread

from newsletter.runtime import logs

Values = dict[str, list[float]]
Runs = dict[str, list[Run]]
_ALL = FIGURES | SCALE_FIGURES
_SCALE_REPEAT = 3  # a round of a million takes minutes


def main() -> None:
    """Measure what is asked for and print it."""
    options = _options()
    logs.configure("WARNING")
    _sink.require_tools()
    with cluster() as server, _sink.compiled() as sink:
        bench = Bench(server, sink)
        if options.profile:
            _profile(bench, options.readers)
            return
        values, runs = _measure(
            Round, bench, options.readers, FIGURES if options.only is None else options.only, options.repeat
        )
        if options.scale:
            repeat = min(options.repeat, _SCALE_REPEAT)
            more_values, more_runs = _measure(ScaleRound, bench, options.scale, SCALE_FIGURES, repeat)
            values, runs = values | more_values, runs | more_runs
    if options.json:
        print(json.dumps(_as_object(values, runs), indent=2, allow_nan=False))
    else:
        print(machine())
        _print_runs(runs)
        _print_figures(values)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--readers", type=int, default=122_880, help="readers of a run (122,880: thirty buckets)"
    )
    parser.add_argument("--repeat", type=int, default=5, help="rounds; medians are shown (5)")
    parser.add_argument("--json", action="store_true", help="print one object instead of tables")
    parser.add_argument(
        "--only", nargs="*", choices=FIGURES, metavar="FIGURE", help=f"of {', '.join(FIGURES)}"
    )
    parser.add_argument(
        "--scale",
        type=int,
        nargs="?",
        const=1_000_000,
        metavar="READERS",
        help="send to so many readers too (1,000,000), and to a tenth of them",
    )
    parser.add_argument("--profile", action="store_true", help="show where the sender's CPU time goes")
    return parser.parse_args()


def _measure(
    kind: type[Round], bench: Bench, reader_count: int, names: Iterable[str], repeat: int
) -> tuple[Values, Runs]:
    """Go through all figures again and again, so that a busy machine slows all of them."""
    values: dict[str, list[float]] = defaultdict(list)
    runs: dict[str, list[Run]] = defaultdict(list)
    audiences = Audiences(bench, reader_count)
    for _ in range(repeat):
        found = kind(bench, audiences)
        for name in names:
            values[name].append(_ALL[name].of(found))
        for name, run in found.runs.items():
            runs[name].append(run)
    return values, runs


def _profile(bench: Bench, reader_count: int) -> None:
    """Send to both audiences and print where the CPU time of the sender goes."""
    for is_personal, title in ((False, "broadcast"), (True, "personal")):
        run = bench.run(bench.prepared(reader_count, is_personal=is_personal), watch=title)
        _print_runs({title: [run]})


def _print_runs(runs: Runs) -> None:
    head = ("", "CPU us a message", "database CPU us", "messages a second", "kB", "digests", "peak MB")
    print()
    _print_row(head)
    for name, found in runs.items():
        first = found[0]
        _print_row(
            (
                name,
                spread([run.microseconds for run in found]),
                _known([run.server_cpu / run.count * 1e6 for run in found]),
                spread([run.rate for run in found], digits=0),
                f"{first.kilobytes:.1f}",
                f"{first.digest_count:,}",
                f"{max(run.peak for run in found):.0f}",
            )
        )


def _print_row(cells: Sequence[str]) -> None:
    for cell, width in zip(cells, (26, 28, 24, 26, 8, 9, 9), strict=True):
        print(cell.ljust(width) if width > 9 else cell.rjust(width), end="")
    print()


def _known(values: Sequence[float]) -> str:
    return "-" if math.isnan(values[0]) else spread(values)


def _print_figures(values: Values) -> None:
    print(f"\n{'':29}{'median (min..max)':34}{'target':10}")
    for name, found in values.items():
        figure, middle = _ALL[name], statistics.median(found)
        target = f"{'<=' if figure.is_upper else '>='} {figure.target:g}"
        met = "met" if figure.is_met(middle) else "NOT MET"
        print(f"{name:29}{spread(found, digits=_digits(middle)):34}{target:10}{met:9}{figure.meaning}")


def _as_object(values: Values, runs: Runs) -> dict[str, object]:
    medians = {name: statistics.median(found) for name, found in values.items()}
    return {
        **medians,
        "spread": {name: _range(found) for name, found in values.items()},
        "targets": {name: _ALL[name].target for name in values},
        "met": {name: _ALL[name].is_met(middle) for name, middle in medians.items()},
        "runs": {name: _run_as_object(found) for name, found in runs.items()},
        "machine": machine(),
    }


def _run_as_object(found: Sequence[Run]) -> dict[str, object]:
    first = found[0]
    return {
        "messages": first.count,
        "kilobytes": first.kilobytes,
        "digests": first.digest_count,
        "cpu_us": _range(run.microseconds for run in found),
        "database_cpu_us": _range(run.server_cpu / run.count * 1e6 for run in found),
        "messages_per_second": _range(run.rate for run in found),
        "peak_mb": max(run.peak for run in found),
    }


def _range(values: Iterable[float]) -> dict[str, float] | None:
    found = list(values)
    if math.isnan(found[0]):  # as of a server that is not ours
        return None
    return {"median": statistics.median(found), "min": min(found), "max": max(found), "count": len(found)}


def _digits(value: float) -> int:
    """Return how many digits behind the point show three that count."""
    return max(0, 2 - math.floor(math.log10(value))) if value > 0 else 2


if __name__ == "__main__":
    main()
