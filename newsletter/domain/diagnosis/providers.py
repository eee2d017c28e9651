"""Words and codes of mailbox providers.

They are those of the providers' pages for senders (Gmail: support.google.com/a/answer/3726730, Yahoo:
senders.yahooinc.com/smtp-error-codes, Microsoft: learn.microsoft.com, "NDR error codes", Apple: support 102322, GMX and
web.de: postmaster.gmx.net, T-Online: postmaster.t-online.de, Orange: postmaster.orange.fr, QQ: service.mail.qq.com,
NetEase: mail.163.com/help, Comcast: postmaster.comcast.net) and of what their servers say.
"""

from __future__ import annotations

from newsletter.domain.diagnosis.rules import family

GMAIL = family(
    "gmail",
    ("userunknown", r"p nosuchuser\b", r"account that you tried to reach does not exist"),
    ("mailboxfull", r"p overquota(temp|perm)?\b", r"account that you tried to reach is over quota"),
    ("suspend", r"p disableduser\b", r"account that you tried to reach is (disabled|inactive)"),
    ("speeding", r"receiving (mail|messages) (at a rate|too quickly)", r"unusual rate of unsolicited"),
    ("speeding", r"p (receivingrate|unsolicitedratelimit\w*)"),
    ("requireptr", r"ipv6 sending guidelines regarding ptr"),
    ("notcompliantrfc", r"(is not rfc \d+ compliant|does not meet rfc \d+)"),
    ("failedstarttls", r"not sent over a tls connection"),
    (
        "authfailure",
        r"p (unauthenticated|dmarcrejection|spfhardfail)\w*",
        r"from header rfc ?5322 in this message is not",
    ),
    ("badreputation", r"low reputation of the sending"),
    ("spamdetected", r"likely (unsolicited|suspicious)", r"p unsolicitedmessage\w*"),
    ("policyviolation", r"content presents a potential", r"policy that prohibited the mail"),
    ("mesgtoobig", r"p maxsizeerror"),
    ("rejected", r"groups\.google\.com"),
    ("mailboxfull", r"recipient inbox full", r"their inbox is full"),
    ("notaccept", r"does not accept our requests to connect"),
    ("networkerror", r"did not accept our requests to connect"),
    ("hostunknown", r"lookup of \S+ responded with code nxdomain"),
)

YAHOO = family(
    "yahoo",
    ("userunknown", r"this user does not have an? \S+ account", r"delivery error dd not a valid recipient"),
    ("userunknown", r"requested mail action aborted mailbox not found"),
    ("suspend", r"account has been disabled or discontinued", r"this mailbox is disabled 554"),
    ("speeding", r"\b(tss?|gl|ipts)0\d\b.{0,120}deferred", r"unexpected volume or user complaints"),
    ("blocked", r"\bbl\d\d connections will not be accepted", r"\b(rtr|con|rly|dyn) (bl|b\d|bg|ch|t\d)\b"),
    ("spamdetected", r"\bhv[uc] \w\d\b"),
    ("filtered", r"is not accepting mail from this sender"),
    ("authfailure", r"unauthenticated email from"),
    ("policyviolation", r"(message|email) not accepted for policy reasons", r"^5\d\d 5\.7\.9 yahoodns "),
)

