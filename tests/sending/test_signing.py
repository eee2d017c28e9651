"""What signs the messages of a newsletter, and signs them again."""

from __future__ import annotations

from datetime import timedelta

import dkim as judge
import pytest

from newsletter.domain.dkim import record_name
from newsletter.mime import dkim as mime
from newsletter.mime import headers
from newsletter.sending import signing
from newsletter.store import Database, Session, backups, dkim, migrate
from newsletter.store.tables import DkimKey
from tests.clocks import NOON

FROM = "news@Post.example.com"
MESSAGE = (
    headers.mailbox("From", "The Harbour Post", FROM)
    + headers.mailbox("To", "Ana", "ana@example.net")
    + headers.text("Subject", "Ships")
    + b"MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nShips.\r\n"
)


@pytest.fixture(scope="module")
def secrets() -> list[bytes]:
    return [mime.new_key(), mime.new_key()]


def activated(session: Session, domain: str, selector: str, secret: bytes) -> DkimKey:
    key = dkim.add(session, domain, selector, private_key=secret, now=NOON)
    dkim.activate(session, key, now=NOON)
    return key


def is_signed_by(key: DkimKey, message: bytes) -> bool:
    name, value = record_name(key.domain, key.selector), mime.record_value(key.private_key)
    return bool(
        judge.verify(
            message, dnsfunc=lambda asked, timeout=5: value.encode() if asked == f"{name}.".encode() else None
        )
    )


def test_without_a_key_nothing_is_signed(session: Session, secrets: list[bytes]) -> None:
    dkim.add(session, "post.example.com", "n1", private_key=secrets[0], now=NOON)

    signers = signing.load(session, FROM)

    assert signers.key_ids == {}
    assert signers.of({"links": 1}) is None


def test_a_window_is_signed_with_the_key_of_the_nearest_domain(
    session: Session, secrets: list[bytes]
) -> None:
    activated(session, "example.com", "n1", secrets[0])
    own = activated(session, "post.example.com", "n1", secrets[1])
    signers = signing.load(session, FROM)

    signer = signers.of(signers.key_ids)

    assert signers.key_ids == {"dkim": own.id}
    assert signer is not None
    assert is_signed_by(own, signer.signed(MESSAGE, at=NOON))


def test_a_retry_is_signed_with_the_key_of_its_window_octet_for_octet(
    session: Session, secrets: list[bytes]
) -> None:
    old = activated(session, "post.example.com", "n1", secrets[0])
    before = signing.load(session, FROM)
    key_ids = before.key_ids
    first = before.of(key_ids)
    assert first is not None
    before_rotation = first.signed(MESSAGE, at=NOON)

    new = activated(session, "post.example.com", "n2", secrets[1])
    dkim.retire(session, new, now=NOON + timedelta(hours=1))
    after = signing.load(session, FROM)
    again = after.of(key_ids)

    assert after.key_ids == {}
    assert again is not None
    assert again.signed(MESSAGE, at=NOON) == before_rotation
    assert is_signed_by(old, before_rotation)


def test_a_restored_installation_signs_as_before(
    database: Database, secrets: list[bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("restored")
    with database.transaction() as session:
        activated(session, "post.example.com", "n1", secrets[0])
        before = signing.load(session, FROM)
    with (folder / "all.backup").open("wb") as file:
        backups.write(database, file, now=NOON, progress=lambda _: None)

    restored = Database(f"sqlite:///{folder / 'restored.db'}")
    migrate.upgrade(restored)
    with (folder / "all.backup").open("rb") as file:
        backups.read(restored, file, progress=lambda _: None)
    with restored.reading() as session:
        after = signing.load(session, FROM)
    restored.dispose()

    signers = before.of(before.key_ids), after.of(before.key_ids)
    first, second = (signer.signed(MESSAGE, at=NOON) for signer in signers if signer is not None)
    assert after.key_ids == before.key_ids
    assert first == second
