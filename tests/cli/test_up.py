"""Test the process tree of ``newsletter up`` as a whole."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.services.ports import free_port, wait_until

pytestmark = pytest.mark.end_to_end


@dataclass
class Up:
    """Hold one running tree."""

    process: subprocess.Popen[bytes]
    url: str
    output: Path

    def ready(self) -> dict[str, object]:
        """Return what the web process says about itself; empty when it does not answer."""
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=2) as answer:
                found: dict[str, object] = json.loads(answer.read())
                return found
        except OSError:
            return {}

    def children(self) -> dict[str, int]:
        """Return the process ids of the tree's children by what they run."""
        listed = subprocess.run(
            ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(self.process.pid)],
            capture_output=True,
            text=True,
            check=False,
        )
        names = ("server ", "worker@", "sender@", "uvicorn")
        found: dict[str, int] = {}
        for line in listed.stdout.splitlines():
            pid, _, command = line.strip().partition(" ")
            found.update({name: int(pid) for name in names if name in command})
        return found

    def works(self) -> bool:
        """Say whether both workers have reached the broker."""
        return self.output.read_text().count("celery.apps.worker: [address] ready.") == 2

    def descendants(self) -> list[int]:
        """Return the process ids of the children and of theirs."""
        found = _children([self.process.pid])
        return found + _children(found)


def _children(parents: list[int]) -> list[int]:
    listed = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", ",".join(map(str, parents))],
        capture_output=True,
        text=True,
        check=True,
    )
    return [int(pid) for pid in listed.stdout.split()]


def is_gone(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    port = free_port()
    environment = {"PATH": os.environ["PATH"], "NEWSLETTER_DATA_DIR": str(tmp_path / "data")}
    output = tmp_path / "output"
    with output.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "newsletter.cli.main", "up", "--port", str(port)],
            env=environment,
            stdout=log,
            stderr=log,
        )
    started = Up(process, f"http://127.0.0.1:{port}", output)
    wait_until(lambda: bool(started.ready().get("ready")), seconds=120, what="web is ready")
    yield started
    if process.poll() is None:
        process.kill()
        process.wait()


def test_up_makes_everything_ready_and_stops_it_all(up: Up) -> None:
    ready, children = up.ready(), up.children()

    up.process.terminate()

    assert ready == {"ready": True, "database": "ok", "broker": "ok"}
    assert len(children) == 4
    assert up.process.wait(60) == 0
    assert all(is_gone(pid) for pid in children.values())


def test_a_killed_worker_comes_back(up: Up) -> None:
    before = up.children()

    os.kill(before["worker@"], signal.SIGKILL)

    wait_until(
        lambda: up.children().get("worker@") not in {None, before["worker@"]},
        seconds=30,
        what="the worker is back",
    )


def test_nothing_is_left_when_the_tree_and_its_broker_are_killed(up: Up) -> None:
    wait_until(up.works, seconds=60, what="the workers are ready")
    children, everybody = up.children(), up.descendants()
    workers = [children["worker@"], children["sender@"]]

    for pid in workers:  # they learn of both at once: what handles the signal then has nobody to talk to
        os.kill(pid, signal.SIGSTOP)
    os.kill(children["server "], signal.SIGKILL)
    up.process.kill()
    up.process.wait()
    for pid in workers:
        os.kill(pid, signal.SIGCONT)

    assert len(everybody) == 8  # those of the tree, three processes of the pools, and beat
    wait_until(lambda: all(map(is_gone, everybody)), seconds=60, what="everybody is gone")
