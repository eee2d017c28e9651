"""Look-ups in DNS, answered by a name server of our own."""

from __future__ import annotations

import pytest

from newsletter.domain.errors import FetchError, InvalidInput
from newsletter.transports import dns
from tests.services import nameserver

LONG = ["v=DKIM1; k=rsa; p=" + "a" * 200, "b" * 200]


def test_the_strings_of_a_record_are_joined() -> None:
    with nameserver.serving({"n1._domainkey.example.com": [LONG]}) as server:
        found = dns.texts("n1._domainkey.example.com", server=server)

    assert found == ["".join(LONG)]


def test_an_answer_that_does_not_fit_comes_by_tcp() -> None:
    many = [[str(number) * 250] for number in range(9)]
    with nameserver.serving({"example.com": many}) as server:
        found = dns.texts("example.com", server=server)

    assert sorted(found) == sorted(strings[0] for strings in many)


def test_a_name_that_does_not_exist_has_no_records() -> None:
    with nameserver.serving({}) as server:
        assert dns.texts("n1._domainkey.example.com", server=server) == []


def test_a_server_that_fails_is_told_with_what_to_do() -> None:
    with nameserver.serving({}, failing=True) as server, pytest.raises(FetchError) as failed:
        dns.texts("example.com", server=server)

    assert "--nameserver" in failed.value.hint


@pytest.mark.parametrize("server", ["ns.example.com", "192.0.2.1:dns", "300.1.1.1", "[2001:db8::1]:x"])
def test_what_is_no_address_of_a_server_is_refused(server: str) -> None:
    with pytest.raises(InvalidInput, match="name server"):
        dns.texts("example.com", server=server)


@pytest.mark.parametrize(
    ("server", "place"),
    [
        ("192.0.2.1", ("192.0.2.1", 53)),
        ("192.0.2.1:5353", ("192.0.2.1", 5353)),
        ("2001:db8::1", ("2001:db8::1", 53)),
        ("[2001:db8::1]:5353", ("2001:db8::1", 5353)),
    ],
)
def test_the_address_of_a_server_may_have_a_port(server: str, place: tuple[str, int]) -> None:
    assert dns._place(server) == place


@pytest.mark.parametrize(
    ("records", "host"),
    [
        (["20 second.example.net.", "10 First.Example.net."], "first.example.net"),
        (["10 b.example.net.", "10 a.example.net."], "a.example.net"),
        ([], "firm.example"),  # its own server
        (["0 ."], None),  # takes no mail
    ],
)
def test_the_best_mail_server_of_a_domain_is_found(records: list[str], host: str | None) -> None:
    with nameserver.serving({}, mail_servers={"firm.example": records}) as server:
        assert dns.mail_server("firm.example", server=server) == host


def test_a_domain_that_does_not_exist_has_no_mail_server() -> None:
    with nameserver.serving({}) as server:
        assert dns.mail_server("firm.example", server=server) is None


@pytest.mark.parametrize("domain", ["firm.example", "a" * 64 + ".example"])
def test_a_mail_server_that_cannot_be_asked_for_is_told(domain: str) -> None:
    with nameserver.serving({}, failing=True) as server, pytest.raises(FetchError):
        dns.mail_server(domain, server=server)
