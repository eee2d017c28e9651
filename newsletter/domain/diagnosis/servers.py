"""Words of mail servers: what their source code or manual writes, whatever the operator."""

from __future__ import annotations

from newsletter.domain.diagnosis.rules import family

POSTFIX = family(
    "postfix",
    ("rejected", r"sender address rejected"),
    ("userunknown", r"unknown in (\S+ ){1,4}table", r"x postfix unknown user"),
    ("requireptr", r"client host rejected cannot find your (reverse )?hostname"),
    ("blocked", r"client host rejected", r"helo command rejected", r"client host \S+ blocked using"),
    ("blocked", r"service unavailable client \S* ?(\S+ )?blocked using"),
    ("syntaxerror", r"recipient address rejected need fully qualified"),
    (
        "hostunknown",
        r"recipient address rejected domain not found",
        r"name service error for name \S+ .{0,20}host not found$",
    ),
    ("hostunknown", r"host found but no data record"),
    ("networkerror", r"name service error for name", r"malformed or unexpected name server reply"),
    ("filtered", r"recipient address rejected access denied"),
    ("notaccept", r"does not accept mail nullmx"),
    ("mailboxfull", r"command output.{0,60}(quota|full\b)"),
    ("mailererror", r"command output", r"command (died with (status|signal)|time limit exceeded)"),
    (
        "mailboxfull",
        r"error writing message (file too large|disk quota)",
        r"maildir delivery failed.{0,40}quota",
    ),
    ("mailboxfull", r"cannot update mailbox.{0,60}(too large|quota|exceed)"),
    ("systemerror", r"(temporary lookup failure|server configuration error|alias database unavailable)"),
    (
        "systemerror",
        r"mail system configuration error",
        r"cannot (update|open|create) (mailbox|maildir|file)",
    ),
    (
        "failedstarttls",
        r"tls is required but",
        r"cannot start tls",
        r"server certificate not (trusted|verified)",
    ),
    ("virusdetected", r"reject id \S+ (\S+ )?infected"),
    ("policyviolation", r"reject id \S+ (\S+ )?banned"),
    ("spamdetected", r"reject id \S+ (\S+ )?(spam|ube)"),
    ("networkerror", r"loops back to myself", r"mail forwarding loop"),
    ("networkerror", r"(conversation with|lost connection with) \S+ (\S+ )?(timed out )?while"),
)

EXIM = family(
    "exim",
    (
        "rejected",
        r"sender verify failed",
        r"(sender verify )?callout",
        r"callback setup failed while verifying",
    ),
    ("hostunknown", r"unroute?able mail domain", r"mx records? points? to non ?existent hosts?"),
    ("notaccept", r"mx or srv record indicated no smtp service"),
    ("networkerror", r"lowest numbered mx record points to local host", r"host lookup did not complete"),
    ("networkerror", r"too many received headers", r"suspected mail loop"),
    ("mailboxfull", r"mta imposed quota exceeded"),
    (
        "mailererror",
        r"child process of \S+ transport",
        r"local delivery failed",
        r"\S+ transport returned \d+",
    ),
    ("blocked", r"junkmail rejected .{0,90}\b(rbl|list)", r"is in an? (rbl|black ?list)", r"invalid helo"),
    ("speeding", r"exceeded the max (defers|emails) "),
    ("userunknown", r"unroute?able address", r"no such person at this address", r"no such user here"),
)

SENDMAIL = family(
    "sendmail",
    ("rejected", r"domain of sender address"),
    ("hostunknown", r"host unknown name server"),
    ("mailererror", r"unknown mailer error"),
    ("networkerror", r"config error mail loops back", r"mx list for \S+ points back", r"too many hops \d+"),
    ("systemfull", r"insufficient disk space"),
    ("suspend", r"mailbox disabled for this recipient"),
    ("toomanyconn", r"too many open connections"),
    ("systemerror", r"system shutting down"),
    ("expired", r"message could not be delivered for \d+", r"cannot send message (for|within) \d+"),
)

QMAIL = family(
    "qmail",
    ("userunknown", r"no mailbox here by that name"),
    (
        "hostunknown",
        r"could not find any host (by that name|named)",
        r"could not find a mail exchanger or ip address",
    ),
    (
        "networkerror",
        r"not able to establish an smtp connection",
        r"this message is looping",
        r"cname lookup failed",
    ),
    ("networkerror", r"best preference mx or a for that host", r"but connection died"),
    ("norelaying", r"list of allowed rcpthosts"),
    ("rejected", r"in my badmailfrom", r"but sender was rejected", r"valid mx for sender domain"),
    ("mailboxfull", r"mailfolder is over the allowed quota", r"mailbox is full message returned"),
    ("blocked", r"but my name was rejected"),
    ("suspend", r"vpopmail account is locked"),
    ("mesgtoobig", r"databytes limit"),
)

EXCHANGE = family(
    "exchange",
    ("userunknown", r"account does not exist at the organi[sz]ation", r"msexch\b.{0,80}unknown recipient"),
    ("userunknown", r"address in which the message was sent to could not be found"),
    ("onhold", r"did not report a specific reason"),
    ("norelaying", r"unable to relay for"),
    ("networkerror", r"message to bounce between two servers"),
    ("contenterror", r"content type that is not supported"),
    ("securityerror", r"client was not authenticated"),
)

DOMINO = family(
    "domino",
    ("userunknown", r"not listed in (domino directory|public name|address book)"),
    ("hostunknown", r"no route found to domain"),
    ("mailboxfull", r"router (database )?disk quota exceeded"),
    ("networkerror", r"maximum hop count exceeded"),
    ("norelaying", r"relay rejected for policy reasons"),
)

OTHERS = family(
    "other servers",
    (
        "userunknown",
        r"either there is no mailbox associated",
        r"unknown or illegal alias",
        r"unknown user account",
    ),
    ("hostunknown", r"unknown host or domain"),
    ("filtered", r"delivery is not allowed to this address"),
    ("mailboxfull", r"would exceed mailbox quota", r"mailbox for user is full"),
    ("mesgtoobig", r"size constraint violated"),
    ("suspend", r"(previously )?bounced address"),
    ("userunknown", r"unrecogni[sz]ed or name"),  # X.400: originator/recipient name
    ("hostunknown", r"no mail hosts for domain", r"\bno mx for\b", r"internal domain lookup failed"),
    ("expired", r"delivery time expired", r"^\S+ \S+ \S+ too old$", r"exceeded max time"),
    ("networkerror", r"no answer from host", r"failed to get ips from ptr record", r"dial tcp\b"),
)

SERVERS = (*POSTFIX, *EXIM, *SENDMAIL, *QMAIL, *EXCHANGE, *DOMINO, *OTHERS)
