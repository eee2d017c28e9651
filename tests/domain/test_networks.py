"""Check which clients count as one."""

from __future__ import annotations

from newsletter.domain.networks import limit_key


def test_one_household_is_one_client() -> None:
    assert limit_key("2001:db8:1:2:3::4") == limit_key("2001:db8:1:2:ffff::1")
    assert limit_key("2001:db8:1:3::1") != limit_key("2001:db8:1:2::1")
    assert limit_key("::ffff:192.0.2.7") == limit_key("192.0.2.7")
