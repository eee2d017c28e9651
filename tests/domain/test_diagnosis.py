"""Check what the words of real servers mean, that a search never misses a phrase, and that no text costs much."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.domain.bounces import CATEGORIES, TABLES, diagnose_text, diagnose_texts
from newsletter.domain.diagnosis import codes, refusals
from newsletter.domain.diagnosis.rules import Found, Rules, family, needles_of, spell

FILES = sorted((Path(__file__).parents[1] / "data" / "refusals").glob("*.txt"))
SHARED = Path(__file__).parents[3] / "shared" / "data" / "bounces" / "responses.jsonl"
RULES = [rule for rules in (TABLES.of_families, TABLES.in_general_use, TABLES.weak) for rule in rules.rules]
PHRASES = [spell(phrase) for rule in RULES for phrase in rule.phrases]
ACCEPTED_AT_LEAST = 0.9  # of replies that nobody wrote rules for


def samples() -> Iterator[tuple[str, str]]:
    """Return each text with the reasons that are right."""
    for path in FILES:
        for line in path.read_text(encoding="utf-8").splitlines():
            if line and not line.startswith("#"):
                reasons, text = line.split("\t")
                yield text, reasons


@pytest.mark.parametrize(("text", "reasons"), list(samples()))
def test_the_words_of_a_server_have_a_reason(text: str, reasons: str) -> None:
    found = diagnose_text(text)

    assert found.reason in reasons.split("/"), found.evidence


def test_every_reason_has_a_category() -> None:
    reasons = {rule.reason for rule in RULES}
    for table in (codes.SPECIFIC, codes.LOOSE, codes.BY_SUBJECT, codes.BY_REPLY):
        reasons |= set(table.values())

    assert reasons | {"undefined"} == set(CATEGORIES)


@pytest.mark.parametrize(
    ("text", "is_final", "is_hard"),
    [
        ("550 5.1.1 User unknown", True, True),
        ("551 5.1.6 Mailbox has moved", True, True),
        ("550 5.1.2 Host unknown", True, True),
        ("556 5.1.10 Null MX", True, True),
        ("no such user", True, True),
        ("450 4.1.1 User unknown", True, False),  # the server asks for another attempt
        ("550 5.1.1 User unknown", False, False),  # a notice of delay
        ("552 5.2.2 Mailbox full", True, False),
        ("550 5.2.1 Account disabled", True, False),
        ("554 5.7.1 Blocked using bl.example.org", True, False),
        ("550", True, False),
    ],
)
def test_only_a_final_word_about_the_address_is_hard(text: str, is_final: bool, is_hard: bool) -> None:
    assert diagnose_text(text, is_final=is_final).is_hard is is_hard


OURS = (
    "Your IP|Your IP address|Your host|Your hostname|Your mail server|Client host|The client name|HELO name"
    "|The EHLO argument|PTR of your host|The reverse name|The sender|The sender address|The sender's mailbox"
    "|Your sender domain|The sending domain|The envelope sender|Your domain|The domain you send from|Your account"
    "|The return address|The return path|The Reply-To address|The MAIL FROM address|The From address"
    "|The From domain|The originator|The Message-ID|Your SPF record|Your DKIM key"
).split("|")
BLAME = (
    "does not exist|not found|could not be found|is unknown|is invalid|is not valid|cannot be resolved"
    "|could not be verified|is rejected|has been blocked|does not resolve|has no such user|was removed"
    "|is not known here|is disabled|no longer exists|is not registered"
).split("|")


@pytest.mark.parametrize("ours", OURS)
def test_no_reader_is_blamed_for_what_is_said_of_us(ours: str) -> None:
    refusals_of_us = [
        f"{code} {ours} {blame}" for code in ("550", "550 5.7.1", "554 5.0.0") for blame in BLAME
    ]

    assert not [text for text in refusals_of_us if diagnose_text(text).is_hard]


def test_a_specific_text_beats_a_loose_code() -> None:
    loose = ("5.1.1", "5.7.1", "5.0.0", "5.2.1", "5.4.1", "5.5.0", "5.3.0")

    full = {diagnose_text(f"550 {code} Mailbox is full").reason for code in loose}
    unknown = {diagnose_text(f"550 {code} No such user here").reason for code in loose}

    assert (full, unknown) == ({"mailboxfull"}, {"userunknown"})


def test_the_status_of_a_report_counts_where_the_text_has_none() -> None:
    assert diagnose_text("smtp; 550 sorry", status="5.2.2").reason == "mailboxfull"
    assert diagnose_text("smtp; 550 5.1.1 sorry", status="5.2.2").reason == "userunknown"
    assert diagnose_text("sorry", status="nonsense").reason == "undefined"


def test_it_counts_who_speaks() -> None:
    by_anybody = diagnose_text("550 Unknown user ada@docomo.ne.jp", mta="mx.example.com")
    by_docomo = diagnose_text("550 Unknown user ada@docomo.ne.jp", mta="mfsmax.docomo.ne.jp")

    assert (by_anybody.reason, by_anybody.is_hard) == ("userunknown", True)
    assert (by_docomo.reason, by_docomo.is_hard) == ("filtered", False)


def test_the_server_itself_goes_before_what_is_told_about_it() -> None:
    told = "It was rejected by the recipient domain, maybe as spam. The other server said: 552 5.2.2 mailbox full"

    assert diagnose_text(told).reason == "mailboxfull"


def test_the_closest_text_that_says_something_decides() -> None:
    spoken = diagnose_texts(["", ".", "said: 550", "550 5.1.1 user unknown", "550 5.2.2 mailbox full"])
    mute = diagnose_texts(["sorry", "", "we regret"], status="5.2.1")

    assert (spoken.reason, mute.reason) == ("userunknown", "suspend")
    assert diagnose_texts([], status="5.1.1").reason == "userunknown"


def test_names_of_people_and_servers_decide_nothing() -> None:
    text = "550 5.1.1 <spam.virus@quota.example.com>: no such user <mailbox.full@example.com>"

    assert diagnose_text(text).reason == "userunknown"


def test_evidence_is_one_short_line_without_addresses() -> None:
    found = diagnose_text("550 5.1.1 Mailbox\r\n ada@example.com\ndoes not exist")

    assert found.evidence == "mailbox does not exist"
    assert diagnose_text("550 5.2.0 hm").evidence == "5.2.0"


def test_a_family_can_be_switched_off() -> None:
    text = "550 permanent failure for one or more recipients (ada@example.com:blocked)"

    assert diagnose_text(text).reason == "blocked"
    assert diagnose_text(text, tables=TABLES.without("barracuda")).reason != "blocked"


def test_the_first_rule_that_fits_decides() -> None:
    rules = Rules(family("one", ("suspend", r"gone (away|fishing)"), ("userunknown", r"gone")))

    assert [rules.find(line) for line in ("stayed", "gone fishing", "gone")] == [
        None,
        Found("suspend", "gone fishing"),
        Found("userunknown", "gone"),
    ]
    assert rules.without("one").find("gone") is None


@pytest.mark.parametrize(
    ("phrase", "needles"),
    [
        (r"user unknown", ("user unknown",)),
        (r"\bno (such )?mailbox\b", ("mailbox",)),
        (r"(full|exceeded) x", ("full", "exceeded")),
        (r"e?mails? are", ("mail",)),
        (r"(a(bc)?|def)ghijk", ("ghijk",)),
        (r"groups\.google\.com", ("groups.google.com",)),
        (r"nachricht\w* ist", ("nachricht",)),
        (r"(\S+ ){0,4}ips?\b.{0,60}refused", ("refused",)),
    ],
)
def test_the_needle_is_the_longest_run_of_letters_that_must_stand(
    phrase: str, needles: tuple[str, ...]
) -> None:
    assert needles_of(phrase) == needles


@given(st.sampled_from(PHRASES).flatmap(lambda phrase: st.tuples(st.just(phrase), st.from_regex(phrase))))
def test_no_text_fits_a_phrase_without_a_needle(found: tuple[str, str]) -> None:
    phrase, text = found

    assert any(needle in text for needle in needles_of(phrase))


def test_no_needle_is_so_short_that_it_is_everywhere() -> None:
    short = {phrase for phrase in PHRASES if min(len(needle) for needle in needles_of(phrase)) < 2}

    assert not short


def test_every_phrase_fits_plain_lines_only() -> None:
    """Lines are in lower case and hold no punctuation but dots: other phrases would never fit."""
    letters = [re.sub(r"\\[A-Za-z]|\[[^]]*\]|\(\?<?!|[\\()|?*+\[\]{},^$]", "", phrase) for phrase in PHRASES]

    assert not [phrase for phrase in letters if re.search(r"[A-Z@:;<>\"'/#&=-]", phrase)]


@given(st.text(max_size=300), st.none() | st.text(max_size=12), st.booleans())
def test_any_text_has_a_diagnosis(text: str, status: str | None, is_final: bool) -> None:
    found = diagnose_text(text, status=status, is_final=is_final, mta=text[:40])

    assert found.category == CATEGORIES[found.reason]
    assert len(found.evidence) <= 200
    assert found.evidence.isprintable()


@pytest.mark.parametrize(
    "text",
    [
        *("a" * 10_000, "a@" * 5000, "5.1.1" * 2000, "550 " * 2500, "#" * 10_000, "\0" * 10_000),
        *("user x " * 1500, "ip a " * 2500, "exceeded " * 1100, "reject a b c " * 800, "inbox " * 1700),
    ],
    ids=lambda text: text[:12],
)
def test_a_hostile_text_costs_little(text: str) -> None:
    diagnose_text(text)  # the tables are made ready at the first
    began = time.process_time()

    diagnose_text(text)

    assert time.process_time() - began < 0.05  # 4 ms here; the rest is for busy machines


def test_only_the_beginning_of_a_text_is_read() -> None:
    assert refusals.read("x " * 1000 + "user unknown").lines == refusals.read("x " * 1000).lines


@pytest.mark.skipif(
    not SHARED.exists(), reason="needs the labelled replies, which are not part of the project"
)
def test_replies_of_strangers_get_an_accepted_category() -> None:
    replies = [json.loads(line) for line in SHARED.read_text(encoding="utf-8").splitlines()]

    accepted = [
        diagnose_text(reply["text"], status=reply["status"]).category
        in {CATEGORIES[reason] for reason in (reply["reason"], *reply["alt"])}
        for reply in replies
    ]

    assert sum(accepted) / len(accepted) >= ACCEPTED_AT_LEAST
