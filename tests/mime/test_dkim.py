"""Signatures: what we sign, two others find good, and what was tampered with they do not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_der_private_key
from hypothesis import given
from hypothesis import strategies as st

from newsletter.domain.dkim import record_name
from newsletter.domain.errors import InvalidInput
from newsletter.mime import compile as compiled
from newsletter.mime import dkim as signing
from newsletter.mime import headers
from newsletter.mime.dkim import Signer
from tests.clocks import NOON
from tests.services.opendkim import NoLibrary, OpenDkim

Judge = Callable[[bytes], bool]

DOMAIN = "post.example.com"
OVERSIGNED = (
    "From To Subject Date Message-ID Reply-To Cc Sender MIME-Version Content-Type "
    "List-Id List-Unsubscribe List-Unsubscribe-Post"
).split()
SIGNED_ONCE = "List-Help List-Archive Archived-At Feedback-ID Content-Transfer-Encoding".split()
TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]) | st.sampled_from(' =?"\\<>,;:.é🙂'),
    max_size=200,
)
KEYS = {"old": signing.new_key(), "new": signing.new_key()}
RECORDS = {record_name(DOMAIN, name): signing.record_value(key) for name, key in KEYS.items()}
SIGNER = Signer(DOMAIN, "new", KEYS["new"])


@pytest.fixture(scope="module", params=["dkimpy", "opendkim"])
def verifies(request: pytest.FixtureRequest) -> Iterator[Judge]:
    """Judge by a program that is not ours, each in turn; skip the one that this machine does not have."""
    if request.param == "dkimpy":
        yield lambda message: bool(dkim.verify(message, dnsfunc=published))
        return
    try:
        library = OpenDkim(RECORDS)
    except NoLibrary as error:
        pytest.skip(str(error))
    yield library.verifies
    library.close()


def published(name: bytes, timeout: int = 5) -> bytes | None:
    value = RECORDS.get(name.decode().rstrip("."))
    return None if value is None else value.encode()


def header(*, name: str = "Ana", subject: str = "Ships, and more") -> bytes:
    return b"".join(
        (
            headers.mailbox("From", "The Harbour Post", f"news@{DOMAIN}"),
            headers.mailbox("To", name, "ana@example.net"),
            headers.text("Subject", subject),
            headers.date(NOON),
            headers.token("Message-ID", f"<m1.2.abc@{DOMAIN}>"),
            headers.mailbox("Reply-To", "", f"desk@{DOMAIN}"),
            headers.list_id("The Daily", f"daily.list.{DOMAIN}"),
            headers.uris(
                "List-Unsubscribe", "https://example.com/u/" + "t" * 80, f"mailto:u-abc@in.{DOMAIN}"
            ),
            headers.token("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
            headers.uris("List-Archive", "https://example.com/archive/daily"),
            headers.token("Feedback-ID", "i1:n-daily:digest:postexamplecom"),
            headers.token("Precedence", "bulk"),
        )
    )


def message(head: bytes | None = None) -> bytes:
    body = compiled.whole("Ships\r\nand more: é\r\n", "<p>Ships &amp; more: é</p>\n", boundary="=_abc")
    return (header() if head is None else head) + body


def signed(plain: bytes | None = None, *, signer: Signer = SIGNER) -> bytes:
    return signer.signed(message() if plain is None else plain, at=NOON)


def tags_of(text: bytes) -> dict[str, str]:
    field = signing.fields_of(text)[0].decode("ascii")
    assert field.startswith("DKIM-Signature: ")
    pairs = (tag.partition("=") for tag in field.partition(":")[2].split(";"))
    return {name.strip(): re.sub(r"\s", "", value) for name, _, value in pairs}


def with_field(text: bytes, line: bytes, *, at_top: bool) -> bytes:
    if at_top:
        return line + text
    head, _, body = text.partition(b"\r\n\r\n")
    return head + b"\r\n" + line + b"\r\n" + body


def refolded(field: bytes, *, width: int) -> bytes:
    """Return a field as a relay may write it anew: other folds, other blanks, another case of its name."""
    name, _, value = field.partition(b":")
    out, column = [], 0
    for word in value.split():
        out.append(b"\r\n\t" if column > width else b"  ")
        column = 0 if column > width else column + len(word)
        out.append(word)
    return name.upper() + b":" + b"".join(out) + b" \r\n"


def test_a_signed_message_verifies(verifies: Judge) -> None:
    assert verifies(signed())


def test_an_unsigned_message_does_not(verifies: Judge) -> None:
    assert not verifies(message())


@pytest.mark.parametrize("at_top", [True, False], ids=["at the top", "at the bottom"])
@pytest.mark.parametrize("name", OVERSIGNED)
def test_nobody_can_add_a_field_that_readers_or_programs_go_by(
    verifies: Judge, name: str, *, at_top: bool
) -> None:
    tampered = with_field(signed(), f"{name}: <other@example.org>\r\n".encode(), at_top=at_top)

    assert not verifies(tampered)


@pytest.mark.parametrize("name", ["List-Archive", "Feedback-ID"])
def test_nobody_can_change_a_field_that_is_signed_once(verifies: Judge, name: str) -> None:
    field = next(f for f in signing.fields_of(header()) if f.startswith(name.encode() + b":"))

    assert not verifies(signed().replace(field, f"{name}: other\r\n".encode()))


def test_relays_may_add_their_own_fields(verifies: Judge) -> None:
    added = (
        b"Received: from a by b; Wed, 25 Nov 2026 12:00:00 +0000\r\n"
        b"Return-Path: <b-x@in.example.com>\r\nX-SES-Outgoing: 192.0.2.1\r\nX-Mailgun-Variables: {}\r\n"
    )

    assert verifies(added + signed())


def test_what_names_the_message_to_a_provider_is_not_signed() -> None:
    own = b"X-SES-MESSAGE-TAGS: delivery=1\r\nX-PM-Metadata-delivery: 1\r\n"

    plain, tagged = signed(message()), signed(message(own + header()))

    assert signing.fields_of(plain)[0] == signing.fields_of(tagged)[0]


def test_no_octet_of_the_body_can_be_changed_added_or_taken(verifies: Judge) -> None:
    whole = signed()
    start = whole.index(b"\r\n\r\n") + 4
    places = range(start, len(whole) - 2, 37)

    assert not any(verifies(whole[:at] + b"~" + whole[at + 1 :]) for at in places)
    assert not verifies(whole + b"more\r\n")
    assert not verifies(whole[:-20])


def test_the_tags_are_as_receivers_want_them() -> None:
    tags = tags_of(signed())

    assert (tags["v"], tags["a"], tags["c"]) == ("1", "rsa-sha256", "relaxed/relaxed")
    assert (tags["d"], tags["s"], tags["t"]) == (DOMAIN, "new", str(int(NOON.timestamp())))
    assert set(tags) == {"v", "a", "c", "d", "s", "t", "h", "bh", "b"}  # no l=, no x=


def test_each_field_is_named_as_often_as_it_occurs_and_most_once_more() -> None:
    present = [field.partition(b":")[0].decode().lower() for field in signing.fields_of(header())]
    present += ["mime-version", "content-type"]

    listed = tags_of(signed())["h"].split(":")

    for name in map(str.lower, OVERSIGNED):
        assert listed.count(name) == present.count(name) + 1, name
    for name in map(str.lower, SIGNED_ONCE):
        assert listed.count(name) == present.count(name), name
    assert set(listed) <= {name.lower() for name in OVERSIGNED + SIGNED_ONCE}


def test_a_part_that_stands_alone_has_its_encoding_signed(verifies: Judge) -> None:
    plain = (
        header()
        + b"MIME-Version: 1.0\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: 7bit\r\n\r\nHi\r\n"
    )

    assert verifies(signed(plain))
    assert "content-transfer-encoding" in tags_of(signed(plain))["h"].split(":")


def test_the_field_is_folded_ascii_and_ends_its_line() -> None:
    field = signing.fields_of(signed())[0]
    lines = field.split(b"\r\n")

    assert field.isascii()
    assert lines.pop() == b""
    assert all(len(line) <= 78 for line in lines)
    assert all(line.startswith(b" ") for line in lines[1:])
    assert b"\r" not in field.replace(b"\r\n", b"")
    assert b"\n" not in field.replace(b"\r\n", b"")


def test_a_long_domain_and_selector_fit() -> None:
    domain, selector = "a" * 60 + ".example", "s" * 60
    signer = Signer(domain, selector, KEYS["new"])

    whole = signed(signer=signer)

    assert max(map(len, signing.fields_of(whole)[0].split(b"\r\n"))) <= 78
    value = RECORDS[record_name(DOMAIN, "new")].encode()
    assert dkim.verify(whole, dnsfunc=lambda name, timeout=5: value)


def test_a_message_made_again_has_the_same_octets() -> None:
    again = Signer(DOMAIN, "new", KEYS["new"])

    assert signed(signer=again) == signed()
    assert SIGNER.signed(message(), at=NOON + timedelta(seconds=1)) != signed()


def test_mail_of_before_a_rotation_verifies_as_long_as_its_record_stands(verifies: Judge) -> None:
    before = signed(signer=Signer(DOMAIN, "old", KEYS["old"]))

    assert verifies(before)
    assert verifies(signed())
    assert not verifies(before.replace(b" s=old;", b" s=new;"))


def test_of_several_fields_of_one_name_each_is_signed(verifies: Judge) -> None:
    head = header() + b"List-Help: <https://example.com/1>\r\nList-Help: <https://example.com/2>\r\n"

    whole = signed(message(head))

    assert verifies(whole)
    assert not verifies(whole.replace(b"com/1>", b"com/3>"))
    assert not verifies(whole.replace(b"com/2>", b"com/3>"))


@given(TEXTS, TEXTS)
def test_any_name_and_subject_verify(verifies: Judge, name: str, subject: str) -> None:
    assert verifies(signed(message(header(name=name, subject=subject))))


@given(TEXTS, TEXTS, st.integers(0, 120))
def test_a_relay_may_fold_the_header_anew(verifies: Judge, name: str, subject: str, width: int) -> None:
    whole = signed(message(header(name=name, subject=subject)))
    head, _, body = whole.partition(b"\r\n\r\n")

    anew = b"".join(refolded(field, width=width) for field in signing.fields_of(head + b"\r\n"))

    assert verifies(anew + b"\r\n" + body)


@given(st.lists(st.sampled_from([b" ", b"  ", b"\t", b"\r\n ", b"\r\n\t", b"a", b"b:c"]), max_size=30))
def test_a_field_folded_in_any_way_verifies(verifies: Judge, pieces: list[bytes]) -> None:
    folded = re.sub(rb"(\r\n[ \t]+)+(?=\r\n)", b"", b"".join(pieces))  # no line may be blank, RFC 5322 §2.2.3
    field = b"Subject: x" + re.sub(rb"\r\n[ \t]+$", b"", folded) + b"\r\n"

    assert verifies(signed(message(header().replace(headers.text("Subject", "Ships, and more"), field))))


@given(TEXTS, TEXTS)
def test_the_encoder_writes_bodies_that_need_no_canonicalising(verifies: Judge, text: str, html: str) -> None:
    assert verifies(signed(header() + compiled.whole(text + "  ", html + "\r\n\r\n", boundary="=_abc")))


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, style: str) -> bytes:
    lock = (
        serialization.BestAvailableEncryption(b"secret")
        if style == "locked"
        else serialization.NoEncryption()
    )
    form = (
        serialization.PrivateFormat.TraditionalOpenSSL
        if style == "PKCS#1"
        else serialization.PrivateFormat.PKCS8
    )
    return key.private_bytes(serialization.Encoding.PEM, form, lock)


def rsa_key() -> rsa.RSAPrivateKey:
    key = load_der_private_key(KEYS["old"], None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


@pytest.mark.parametrize("style", ["PKCS#1", "PKCS#8"])
def test_a_key_of_openssl_or_opendkim_can_be_read(style: str) -> None:
    assert signing.from_pem(pem(rsa_key(), style)) == KEYS["old"]


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (pem(rsa_key(), "locked"), "password"),
        (pem(ec.generate_private_key(ec.SECP256R1()), "PKCS#8"), "no RSA key"),
        (pem(rsa.generate_private_key(65537, 1024), "PKCS#8"), "1024 bits"),
        (pem(rsa_key(), "PKCS#8")[:-60], "no private key"),
        (b"v=DKIM1; k=rsa; p=abc", "no private key"),
        (b"", "no private key"),
    ],
    ids=["locked", "another kind", "short", "torn", "a record", "empty"],
)
def test_a_file_that_cannot_sign_is_refused_with_what_to_do(octets: bytes, why: str) -> None:
    with pytest.raises(InvalidInput, match=why) as refused:
        signing.from_pem(octets)

    assert refused.value.hint
