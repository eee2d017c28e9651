"""Words in general use about what we wrote: its size, form and content, in English."""

from __future__ import annotations

from newsletter.domain.diagnosis.rules import family

MESSAGE = family(
    "generic",
    ("mailboxfull", r"(mailbox|inbox|maildir|mail ?folder)NEAR(exceeds|over|full)\b"),
    ("virusdetected", r"\b(virus|viruses|viral)\b", r"infected", r"\bmalware", r"\btrojan", r"\bworm\b"),
    (
        "mesgtoobig",
        r"(message|mail|body|letter|data|content|file) (size )?IS (too|larger|bigger)( (big|large|long|than)| size)\b",
        r"\bsize\bNEAR(exceed|too (big|large)|limit|larger|bigger|greater|maximum|over)",
        r"(exceed|too (big|large)|larger|bigger|maximum|max|over)\w*NEARsize",
        r"too (big|large)\b",
        r"exceeds THE (maximum|limit|administrative limit)",
    ),
    (
        "spamdetected",
        r"\bspam",
        r"\bjunk",
        r"unsolicited",
        r"\buce\b",
        r"phish",
        r"\bbulk MAIL",
        r"(MAIL|content|body)NEAR(looks|appears|seems|considered|classified|identified|suspected)",
        r"suspicious",
        r"content (IS |filter )?(denied|rejected|blocked|refused|unacceptable|filter)",
        r"(rejected|blocked|refused|denied) (by|due to|because of|for|based on) (\w+ ){0,3}content",
    ),
    (
        "notcompliantrfc",
        r"\brfc( ?\d+)?\b.{0,20}(compl|conform|violat|standard|specif)",
        r"(compl|conform|violat)\w*NEARrfc",
        r"(missing|duplicate|multiple|no|invalid|bad|malformed|illegal|too many) (\w+ )?headers?\b",
        r"headers?NEARinvalid",
        r"(missing|duplicate|multiple|no|invalid|lacks?|without) (a )?(valid )?(message id|date|from)\b",
        r"bare (lf|cr|newline|linefeed|carriage)",
        r"lines? IS (too long|longer|exceed)",
        r"line (length )?limit",
    ),
    (
        "contenterror",
        r"\bmime\b",
        r"8 ?bit",
        r"\bcharset",
        r"(invalid|bad|malformed|illegal|corrupt\w*|unsupported|improper\w*) (message |e?mail )?(content|format)",
        r"malformed MAIL",
        r"(parse|pars|decod)(e|ing) (error|the message|of)",
    ),
    (
        "filtered",
        r"(refused|rejected|blocked) by THE (recipients?|users?|addressees?|owners?)\b(?! (domain|server|host))",
    ),
    (
        "policyviolation",
        r"\bpolic(y|ies)\b",
        r"attachment",
        r"prohibit",
        r"violat",
        r"administrative(ly)? (prohibit|den|reject|block|polic|refus)",
        r"(blocked|rejected|refused|denied) by (\w+ ){0,2}(rules?|filters?|administrator|admin)",
        r"restrict(ed|ions?)",
        r"banned",
    ),
    (
        "syntaxerror",
        r"syntax error",
        r"(unrecogni[sz]ed|unknown|invalid|bad|unimplemented) (smtp )?(command|parameter|argument|verb)",
        r"command\b.{0,15}(not|unrecogni[sz]ed|unknown|out of|rejected|error)",
        r"(bad|improper|wrong|out of) (command )?sequence",
        r"malformed (\w+ )?address",
        r"protocol (error|violation)",
        r"fully qualified",
    ),
)
