"""Mail that looks like something it is not."""

from __future__ import annotations

import pytest

from newsletter.mime.inbound import AutoReply, Kind, read
from tests.mime.inbound import mails

QUOTED = """
> Acme News, weekly. You get this because you signed up.
> Unsubscribe: https://acme.example/u/9f3k2
"""


def mail(
    subject: str,
    text: str,
    *,
    sender: str = "Ada <ada@reader.example>",
    to: str = "news@post.example.com",
    fields: str = "",
) -> bytes:
    return (
        f"Return-Path: <ada@reader.example>\nFrom: {sender}\nTo: {to}\nSubject: {subject}\n{fields}"
        f"Content-Type: text/plain; charset=utf-8\n\n{text}"
    ).encode()


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        (
            "Re: Mail delivery failed",
            'Hi, I got "550 5.1.1 user unknown" for bo@reader.example. Which address is right?',
        ),
        (
            "Fwd: Undelivered Mail Returned to Sender",
            "See below.\n\n<bo@reader.example>: host said: 550 5.1.1 User unknown",
        ),
        ("Re: Ships wait", "The article on bounces (550 5.1.1 user unknown) was good."),
        (
            "[postfix-users] delivery failed with 550",
            "My log says:\nNov 25 postfix/smtp[1]: to=<bo@reader.example>, status=bounced (550 no such user)",
        ),
        (
            "Why your mail could not be delivered: ten tips",
            "Mail bounces. Here is why your mail was rejected, and what user unknown means.",
        ),
        ("Delivery failed: your parcel 123", "Our driver could not deliver your parcel. Call us."),
        ("Invoice 7", "Please find the invoice attached."),
    ],
)
def test_what_people_write_about_bounces_is_none(subject: str, text: str) -> None:
    found = read(mail(subject, text))

    assert (found.kind, found.rows) == (Kind.OTHER, ())


@pytest.mark.parametrize(
    "text",
    [
        "Please do NOT unsubscribe me, I only changed jobs.",
        "How do I unsubscribe?",
        "The unsubscribe link in your mail is broken for a colleague; I stay.",
        "I unsubscribed from another list last week.",
        "Stop! I love this. More of it. Really.",
        "Please remove the second photo from the article.",
        "Bitte nicht abmelden",
        "Ne me désinscrivez pas",
        "No me den de baja",
        "Non cancellatemi",
        "配信停止しないでください",
        "Good morning,",
        "Unsubscribe? No way!",
        "unsubscribe from the daily but keep the weekly",
        "Unsubscribe rates are falling",
        "Bitte melden Sie sich bei mir",
        "Quiero saber cómo darme de baja",
    ],
)
def test_whoever_does_not_ask_stays(text: str) -> None:
    assert read(mail("Re: Ships wait", text + "\n" + QUOTED)).kind is Kind.OTHER


@pytest.mark.parametrize(
    "text",
    [
        "unsubscribe",
        "STOP",
        "Please remove me from this list.\n\nKarl",
        "Hello,\n\nplease take me off your mailing list.\n\nBest regards\nJohn Smith",
        "I no longer wish to receive these emails.",
        "Bitte melden Sie mich vom Newsletter ab.",
        "Ich möchte den Newsletter abbestellen",
        "Merci de me désinscrire de votre liste.",
        "Por favor, darme de baja",
        "Vorrei cancellarmi dalla newsletter",
        "Graag uitschrijven",
        "Quero cancelar a minha inscrição",
        "メルマガの配信を停止してください。",
        "Отпишите меня, пожалуйста",
        "Proszę mnie wypisać",
        "Could you remove me from the list?",
        "Not interested, please remove me.",
        "Jag vill avsluta prenumerationen",
        "구독 취소",
        "I am on leave until May. Please unsubscribe me.",
    ],
)
def test_whoever_asks_leaves(text: str) -> None:
    assert read(mail("Re: Ships wait", text + "\n" + QUOTED)).kind is Kind.UNSUBSCRIBE


def test_the_address_written_to_asks_by_itself_in_any_case() -> None:
    token = "U-0123456789ABCDEFGHJKMNPQRSTVWXYZ01"

    assert read(mail("", "", to=f"{token}@IN.POST.EXAMPLE.COM")).kind is Kind.UNSUBSCRIBE
    assert read(mail("", "Do not unsubscribe me!", to=f"{token}@in.post.example.com")).kind is Kind.OTHER


def test_a_machine_unsubscribes_nobody() -> None:
    fields = "Auto-Submitted: auto-replied\n"

    assert read(mail("unsubscribe", "unsubscribe", fields=fields)).kind is Kind.AUTO_REPLY
    assert (
        read(
            mails.notice("Could not deliver.", subject="Undelivered Mail").replace(
                mails.OURS.encode(), b"unsubscribe@in.post.example.com"
            )
        ).kind
        is Kind.OTHER
    )


