"""Take mail from a Maildir: moved and never deleted, and what is no mail stays with its reason."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from newsletter.domain.arrivals import KEPT_BYTES
from newsletter.domain.errors import FetchError
from newsletter.inbound.mail import Mail
from newsletter.inbound.maildir import Maildir

REPORT = b"Subject: Undelivered\r\n\r\nNo such user.\r\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make an empty Maildir."""
    for name in ("cur", "new", "tmp"):
        (tmp_path / name).mkdir()
    return tmp_path


def deliver(folder: Path, name: str, raw: bytes = REPORT) -> None:
    (folder / "new" / name).write_bytes(raw)


def taken(folder: Path) -> tuple[list[Mail], list[str]]:
    """Take everything; return the mails and what was left."""
    found: list[Mail] = []
    with Maildir(folder).opened() as opened:
        for portion in opened.portions():
            found += portion.mails
            opened.put_away(portion)
        return found, opened.left


def names(folder: Path, part: str) -> list[str]:
    return sorted(path.name for path in (folder / part).iterdir())


def test_mail_is_taken_oldest_first_and_moved(folder: Path) -> None:
    for number in (2, 1, 3):
        deliver(folder, f"{number}.a", b"%d" % number)

    found = taken(folder)

    assert found == ([Mail(raw=b"%d" % n, size_bytes=1) for n in (1, 2, 3)], [])
    assert names(folder, "new") == []
    assert names(folder, "cur") == ["1.a:2,S", "2.a:2,S", "3.a:2,S"]
    assert taken(folder) == ([], [])


def test_what_was_not_put_away_is_there_again(folder: Path) -> None:
    deliver(folder, "1.a")

    with Maildir(folder).opened() as opened:
        first = [portion.mails for portion in opened.portions()]

    assert [taken(folder)[0]] == first


def test_what_is_still_written_or_was_seen_is_left_alone(folder: Path) -> None:
    (folder / "tmp" / "1.a").write_bytes(REPORT)
    (folder / "cur" / "2.a:2,S").write_bytes(REPORT)
    deliver(folder, ".hidden")

    assert taken(folder) == ([], [])


def test_of_a_large_mail_the_first_part_is_taken(folder: Path) -> None:
    deliver(folder, "1.a", b"x" * (KEPT_BYTES + 3_000_000))
    deliver(folder, "2.a")

    with Maildir(folder).opened() as opened:
        portions = [list(portion.mails) for portion in opened.portions()]

    assert [[(len(mail.raw), mail.size_bytes) for mail in mails] for mails in portions] == [
        [(KEPT_BYTES, KEPT_BYTES + 3_000_000)],
        [(len(REPORT), len(REPORT))],
    ]


def test_what_is_no_mail_stays_with_its_reason(folder: Path) -> None:
    (folder / "secret").write_bytes(b"secret")
    (folder / "new" / "1.link").symlink_to(folder / "secret")
    (folder / "new" / "2.folder").mkdir()
    os.mkfifo(folder / "new" / "3.pipe")
    deliver(folder, "4.mail")

    found, left = taken(folder)

    assert [mail.raw for mail in found] == [REPORT]
    assert [text.partition(":")[0] for text in left] == ["1.link", "2.folder", "3.pipe"]
    assert names(folder, "new") == ["1.link", "2.folder", "3.pipe"]


def test_no_mail_in_cur_is_overwritten(folder: Path) -> None:
    (folder / "cur" / "1.a:2,S").write_bytes(b"another")
    deliver(folder, "1.a")

    _, left = taken(folder)

    assert left == ["1.a: another mail has its name in cur"]
    assert (folder / "cur" / "1.a:2,S").read_bytes() == b"another"
    assert names(folder, "new") == ["1.a"]


def test_a_name_of_any_octets_is_a_name(folder: Path) -> None:
    name = b"1.\xff\xfe:2,"
    (Path(os.fsdecode(os.fsencode(folder / "new") + b"/" + name))).write_bytes(REPORT)

    assert taken(folder) == ([Mail(raw=REPORT, size_bytes=len(REPORT))], [])


@pytest.mark.parametrize("missing", ["new", "cur"])
def test_what_is_no_maildir_is_said_with_a_code(folder: Path, missing: str) -> None:
    (folder / missing).rmdir()

    with pytest.raises(FetchError) as refused:
        taken(folder)

    assert refused.value.reason == "no_maildir"
