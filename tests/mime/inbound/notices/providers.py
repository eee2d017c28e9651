"""Hold notices of providers and of gateways: retold from how each is known to speak."""

from __future__ import annotations

from tests.mime.inbound.notices.sample import HEADERS, Sample

PROVIDERS = (
    Sample(
        "gmail, older",
        "Mail Delivery Subsystem <mailer-daemon@googlemail.com>",
        "Delivery Status Notification (Failure)",
        f"""Delivery to the following recipient failed permanently:

     ada@reader.example

Technical details of permanent failure:
Google tried to deliver your message, but it was rejected by the server for the recipient domain reader.example.
The error that the other server returned was:
550 5.1.1 <ada@reader.example>: user unknown

----- Original message -----

{HEADERS}""",
    ),
    Sample(
        "gmail, newer",
        "Mail Delivery Subsystem <mailer-daemon@googlemail.com>",
        "Delivery Status Notification (Failure)",
        """
** Address not found **

Your message wasn't delivered to ada@reader.example because the address couldn't be found, or is unable to receive mail.

Learn more here: https://support.google.com/mail/?p=NoSuchUser

The response was:

550 5.1.1 The email account that you tried to reach does not exist.
""",
    ),
    Sample(
        "yahoo",
        "MAILER-DAEMON@yahoo.example",
        "Failure Notice",
        f"""Sorry, we were unable to deliver your message to the following address.

<ada@reader.example>:
554: delivery error: dd This user doesn't have a reader.example account (ada@reader.example) [0] - mta1.reader.example

--- Below this line is a copy of the message.

{HEADERS}""",
    ),
    Sample(
        "aol",
        "Mail Delivery Subsystem <MAILER-DAEMON@reader.example>",
        "Mail Delivery Problem",
        """Your mail to the following recipients could not be delivered because the user's mailbox is full:
	ada
""",
        reason="mailboxfull",
    ),
    Sample(
        "mailmarshal",
        "postmaster@mx.reader.example",
        "Undeliverable Mail: Ships wait for the tide",
        """Your message:
   From:    news@post.example.com
   Subject: Ships wait for the tide

Could not be delivered because of

550 5.1.1 User unknown

The following recipients were affected:
    ada@reader.example
""",
    ),
    Sample(
        "surfcontrol",
        "postmaster@mx.reader.example",
        "Message could not be sent",
        """Your message could not be sent.
A transcript of the attempts to send the message follows.
The number of attempts made: 1
Addressed To: ada@reader.example

Wed, 25 Nov 2026 06:00:00 +0000
Failed to send to identified host,
ada@reader.example: [192.0.2.7], 550 User unknown
""",
    ),
    Sample(
        "interscan",
        "postmaster@mx.reader.example",
        "Mail could not be delivered",
        """****** Message from InterScan Messaging Security Suite ******

Sent <<< RCPT TO:<ada@reader.example>
Received >>> 550 5.1.1 <ada@reader.example>... user unknown

Unable to deliver message to <ada@reader.example>.

************************     End of message     **********************
""",
    ),
    Sample(
        "mailfoundry",
        "Mail Delivery System <MAILER-DAEMON@mx.reader.example>",
        "Message delivery has failed",
        """Unable to deliver message to: <ada@reader.example>
Delivery failed for the following reason:
Server store.reader.example[192.0.2.7] failed with: 550 <ada@reader.example> No such user here

This has been a permanent failure.  No further delivery attempts will be made.
""",
    ),
    Sample(
        "mimecast",
        "postmaster <postmaster@reader.example>",
        "[Postmaster] Email Delivery Failure",
        """This is an automated alert notification. Please do not reply.

An email that you attempted to send to the following address could not be delivered:
-- ada@reader.example

The problem appears to be :
-- Recipient email address is possibly incorrect

Additional information follows :
-- 550 5.1.1 User unknown
""",
    ),
    Sample(
        "zoho",
        "mailer-daemon@mail.zoho.example",
        "Undelivered Mail Returned to Sender",
        """This message was created automatically by mail delivery software.
A message that you sent could not be delivered to one or more of its recipients. This is a permanent error.

ada@reader.example, ERROR CODE :550 - 5.1.1 <ada@reader.example> User unknown
""",
    ),
    Sample(
        "1&1",
        "Mail Delivery System <mailer-daemon@kunden.example>",
        "Mail delivery failed: returning message to sender",
        """This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of
its recipients. The following addresses failed:

<ada@reader.example>

SMTP error from remote server after RCPT command:
host mx.reader.example[192.0.2.7]:
550 5.1.1 user unknown

--- The header of the original message is following. ---

From: news@post.example.com
""",
    ),
    Sample(
        "au",
        "Postmaster@reader.example",
        "Mail System Error - Returned Mail",
        f"""The user(s) account is temporarily over quota.

<ada@reader.example>

---------------------------------------------------
{HEADERS}""",
        reason="mailboxfull",
    ),
    Sample(
        "docomo",
        "mailer-daemon@reader.example",
        "Undeliverable: Ships",
        """The following recipients did not receive this message:

    <ada@reader.example>

    Unknown user ada@reader.example
""",
    ),
    Sample(
        "a gateway in Japanese",
        "postmaster@mx.reader.example",
        "配信エラー通知",
        """下記の宛先にメールを配信できませんでした。

宛先: ada@reader.example
理由: 550 5.1.1 User unknown
""",
    ),
    Sample(
        "a server in French",
        "postmaster@mx.reader.example",
        "Message non remis",
        """Votre message n'a pas pu être remis au destinataire suivant :

ada@reader.example

550 5.1.1 utilisateur inconnu
""",
    ),
    Sample(
        "a server in Spanish",
        "postmaster@mx.reader.example",
        "No se puede entregar: Ships",
        """No se pudo entregar el mensaje a los siguientes destinatarios:

    ada@reader.example

550 5.1.1 User unknown
""",
    ),
    Sample(
        "barracuda",
        "postmaster@mx.reader.example",
        "**Message you sent blocked by our bulk email filter**",
        f"""Your message to: ada@reader.example
was blocked by our Spam Firewall. The email you sent with the following subject has NOT BEEN DELIVERED:

Subject: Ships wait for the tide

{HEADERS}""",
        reason="spamdetected",
    ),
    Sample(
        "an unknown appliance",
        "Mail Security <noreply@mx.reader.example>",
        "Your message could not be delivered",
        """Dear sender,

your message to ada@reader.example could not be delivered.
Reason: the mailbox is full.

For help, contact helpdesk@reader.example.
""",
        reason="mailboxfull",
    ),
)
