"""Know how mail servers that follow no standard lay out their notices, family by family.

Each was written from how that server is known to speak. Its marks stand in the text, or in the fields From, Subject
and X-Mailer; its recipients are found by a pattern of its own, so that other addresses in its text mislead nobody.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from newsletter.mime.inbound.addresses import ADDRESS

_A = rf"(?P<address>{ADDRESS})"
# Lines of "<address>: what went wrong", and a line that is nothing but the address.
_ANGLED = rf"^[ \t]*<{_A}>"
_ALONE = rf"^[ \t]*<?{_A}>?[ \t]*$"
_INDENTED = rf"^[ \t]+<?{_A}>?:?[ \t]*$"


@dataclass(frozen=True, slots=True)
class Family:
    """Hold the marks of a server's notices and where they name a recipient.

    ``recipient`` has a group ``address``; with a group ``said`` what went wrong begins there, else after the address.
    """

    name: str
    marks: re.Pattern[str]
    recipient: re.Pattern[str]


def _family(name: str, marks: str, recipient: str) -> Family:
    flags = re.IGNORECASE | re.MULTILINE
    return Family(name, re.compile(marks, flags), re.compile(recipient, flags))


FAMILIES = (
    # Bernstein's QSBMF: a paragraph for each recipient, which begins with its address in angle brackets.
    _family(
        "qmail",
        r"^Hi\. This is |^(?:I'm afraid|Sorry, )I wasn't able to deliver|qmail-send program"
        r"|child status 100|\(#[45]\.\d\.\d\)",
        rf"{_ANGLED}[ \t]*:[ \t]*$",
    ),
    _family(
        "exim",
        r"created automatically by mail delivery software|address(?:\(?es\)?)? failed:"
        r"|message has not yet been delivered is",
        rf"^[ \t]{{0,4}}[<\"]?{_A}[>\"]?:?(?:[ \t]*|[ \t]+<[^<>\n]{{0,250}}>:.*)$",
    ),
    _family(
        "postfix",
        r"^This is the .{0,80} program at host |Undelivered Mail Returned to Sender",
        rf"{_ANGLED}(?:[ \t]+\((?:expanded|generated) from[^\n)]{{0,250}}\))?:[ \t]+\S",
    ),
    _family(
        "sendmail",
        r"^[ \t]*-{3,80}\s?(?:The following address(?:es)? had|Transcript of session follows)",
        rf"^[ \t]*(?:<{_A}>"
        rf"|(?P<said>[45]\d\d[ \t](?:[45]\.\d\.\d[ \t])?<?(?P<spoken>{ADDRESS})>?\.\.\.)"
        rf"|(?P<bare>{ADDRESS})[ \t]*(?:$|\[|\())",
    ),
    _family(
        "exchange",
        r"did not reach the following recipient|MSEXCH:|could not be reached:"
        r"|Delivery has failed to these|Internet Mail Service|Diagnostic information for administrators",
        rf"^[ \t]*'?{_A}'?(?:<mailto:[^<>\n]{{3,250}}>)?(?:[ \t]+on[ \t].*|[ \t]*)$"
        rf"|SMTP=(?P<bare>{ADDRESS})",
    ),
    _family("domino", r"Lotus Notes|Domino|^[ \t]*was not delivered to:", _INDENTED),
    _family(
        "groupwise",
        r"The message that you sent was undeliverable to the following|GroupWise",
        rf"^[ \t]+<?{_A}>?[ \t]*\(",
    ),
    _family("courier", r"running the Courier mail server|UNDELIVERABLE MAIL", rf"{_ANGLED}[ \t]*:"),
    _family(
        "smail",
        r"(?<!-)-{5,80} (?:Message log|Failed addresses) follows?",
        rf"^[ \t|]*<?{_A}>?[ \t]*\.\.\.[ \t]",
    ),
    _family(
        "mdaemon",
        r"MDaemon|^[ \t]*Failed address(?:es)?:",
        rf"(?:Failed address(?:es)?:[ \t]*|^[ \t]*)<?{_A}>?[ \t]*$",
    ),
    _family(
        "imail",
        r"<SMTP32 |^undeliverable\s+to |^Delivery failed \d+ attempts:|^Unknown (?:user|host):"
        r"|^User mailbox exceeds",
        rf"^(?P<said>(?:undeliverable[ \t]+to|Delivery failed \d+ attempts:|Unknown (?:user|host):"
        rf"|User mailbox exceeds allowed size:|[\w ]{{3,60}}:)[ \t]+<?{_A})",
    ),
    _family("mailenable", r"MailEnable|\[SMTP:", rf"\[SMTP:{_A}\]"),
    _family(
        "google",
        r"Delivery to the following recipients?(?: has been| failed)"
        r"|mail delivery subsystem <mailer-daemon@google",
        rf"^[ \t]+{_A}[ \t]*$|(?:delivered to|delivering your message to)[ \t]+(?P<bare>{ADDRESS})",
    ),
    _family(
        "yahoo",
        r"Message from +[\w.]+\.$|unable to deliver (?:your )?message to the following address",
        rf"{_ANGLED}[ \t]*:",
    ),
    _family("dragonfly", r"^This is the DragonFly Mail Agent", rf"delivering your mail to <{_A}>"),
    _family("opensmtpd", r"^[ \t]*This is the MAILER-DAEMON, please DO NOT REPLY", rf"^{_A}:[ \t]+\S"),
    _family("listserv", r"^Error-for:|LSMTP|LISTSERV", rf"^Error-for:[ \t]*<?{_A}"),
    _family(
        "fml",
        r"not a member of this mailing list",
        rf"(?P<said>not a member of this mailing list[ \t]*<{_A}>)",
    ),
    _family(
        "mailmarshal", r"^[ \t]*The following recipients? (?:was|were) affected", rf"^[ \t]+<?{_A}>?[ \t]*$"
    ),
    _family(
        "surfcontrol",
        r"^Addressed To:|A transcript of the attempts to send",
        rf"^Addressed To:[ \t]*<?{_A}>?",
    ),
    _family(
        "zoho",
        r"\[Status: Error, Address:|ERROR CODE ?:",
        rf"Address: <{_A}>|^[ \t]*(?P<bare>{ADDRESS}), ERROR CODE",
    ),
    _family("messagingserver", r"^[ \t]*Recipient address:", rf"^[ \t]*Recipient address:[ \t]*<?{_A}"),
    _family("interscan", r"^Sent[ \t]+<<<|InterScan|TrendMicro", rf"RCPT TO:[ \t]*<{_A}>"),
    _family("james", r"^Hi\. This is the James|^Failed recipient\(s\):", _ALONE),
    _family("activehunter", r"Active!Hunter|^[ \t]*>>> [^\n@]{1,64}@", rf"^[ \t]*>>> [^\n<]{{0,250}}<{_A}>"),
)