MICROSOFT = family(
    "microsoft",
    ("userunknown", r"recipient address rejected access denied as \d+", r"mailbox unavailable s20\d{8}"),
    (
        "userunknown",
        r"\b5\.4\.1 \S+ recipient address rejected access denied",
        r"all recipient addresses rejected",
    ),
    ("userunknown", r"resolver\.adr\.(ex)?recip\w*notfound", r"resolver\.adr\.(bad|invalid)\w*"),
    ("authfailure", r"\b[45]\.7\.5(09|15)\b", r"required authentication level"),
    ("notcompliantrfc", r"\b5\.7\.512\b"),
    ("rejected", r"bad outbound sender", r"senderfilterconfig"),
    (
        "blocked",
        r"banned send(er|ing ip)",
        r"traffic not accepted from this ip",
        r"\bs31(40|50)\b",
        r"\b(sc 00\d|dy 00\d|ou 00\d)\b",
    ),
    ("blocked", r"part of their network is on our block ?list", r"\b[45]\.7\.(60[6-9]|6[1-4]\d)\b"),
    ("badreputation", r"rate limited due to ip reputation"),
    ("speeding", r"\brp 00[1-3]\b", r"\b(s77\d\w*|s3114|s77719)\b", r"\b4\.7\.(500|65\d)\b"),
    (
        "speeding",
        r"recipient has exceeded their limit on the number",
        r"\b[45]\.2\.12[12]\b",
        r"storedrv.{0,40}too busy",
    ),
    ("securityerror", r"resolver\.rst\.(authrequired|sendernotauthenticated\w*)"),
    ("policyviolation", r"transport\.rules\.reject\w*", r"resolver\.rst\.\w*not(authori[sz]ed|allowed)\w*"),
    ("exceedlimit", r"resolver\.rst\.recipsizelimit\w*"),
    ("mesgtoobig", r"resolver\.rst\.sendsizelimit\w*"),
    ("norelaying", r"tenantattribution", r"unable to relay recipient in non accepted domain"),
    ("mailboxfull", r"quotaexceeded\w*", r"mapiexceptionshutoffquota\w*"),
    ("spamdetected", r"content identified as spam", r"spam abuse detected"),
    ("contenterror", r"invalid mime content", r"\b5\.6\.\d{3}\b"),
    (
        "networkerror",
        r"routing\.loop\w*",
        r"resolver\.fwd\.loop\w*",
        r"smtpsend\.dns\.mxloopback",
        r"\b5\.4\.31[2-7]\b",
    ),
    ("hostunknown", r"smtpsend\.dns\.nonexistentdomain", r"infodomainnonexistent", r"\b5\.4\.310\b"),
    ("expired", r"queue\.expired"),
    ("systemerror", r"mailbox database offline", r"storedrv.{0,40}offline"),
    ("failedstarttls", r"\b[45]\.7\.32[0-9]\b"),
)

APPLE = family(
    "apple",
    ("userunknown", r"recipient no longer on server"),
    ("policyviolation", r"\b(cs|hm|hc|bs)\d\d message rejected due to local policy"),
)

GERMAN = family(
    "german providers",
    # GMX and web.de say "mailbox unavailable" of whatever they refuse; the line after it tells what.
    ("rejected", r"invalid dns (mx|a)\b"),
    ("authfailure", r"reject due to (spf|dkim|dmarc) policy"),
    ("requireptr", r"bad dns ptr"),
    ("spamdetected", r"transaction failed (\S+ )?reject due to policy restrictions"),
    ("blocked", r"nemesis esmtp service not available", r"ip address is (block|black) ?listed"),
    ("blocked", r"to contact (\S+ )?to clarify", r"none bad reputation.{0,60}postmaster"),
    ("spamdetected", r"considered as spam or virus"),
)

FRENCH = family(
    "french providers",
    ("userunknown", r"adresse d ?au moins un destinataire invalide", r"\b(ofr|lpn|lpnaaa)\d* ?416\b"),
    ("mailboxfull", r"boite (aux lettres )?du destinataire pleine", r"recipient overquota"),
    ("suspend", r"destinataire archivee", r"blocked due to inactivity"),
    ("rejected", r"adresse (d ?)?(l )?(expediteur|emetteur) invalide"),
    ("toomanyconn", r"trop de connexions"),
    ("spamdetected", r"mail rejete\b", r"\b(ofr|lpn)\d* ?506\b"),
    ("blocked", r"service refuse\b"),
)

RUSSIAN = family(
    "russian providers",
    ("suspend", r"invalid mailbox.{0,60}(disabled|blocked|terminated)"),
    ("mailboxfull", r"invalid mailbox.{0,60}(full|quota)"),
    ("userunknown", r"not accepted invalid mailbox"),
    ("spamdetected", r"spam message (rejected|discarded)", r"under suspicion of spam"),
    ("filtered", r"policy rejection on the target address"),
)

