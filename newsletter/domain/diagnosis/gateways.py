"""Words of mail gateways, filters and block lists that stand before a receiver's own servers."""

from __future__ import annotations

from newsletter.domain.diagnosis.rules import family

PROOFPOINT = family(
    "proofpoint",
    ("blocked", r"(ipcheck|dnsbl lookup).{0,40}proofpoint", r"proofpoint.com dnsbl"),
    ("rejected", r"sender rejected by pps policy"),
)

MIMECAST = family(
    "mimecast",
    ("badreputation", r"(ct|rbl) ip reputation reject", r"poor reputation sender"),
    ("authfailure", r"(dmarc|spf|dkim) sender invalid", r"anti spoofing policy"),
    ("rejected", r"manually blocked senders?"),
    ("policyviolation", r"administrative prohibition", r"rejected due to security policies"),
    ("norelaying", r"open relay not allowed"),
)

BARRACUDA = family(
    "barracuda",
    ("blocked", r"permanent failure for one or more recipients blocked"),
    ("requireptr", r"sender ip reverse lookup rejected"),
    (
        "blocked",
        r"blocked using barracuda reputation",
        r"barracudanetworks.com reputation",
        r"barracudacentral",
    ),
)

CISCO = family(
    "cisco",
    ("userunknown", r"5\.1\.0 \S+ address rejected\.?$"),
    ("badreputation", r"sending mtas? poor reputation"),
    ("blocked", r"your access to (submit messages to )?this (email|mail) system has been rejected"),
    ("toomanyconn", r"too many connections (from|to) (your|this) host"),
    ("speeding", r"too many recipients received this hour"),
)

FILTERS = family(
    "filters",
    ("spamdetected", r"message filtered.{0,90}symantec"),
    ("blocked", r"connection rejected by policy 7", r"blocked using trend micro", r"mail abuse\.com"),
    (
        "spamdetected",
        r"denied .{0,90}\bmode normal\b",
        r"the email message was detected as spam",
        r"gtube pattern",
    ),
    ("speeding", r"ratelimit \S+ exceeded"),
    ("blocked", r"csi\.cloudmark\.com"),
    ("spamdetected", r"rejected (\S+ )?(ube|uce)\b", r"spam message rejected"),
)

BLOCKLISTS = family(
    "block lists",
    ("rejected", r"sender address (\S+ )?blocked using"),
    ("blocked", r"(spamhaus|spamcop|abuseat|uceprotect|sorbs|mailspike|surriel|nixspam|manitu)"),
    ("blocked", r"blocked using \S+\.\S+", r"\b(rbl|dnsbl|rbls|dnsbls)\b"),
)

GATEWAYS = (*PROOFPOINT, *MIMECAST, *BARRACUDA, *CISCO, *FILTERS, *BLOCKLISTS)
