"""Test the command that says what a refusal means."""

from __future__ import annotations

from tests.cli.conftest import Cli


def test_a_reply_is_classified_for_a_program(cli: Cli) -> None:
    said = cli("classify-reply", "550 5.1.1 <ada@example.com>: User unknown", "--json")

    assert said.code == 0
    assert said.json == {
        "reply": "550 5.1.1 <ada@example.com>: User unknown",
        "reason": "userunknown",
        "category": "invalid_recipient",
        "hard": True,
        "evidence": "user unknown",
    }


def test_a_reply_is_classified_for_a_person(cli: Cli) -> None:
    said = cli("classify-reply", "552 5.2.2 Mailbox full")

    assert said.code == 0
    assert "mailbox_full" in said.out


def test_the_report_and_the_server_around_a_reply_count(cli: Cli) -> None:
    by_status = cli("classify-reply", "smtp; 550 sorry", "--status", "5.2.2", "--json")
    by_server = cli("classify-reply", "554 5.7.9 Refused", "--server", "mta5.am0.yahoodns.net", "--json")

    assert by_status.json["reason"] == "mailboxfull"
    assert by_server.json["reason"] == "policyviolation"


def test_any_text_has_an_answer(cli: Cli) -> None:
    assert cli("classify-reply", "", "--json").json["reason"] == "undefined"
    assert cli("classify-reply", "\x00 550 \x1b[31m", "--json").json["category"] == "undetermined"
