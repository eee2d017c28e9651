"""Only our own mail server's word about a signature counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.mime.authentication import is_signed_by
from newsletter.mime.inbound.fields import Fields

SERVER, LOOP = "mx.post.example", "provider.example"


def is_proven(value: str, *, server: str = SERVER) -> bool:
    return is_signed_by(Fields(f"Authentication-Results: {value}"), {LOOP}, server=server)


@pytest.mark.parametrize(
    "value",
    [
        f"{SERVER}; dkim=pass header.d={LOOP}",
        f"{SERVER} 1; spf=fail; dkim = pass (a; comment) header.d={LOOP} header.s=x",
        f"{SERVER}; dkim=fail header.d=else.example; DKIM=Pass header.i=@fbl.{LOOP.upper()}",
        f"{SERVER}; dkim=pass header.i=robot@{LOOP}",
        f'{SERVER}; dkim=pass header.d="{LOOP}"',
    ],
)
def test_a_valid_signature_of_the_domain_or_below_it_counts(value: str) -> None:
    assert is_proven(value)


@pytest.mark.parametrize(
    "value",
    [
        "",
        SERVER,
        f"mx.evil.example; dkim=pass header.d={LOOP}",
        f"{SERVER}; dkim=fail header.d={LOOP}",
        f"{SERVER}; dkim=passing header.d={LOOP}",
        f"{SERVER}; spf=pass smtp.mailfrom={LOOP}",
        f"{SERVER}; dkim=pass header.d=evil{LOOP}",
        f"{SERVER}; dkim=pass header.d={LOOP}.evil.example",
        f"{SERVER}; dkim=pass; dmarc=fail header.from={LOOP} header.d={LOOP}",
        f"{SERVER}; dkim=fail (dkim=pass header.d={LOOP})",
    ],
)
def test_nothing_else_does(value: str) -> None:
    assert not is_proven(value)


def test_without_a_server_of_ours_nothing_is_proven() -> None:
    assert not is_proven(f"; dkim=pass header.d={LOOP}", server="")


@given(st.text(max_size=300))
def test_any_text_is_read(value: str) -> None:
    assert not is_proven(value)
