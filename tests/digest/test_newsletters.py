"""How newsletters are set up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any  # fields of several types

import pytest

from newsletter.digest import newsletters as setup
from newsletter.digest.newsletters import NewsletterDraft
from newsletter.domain.errors import Conflict, InvalidInput, NotFound
from newsletter.store import Session, newsletters
from tests.clocks import NOON

DRAFT = NewsletterDraft(
    slug="daily",
    name="  The   Daily ",
    from_name="The Harbour Post",
    from_address="News@Post.example.com",
    postal_address="The Harbour Post\n\n 1 Quay Street ",
    accent="#AABBCC",
)


def test_a_newsletter_is_added_with_its_texts_cleaned(session: Session) -> None:
    setup.add(session, DRAFT, now=NOON)

    found = newsletters.by_slug(session, "daily")
    assert (found.name, found.accent, found.direction) == ("The Daily", "#aabbcc", "ltr")
    assert found.from_address == "News@post.example.com"
    assert found.postal_address == "The Harbour Post\n1 Quay Street"


def test_addresses_of_any_script_are_kept_in_ascii(session: Session) -> None:
    found = setup.add(session, replace(DRAFT, logo_url="https://日本.example/a b.png"), now=NOON)

    assert found.logo_url == "https://xn--wgv71a.example/a%20b.png"


def test_the_direction_follows_the_language(session: Session) -> None:
    found = setup.add(session, replace(DRAFT, language="ar"), now=NOON)

    assert found.direction == "rtl"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("slug", "No Slug"),
        ("slug", "-x"),
        ("slug", "x" * 51),
        ("name", " "),
        ("from_name", "x" * 61),
        ("from_address", "nobody"),
        ("reply_to", "a@b"),
        ("postal_address", " \n "),
        ("home_url", "javascript:alert(1)"),
        ("logo_url", "logo.png"),
        ("logo_url", "https://[/logo.png"),
        ("logo_url", "https://x.example;/logo.png"),
        ("home_url", "https://x.example:99999/"),
        ("privacy_url", "https://x y.example/"),
        ("privacy_url", f"https://x.example/{'y' * 2000}"),
        ("postal_address", "1 Quay\x1b Street"),
        ("name", "The Daily\x9b"),
        ("description", "News\x00"),
        ("language", "xx"),
        ("language", "en-../../etc"),
        ("zone", "Mars/Base"),
        ("accent", "red"),
        ("background", "#fff"),
        ("story_minimum", 0),
        ("story_maximum", 61),
        ("spread_minutes", -1),
        ("spread_minutes", 721),
    ],
)
def test_a_field_that_cannot_be_used_is_named_with_what_to_do(
    session: Session, field: str, value: Any
) -> None:
    with pytest.raises(InvalidInput) as caught:
        setup.add(session, replace(DRAFT, **{field: value}), now=NOON)

    assert caught.value.hint
    assert newsletters.find(session, DRAFT.slug) is None


def test_a_newsletter_is_edited_field_by_field_and_its_slug_stays(session: Session) -> None:
    newsletter = setup.add(session, DRAFT, now=NOON)

    setup.edit(session, newsletter, {"language": "ar", "spread_minutes": 60, "slug": "other"})

    found = newsletters.by_slug(session, "daily")
    assert (found.language, found.direction, found.spread_minutes) == ("ar", "rtl", 60)
    assert (found.name, found.from_address) == ("The Daily", "News@post.example.com")


def test_an_edit_that_cannot_be_used_changes_nothing(session: Session) -> None:
    newsletter = setup.add(session, DRAFT, now=NOON)

    with pytest.raises(InvalidInput) as caught:
        setup.edit(session, newsletter, {"accent": "#ffffff", "spread_minutes": 721})

    assert caught.value.reason == "bad_spread_minutes"
    assert (newsletter.accent, newsletter.spread_minutes) == ("#aabbcc", 0)


def test_a_slug_is_taken_once(session: Session) -> None:
    setup.add(session, DRAFT, now=NOON)

    with pytest.raises(Conflict):
        setup.add(session, replace(DRAFT, name="Other"), now=NOON)

    assert newsletters.by_slug(session, "daily").name == "The Daily"


def test_topics_get_the_next_bit_and_a_slug_once(session: Session) -> None:
    newsletter = setup.add(session, DRAFT, now=NOON)

    numbers = [setup.add_topic(session, newsletter, slug=slug, name=slug).number for slug in ("a", "b", "c")]

    assert numbers == [0, 1, 2]
    with pytest.raises(Conflict):
        setup.add_topic(session, newsletter, slug="b", name="Again")
    assert [topic.slug for topic in newsletters.topics(session, newsletter.id)] == ["a", "b", "c"]


def test_there_are_as_many_topics_as_a_mask_has_bits(session: Session) -> None:
    newsletter = setup.add(session, DRAFT, now=NOON)
    for number in range(setup.TOPIC_MAXIMUM):
        setup.add_topic(session, newsletter, slug=f"t{number}", name="x")

    with pytest.raises(Conflict) as caught:
        setup.add_topic(session, newsletter, slug="more", name="x")

    assert caught.value.reason == "too_many_topics"


@pytest.mark.parametrize(
    ("cron", "zone"), [("7 o'clock", "UTC"), ("0 7 * * *", "Nowhere"), ("0 0 31 2 *", "UTC")]
)
def test_a_schedule_that_cannot_be_is_refused(session: Session, cron: str, zone: str) -> None:
    newsletter = setup.add(session, DRAFT, now=NOON)

    with pytest.raises(InvalidInput):
        setup.add_schedule(session, newsletter, cron=cron, zone=zone, now=NOON)

    assert newsletters.schedules(session, newsletter.id) == []


def test_newsletters_are_found_by_a_part_of_their_name(session: Session) -> None:
    setup.add(session, DRAFT, now=NOON)
    setup.add(session, replace(DRAFT, slug="weekend", name="100 % Weekend"), now=NOON)

    assert [found.slug for found in newsletters.listing(session)] == ["daily", "weekend"]
    assert [found.slug for found in newsletters.listing(session, search="0 % w")] == ["weekend"]
    assert newsletters.listing(session, search="%d") == []
    with pytest.raises(NotFound):
        newsletters.by_slug(session, "other")
