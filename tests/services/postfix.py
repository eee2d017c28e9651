"""Run a real Postfix, of Debian's package, with its own configuration and queue, on ports of 127.0.0.1."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.services.ports import accepts, free_port, wait_until

_LARGEST = 1_000_000  # octets of a message, and of a mailbox that is one file
_MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
myhostname = mail.loop.example
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_reject_unlisted_recipient = no
message_size_limit = {largest}
virtual_mailbox_domains = reader.example
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = inline:{{ ana@reader.example=ana/ full@reader.example=full }}
virtual_mailbox_limit = {largest}
virtual_minimum_uid = 1
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
relay_domains = {inbound_domain}
transport_maps = inline:{{ {{{inbound_domain} = lmtp:inet:127.0.0.1:{lmtp_port}}} }}
"""
_MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
lmtp unix - - n - - lmtp
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
"""


class NoPostfix(Exception):
    """Say why there is no mail server."""


class Postfix:
    """Deliver to ``ana@reader.example``, find ``full@reader.example`` full, and know nobody else there.

    It takes every recipient at RCPT and returns mail itself; that of ``inbound_domain`` goes on by LMTP.
    """

    def __init__(self, *, inbound_domain: str, lmtp_port: int) -> None:
        """Start it; raise NoPostfix where it is not installed, or may not be run."""
        program = shutil.which("postfix", path=f"{os.environ['PATH']}:/usr/sbin")
        if program is None:
            raise NoPostfix("no postfix: apt install postfix")
        if os.getuid() != 0:
            raise NoPostfix("only root can run Postfix")
        self._program = program
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="postfix-"))
        self._write(inbound_domain, lmtp_port)
        self._command("start")
        wait_until(lambda: accepts(self.port), seconds=20, what="Postfix listens")

    def close(self) -> None:
        """Stop it and take its folder away."""
        self._command("stop")
        shutil.rmtree(self.folder)

    def mails(self) -> list[bytes]:
        """Return the mails that Ana has got."""
        return [path.read_bytes() for path in sorted((self.folder / "mail" / "ana" / "new").glob("*"))]

    def log(self) -> str:
        """Return what it wrote about its work."""
        return (self.folder / "log").read_text()

    def _write(self, inbound_domain: str, lmtp_port: int) -> None:
        nobody, postfix = pwd.getpwnam("nobody"), pwd.getpwnam("postfix")
        self.folder.chmod(0o755)  # its processes have several users
        for name in ("configuration", "queue", "data", "mail"):
            (self.folder / name).mkdir()
        main = _MAIN.format(
            folder=self.folder,
            largest=_LARGEST,
            uid=nobody.pw_uid,
            gid=nobody.pw_gid,
            inbound_domain=inbound_domain,
            lmtp_port=lmtp_port,
        )
        (self.folder / "configuration" / "main.cf").write_text(main)
        (self.folder / "configuration" / "master.cf").write_text(_MASTER.format(port=self.port))
        (self.folder / "mail" / "full").write_bytes(bytes(_LARGEST))
        os.chown(self.folder / "data", postfix.pw_uid, postfix.pw_gid)
        for place in ("mail", "mail/full"):
            os.chown(self.folder / place, nobody.pw_uid, nobody.pw_gid)

    def _command(self, verb: str) -> None:
        done = subprocess.run(
            [self._program, "-c", str(self.folder / "configuration"), verb],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
