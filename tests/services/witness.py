"""Start the faulty SMTP server in a process of its own, and read what it saw."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any  # JSON

from tests.services.faults import Chances, Fault, Stage, write_chances

ROOT = Path(__file__).parents[2]
# The server has the whole message, and the client got no answer that it could understand.
_NO_ANSWER = frozenset({Fault.DROP, Fault.SILENCE, Fault.MALFORMED, Fault.SLOW})


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """Hold how a server misbehaves; times are seconds."""

    seed: int = 1
    chances: Chances = field(default_factory=dict)
    answer: float = 0.0  # until a message is answered, mean
    slow: float = 1.0  # the longest slow reply
    silence: float = 120.0  # until the server ends a silent connection
    parse_every: int = 1
    offers: str = (
        "pipelining"  # "plain": not, "lie": offers it, and answers only the first command of a group
    )

    def arguments(self) -> list[str]:
        """Return them as the server's command line takes them."""
        words = ["--seed", self.seed, "--answer", self.answer, "--slow", self.slow]
        words += ["--silence", self.silence, "--parse-every", self.parse_every, "--offers", self.offers]
        words += [word for text in write_chances(self.chances) for word in ("--chance", text)]
        return list(map(str, words))


@dataclass(frozen=True, slots=True)
class Copy:
    """Hold one complete message as the server saw it.

    ``answer`` is the code that the server gave it, 0 when the client got none that it could understand, -1 when
    the server had refused it before its end. ``kept`` messages are received ones.
    """

    reader: str
    return_path: str
    message_id: str
    sha: str
    answer: int
    kept: bool
    fault: str
    complaint: str


@dataclass(frozen=True)
class Refusal:
    """Hold one reply of 4xx or 5xx before or during a message."""

    reader: str
    return_path: str
    stage: Stage
    code: int


@dataclass(frozen=True)
class Evidence:
    """Hold what a server saw."""

    copies: list[Copy]
    refusals: list[Refusal]
    counts: Counter[str]  # other lines of the journal by kind
    connection_count: int

    @cached_property
    def received(self) -> Counter[str]:
        """Count the copies that each reader has got."""
        return Counter(copy.reader for copy in self.copies if copy.kept)

    @cached_property
    def answered(self) -> frozenset[str]:
        """Return the readers whose message got a 250."""
        return frozenset(copy.reader for copy in self.copies if copy.answer == 250)

    @cached_property
    def refused(self) -> frozenset[str]:
        """Return the readers who were refused for good."""
        early = {refusal.reader for refusal in self.refusals if refusal.code >= 500 and refusal.reader}
        return frozenset(early | {copy.reader for copy in self.copies if copy.answer >= 500})

    @property
    def drops_after_dot(self) -> int:
        """Count the complete messages that this server, by itself, left without an answer that can be understood."""
        return sum(
            copy.fault in _NO_ANSWER and (copy.answer == 0 or copy.fault == Fault.MALFORMED)
            for copy in self.copies
        )

    @property
    def drops_in_body(self) -> int:
        """Count the messages that the server cut off: small ones may have left the client whole."""
        completed = sum(copy.fault == Fault.MALFORMED and copy.answer > 0 for copy in self.copies)
        return self.counts["cut"] + self.counts["garbage"] - completed

    def complaints(self) -> list[str]:
        """Return what is wrong with the messages themselves."""
        found = [f"{copy.reader}: {copy.complaint}" for copy in self.copies if copy.complaint]
        shas: dict[str, set[str]] = defaultdict(set)
        readers: dict[str, set[str]] = defaultdict(set)
        for copy in self.copies:
            shas[copy.message_id].add(copy.sha)
            readers[copy.message_id].add(copy.reader)
        found += [f"{sorted(readers[key])}: copies differ" for key, many in shas.items() if len(many) > 1]
        found += [f"{sorted(many)}: one Message-ID" for many in readers.values() if len(many) > 1]
        found += [f"{kind}: {self.counts[kind]}" for kind in ("unknown", "eager") if self.counts[kind]]
        return found


class FaultyServer:
    """Run the server; ``prefix`` are words before its command line, such as those that enter a network namespace."""

    def __init__(
        self,
        folder: Path,
        trouble: Trouble,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        prefix: Sequence[str] = (),
    ) -> None:
        self._journal = folder / "server.jsonl"
        self._offset = self._count = 0
        words = ["--host", host, "--port", str(port), "--journal", str(self._journal)]
        self._process = subprocess.Popen(
            [*prefix, sys.executable, "-m", "tests.services.faulty", *words, *trouble.arguments()],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        told = self._process.stdout.readline()
        assert told, "the faulty server did not start"
        self.port = int(told)

    def message_count(self) -> int:
        """Count the complete messages so far."""
        with self._journal.open("rb") as file:
            file.seek(self._offset)
            octets = file.read()
        whole = octets[: octets.rfind(b"\n") + 1]
        self._offset += len(whole)
        self._count += whole.count(b'{"kind":"message"')
        return self._count

    def stop(self) -> Evidence:
        """Stop the server and return what it saw."""
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait(30)
        assert self._process.returncode == 0, "the faulty server failed"
        return read(self._journal)

    def close(self) -> None:
        """End the process, whatever it does."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(10)


def read(journal: Path) -> Evidence:
    """Read a journal."""
    copies, refusals, counts, connection_count = [], [], Counter[str](), 0
    with journal.open(encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            match entry["kind"]:
                case "message":
                    copies.append(_copy(entry))
                case "refused":
                    told = (entry[name] for name in ("reader", "return_path", "stage", "code"))
                    refusals.append(Refusal(*told))
                case "end":
                    connection_count += entry["connection_count"]
                case kind:
                    counts[kind] += 1
    return Evidence(copies, refusals, counts, connection_count)


def _copy(entry: dict[str, Any]) -> Copy:
    return Copy(
        reader=entry["reader"],
        return_path=entry["return_path"],
        message_id=entry["id"],
        sha=entry["sha"],
        answer=entry["answer"],
        kept=entry["kept"],
        fault=entry["fault"],
        complaint=entry["complaint"],
    )
