"""Check when two addresses are one, and what is left of a stranger's text."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.domain import articles, mapping
from newsletter.domain.errors import InvalidInput
from newsletter.domain.mapping import Facts
from tests.clocks import NOON

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    "url",
    [
        "https://post.example.com/a/b?id=7",
        "http://post.example.com/a/b?id=7",
        "https://www.post.example.com/a/b/?id=7",
        "HTTPS://Post.Example.COM:443/a/b?id=7#comments",
        "https://post.example.com/a/b?utm_source=x&id=7&utm_medium=y",
        "https://post.example.com/a/b?id=7&fbclid=z&gclid=1&mc_cid=2&ref=home&cmp=3",
        "https://post.example.com/a/b?id=7&source=rss",
        "https://post.example.com/%61/b?id=7",
        " https://post.example.com/a/b?id=7\n",
        "../a/b?id=7",
        "//post.example.com/a/b?id=7",
    ],
)
def test_one_page_has_one_canonical_address(url: str) -> None:
    canonical = articles.canonical_url(url, base="https://post.example.com/x/")

    assert canonical == "https://post.example.com/a/b?id=7"


@pytest.mark.parametrize(
    "url",
    [
        "https://post.example.com/a/B?id=7",
        "https://post.example.com/a/b?id=8",
        "https://post.example.com/a/b",
        "https://post.example.com:8443/a/b?id=7",
        "https://other.example.com/a/b?id=7",
        "https://post.example.com/a/b?id=7&source=north",
    ],
)
def test_other_pages_have_other_addresses(url: str) -> None:
    assert articles.canonical_url(url) != "https://post.example.com/a/b?id=7"


@pytest.mark.parametrize(
    ("url", "clean"),
    [
        ("https://exämple.com/ä b?q=ü&x=a+b", "https://xn--exmple-cua.com/%C3%A4%20b?q=%C3%BC&x=a+b"),
        ("https://x.example.com/100%", "https://x.example.com/100%25"),
        ("https://x.example.com/a%2fb", "https://x.example.com/a%2Fb"),
        ('https://x.example.com/"><script>', "https://x.example.com/%22%3E%3Cscript%3E"),
        ("https://x.example.com/a\nb\x00c", "https://x.example.com/abc"),
        ("http://[2001:DB8::1]:8080/a", "http://[2001:db8::1]:8080/a"),
    ],
)
def test_addresses_are_made_safe_for_a_mail(url: str, clean: str) -> None:
    assert articles.absolute_url(url) == clean


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "url_scheme"),
        ("post.example.com", "url_scheme"),
        ("javascript:alert(1)", "url_scheme"),
        ("data:text/html,x", "url_scheme"),
        ("https:///a", "url_scheme"),
        ("https://user@post.example.com/", "url_userinfo"),
        ("https://x.example.com:99999/", "url_malformed"),
        ("https://[::1/", "url_malformed"),
        ("https://a..ü/", "url_host"),
        ("https://exa mple.com/", "url_host"),
        ("https://a;b/", "url_host"),
        ("https://a'b/", "url_host"),
        ("https://a%00b/", "url_host"),
        ("https://a..b/", "url_host"),
        ("https://x.example.com/" + "x" * 2000, "url_too_long"),
    ],
)
def test_what_is_no_address_is_refused_with_the_reason(url: str, reason: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        articles.absolute_url(url)

    assert caught.value.reason == reason


@given(st.text(max_size=60))
def test_a_canonical_address_is_ascii_and_stays_as_it_is(path: str) -> None:
    try:
        canonical = articles.canonical_url("https://x.example.com/" + path)
    except InvalidInput:
        return

    assert canonical.isascii()
    assert not any(c.isspace() for c in canonical)
    assert articles.canonical_url(canonical) == canonical


def test_a_front_page_identifies_nothing() -> None:
    assert articles.url_key(articles.canonical_url("https://www.post.example.com/?utm_source=rss")) is None


@given(st.text(alphabet=st.characters(), max_size=200))
def test_texts_are_one_line_without_controls(text: str) -> None:
    for cleaned in (articles.plain_text(text, limit=50), articles.text_of_markup(text, limit=50)):
        assert len(cleaned) <= 50
        assert cleaned == " ".join(cleaned.split())
        assert cleaned.isprintable() or not any(c in cleaned for c in "\n\r\t\x00\u202e")
        cleaned.encode()


@pytest.mark.parametrize(
    ("hours", "expected"), [(-5, 0), (0, 0), (0.1, 0), (1, 1), (24 * 6, 24 * 6), (24 * 8, 0)]
)
def test_an_article_dated_ahead_waits_for_its_date_up_to_a_week(hours: float, expected: float) -> None:
    assert articles.due_at(NOON + hours * HOUR, now=NOON) == NOON + expected * HOUR


def test_an_article_without_a_date_is_due_and_no_archive() -> None:
    assert articles.due_at(None, now=NOON) == NOON
    assert not articles.is_archive(None, now=NOON)
    assert articles.is_archive(NOON - 169 * HOUR, now=NOON)


def test_categories_match_topics_by_letters_alone() -> None:
    topics = {articles.topic_key("Économie & Société"): 2}

    facts = Facts(url="https://post.example.com/a", categories=("economie-societe", "Politics"))

    assert mapping.mapped((), facts, topics).topics == 1 << 2
