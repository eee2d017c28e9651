"""Test the embedded broker with a real server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest
from redis import Redis

from newsletter.embedded.broker import Broker, BrokerUnavailable


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Broker]:
    started = Broker(tmp_path / "broker" / "b.sock")
    started.start()
    yield started
    started.stop()


def client(tmp_path: Path) -> Redis:
    return Redis(unix_socket_path=str(tmp_path / "broker" / "b.sock"))


def test_the_broker_keeps_what_it_was_given_over_a_restart(tmp_path: Path, running: Broker) -> None:
    client(tmp_path).set("ring", "kept")

    running.stop()
    running.start()

    assert client(tmp_path).get("ring") == b"kept"


def test_only_the_owner_can_reach_the_broker(tmp_path: Path, running: Broker) -> None:
    folder = tmp_path / "broker"

    modes = folder.stat().st_mode & 0o777, (folder / "b.sock").stat().st_mode & 0o777

    assert running.answers()
    assert modes == (0o700, 0o600)


def test_a_broker_that_answers_already_is_used_and_not_started_again(tmp_path: Path, running: Broker) -> None:
    second = Broker(tmp_path / "broker" / "b.sock")

    second.start()

    assert second.pid is None
    second.stop()
    assert running.answers()


def test_the_broker_is_gone_when_its_parent_is_killed(tmp_path: Path) -> None:
    program = f"""
        import time
        from pathlib import Path
        from newsletter.embedded.broker import Broker
        broker = Broker(Path({str(tmp_path / "broker" / "b.sock")!r}))
        broker.start()
        print(broker.pid, flush=True)
        time.sleep(60)
    """
    parent = subprocess.Popen([sys.executable, "-c", dedent(program)], stdout=subprocess.PIPE)
    assert parent.stdout
    server = int(parent.stdout.readline())

    parent.send_signal(signal.SIGKILL)
    parent.wait()

    assert ends(server)


def test_no_server_anywhere_is_told_with_what_to_do(tmp_path: Path) -> None:
    program = f"""
        from pathlib import Path
        from newsletter.embedded.broker import Broker, BrokerUnavailable
        try:
            Broker(Path({str(tmp_path / "b.sock")!r})).start()
        except BrokerUnavailable as error:
            print(error.hint)
    """
    bare = {"PATH": "", "PYTHONPATH": str(Path(__file__).parents[2])}  # and -S: no installed packages

    done = subprocess.run(
        [sys.executable, "-S", "-c", dedent(program)], env=bare, capture_output=True, text=True
    )

    assert "REDIS_URL" in done.stdout, done.stderr


def ends(pid: int) -> bool:
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        if Path(f"/proc/{pid}/stat").exists() and " Z " in Path(f"/proc/{pid}/stat").read_text():
            return True
        time.sleep(0.05)
    return False


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_somebody_else_is_not_trusted(tmp_path: Path) -> None:
    folder = tmp_path / "broker"
    folder.mkdir()
    os.chown(folder, 65534, 65534)

    with pytest.raises(BrokerUnavailable, match="somebody else"):
        Broker(folder / "b.sock").start()