def test_apples_client_reports_that_a_person_opted_out() -> None:
    fields = "Auto-Submitted: auto-replied\nX-Apple-Unsubscribe: true\n"

    found = read(mail("unsubscribe", "Apple Mail sent this email to unsubscribe.", fields=fields))

    assert (found.kind, found.feedback_type) == (Kind.FEEDBACK, "opt-out")
    assert [row.recipient for row in found.rows] == ["ada@reader.example"]


@pytest.mark.parametrize(
    ("subject", "text", "fields", "wanted"),
    [
        ("Auto: Ships wait", "I am away until Monday.", "Auto-Submitted: auto-replied\n", AutoReply.VACATION),
        ("Out of Office: Ships wait", "On leave until 17 March.", "", AutoReply.VACATION),
        ("Abwesenheitsnotiz", "Ich bin im Urlaub.", "", AutoReply.VACATION),
        ("Réponse automatique : Ships", "Je suis absent.", "", AutoReply.VACATION),
        ("自動応答: Ships", "不在にしております。", "", AutoReply.VACATION),
        ("Re: Ships", "Ich bin bald zurück.", "X-Autoreply: yes\n", AutoReply.VACATION),
        ("Re: Ships", "I am away. (This is an automatic reply.)", "Precedence: junk\n", AutoReply.VACATION),
        ("Re: Ships", "Thank you. I am on annual leave until 3 May.", "", AutoReply.VACATION),
        ("Re: Ships", "I no longer work at Acme.", "", AutoReply.MOVED),
        ("Odpowiedź automatyczna: Ships", "Jestem poza biurem.", "", AutoReply.VACATION),
        ("Automatic reply: Ships", "Jo no longer works here.", "", AutoReply.MOVED),
        (
            "[Ticket#20251] Ships",
            "Your request has been received.",
            "Auto-Submitted: auto-replied\n",
            AutoReply.TICKET,
        ),
        (
            "Re: Ships (verification)",
            "Please click the link to verify you are a person: https://v.example/1",
            "",
            AutoReply.CHALLENGE,
        ),
    ],
)
def test_answers_of_machines_are_told_apart(subject: str, text: str, fields: str, wanted: AutoReply) -> None:
    found = read(mail(subject, text, fields=fields))

    assert (found.kind, found.auto_reply, found.rows) == (Kind.AUTO_REPLY, wanted, ())


def test_an_empty_return_path_without_bad_news_is_a_machines_answer() -> None:
    raw = mails.notice("Thank you for your mail.", subject="Thank you", sender="Jo <jo@reader.example>")

    assert read(raw).kind is Kind.AUTO_REPLY


def test_that_nothing_is_forwarded_meanwhile_is_no_failure() -> None:
    text = (
        "I am out of the office. Your message has not been forwarded and cannot be delivered to anybody else."
    )

    raw = mails.notice(text, subject="Re: Ships", sender="Jo <jo@reader.example>")

    assert read(raw).kind is Kind.AUTO_REPLY


def test_a_receipt_is_no_bounce() -> None:
    raw = (
        b"Return-Path: <>\nFrom: Ed <ed@reader.example>\nSubject: Read: Ships\nAuto-Submitted: auto-replied\n"
        b'Content-Type: multipart/report; report-type=disposition-notification; boundary="B"\n\n'
        b"--B\n\nRead.\n--B\nContent-Type: message/disposition-notification\n\n"
        b"Final-Recipient: rfc822;ed@reader.example\nDisposition: manual-action/MDN-sent-manually; displayed\n\n--B--\n"
    )

    assert read(raw).kind is Kind.MDN


def test_neither_our_own_addresses_nor_those_who_help_are_taken_for_the_reader() -> None:
    raw = mails.notice(
        f"Dear {mails.OURS},\nYour mail could not be delivered to the user ada@reader.example.\n"
        "Write to postmaster@mx.reader.example or contact help@mx.reader.example.\n",
        subject="Undeliverable",
    )

    assert [row.recipient for row in read(raw).rows] == ["ada@reader.example"]


def test_a_reader_may_have_the_address_of_a_role() -> None:
    raw = mails.notice(
        "Not delivered:\n\n<support@reader.example>: 550 5.1.1 no such user\n", subject="Undeliverable"
    )

    assert [row.recipient for row in read(raw).rows] == ["support@reader.example"]


def test_a_notice_that_names_nobody_takes_the_reader_from_our_message() -> None:
    raw = mails.notice(
        f"Your mail could not be delivered: no such user.\n\n----- Original message -----\n\n{mails.returned()}",
        subject="Undeliverable",
    )

    assert [(row.recipient, row.reason) for row in read(raw).rows] == [("ada@reader.example", "userunknown")]
