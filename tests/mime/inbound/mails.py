"""Write mails that come back, in the words of the servers that write them."""

from __future__ import annotations

OURS = "b-000000000000000000000000000000000@in.post.example.com"
RETURNED = """Return-Path: <{ours}>
Message-ID: <m1.7@post.example.com>
From: The Harbour Post <news@post.example.com>
To: {to}
Subject: Ships wait for the tide
List-Unsubscribe: <mailto:u-1@in.post.example.com>
Feedback-ID: i1:n-daily:digest:post

Ships wait.
"""


def returned(to: str = "ada@reader.example") -> str:
    """Return our message as it went out."""
    return RETURNED.format(ours=OURS, to=to)


def notice(
    text: str, *, subject: str, sender: str = "MAILER-DAEMON@mx.reader.example", fields: str = ""
) -> bytes:
    """Return a notice in plain text; ``fields`` are more lines of its header."""
    return (
        f"Return-Path: <>\nFrom: {sender}\nTo: {OURS}\nSubject: {subject}\n{fields}"
        f"Content-Type: text/plain; charset=utf-8\n\n{text}"
    ).encode()


def report(status: str, *, text: str = "Your message could not be delivered.", last: str = "") -> bytes:
    """Return a report of RFC 3464; ``status`` is its second part, ``last`` what is returned of our message."""
    return (
        f"Return-Path: <>\nFrom: MAILER-DAEMON@mx.reader.example\nTo: {OURS}\n"
        "Subject: Undelivered Mail Returned to Sender\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="B1"\n\n'
        f"--B1\nContent-Type: text/plain\n\n{text}\n"
        f"--B1\nContent-Type: message/delivery-status\n\n{status}\n"
        f"--B1\nContent-Type: message/rfc822\n\n{last or returned()}\n--B1--\n"
    ).encode()
