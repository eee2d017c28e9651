"""Say what a sample of a notice is."""

from __future__ import annotations

from dataclasses import dataclass

HEADERS = """Received: from mail.post.example.com by mx.reader.example; Wed, 25 Nov 2026 06:00:00 +0000
From: The Harbour Post <news@post.example.com>
To: ada@reader.example
Subject: Ships wait for the tide
Message-ID: <m1.7@post.example.com>
"""


@dataclass(frozen=True)
class Sample:
    """Hold one notice and what a person would say it means."""

    name: str
    sender: str
    subject: str
    text: str
    recipients: tuple[str, ...] = ("ada@reader.example",)
    reason: str = "userunknown"
    is_final: bool = True
