"""Run the service as an operator does: its command line, the Procfile's lines, the relay of a test."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any  # JSON

import httpx2
from standardwebhooks.webhooks import Webhook

from newsletter.embedded.feedserver import FeedServer
from tests.services.ports import free_port, wait_until
from tests.services.sink import Received, Sink

ROOT = Path(__file__).parents[2]
PROCFILE = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines() if ": " in line)
_BIN = Path(sys.executable).parent
_CONFIRM_LINK = re.compile(rb"/c/[A-Za-z0-9_=\r\n-]+")
PATIENCE = 120.0  # seconds for one step on a busy machine


@dataclass
class Installation:
    """Hold one installation; ``start`` runs a line of the Procfile. ``more`` are settings of one test."""

    folder: Path
    database_url: str
    redis_url: str
    sink: Sink
    feeds: FeedServer
    port: int = field(default_factory=free_port)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    more: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Return the public address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment of every process."""
        return {
            "PATH": f"{_BIN}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "PORT": str(self.port),
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "NEWSLETTER_DATA_DIR": str(self.folder / "data"),
            "NEWSLETTER_PUBLIC_URL": self.url,
            "NEWSLETTER_INBOUND_DOMAIN": "b.post.example.com",
            "NEWSLETTER_RELAY_HOST": "127.0.0.1",
            "NEWSLETTER_RELAY_PORT": str(self.sink.port),
            "NEWSLETTER_RELAY_TLS": "off",
            "NEWSLETTER_FETCH_ALLOW": f"127.0.0.1:{self.feeds.port}",
            "NEWSLETTER_TICK_SECONDS": "1",
            "NEWSLETTER_LEASE_SECONDS": "4",
            **self.more,
        }

    def command(self, *arguments: str) -> str:
        """Run one command of the command line and return what it printed; it must succeed."""
        done = subprocess.run(
            [_BIN / "newsletter", *arguments],
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def told(self, *arguments: str) -> Any:
        """Run one command with --json and return what it told."""
        return json.loads(self.command(*arguments, "--json"))

    def start(self, *names: str) -> None:
        """Start lines of the Procfile, as a runner does."""
        self.folder.joinpath("data").mkdir(exist_ok=True)
        for name in names:
            with (self.folder / f"{name}.log").open("ab") as log:
                self.processes[name] = subprocess.Popen(
                    ["sh", "-c", f"exec {PROCFILE[name]}"],
                    env=self.environment,
                    cwd=ROOT,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )

    def start_all(self) -> None:
        """Start the whole Procfile and wait for the web process."""
        self.start(*PROCFILE)
        self.await_web()

    def await_web(self) -> None:
        """Wait until the web process can work."""
        wait_until(lambda: self._answers("/readyz"), seconds=PATIENCE, what="the web process is ready")

    def kill(self, name: str) -> None:
        """Kill a process with all its children, as the kernel does when memory is short."""
        process = self.processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)

    def stop(self, name: str) -> int:
        """Ask a process to end, and wait for it; return its exit code."""
        process = self.processes.pop(name)
        process.terminate()
        return process.wait(30)

    def stop_all(self) -> dict[str, int]:
        """Ask all to end, and return their exit codes."""
        for process in self.processes.values():
            process.terminate()
        codes = {}
        for name, process in self.processes.items():
            try:
                codes[name] = process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                codes[name] = process.wait(10)
        self.processes.clear()
        return codes

    def logs(self) -> str:
        """Return the ends of all logs."""
        return "\n".join(
            f"--- {path.name}\n{path.read_text()[-3000:]}" for path in sorted(self.folder.glob("*.log"))
        )

    def sign_up(self, address: str, *, newsletter: str, **more: Any) -> httpx2.Response:
        """Post a signup as the website's backend does, signed by the reference implementation."""
        (key,) = [k for k in self.told("keys", "list", "--reveal") if k["purpose"] == "hooks"]
        body = json.dumps({"address": address, "newsletters": [newsletter], **more})
        sent_at, message_id = datetime.now(UTC), f"msg_{uuid.uuid4().hex}"  # noqa: TID251 - a website of its own
        signature = Webhook(key["secret"]).sign(message_id, sent_at, body)
        headers = {
            "webhook-id": message_id,
            "webhook-timestamp": str(int(sent_at.timestamp())),
            "webhook-signature": signature,
            "content-type": "application/json",
        }
        return self.post("/hooks/signup", content=body.encode(), headers=headers)

    def post(
        self,
        path: str,
        *,
        content: bytes | None = None,
        data: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx2.Response:
        """Post to the web process."""
        return httpx2.post(f"{self.url}{path}", content=content, data=data, headers=headers, timeout=30)

    def confirm(self, address: str) -> None:
        """Wait for the confirmation mail and press the button behind its link."""
        (mail,) = self.await_mails(address, count=1)
        found = _CONFIRM_LINK.search(mail.message)
        assert found is not None
        path = found[0].replace(b"=\r\n", b"").split(b"\r\n")[0].decode()
        answer = self.post(path, data={"action": "confirm"})
        assert answer.status_code == 200, answer.text

    def mailto_of(self, received: Received) -> bytes:
        """Return the address that a mail offers for leaving by mail."""
        found = re.search(rb"mailto:([^>]+)>", received.message)
        assert found is not None
        return found[1]

    def await_mails(self, address: str, *, count: int, seconds: float = PATIENCE) -> list[Received]:
        """Wait until an address has got so many mails."""
        wait_until(
            lambda: len(self.sink.to(address)) >= count, seconds=seconds, what=f"{count} mails to {address}"
        )
        return self.sink.to(address)

    def await_receipt(self, issue_id: int, *, seconds: float = PATIENCE) -> dict[str, Any]:
        """Wait until no reader of an issue is unclaimed; return its receipt."""
        receipt: dict[str, Any] = {}

        def is_complete() -> bool:
            receipt.update(self.told("issues", "receipt", str(issue_id))["receipt"])
            return bool(receipt["planned"] and receipt["unclaimed"] == 0)

        wait_until(is_complete, seconds=seconds, what=f"the receipt of issue {issue_id} is complete")
        return receipt

    def _answers(self, path: str) -> bool:
        try:
            status: int = httpx2.get(f"{self.url}{path}", timeout=5).status_code
        except httpx2.HTTPError:
            return False
        return status == 200
