"""Say what codes mean without words: RFC 3463 §3, the registry of RFC 5248, and the replies of RFC 5321 §4.2."""

from __future__ import annotations

from collections.abc import Mapping

from newsletter.domain.diagnosis.rules import family

# By subject and detail. These say one thing wherever they are used, so that they go before words in general use.
SPECIFIC: Mapping[str, str] = {
    "1.6": "hasmoved",
    "1.7": "rejected",
    "1.8": "rejected",
    "2.2": "mailboxfull",
    "2.3": "exceedlimit",
    "3.4": "mesgtoobig",
    "7.8": "securityerror",
    "7.9": "securityerror",
    "7.10": "failedstarttls",  # encryption needed
    "7.11": "failedstarttls",
    "7.13": "suspend",  # user account disabled (code 525)
    "7.16": "exceedlimit",
    "7.17": "hasmoved",  # the mailbox has a new owner (RFC 7293)
    "7.18": "hasmoved",  # the domain has
    "7.20": "authfailure",  # RFC 7372: DKIM and SPF
    "7.21": "authfailure",
    "7.22": "authfailure",
    "7.23": "authfailure",
    "7.24": "authfailure",
    "7.25": "requireptr",
    "7.26": "authfailure",
    "7.28": "speeding",
    "7.29": "authfailure",
    "7.30": "failedstarttls",
}

# Used loosely: only when the words say nothing. Where 4 and 5 mean different things, the whole code stands here.
LOOSE: Mapping[str, str] = {
    "4.2.1": "speeding",  # Gmail, Yahoo and Orange: too much, or not now
    "4.3.2": "speeding",  # Exchange and Postfix: too busy
    "1.0": "userunknown",
    "1.1": "userunknown",
    "1.2": "hostunknown",
    "1.3": "userunknown",
    "1.4": "filtered",
    "1.9": "systemerror",
    "1.10": "userunknown",  # Microsoft's; a null MX (RFC 7505) is told by code 556 or in words
    "2.0": "filtered",
    "2.1": "suspend",
    "2.4": "filtered",
    "3.0": "systemerror",
    "3.1": "systemfull",
    "3.2": "notaccept",
    "3.3": "systemerror",
    "3.5": "systemerror",
    "4.0": "networkerror",
    "4.1": "networkerror",
    "4.2": "networkerror",
    "4.3": "systemerror",  # directory server failure
    "4.4": "hostunknown",
    "4.5": "speeding",
    "4.6": "networkerror",
    "4.7": "expired",
    "4.14": "networkerror",  # Exchange: hop count exceeded
    "5.0": "mailererror",
    "5.1": "syntaxerror",
    "5.2": "syntaxerror",
    "5.3": "speeding",
    "5.4": "syntaxerror",
    "5.5": "syntaxerror",
    "6.0": "contenterror",
    "6.1": "contenterror",
    "6.2": "contenterror",
    "6.3": "contenterror",
    "6.5": "contenterror",
    "6.6": "contenterror",
    "6.7": "contenterror",
    "6.8": "contenterror",
    "6.9": "contenterror",
    "7.0": "securityerror",
    "7.1": "policyviolation",
    "7.2": "rejected",
    "7.3": "securityerror",
    "7.4": "securityerror",
    "4.7.5": "failedstarttls",  # Postfix and Exchange: a certificate
    "7.5": "securityerror",
    "7.6": "securityerror",
    "7.7": "policyviolation",
    "7.27": "rejected",  # our own sender has a null MX (RFC 7505 §4.2); Sendmail says it of the reader's domain
}
BY_SUBJECT: Mapping[str, str] = {
    "2": "onhold",
    "3": "systemerror",
    "4": "networkerror",
    "5": "mailererror",
    "6": "contenterror",
    "7": "policyviolation",
}
BY_REPLY: Mapping[str, str] = {
    "451": "systemerror",
    "452": "systemfull",
    "500": "syntaxerror",
    "501": "syntaxerror",
    "502": "syntaxerror",
    "503": "syntaxerror",
    "504": "syntaxerror",
    "521": "blocked",  # RFC 7504: the host takes no mail; what says it means us
    "530": "securityerror",
    "535": "securityerror",
    "551": "hasmoved",
    "552": "mailboxfull",  # RFC 5321 §4.2.3: exceeded storage allocation
    "556": "notaccept",  # RFC 7504: the domain takes none
}

# Some servers write what a code is called (RFC 3463 §3) beside another code, or beside none.
STANDARDS = family(
    "standards",
    ("userunknown", r"bad destination mailbox address", r"destination mailbox address (ambiguous|invalid)"),
    ("hostunknown", r"bad destination system address", r"unable to route"),
    ("hasmoved", r"(destination )?mailbox has moved"),
    ("notaccept", r"^556 "),  # RFC 7504: the domain takes no mail
    ("rejected", r"bad senders (mailbox|system) address"),
    ("suspend", r"mailbox disabled not accepting"),
    ("exceedlimit", r"message length exceeds administrative limit"),
    ("filtered", r"mailing list expansion"),
    ("systemfull", r"mail system full"),
    ("notaccept", r"system not accepting (network )?messages"),
    (
        "systemerror",
        r"system not capable of selected",
        r"system incorrectly configured",
        r"directory server failure",
    ),
    ("mesgtoobig", r"message too big for system"),
    ("networkerror", r"no answer from host", r"bad connection", r"routing loop"),
    ("speeding", r"mail system congestion"),
    ("expired", r"delivery time expired"),
    ("syntaxerror", r"invalid command arguments", r"wrong protocol version"),
    ("contenterror", r"media not supported", r"conversion (required|failed|with loss)"),
    (
        "securityerror",
        r"delivery not authori[sz]ed message refused\.?$",
        r"security (conversion|features)",
        r"cryptographic",
    ),
    ("policyviolation", r"message integrity failure"),
)
