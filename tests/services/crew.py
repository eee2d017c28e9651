"""Run the processes of one installation from the Procfile's lines, kill them, and start anew those that died."""

from __future__ import annotations

import contextlib
import os
import random  # noqa: TID251 - which process is killed
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROCFILE = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines() if ": " in line)
_BIN = Path(sys.executable).parent


class Crew:
    """Supervise processes, as systemd or a runner of Procfiles does: one that ends is started again."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        """``settings`` are environment variables; the rest of the environment is empty but for PATH."""
        self._folder = folder
        self._environment = {"PATH": f"{_BIN}:{os.environ['PATH']}", "HOME": str(folder), **settings}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._groups: dict[int, str] = {}  # of a main process: its line
        self._frozen: dict[int, float] = {}  # processes, and until when
        self.kill_count = 0
        folder.joinpath("data").mkdir(exist_ok=True)

    def start(self, *names: str) -> None:
        """Start lines of the Procfile; "sender.2" is a second process of the line "sender"."""
        for name in names:
            with (self._folder / f"{name}.log").open("ab") as log:
                process = subprocess.Popen(
                    ["sh", "-c", f"exec {PROCFILE[name.partition('.')[0]]}"],
                    env=self._environment,
                    cwd=ROOT,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            self._running[name] = process
            self._groups[process.pid] = name.partition(".")[0]

    def tend(self) -> None:
        """Start anew what has died; let go on what has been frozen for long enough."""
        for process, until in list(self._frozen.items()):
            if time.monotonic() >= until:
                del self._frozen[process]
                _signal(process, signal.SIGCONT)
        for name, child in list(self._running.items()):
            if child.poll() is not None:
                self.start(name)

    def kill_one(self, line: str, chance: random.Random) -> int:
        """Send kill -9 to a process of a line: a child, a main process alone, or one with all its children.

        Return how many processes that were; 0 when none was running.
        """
        families = {main: _members_of(main) for main, its_line in self._groups.items() if its_line == line}
        candidates = [process for family in families.values() for process in family]
        if not candidates:
            return 0
        chosen = chance.choice(candidates)
        victims = families[chosen] if chosen in families and chance.random() < 0.5 else [chosen]
        count = sum(_signal(victim, signal.SIGKILL) for victim in victims)
        self.kill_count += count
        return count

    def freeze_one(self, line: str, chance: random.Random, *, seconds: float) -> bool:
        """Stop a child process for a while, as a machine does whose memory is swapped out, or that is moved.

        False when there was none.
        """
        mains = [main for main, its_line in self._groups.items() if its_line == line]
        candidates = [child for main in mains for child in _members_of(main) if child != main]
        chosen = chance.choice(candidates) if candidates else None
        if chosen is None or chosen in self._frozen or not _signal(chosen, signal.SIGSTOP):
            return False
        self._frozen[chosen] = time.monotonic() + seconds
        return True

    def command(self, *arguments: str) -> str:
        """Run one command of the command line and return what it printed; it must succeed."""
        done = subprocess.run(
            [_BIN / "newsletter", *arguments],
            env=self._environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def stop(self) -> None:
        """End everything at once, orphans included."""
        for group in self._groups:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
        for process in self._running.values():
            process.wait(10)
        self._running.clear()

    def logs(self, *, characters: int = 3000) -> str:
        """Return the ends of all logs."""
        texts = ((path.name, path.read_text(errors="replace")) for path in sorted(self._folder.glob("*.log")))
        return "\n".join(f"--- {name}\n{text[-characters:]}" for name, text in texts)


def _members_of(group: int) -> list[int]:
    """Return the living processes of a process group: a main process, its children, and what it left behind."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        with contextlib.suppress(OSError, IndexError):
            state, _, its_group, *_ = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(its_group) == group and state != "Z":
                found.append(int(folder.name))
    return found


def _signal(process: int, number: signal.Signals) -> bool:
    try:
        os.kill(process, number)
    except ProcessLookupError:
        return False
    return True
