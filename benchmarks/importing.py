"""Measure the import of readers from CSV, against an import that inserts row by row, in the same run.

Each import runs in a process of its own, so that peaks of memory can be told apart. The peer looks an address up,
inserts reader, subscription and consent event one by one through SQLAlchemy, and commits every 2,000 rows as we do:
it differs in the number of statements only. It takes a tenth of the rows and is compared by the row.
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

from _setup import databases, machine, spread
from sqlalchemy import select

from newsletter.digest import newsletters
from newsletter.digest.newsletters import NewsletterDraft
from newsletter.domain import addresses
from newsletter.domain.consent import ConsentEvidence, ConsentKind
from newsletter.domain.subscriptions import SubscriptionStatus
from newsletter.store import Database, Session
from newsletter.store.tables import ConsentEvent, Newsletter, Subscriber, Subscription
from newsletter.subscribing import importing

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DOMAIN_COUNT = 400
COMMIT_EVERY = 2_000
SMALL_PART = 10  # the peer and the small import take a tenth of the rows


def main() -> None:
    """Run the imports in turn and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--child", nargs=3, metavar=("KIND", "URL", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(*options.child)
        return
    print(machine())
    with tempfile.TemporaryDirectory() as folder, databases() as places:
        large, small = Path(folder, "large.csv"), Path(folder, "small.csv")
        write_rows(large, options.rows)
        write_rows(small, options.rows // SMALL_PART)
        runs = {"ours": ("ours", large), "ours, a tenth": ("ours", small), "row by row": ("peer", small)}
        for name, new_database in places.items():
            figures: dict[str, list[dict[str, float]]] = defaultdict(list)
            for _ in range(options.repeat):
                for label, (kind, file) in runs.items():
                    figures[label].append(run_child(kind, new_database(), file))
            report(name, figures)


def report(name: str, figures: dict[str, list[dict[str, float]]]) -> None:
    """Print what one database came to."""
    print(f"\n{name}")
    print(f"{'':14}{'rows':>9}  {'wall s':22}{'CPU s':22}{'us a row':26}{'peak MB, start -> end'}")
    for label, runs in figures.items():
        rows = runs[0]["rows"]
        print(
            f"{label:14}{rows:9,.0f}  {spread([r['wall'] for r in runs]):22}{spread([r['cpu'] for r in runs]):22}"
            f"{spread([r['wall'] / rows * 1e6 for r in runs], digits=0):26}"
            f"{max(r['before'] for r in runs):.0f} -> {max(r['peak'] for r in runs):.0f}"
        )
    ratios = [
        peer["wall"] / peer["rows"] / (ours["wall"] / ours["rows"])
        for peer, ours in zip(figures["row by row"], figures["ours"], strict=True)
    ]
    print(f"a row of the peer costs {spread(ratios)} times as much")


def run_child(kind: str, url: str, file: Path) -> dict[str, float]:
    """Import a file in a process of its own and return its figures."""
    command = [sys.executable, __file__, "--child", kind, url, str(file)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def child(kind: str, url: str, file: str) -> None:
    """Import one file and print its figures as JSON."""
    database = Database(url)
    with database.transaction() as session:
        newsletters.add(
            session,
            NewsletterDraft(
                slug="daily",
                name="The Daily",
                from_name="The Daily",
                from_address="news@post.example.com",
                postal_address="The Daily, 1 Quay Street, Porttown",
            ),
            now=NOW,
        )
    before = peak_megabytes()
    wall, cpu = time.perf_counter(), time.process_time()
    rows = ours(database, file) if kind == "ours" else peer(database, file)
    print(
        json.dumps(
            {
                "rows": rows,
                "wall": time.perf_counter() - wall,
                "cpu": time.process_time() - cpu,
                "before": before,
                "peak": peak_megabytes(),
            }
        )
    )


def ours(database: Database, file: str) -> int:
    """Import as the service does."""
    with Path(file).open(encoding="utf-8", newline="") as stream:
        report = importing.import_csv(
            database.transaction,
            stream,
            "daily",
            evidence=ConsentEvidence(channel="import"),
            progress=lambda _: None,
            now=NOW,
        )
    assert report.added == report.read_count, report
    return report.added


def peer(database: Database, file: str) -> int:
    """Import row by row."""
    with Path(file).open(encoding="utf-8", newline="") as stream, Session(database.engine) as session:
        newsletter_id = session.scalars(select(Newsletter.id)).one()
        rows = 0
        for row in csv.DictReader(stream):
            insert(session, newsletter_id, row)
            rows += 1
            if rows % COMMIT_EVERY == 0:
                session.commit()
        session.commit()
    return rows


def insert(session: Session, newsletter_id: int, row: dict[str, str]) -> None:
    """Look for one reader and insert what is missing."""
    address = addresses.parse(row["address"])
    if session.scalar(select(Subscriber.id).where(Subscriber.address_key == address.key)) is not None:
        return
    reader = Subscriber(
        address=str(address),
        address_key=address.key,
        abuse_key=address.abuse_key,
        name=row["name"],
        language=row["language"],
        created_at=NOW,
    )
    session.add(reader)
    session.flush()
    session.add(
        Subscription(
            subscriber_id=reader.id,
            newsletter_id=newsletter_id,
            status=SubscriptionStatus.ACTIVE,
            requested_at=NOW,
            confirmed_at=NOW,
        )
    )
    session.add(
        ConsentEvent(
            subscriber_id=reader.id,
            newsletters=[newsletter_id],
            kind=ConsentKind.IMPORTED,
            at=NOW,
            evidence={"channel": "import"},
        )
    )
    session.flush()


def write_rows(file: Path, count: int) -> None:
    """Write a file of readers, the same on every run."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["address", "name", "language"])
        for number in range(count):
            domain = f"mail{number * 7919 % DOMAIN_COUNT}.example.com"
            writer.writerow([f"Reader.{number}@{domain}", f"Ana Müller {number}", "en"])


def peak_megabytes() -> float:
    """Return the most memory that this process has had, as Linux counts it (KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
