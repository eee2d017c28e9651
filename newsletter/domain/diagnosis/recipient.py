"""Words in general use about the mailbox, its domain and the way there, in English."""

from __future__ import annotations

from newsletter.domain.diagnosis.rules import family

MAILBOX = family(
    "generic",
    ("networkerror", r"host not found try again", r"could not find (any|a) (gateway|route)"),
    (
        "hostunknown",
        (
            r"(host|domain|hostname|server|site)( name)?( \S+)? IS (does |do |cannot |could )?not (be )?"
            r"(found|exist|resolved?|known|registered)"
        ),
        r"(unknown|no such|invalid|bad|illegal|unresolvable|non ?existent) (\w+ )?(host|domain|hostname)",
        r"(host|domain)( \S+\.\S+)? IS (unknown|invalid|unresolvable)",
        r"\bnxdomain",
        r"unroute?able (mail )?domain",
        r"\bno (valid |usable )?(mx|mail exchanger|mail hosts?|dns (record|entry|data))\b",
        r"could not find any host",
        r"name or service not known",
        r"\bno such (host|domain)",
    ),
    (
        "systemfull",
        r"(insufficient|not enough|out of|no) (system |disk )(storage|space|resources)",
        r"disk IS full",
        r"no space left",
        r"system (storage|disk|is full)",
    ),
    (
        "mailboxfull",
        r"over ?(the |its |their |disk |mailbox |storage |allowed )?quota",
        r"\bquota",
        (
            r"(mailbox|inbox|mail ?folder|maildir|mail ?file|mail ?drop|account|user|recipient|storage)"
            r"( \S+)?( \S+)? (is |was |has been |are |currently |already |too )*full\b"
        ),
        r"full (mailbox|inbox)",
        r"(exceed\w*|over|reached|out of|insufficient|not enough|no)NEAR(storage|space|room|allocation)",
        r"(mailbox|inbox|account|user|recipient)NEAR(exceed\w*|over|reached|too large|out of|size limit)",
        r"(mailbox|storage|inbox) (size|limit|space|capacity)",
    ),
    (
        "suspend",
        r"WHONEAR(disabled|suspended|deactivated|inactiv\w*|locked|frozen|discontinued|dormant|blocked)",
        r"WHONEAR(not active|no longer active|not enabled|on hold|has expired|expired|closed|disactivated)",
        r"\b(disabled|suspended|deactivated|inactive|locked|frozen|dormant|expired|closed) WHO",
        r"\binactiv(e|ity)\b",
        r"(temporarily|permanently) disabled",
    ),
    (
        "hasmoved",
        r"WHONEAR(moved|changed|been replaced|relocated)",
        r"(user|address|recipient) IS not local",
        r"new (email )?address",
        r"no longer (works?|employed|with|at)\b",
    ),
    (
        "filtered",
        (
            r"(recipient|user|addressee|account|mailbox|member|owner)s?NEAR"
            r"(refuse[sd]?|rejects|declin\w+|blocks|(reject|block)ed (you|this|the)|filter\w*|only accepts|not allow)"
        ),
        r"(recipient|user|addressee|account|mailbox|member|owner)s?NEAR(not accept\w*|does not (want|wish))",
        r"(filtered|refused|rejected|blocked) by THE (recipient|user|addressee|owner)",
        r"recipient address rejected access denied",
        r"mailbox IS unavailable or access denied",
        r"not accepting (MAIL|new)",
    ),
    (
        "userunknown",
        r"WHO( \S+)?( \S+)? IS (an? )?(unknown|not known|unrecogni[sz]ed|non ?existent)",
        r"(unknown|non ?existent|undefined|unrecogni[sz]ed|invalid|wrong|illegal) (\w+ ){0,2}WHO",
        r"unknown (or illegal|local|virtual|email|to (us|this))",
        r"bad (recipient|user|mailbox|destination)",
        r"no such (\S+ )?WHO",
        r"\bno (one|WHO)( \S+)? (here|by that|with that|named|matching|found)",
        r"\bno (valid |matching |local )?(mailbox|account|user|recipient|address)(es|s)?\b",
        r"WHO( \S+)?( \S+)? (IS |could |can |did )?(not|cannot) (be |been )?(found|located|recogni[sz]ed|resolved)",
        r"WHO( \S+)?( \S+)? (IS |could |can |did )?(not|cannot) (be |been )?(listed|identified|matched|known)",
        r"WHONEAR(does|do|did) not (appear to |seem to )?exist",
        r"WHO( \S+)? (not exists?|no longer (exists?|valid|available|in use|on|here)|never existed)",
        r"WHONEAR(invalid|not (valid|a valid|exist\w*|defined|here|registered|our|local))",
        r"not (a |an )?(valid|known|existing|local|registered|recogni[sz]ed|defined) (\S+ )?WHO",
        r"WHONEAR(deleted|removed|terminated|cancel\w*|unavailable|undeliverable)",
        r"(does not|not) (exist|live) (here|at|on|in)",
        r"does not have an? (\S+ ){1,3}(account|mailbox|delivery point)",
        r"not our (customer|user)",
        r"not listed in",
        r"unroute?able (\S+ )?(address|recipient|user)",
        r"undeliverable address",
        r"(invalid|bad|incorrect) (e?mail|destination|forward path|to address|rcpt)",
        r"mailbox (is |currently )?(unavailable|not available)",
        r"(user|recipient|address|name) (not|\S+ not) (known|listed|in)\b",
        r"does not exist$",
    ),
)

