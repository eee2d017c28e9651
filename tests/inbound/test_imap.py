"""Take mail from a real IMAP server: moved and never deleted, whole or in part, and clear about what is wrong."""

from __future__ import annotations

import ssl
from dataclasses import replace
from imaplib import IMAP4
from pathlib import Path
from typing import Any  # fields of several types

import pytest

from newsletter.domain.arrivals import KEPT_BYTES
from newsletter.domain.errors import FetchError
from newsletter.inbound import imap
from newsletter.inbound.imap import ImapFolder
from newsletter.inbound.mail import Mail, Portion
from tests.services.dovecot import PASSWORD, Dovecot
from tests.services.ports import free_port

REPORT = b"Subject: Undelivered\r\n\r\nNo such user.\r\n"


@pytest.fixture
def user(dovecot: Dovecot) -> str:
    return dovecot.new_user()


@pytest.fixture
def folder(dovecot: Dovecot, user: str) -> ImapFolder:
    return ImapFolder(
        host="127.0.0.1", port=dovecot.tls_port, username=user, password=PASSWORD, ca_file=dovecot.ca_file
    )


def taken(folder: ImapFolder, *, put_away: bool = True) -> list[Mail]:
    """Take everything."""
    found: list[Mail] = []
    with folder.opened() as opened:
        for portion in opened.portions():
            found += portion.mails
            if put_away:
                opened.put_away(portion)
        assert opened.left == []
    return found


def numbered(number: int) -> bytes:
    return b"Subject: %d\r\n\r\n\r\n" % number


def reason_of(folder: ImapFolder) -> str:
    with pytest.raises(FetchError) as refused:
        taken(folder)
    assert PASSWORD not in str(refused.value)
    return refused.value.reason


def test_mail_is_taken_oldest_first_and_moved(dovecot: Dovecot, user: str, folder: ImapFolder) -> None:
    for number in range(3):
        dovecot.deliver(user, numbered(number))

    found = taken(folder)

    assert found == [Mail(raw=numbered(n), size_bytes=len(numbered(n))) for n in range(3)]
    assert dovecot.mails(user) == []
    assert sorted(dovecot.mails(user, "Newsletter-read")) == [numbered(n) for n in range(3)]
    assert taken(folder) == []


def test_what_was_not_put_away_is_there_again(dovecot: Dovecot, user: str, folder: ImapFolder) -> None:
    dovecot.deliver(user, REPORT)

    first, second = taken(folder, put_away=False), taken(folder)

    assert first == second
    assert len(dovecot.mails(user, "Newsletter-read")) == 1


def test_of_a_large_mail_the_first_part_is_taken_and_all_of_it_moved(
    dovecot: Dovecot, user: str, folder: ImapFolder
) -> None:
    large = REPORT + b"x" * 76 + b"\r\n" + (b"y" * 998 + b"\r\n") * 10_500
    dovecot.deliver(user, large)

    [mail] = taken(folder)

    assert (mail.raw, mail.size_bytes) == (large[:KEPT_BYTES], len(large))
    assert dovecot.mails(user, "Newsletter-read") == [large]


def test_many_mails_come_in_portions(
    dovecot: Dovecot, user: str, folder: ImapFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imap, "_MAILS_AT_ONCE", 2)
    monkeypatch.setattr(imap, "_SIZES_AT_ONCE", 3)
    for number in range(5):
        dovecot.deliver(user, numbered(number))

    with folder.opened() as opened:
        portions = [list(portion.mails) for portion in opened.portions()]

    assert [len(mails) for mails in portions] == [2, 1, 2]


def test_another_program_s_deleted_mail_stays_where_it_is(
    dovecot: Dovecot, user: str, folder: ImapFolder
) -> None:
    dovecot.deliver(user, numbered(1))
    dovecot.deliver(user, numbered(2))
    with IMAP4("127.0.0.1", dovecot.port) as other:
        other.starttls(trusting(dovecot))
        other.login(user, PASSWORD)
        other.select()
        other.store("1", "+FLAGS", r"(\Deleted)")
        other.unselect()

    found = taken(folder)

    assert [mail.raw for mail in found] == [numbered(2)]
    assert dovecot.mails(user) == [numbered(1)]


def trusting(dovecot: Dovecot) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=dovecot.ca_file)


def test_each_way_to_log_in(dovecot: Dovecot, user: str, folder: ImapFolder, tmp_path: Path) -> None:
    token_file = tmp_path / "token"
    token_file.write_text(dovecot.token(user) + "\n")
    ways = [
        folder,
        replace(folder, tls="starttls", port=dovecot.port),
        replace(folder, tls="off", port=dovecot.port),
        replace(folder, token_file=token_file, password=""),
    ]
    for way in ways:
        dovecot.deliver(user, REPORT)

        assert len(taken(way)) == 1


def test_a_name_of_other_letters_is_a_folder(dovecot: Dovecot, user: str, folder: ImapFolder) -> None:
    dovecot.deliver(user, REPORT)

    taken(replace(folder, done_folder="Gelesen & geprüft"))

    assert dovecot.mails(user) == []
    assert taken(replace(folder, folder="Gelesen & geprüft")) == [Mail(raw=REPORT, size_bytes=len(REPORT))]


@pytest.mark.parametrize(
    ("reason", "wrong"),
    [
        ("unavailable", {"port": free_port()}),
        ("bad_tls", {"ca_file": None}),
        ("login_refused", {"password": "wrong"}),
        ("login_refused", {"password": "wröng"}),
        ("no_folder", {"folder": "There is none"}),
    ],
)
def test_what_is_wrong_is_said_with_a_code(folder: ImapFolder, reason: str, wrong: dict[str, Any]) -> None:
    assert reason_of(replace(folder, **wrong)) == reason


def test_a_token_file_that_is_missing_or_stale_is_a_refused_login(folder: ImapFolder, tmp_path: Path) -> None:
    stale = tmp_path / "token"
    stale.write_text("stale")

    reasons = [reason_of(replace(folder, token_file=path)) for path in (stale, tmp_path / "none")]

    assert reasons == ["login_refused"] * 2


def test_a_mail_that_another_program_took_meanwhile_is_told(
    dovecot: Dovecot, user: str, folder: ImapFolder
) -> None:
    dovecot.deliver(user, REPORT)
    with folder.opened() as opened:
        [portion] = opened.portions()

        assert taken(folder) == list(portion.mails)
        opened.put_away(portion)
        opened.put_away(Portion([], []))

        assert opened.left == ["1 mails: the server did not move all of them"]
    assert len(dovecot.mails(user, "Newsletter-read")) == 1