CHINESE = family(
    "chinese providers",
    (
        "userunknown",
        r"(mailbox|user) not found.{0,40}(qq\.com|163\.com|126\.com|sina|weixin)",
        r"unknow user",
    ),
    (
        "userunknown",
        r"mailbox unavailable or access denied.{0,80}(qq\.com|weixin)",
        r"^550 \S+ qq mailbox unavailable",
        r"invalid rcptto",
    ),
    ("speeding", r"(ip|domain|sender|connection) frequency limited"),
    ("blocked", r"connection denied.{0,40}qq\.com", r"suspected bounce attacks", r"\bhl (ipb|ihu|rep|itc)\b"),
    ("blocked", r"\b(dt rbl|wm bl[iu]|mi nhd|mi ipb)\b", r"ip in blacklist"),
    (
        "spamdetected",
        r"mail content denied",
        r"reject by (content|behaviou?r) spam",
        r"\bdt (spm|sum)\b",
        r"\bmi spb\b",
    ),
    ("authfailure", r"\b(mi|rp) (spf|dmc spf)\b"),
    ("speeding", r"\b(rp (trc|drc|qrc|ccl|cel)|mi (cel|dmc|ccl|sfq)|hl (icc|ifc|mep))\b"),
    ("mailboxfull", r"mailbox space not enough", r"user storage exceeded"),
    ("filtered", r"mail is rejected by recipients?"),
)

ASIAN = family(
    "japanese and korean providers",
    # Docomo calls a reader whose filter refuses us unknown too, so that nobody learns who exists.
    (
        "filtered",
        r"^550 \S+ docomo\.ne\.jp unknown user",
        r"refused by the subscribers setting",
        r"users? setting",
    ),
    ("speeding", r"too much mail from your host"),
    ("suspend", r"dormant account", r"sleeping account"),
)

AMERICAN = family(
    "american providers",
    ("userunknown", r"not our customer", r"account not found.{0,40}irbounce", r"\b(rcp p1|int p[134])\b"),
    ("filtered", r"\brcp p2\b"),
    ("rejected", r"\bdns p[12]\b"),
    ("mesgtoobig", r"\b(msg p1|int p2)\b"),
    ("policyviolation", r"\bmsg p2\b"),
    ("notcompliantrfc", r"\bmsg p3\b"),
    (
        "blocked",
        r"comcast block for spam",
        r"\b(bl00|ldbl)\d{4,6}\b",
        r"found on one or more dnsbls",
        r"\bpol [pt]\d\b",
    ),
    ("speeding", r"\brl00\d{4}\b"),
    (
        "requireptr",
        r"\b(pt00|dn00)\d{4}\b",
        r"servers without a valid sender domain",
        r"fix reverse dns",
        r"\bdns p3\b",
    ),
    ("authfailure", r"\bdm00\d{4}\b", r"\bcxsndr\b"),
    ("blocked", r"dnsbl rbl \d* ?\S* is blocked", r"abuse rbl", r"blockedbyearthlink"),
    ("blocked", r"\b(cxbl|cdrbl|ipbl[01]{4})\b", r"currently blocked by verizon"),
    ("requireptr", r"\bcxdns\b", r"\bib10[568]\b"),
    ("toomanyconn", r"\bcxcnct\b", r"\bib607\w?\b"),
    ("speeding", r"\b(cxthrt|cxmxrt)\b", r"\baup in 1[23]\d\d\b"),
    ("blocked", r"\baup (in|i|o) \d+\b", r"\bib1\d\d\b"),
    ("spamdetected", r"\bib504\b", r"judged to be spam"),
)

PROVIDERS = (
    *(*GMAIL, *YAHOO, *MICROSOFT, *APPLE, *GERMAN, *FRENCH),
    *(*RUSSIAN, *CHINESE, *ASIAN, *AMERICAN),
)