WAY = family(
    "generic",
    (
        "notaccept",
        r"null ?mx",
        r"(does|do|will) not (accept|receive) (any |incoming |inbound )?MAIL",
    ),
    (
        "mailererror",
        r"unknown mailer error",
        r"command (died|failed|time limit)",
        r"\bmailer error",
        r"exit (status|code)",
        r"local delivery (failed|agent)",
        r"child process",
    ),
    (
        "systemerror",
        r"(ldap|directory) (server|service|lookup|error|failure)",
        r"(operating|internal|file) (system|server) (error|failure|problem|fault)",
        r"error (while|when|in) (being )?process",
        r"(configuration|internal|software|disk) (error|failure|problem|fault)",
    ),
    (
        "expired",
        r"(message|delivery|mail|queue|envelope)\b.{0,30} (has |time )?(expired|timed out|timeout)",
        r"(too|so) long (in|on) (the |my )?queue",
        r"in the queue (for )?(too|longer|more)",
        r"retry (timeout|time|limit|count)",
        r"(could|can) ?not be delivered (for|within|in|after)\b.{0,20} (days?|hours?|minutes?)",
        r"(cannot|could not) (send|deliver)\b.{0,20} for \d+ (days?|hours?)",
        r"not (yet )?(been )?delivered\b.{0,40}\d+ (days?|hours?)",
        r"failing for a long time",
        r"(maximum|max|exceeded) (queue|delivery|retr\w+) (time|lifetime|period|attempts)",
        r"giving up",
        r"not been (collected|fetched|picked up)",
        r"(failed|after) \d+ (failed )?attempts",
        r"delivery time\b",
        r"(still )?(undelivered|not delivered) after",
        r"(will|shall) (keep|continue) (on )?trying",
        r"delayed",
    ),
    (
        "networkerror",
        r"\bloop(s|ing|ed)?\b",
        r"too many hops",
        r"hop count",
        r"connection (\S+ )?(timed out|refused|reset|lost|dropped|closed|failed|died|broken|aborted)",
        r"lost connection",
        r"no route",
        r"unreachable",
        r"not reachable",
        r"(could not|cannot|unable to|able to) (establish|connect|open)\b",
        r"timed? ?out",
        r"connect (to|failed|error)",
        r"network (error|is)",
        r"(host|domain|name|dns|mx|server)\b.{0,20} (lookup|look up|resolution|query)",
        r"name (service|server) (error|lookup|failure)",
        r"did not (respond|answer|reply)",
        r"not respond",
        r"\bno (answer|response|reply) from",
        r"conversation with",
    ),
    (
        "systemerror",
        r"(local|system|internal|server|configuration|temporary|software)( \w+)? (error|failure|problem|fault)",
        r"(out of|insufficient) (memory|resources)",
        r"(could not|cannot|unable to|failed to) (load|open|read|write|create|allocate|access|process|lock|look ?up)",
        r"temporar(y|ily) (failure|unavailable|error|problem|reject)",
        r"service (is |currently |temporarily )*(unavailable|not available|down|shutting)",
        r"temporarily unavailable",
        r"(i ?o|input output) error",
        r"database",
    ),
)

# Words that say little: they are asked when the codes have said nothing either.
WEAK = family(
    "generic",
    ("speeding", r"try (again|later|your)", r"come back later", r"temporarily deferred", r"\bdeferred\b"),
    ("filtered", r"\bfiltered\b"),
    (
        "userunknown",
        r"rejected THE (recipient )?address",
        r"address IS (possibly |probably )?(incorrect|wrong|mis ?spelled|mis ?typed)",
        r"check (if |whether |that )?THE (\w+ )?address",
        r"recipient (not|was not) (ok|accepted)",
        r"recipient (address )?IS (rejected|refused|denied|invalid)",
    ),
    ("blocked", r"^\S+ \S+ \S+ (IS )?(rejected|refused|denied|blocked)\.?$"),
    ("spamdetected", r"(message|mail|email) (content )?IS (rejected|refused|denied|blocked)"),
)
