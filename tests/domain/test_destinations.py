"""Check whose servers are whose."""

from __future__ import annotations

import pytest

from newsletter.domain import destinations


@pytest.mark.parametrize(
    ("host", "group"),
    [
        ("gmail-smtp-in.l.google.com.", "google"),
        ("ASPMX2.GOOGLEMAIL.COM", "google"),
        ("hotmail-com.olc.protection.outlook.com", "outlook"),
        ("firm-example.mail.protection.outlook.com", "outlook"),
        ("firm-example.a-v1.mx.microsoft", "outlook"),
        ("mta5.am0.yahoodns.net", "yahoodns"),
        ("mx01.mail.icloud.com", "icloud"),
        ("mx2.comcast.net", "comcast"),
        ("mx-ha02.web.de", "gmx"),
        ("mx00.gmx.net", "gmx"),
        ("smtp-in.orange.fr", "orange"),
        ("eu-smtp-inbound-1.mimecast.com", "mimecast"),
        ("mx3.qq.com", "qq"),
        ("163mx01.mxmail.netease.com", "netease"),
        ("mx1.mail.example.com", "mail.example.com"),
        ("mx.example.com", "example.com"),
        ("example.com", "example.com"),
        ("notgoogle.com", "notgoogle.com"),
        ("mx.notgoogle.com", "notgoogle.com"),
    ],
)
def test_a_mail_server_is_of_a_group(host: str, group: str) -> None:
    assert destinations.group_of_server(host) == group


def test_a_domain_is_of_its_servers_group_or_of_its_own() -> None:
    assert destinations.group_of_domain("firm.example", "google") == "google"
    assert destinations.group_of_domain("firm.example", None) == "firm.example"
    assert destinations.group_of_domain("gmail.com", None) == "google"


def test_every_domain_that_is_known_by_name_is_among_its_groups() -> None:
    for name in ("gmail.com", "hotmail.com", "aol.com", "me.com", "firm.example"):
        assert name in destinations.domains_of(destinations.group_of_domain(name, None))
