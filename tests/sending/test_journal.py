"""A journal says after the death of its worker what was begun and what has ended, and never more than it knows."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from newsletter.domain.mailings import MessageStatus
from newsletter.domain.outcomes import SmtpReply
from newsletter.sending import journal
from newsletter.sending.journal import Journal

WINDOW = 7


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """Write a journal of which the worker is gone: 1 accepted, 2 refused, 3 begun, 4 in doubt; 5 is not in it."""
    worker = Journal(tmp_path, "worker")
    for reader in (1, 2, 3, 4):
        worker.begun(WINDOW, reader)
    worker.accepted(WINDOW, 1, 250)
    worker.ended(WINDOW, 2, MessageStatus.FAILED, SmtpReply(550, "5.1.1", "no such user"))
    worker.ended(WINDOW, 4, MessageStatus.UNCERTAIN, None)
    worker.begun(WINDOW + 1, 5)
    worker.close(keep=True)
    return tmp_path


def test_it_tells_how_each_attempt_ended(written: Path) -> None:
    account = journal.read(written, "worker", WINDOW)

    assert account is not None
    assert account.begun == {1, 2, 3, 4}
    assert {reader: note.status for reader, note in account.ended.items()} == {
        1: MessageStatus.SUBMITTED,
        2: MessageStatus.FAILED,
        4: MessageStatus.UNCERTAIN,
    }
    assert account.ended[2].reply == SmtpReply(550, "5.1.1", "")
    assert account.ended[4].reply is None
    assert account.is_complete


def test_a_message_that_was_begun_again_has_not_ended(tmp_path: Path) -> None:
    worker = Journal(tmp_path, "worker")
    worker.begun(WINDOW, 1)
    worker.ended(WINDOW, 1, MessageStatus.DEFERRED, SmtpReply(451, None, ""))
    worker.begun(WINDOW, 1)
    worker.close(keep=True)

    account = journal.read(tmp_path, "worker", WINDOW)

    assert account is not None
    assert account.begun == {1}
    assert not account.ended


def test_numbers_that_look_like_a_window_are_not_taken_for_one(tmp_path: Path) -> None:
    worker = Journal(tmp_path, "worker")
    for window in range(1, 300):
        worker.begun(window, WINDOW)
        worker.begun(window * 256 + WINDOW, WINDOW << 8)
    worker.close(keep=True)

    account = journal.read(tmp_path, "worker", WINDOW)

    assert account is not None
    assert account.begun == {WINDOW}


def test_while_its_worker_lives_silence_proves_nothing(tmp_path: Path) -> None:
    worker = Journal(tmp_path, "worker")
    worker.begun(WINDOW, 1)
    worker.flush()

    account = journal.read(tmp_path, "worker", WINDOW)

    assert account is not None
    assert not account.is_complete
    assert journal.left_behind(tmp_path) == []
    worker.close(keep=True)
    assert journal.left_behind(tmp_path) == ["worker"]


def test_after_a_boot_silence_proves_nothing(written: Path) -> None:
    path = written / "worker.journal"
    octets = bytearray(path.read_bytes())
    octets[8:12] = b"????"  # of the boot's id
    path.write_bytes(octets)

    account = journal.read(written, "worker", WINDOW)

    assert account is not None
    assert not account.is_complete
    assert account.ended[1].status is MessageStatus.SUBMITTED


@pytest.mark.parametrize("cut", range(1, 25))
def test_a_record_that_is_cut_off_is_passed_over(written: Path, cut: int) -> None:
    path = written / "worker.journal"
    octets = path.read_bytes()
    path.write_bytes(octets[:-cut])  # of the record of the next window

    account = journal.read(written, "worker", WINDOW)

    assert account is not None
    assert account.begun == {1, 2, 3, 4}
    assert journal.read(written, "worker", WINDOW + 1).begun == set()  # type: ignore[union-attr]


@pytest.mark.parametrize("octets", [b"", b"garbage", b"\0" * 500])
def test_a_file_that_is_no_journal_knows_nothing(tmp_path: Path, octets: bytes) -> None:
    (tmp_path / "worker.journal").write_bytes(octets)

    account = journal.read(tmp_path, "worker", WINDOW)

    assert account is not None
    assert not account.begun
    assert not account.ended
    assert not account.is_complete
    assert not journal.accepted(tmp_path, "worker")


def test_there_is_no_account_where_there_is_no_journal(tmp_path: Path) -> None:
    assert journal.read(tmp_path, "worker", WINDOW) is None


def test_it_is_deleted_when_all_windows_are_closed(tmp_path: Path) -> None:
    worker = Journal(tmp_path, "worker")
    worker.begun(WINDOW, 1)
    worker.flush()
    worker.forget()
    worker.begun(WINDOW + 1, 2)
    worker.flush()

    assert journal.read(tmp_path, "worker", WINDOW).begun == set()  # type: ignore[union-attr]
    assert journal.read(tmp_path, "worker", WINDOW + 1).begun == {2}  # type: ignore[union-attr]
    worker.close(keep=False)
    assert list(tmp_path.iterdir()) == []


def test_what_was_flushed_survives_the_kill_of_its_worker(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib; from newsletter.sending.journal import Journal\n"
        "journal = Journal(pathlib.Path(sys.argv[1]), 'killed')\n"
        "for reader in range(1, 10**6):\n"
        "    journal.begun(7, reader); journal.flush(); print(reader, flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    told = [process.stdout.readline() for _ in range(500)]
    os.kill(process.pid, signal.SIGKILL)
    told += process.stdout.readlines()
    process.wait()

    account = journal.read(tmp_path, "killed", WINDOW)

    assert account is not None
    assert account.is_complete
    assert {int(line) for line in told if line.endswith("\n")} <= account.begun


def test_a_later_drain_of_the_same_worker_forgets_nothing_of_an_earlier_one(written: Path) -> None:
    again = Journal(written, "worker")
    again.begun(WINDOW + 2, 9)
    again.flush()
    again.forget()
    again.close(keep=False)

    account = journal.read(written, "worker", WINDOW)

    assert account is not None
    assert account.begun == {1, 2, 3, 4}
    assert account.is_complete
    assert journal.read(written, "worker", WINDOW + 2).begun == set()  # type: ignore[union-attr]


def test_the_journal_of_a_worker_that_lives_is_not_to_be_had(written: Path) -> None:
    with journal.taken(written, "worker") as is_ours:
        assert is_ours
    with journal.taken(written, "nobody") as is_ours:
        assert not is_ours

    worker = Journal(written, "worker")
    with journal.taken(written, "worker") as is_ours:
        assert not is_ours
    worker.close(keep=True)


def test_a_drain_waits_for_who_has_taken_its_journal_and_writes_to_one_that_is_there(written: Path) -> None:
    is_taken = threading.Event()

    def delete() -> None:
        with journal.taken(written, "worker") as is_ours:
            assert is_ours
            is_taken.set()
            time.sleep(0.1)
            journal.remove(written, "worker")

    thread = threading.Thread(target=delete)
    thread.start()
    is_taken.wait()
    worker = Journal(written, "worker")
    thread.join()
    worker.begun(WINDOW, 11)
    worker.close(keep=True)

    assert journal.read(written, "worker", WINDOW).begun == {11}  # type: ignore[union-attr]
