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
    with (tmp_path / "output").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "newsletter.cli.main", "up", "--port", str(port)],
            env=environment,
            stdout=output,
            stderr=output,
        )
    started = Up(process, f"http://127.0.0.1:{port}")
    wait_until(lambda: bool(started.ready().get("ready")), seconds=60, what="web is ready")
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


def test_nothing_is_left_when_the_tree_itself_is_killed(up: Up) -> None:
    children = up.children()

    up.process.kill()
    up.process.wait()

    wait_until(
        lambda: all(is_gone(pid) for pid in children.values()), seconds=60, what="the children are gone"
    )
