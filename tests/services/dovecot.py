"""Run a real IMAP server, of Debian's dovecot-imapd, on 127.0.0.1: any user with one password, or with a token."""

from __future__ import annotations

import base64
import grp
import hashlib
import hmac
import json
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from itertools import count
from pathlib import Path

import trustme

from tests.services.ports import accepts, free_port, wait_until

PASSWORD = "pass-word"
_TOKEN_KEY = b"a key that only tests have......"
_CONFIGURATION = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
default_internal_user = {user}
default_login_user = {user}
default_internal_group = {group}
first_valid_uid = 0
mail_location = maildir:{folder}/mail/%u
auth_mechanisms = plain xoauth2
auth_failure_delay = 0
ssl = yes
ssl_cert = <{folder}/chain.pem
ssl_key = <{folder}/key.pem
passdb {{
  driver = static
  mechanisms = plain login
  args = password={password}
}}
passdb {{
  driver = oauth2
  mechanisms = xoauth2
  args = {folder}/tokens.conf
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/home/%u
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
  }}
}}
"""
_TOKENS = """
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={folder}/keys/
username_attribute = sub
"""
_numbers = count(1)


class NoDovecot(Exception):
    """Say why there is no IMAP server."""


class Dovecot:
    """Hold the server; root runs it as nobody, because it refuses root."""

    def __init__(self) -> None:
        """Start it; raise NoDovecot where it is not installed, or of another version's configuration."""
        self._program = shutil.which("dovecot", path=f"{os.environ['PATH']}:/usr/sbin")
        if self._program is None:
            raise NoDovecot("no dovecot: apt install dovecot-imapd")
        version = subprocess.run(
            [self._program, "--version"], capture_output=True, text=True, check=True
        ).stdout
        if not version.startswith("2.3."):
            raise NoDovecot(f"the configuration is for Dovecot 2.3, not {version.split()[0]}")
        self.port, self.tls_port = free_port(), free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="dovecot-"))
        self._account = pwd.getpwnam("nobody") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
        self.authority = trustme.CA()
        self._write()
        self._process = self._start()

    def close(self) -> None:
        """Stop it and take its folder away."""
        self._process.terminate()
        self._process.wait(10)
        shutil.rmtree(self.folder)

    @property
    def ca_file(self) -> Path:
        """Return the file of the authority that signed its certificate."""
        return self.folder / "authority.pem"

    def new_user(self) -> str:
        """Return a user whose mailbox is empty."""
        return f"user{next(_numbers)}"

    def deliver(self, user: str, raw: bytes) -> None:
        """Put a mail into a user's INBOX."""
        inbox = self.folder / "mail" / user
        for name in ("cur", "new", "tmp"):
            (inbox / name).mkdir(parents=True, exist_ok=True)
        (inbox / "new" / f"{next(_numbers):06}.test").write_bytes(raw)
        self._give_away(inbox)

    def mails(self, user: str, folder: str = "INBOX") -> list[bytes]:
        """Return the mails in a folder, as they lie on the disk."""
        place = self.folder / "mail" / user / ("" if folder == "INBOX" else f".{folder}")
        found = [path for name in ("new", "cur") for path in (place / name).glob("*")]
        return [path.read_bytes() for path in sorted(found)]

    def token(self, user: str) -> str:
        """Return an access token (RFC 7519) that the server takes."""
        now = int(time.time())  # noqa: TID251 - the server reads the machine's clock
        claims = {"sub": user, "iat": now - 5, "nbf": now - 5, "exp": now + 600}
        parts = [_url_safe(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims)]
        signed = ".".join(parts)
        return f"{signed}.{_url_safe(hmac.new(_TOKEN_KEY, signed.encode(), hashlib.sha256).digest())}"

    def _write(self) -> None:
        issued = self.authority.issue_cert("127.0.0.1")
        keys = self.folder / "keys/default/HS256"
        keys.mkdir(parents=True)
        keys.joinpath("default").write_text(base64.b64encode(_TOKEN_KEY).decode())
        self.authority.cert_pem.write_to_path(self.ca_file)
        self.folder.joinpath("chain.pem").write_bytes(
            b"".join(blob.bytes() for blob in issued.cert_chain_pems)
        )
        issued.private_key_pem.write_to_path(self.folder / "key.pem")
        self.folder.joinpath("tokens.conf").write_text(_TOKENS.format(folder=self.folder))
        text = _CONFIGURATION.format(
            folder=self.folder,
            user=self._account.pw_name,
            group=_group_name(self._account.pw_gid),
            uid=self._account.pw_uid,
            gid=self._account.pw_gid,
            password=PASSWORD,
            port=self.port,
            tls_port=self.tls_port,
        )
        self.folder.joinpath("dovecot.conf").write_text(text)
        self._give_away(self.folder)

    def _start(self) -> subprocess.Popen[bytes]:
        assert self._program is not None
        command = [self._program, "-F", "-c", str(self.folder / "dovecot.conf")]
        if os.getuid() == 0:
            process = subprocess.Popen(
                command, user=self._account.pw_uid, group=self._account.pw_gid, extra_groups=[]
            )
        else:
            process = subprocess.Popen(command)
        wait_until(lambda: accepts(self.port) and accepts(self.tls_port), seconds=20, what="Dovecot listens")
        return process

    def _give_away(self, place: Path) -> None:
        if os.getuid() == 0:
            for path in (place, *place.rglob("*")):
                os.chown(path, self._account.pw_uid, self._account.pw_gid)


def _group_name(number: int) -> str:
    return grp.getgrgid(number).gr_name


def _url_safe(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
