"""Test the commands about the keys that sign messages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any  # JSON answers are of any type

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.cli.conftest import Cli, Said
from tests.services import nameserver


@pytest.fixture(scope="module")
def pem() -> str:
    """Make a key as OpenDKIM does."""
    return (
        rsa.generate_private_key(65537, 2048)
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        .decode()
    )


@pytest.fixture
def key_file(pem: str, tmp_path: Path) -> Path:
    """Write that key to a file."""
    file = tmp_path / "default.private"
    file.write_text(pem)
    return file


def added(cli: Cli, *arguments: str) -> Any:
    said = cli("dkim", "add", "example.com", *arguments, "--json")
    assert said.code == 0, said.err
    return said.json


def statuses(cli: Cli) -> dict[str, str]:
    return {key["selector"]: key["status"] for key in cli("dkim", "list", "--json").json}


def activated(cli: Cli, selector: str, records: nameserver.Records) -> Said:
    with nameserver.serving(records) as server:
        return cli("dkim", "activate", "example.com", selector, "--nameserver", server)


def test_a_new_key_is_pending_and_its_record_is_printed_in_both_forms(cli: Cli) -> None:
    said = cli("dkim", "add", "Example.com", "--selector", "n1")

    assert said.code == 0, said.err
    assert 'n1._domainkey.example.com. IN TXT (\n    "v=DKIM1; k=rsa; p=' in said.out
    assert "\nn1._domainkey.example.com\nTXT\nv=DKIM1; k=rsa; p=" in said.out
    assert "newsletter dkim activate example.com n1" in said.err
    assert statuses(cli) == {"n1": "pending"}


def test_the_record_can_be_printed_again(cli: Cli) -> None:
    first = added(cli, "--selector", "n1")
    added(cli, "--selector", "n2")

    both = cli("dkim", "record", "example.com", "--json").json
    one = cli("dkim", "record", "example.com", "--selector", "n1", "--json").json

    assert [record["name"] for record in both] == ["n1._domainkey.example.com", "n2._domainkey.example.com"]
    assert one == [first]
    assert "".join(first["strings"]) == first["value"]


def test_a_key_without_a_name_is_named_after_the_day(cli: Cli) -> None:
    first, second = added(cli), added(cli)

    selector = first["name"].partition(".")[0]
    assert selector[1:].isdigit()
    assert second["name"].startswith(f"{selector}-2.")


def test_a_key_signs_once_its_record_is_published(cli: Cli) -> None:
    record = added(cli, "--selector", "n1")

    said = activated(cli, "n1", {record["name"]: [record["strings"]]})

    assert said.code == 0, said.err
    assert statuses(cli) == {"n1": "signs"}


def test_a_key_does_not_sign_before_its_record_is_published(cli: Cli) -> None:
    record = added(cli, "--selector", "n1")
    cut = record["strings"][:1]

    nothing = activated(cli, "n1", {})
    torn = activated(cli, "n1", {record["name"]: [cut]})

    assert (nothing.code, torn.code) == (1, 1)
    assert "there is no such record yet" in nothing.err
    assert "another key" in torn.err
    assert "newsletter dkim record" in torn.err
    assert statuses(cli) == {"n1": "pending"}


def test_who_cannot_ask_dns_may_go_without(cli: Cli) -> None:
    added(cli, "--selector", "n1")
    with nameserver.serving({}, failing=True) as server:
        refused = cli("dkim", "activate", "example.com", "n1", "--nameserver", server)

    said = cli("dkim", "activate", "example.com", "n1", "--unchecked")

    assert refused.code == 1
    assert said.code == 0
    assert statuses(cli) == {"n1": "signs"}


def test_a_rotation_leaves_no_gap_and_says_how_long_the_old_record_must_stand(cli: Cli) -> None:
    added(cli, "--selector", "n1")
    cli("dkim", "activate", "example.com", "n1", "--unchecked")
    added(cli, "--selector", "n2")

    said = cli("dkim", "activate", "example.com", "n2", "--unchecked")

    assert statuses(cli) == {"n1": "retired", "n2": "signs"}
    assert "leave its record at n1._domainkey.example.com until 20" in said.err


def test_retiring_the_last_key_says_that_nothing_is_signed_here(cli: Cli) -> None:
    added(cli, "--selector", "n1")
    cli("dkim", "activate", "example.com", "n1", "--unchecked")

    said = cli("dkim", "retire", "example.com", "n1")
    again = cli("dkim", "retire", "example.com", "n1")

    assert said.code == 0
    assert "not signed here any more" in said.err
    assert "until 20" in said.err
    assert again.code == 1


def test_a_key_that_exists_can_be_taken_over(cli: Cli, key_file: Path) -> None:
    said = cli("dkim", "import", "example.com", "default", key_file, "--json")

    assert said.code == 0, said.err
    assert said.json["name"] == "default._domainkey.example.com"
    assert statuses(cli) == {"default": "pending"}


def test_private_keys_are_never_shown(cli: Cli, key_file: Path, pem: str) -> None:
    middle = pem.splitlines()[10]
    cli("dkim", "import", "example.com", "default", key_file)

    said = [
        cli("dkim", *arguments)
        for arguments in (
            ("record", "example.com"),
            ("record", "example.com", "--json"),
            ("list",),
            ("list", "--json"),
            ("activate", "example.com", "default", "--unchecked"),
            ("import", "example.com", "default", key_file),
        )
    ]

    assert not any(middle in each.out + each.err or "PRIVATE" in each.out + each.err for each in said)
    assert all(set(key) & {"private_key", "secret"} == set() for key in json.loads(said[3].out))


@pytest.mark.parametrize(
    "arguments",
    [
        ("add", "news@example.com"),
        ("add", "example.com", "--selector", "a_b"),
        ("record", "example.com"),
        ("record", "example.com", "--selector", "n1"),
        ("activate", "example.com", "n1"),
        ("activate", "example.com", "n1", "--unchecked"),
        ("retire", "example.com", "n1"),
        ("import", "example.com", "n1", __file__),
    ],
)
def test_what_cannot_be_done_is_refused_with_what_to_do(cli: Cli, arguments: tuple[str, ...]) -> None:
    said = cli("dkim", *arguments)

    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("Error: ")
    assert "\n  " in said.err
    assert "should not have happened" not in said.err


def test_a_selector_is_given_once(cli: Cli) -> None:
    added(cli, "--selector", "n1")

    said = cli("dkim", "add", "example.com", "--selector", "n1")

    assert said.code == 1
    assert "already" in said.err
