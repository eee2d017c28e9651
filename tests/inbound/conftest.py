"""Give the tests of our receiver one that runs."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator

import pytest

from newsletter.domain.arrivals import MailWay
from tests.services.ledger import Ledger, Line
from tests.services.receiving import Receiver, receiving


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def receiver(ledger: Ledger) -> Iterator[Receiver]:
    with receiving(ledger) as started:
        yield started


@pytest.fixture(params=[MailWay.LMTP, MailWay.SMTP])
def client(request: pytest.FixtureRequest, receiver: Receiver) -> Iterator[smtplib.SMTP]:
    """Speak both ways in turn, the greeting done."""
    kind = smtplib.LMTP if request.param is MailWay.LMTP else smtplib.SMTP
    opened = kind("127.0.0.1", receiver.ports[request.param])
    opened.ehlo_or_helo_if_needed()
    yield opened
    opened.close()


@pytest.fixture
def line(receiver: Receiver) -> Iterator[Line]:
    opened = Line(receiver.smtp)
    yield opened
    opened.close()
