"""Words in general use about us: who we are, what proves it, our host and our pace, in English.

They are asked before those about mailboxes: "sender unknown" must not meet a rule about unknown users.
"""

from __future__ import annotations

from newsletter.domain.diagnosis.rules import family

SENDER = family(
    "generic",
    (
        "spamdetected",
        r"(considered|detected|identified|classified|flagged|marked|scored|recogni[sz]ed|suspected)( \w+){0,3} spam",
        r"(MAIL|content)( \S+)? IS (\w+ )?(as |to be )?spam\b",
        r"MAIL (appears|seems|looks|likely)( \w+){0,3} (spam|unsolicited|junk|bulk)",
        r"anti ?spam (check|scan|test|engine|filter)",
        r"spam (score|points|level|threshold|content|probability|message)",
    ),
    ("spamdetected", r"\b(urls?|links?|uri|uribl|surbl)\bNEAR(list|block)"),
    (
        "notcompliantrfc",
        r"(missing|duplicate|multiple|no|invalid|bad|malformed|illegal|too many) (\w+ ){0,2}(headers?|fields?)\b",
        r"headers?NEAR(missing|duplicate|multiple|malformed|illegal)",
        r"multiple addresses in",
    ),
    ("contenterror", r"headers? (size )?IS too (long|large|big)"),
    ("policyviolation", r"(for|due to|because of) (\w+ )?policy reasons?"),
    ("mailboxfull", r"WHO (\S+ )?ha(s|ve) too many messages"),
    (
        "norelaying",
        r"relay(ing)? (access |attempt |mail |of mail |operation )?IS (denied|prohibited|rejected|refused|disabled)",
        r"relay(ing)? (access |mail )?IS (not|disallowed|temporarily denied)",
        r"(unable|unwilling|refus\w+|cannot|will not|do not|does not|not \w+|no permission|denied)( to)? relay",
        r"\brcpthosts\b",
        r"relaying (issue|problem|error)",
        r"allowed to be relayed",
        r"no relaying",
        r"domain IS not (local|hosted|handled|served|configured|one of)",
        r"not (a |one of our |our )?local domains?\b",
        r"do(es)? not (host|serve|handle)\b.{0,30} domain",
        r"\bnot (a )?local host",
        r"\bnot (a )?(gateway|relay|mail exchanger|responsible) for",
    ),
    (
        "requireptr",
        r"reverse (dns|lookup|resolution|mapping|name|ip|host)",
        r"\bptr\b",
        r"\bf?c?rdns\b",
        r"(unverif\w+|unresolv\w+) (sending |client )?(ips?|hosts?)\b",
        r"cannot (find|resolve) your (reverse |ip |host)",
        r"no (dns )?name (for|assigned to) your (ip|host)",
    ),
    (
        "authfailure",
        r"\b(dmarc|dkim)\b",
        r"\bspf\b",
        r"sender policy framework",
        r"unauthenticated (MAIL|sender)",
        r"(MAIL|sender) IS (not authenticated|unauthenticated)",
    ),
    (
        "failedstarttls",
        r"starttls",
        r"\btls\bNEAR(required|fail|handshake|negotiat|not |error|support)",
        r"(must|fail\w*|cannot|require\w*|not support)NEARtls\b",
        r"(encryption|encrypted connection|secure connection) IS (required|needed)",
        r"certificate (is |was |has )?(validation|verif\w+|expired|not|invalid|untrusted|mismatch)",
    ),
    (
        "securityerror",
        r"auth(entication|ori[sz]ation)? IS (required|failed|failure|needed|unsuccessful|error)",
        r"(must|need to|have to|please|to be|not) (be )?(smtp )?authenticated?\b",
        r"(requires?|use|enable|without|only|turn on) (smtp )?auth(entication)?\b",
        r"delivery not authori[sz]ed",
        r"(log ?in|check (your )?(mail|pop3?)) (first|before)",
        r"only accepts? (MAIL) from (authenticated|people|members|internal)",
    ),
    (
        "speeding",
        r"too (many|much) (unknown|invalid|bad|wrong|failed|incorrect)",
        r"too many (recipients|errors|MAIL|requests|deliveries|bounces|failures|transactions|commands)",
        r"too (much mail|fast|quickly|frequent|often)",
        r"frequency",
        r"(rate|volume) ?(limit|control|exceed)",
        r"ratelimit",
        r"throttl",
        r"gr[ea]y ?list",
        r"slow down",
        r"(unusual|unexpected|excessive|high) (rate|volume|number)",
        r"(sending|send|hourly|daily|receive|receiving|delivery) (\w+ )?(rate|limit|quota)\b",
        r"(MAIL|recipient) (rate|limit)\b",
        r"(exceed\w*|reach\w*|over|hit)NEAR(limit|quota|maximum|allow\w+)NEARper (hour|day|minute|second|session)",
        r"\b(limit\w*|exceed\w*)NEARper (hour|day|minute|second|session|connection)",
        r"(server|system|service|host) IS (too )?busy",
    ),
    (
        "toomanyconn",
        r"too many (\w+ )?(\w+ )?(connections|sessions)",
        r"(concurrent|simultaneous|maximum|number of|parallel) (smtp )?(connections|sessions)",
        r"connections? (rate|count|limit|quota)",
    ),
    (
        "blocked",
        r"MAIL from (your |this )?(server|host|ip|network|\d+\.\d+)NEAR(not|refused|rejected|blocked|denied)",
    ),
    (
        "rejected",
        r"sender (e?mail )?(address |domain |name |host |id |identity )?IS (unknown|invalid|rejected|refused|denied)",
        r"sender (e?mail )?(address |domain |name |host |id |identity )?IS (blocked|blacklisted|unverified|not |verif)",
        r"sender (e?mail )?(address |domain |name )?(does|could|cannot|can|must|has) (not|no|be)",
        (
            r"(bad|invalid|unknown|forged|spoofed|blocked|blacklisted|denied|illegal|malformed|missing|null|no|fake) "
            r"THE (envelope |smtp )?sender"
        ),
        r"(unauthori[sz]ed|unresolvable|unverified|verify|resolve|reject\w*|deny|denies) THE (envelope |smtp )?sender",
        r"\bsenders?NEAR(denied|rejected|refused|blocked|not (allowed|accepted|permitted|authorized|exist))",
        r"unroute?able sender",
        r"(address|identit\w+) IS not verified",
        r"\bsender (address |domain )?IS (on|in|listed)\b",
        r"not a member of",
        r"permission to (post|send|write|submit)",
        r"not set up to receive MAIL from",
        r"domain of THE (sender|from|envelope)",
        r"senders? domain",
        r"badmailfrom",
        r"(return|reverse) path",
        r"verification failed for",
        r"(mail ?from|from (address|header|field|domain))NEAR(denied|rejected|refused|blocked|invalid|unknown)",
        r"(mail ?from|from (address|header|field|domain))NEAR(forg\w+|spoof\w*|not |does )",
        r"spoof(ed|ing)",
        r"(from|by) (this|your|that) (sender|e?mail|address|domain)\b",
        r"(denied|rejected|refused|not allowed)NEARin reply to mail from",
        r"^\S+ \S+ \S+ MAIL IS rejected by THE (destination|recipient|remote) (domain|server|system|host)",
        r"your (e?mail )?(address|domain)( \S+)? IS (not |denied|rejected|blocked|black)",
    ),
    (
        "badreputation",
        r"(poor|bad|low|negative|insufficient|suspicious|no|lack of|weak|malicious) (\w+ )?(\w+ )?reputation",
        r"reputationNEAR(poor|bad|low|negative|insufficient|block|reject|denied|listed)",
        r"(ip|domain|sender|senders?|server|host|network|email|web|url) reputation",
    ),
    (
        "blocked",
        r"blocked (using|by|at|for|due|because|in)\b.{0,60}(list|rbl|spamhaus|spamcop|sorbs|barracuda|abuseat|\bdns)",
        r"\b(black|block|deny|white|allow) ?list",
        r"(reject|access|ban) ?list",
        r"\blisted (at|on|in|by) (our|the|a|\S+\.\S+)",
        r"\b(dnsbl|rbl|surbl|uribl|sbl|xbl|pbl)\b",
        r"(spamhaus|\bsorbs|spamcop|barracudacentral)",
        r"client (host|address|ip|name)",
        r"(helo|ehlo)\b",
        r"banned (sending )?(ip|host)",
        r"use (the |your )?(\w+ ){0,4}(isps?|providers?|smarthost)\b",
        (
            r"(your|sending|senders?|connecting|this) (\w+ )?(ip|ips|host|server|network|mta|mailserver|isp)\b.{0,60}"
            r"(blocked|banned|rejected|refused|denied|listed)"
        ),
        (
            r"\b(ip|ips|host|network|mta|mailserver|isp)( address)?( \S+)? (is|was|has been|are|were) (\w+ )?"
            r"(blocked|banned|rejected|refused|denied|listed)"
        ),
        r"(invalid|bad) ip\b",
        (
            r"\b(ip|ips|host|server|network|mta|mailserver|isp)\b.{0,60}"
            r"(not (allowed|accepted|permitted|authorized|welcome)|abus)"
        ),
        r"(blocked|banned|rejected|refused|denied|deny|bad|untrusted|suspicious) (\w+ ){0,3}(ips?|mta|isp|subnet)\b",
        r"(banned|bad|untrusted|unauthori[sz]ed) hosts?\b",
        r"(dynamic|residential|dialup|dial up|generic) (\S+ ){0,4}(ip|ips|hosts?|address|addresses|network)\b",
        r"\bip address\b",
        r"connections? (\S+ ){0,4}(rejected|denied|not (allowed|accepted|authorized)|blocked|by policy)",
        r"\baccess IS denied",
        r"blocked (for|due to|because of) (\w+ )?abuse",
        r"no smtp service",
    ),
)
