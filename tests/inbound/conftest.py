"""Provide a real IMAP server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.services.dovecot import Dovecot, NoDovecot


@pytest.fixture(scope="session")
def dovecot() -> Iterator[Dovecot]:
    """Run one IMAP server for all tests; skip with the reason where there is none."""
    try:
        server = Dovecot()
    except NoDovecot as error:
        pytest.skip(str(error))
    yield server
    server.close()
