"""Hold notices of mail servers: retold from how each is known to speak."""

from __future__ import annotations

from tests.mime.inbound.notices.sample import HEADERS, Sample

SERVERS = (
    Sample(
        "qmail",
        "MAILER-DAEMON@mx.reader.example",
        "failure notice",
        f"""Hi. This is the qmail-send program at mx.reader.example.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<ada@reader.example>:
Sorry, no mailbox here by that name. (#5.1.1)

<bo@reader.example>:
192.0.2.7 does not like recipient.
Remote host said: 550 5.1.1 No such user
Giving up on 192.0.2.7.

--- Below this line is a copy of the message.

{HEADERS}""",
        ("ada@reader.example", "bo@reader.example"),
    ),
    Sample(
        "exim, permanent",
        "Mail Delivery System <Mailer-Daemon@mx.reader.example>",
        "Mail delivery failed: returning message to sender",
        f"""This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  ada@reader.example
    (generated from list@reader.example)
    host store.reader.example [192.0.2.7]
    SMTP error from remote mail server after RCPT TO:<ada@reader.example>:
    550 5.1.1 <ada@reader.example>: Recipient address rejected: User unknown

------ This is a copy of the message, including all the headers. ------

{HEADERS}""",
    ),
    Sample(
        "exim, warning",
        "Mail Delivery System <Mailer-Daemon@mx.reader.example>",
        "Warning: message 1kX-0001 delayed 24 hours",
        """This message was created automatically by mail delivery software.
A message that you sent has not yet been delivered to one or more of its
recipients after more than 24 hours on the queue on mx.reader.example.

The address to which the message has not yet been delivered is:

  ada@reader.example
    Delay reason: Connection timed out

No action is required on your part. Delivery attempts will continue for
some time, and this warning may be repeated at intervals.
""",
        reason="networkerror",
        is_final=False,
    ),
    Sample(
        "postfix without a report",
        "MAILER-DAEMON@mx.reader.example (Mail Delivery System)",
        "Undelivered Mail Returned to Sender",
        f"""This is the mail system at host mx.reader.example.

I'm sorry to have to inform you that your message could not
be delivered to one or more recipients. It's attached below.

For further assistance, please send mail to postmaster.

                   The mail system

<ada@reader.example> (expanded from <all@reader.example>): unknown user: "ada"

{HEADERS}""",
    ),
    Sample(
        "sendmail 8 without a report",
        "Mail Delivery Subsystem <MAILER-DAEMON@mx.reader.example>",
        "Returned mail: see transcript for details",
        f"""The original message was received at Wed, 25 Nov 2026 06:00:00 GMT
from mail.post.example.com [192.0.2.1]

   ----- The following addresses had permanent fatal errors -----
<ada@reader.example>
    (reason: 550 5.1.1 <ada@reader.example>... User unknown)

   ----- Transcript of session follows -----
... while talking to store.reader.example.:
>>> DATA
<<< 550 5.1.1 <ada@reader.example>... User unknown
550 5.1.1 <ada@reader.example>... User unknown
<<< 503 5.0.0 Need RCPT (recipient)

   ----- Original message follows -----

{HEADERS}""",
    ),
    Sample(
        "sendmail 5",
        "Mail Delivery Subsystem <MAILER-DAEMON@mx.reader.example>",
        "Returned mail: User unknown",
        f"""   ----- Transcript of session follows -----
... While talking to store.reader.example:
>>> RCPT To:<ada@reader.example>
<<< 550 <ada@reader.example>... User unknown
550 ada@reader.example... User unknown

   ----- Unsent message follows -----
{HEADERS}""",
    ),
    Sample(
        "sendmail, warning",
        "Mail Delivery Subsystem <MAILER-DAEMON@mx.reader.example>",
        "Warning: could not send message for past 4 hours",
        """    **********************************************
    **      THIS IS A WARNING MESSAGE ONLY      **
    **  YOU DO NOT NEED TO RESEND YOUR MESSAGE  **
    **********************************************

   ----- The following addresses had transient non-fatal errors -----
<ada@reader.example>

   ----- Transcript of session follows -----
<ada@reader.example>... Deferred: Connection timed out with store.reader.example.
Warning: message still undelivered after 4 hours
Will keep trying until message is 5 days old
""",
        reason="expired",
        is_final=False,
    ),
    Sample(
        "exchange 5.5",
        "System Administrator <postmaster@reader.example>",
        "Undeliverable: Ships wait for the tide",
        """Your message

  To:      ada@reader.example
  Subject: Ships wait for the tide
  Sent:    Wed, 25 Nov 2026 06:00:00 -0000

did not reach the following recipient(s):

ada@reader.example on Wed, 25 Nov 2026 06:00:10 -0000
    The recipient name is not recognized
	The MTS-ID of the original message is: c=us;a= ;p=reader;l=MX1
    MSEXCH:IMS:Reader:SITE:MX1 0 (000C05A6) Unknown Recipient
""",
    ),
    Sample(
        "exchange 2010",
        "postmaster@reader.example",
        "Undeliverable: Ships wait for the tide",
        f"""Delivery has failed to these recipients or distribution lists:

ada@reader.example
The recipient's e-mail address was not found in the recipient's e-mail system. Microsoft Exchange will not try to
redeliver this message for you. Please check the e-mail address and try resending this message.

Diagnostic information for administrators:

Generating server: mx.reader.example

ada@reader.example
#550 5.1.1 RESOLVER.ADR.RecipNotFound; not found ##

Original message headers:

{HEADERS}""",
    ),
    Sample(
        "exchange online, in German",
        "postmaster@reader.example",
        "Unzustellbar: Ships wait for the tide",
        f"""Fehler bei der Nachrichtenzustellung an die folgenden Empfänger oder Gruppen:

ada@reader.example
Die von Ihnen eingegebene E-Mail-Adresse konnte nicht gefunden werden.

Diagnoseinformationen für Administratoren:

Generierender Server: mx.reader.example

ada@reader.example
Remote Server returned '550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient ada@reader.example not found'

Ursprüngliche Nachrichtenkopfzeilen:

{HEADERS}""",
    ),
    Sample(
        "domino",
        "postmaster@reader.example",
        "DELIVERY FAILURE: User ada (ada@reader.example) not listed in Domino Directory",
        f"""Your message

  Subject: Ships wait for the tide

was not delivered to:

  ada@reader.example

because:

  User ada (ada@reader.example) not listed in Domino Directory

{HEADERS}""",
    ),
    Sample(
        "groupwise",
        "Mailer-Daemon@reader.example",
        "Message status - undeliverable",
        """The message that you sent was undeliverable to the following:
	ada@reader.example (550 no such user)

Possibly truncated original message follows:
""",
    ),
    Sample(
        "courier",
        '"Courier mail server at mx.reader.example" <postmaster@mx.reader.example>',
        "NOTICE: mail delivery status.",
        f"""This is a delivery status notification from mx.reader.example,
running the Courier mail server, version 0.65.

The original message was received on Wed, 25 Nov 2026 06:00:00 +0000
from mail.post.example.com (mail.post.example.com [192.0.2.1])

---------------------------------------------------------------------------

                           UNDELIVERABLE MAIL

Your message to the following recipients cannot be delivered:

<ada@reader.example>:
    store.reader.example [192.0.2.7]:
>>> RCPT TO:<ada@reader.example>
<<< 550 5.1.1 <ada@reader.example>... User unknown

---------------------------------------------------------------------------

{HEADERS}""",
    ),
    Sample(
        "smail",
        "MAILER-DAEMON@mx.reader.example",
        "mail failed, returning to sender",
        f"""|------------------------- Message log follows: -------------------------|
 no valid recipients were found for this message
|------------------------- Failed addresses follow: ---------------------|
 <ada@reader.example> ... unknown user
|------------------------- Message text follows: ------------------------|
{HEADERS}""",
    ),
    Sample(
        "mdaemon",
        "MDaemon@mx.reader.example",
        "Permanent Delivery Failure",
        """--
The attached message had PERMANENT fatal delivery errors!

After one or more unsuccessful delivery attempts the attached message has
been removed from the mail queue on this server.

Failed address: ada@reader.example

--- Session Transcript ---
 Attempting SMTP connection to [store.reader.example:25]
 --> RCPT To:<ada@reader.example>
 <-- 550 5.1.1 No such user here
--- End Transcript ---
""",
    ),
    Sample(
        "imail, unknown",
        "Postmaster <postmaster@mx.reader.example>",
        "Undeliverable Mail",
        f"""Unknown user: ada@reader.example

RCPT TO generated following response:
550 unknown user <ada@reader.example>

Original message follows.

{HEADERS}""",
    ),
    Sample(
        "imail, full",
        "Postmaster <postmaster@mx.reader.example>",
        "Undeliverable Mail",
        f"User mailbox exceeds allowed size: ada@reader.example\n\nOriginal message follows.\n\n{HEADERS}",
        reason="mailboxfull",
    ),
    Sample(
        "mailenable",
        "postmaster@mx.reader.example",
        "Message Delivery Failure",
        """MailEnable: Message could not be delivered to some recipients.
The following recipient(s) could not be reached:

	Recipient: [SMTP:ada@reader.example]
	Reason: Remote SMTP Server Returned: 550 5.1.1 User unknown

Message headers follow:
""",
    ),
    Sample(
        "merak",
        "Mail Delivery Subsystem <MAILER-DAEMON@mx.reader.example>",
        "Returned mail: Delivery failure",
        """Delivery failed for the following recipients:

  <ada@reader.example>

Reason: 550 5.1.1 <ada@reader.example> User unknown; rejecting
""",
    ),
    Sample(
        "opensmtpd",
        "Mailer Daemon <MAILER-DAEMON@mx.reader.example>",
        "Delivery status notification: error",
        """    Hi!

    This is the MAILER-DAEMON, please DO NOT REPLY to this e-mail.

    An error has occurred while attempting to deliver a message for
    the following list of recipients:

ada@reader.example: 550 5.1.1 <ada@reader.example>... User Unknown

    Below is a copy of the original message:
""",
    ),
    Sample(
        "james",
        "postmaster@mx.reader.example",
        "[Returned mail]",
        """Hi. This is the James mail server at mx.reader.example.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.  Below
I include the list of recipients and the reason why I was unable to deliver
your message.

Failed recipient(s):
ada@reader.example

Error message:
550 - Requested action not taken: no such user here
""",
    ),
    Sample(
        "messaging server",
        "Internet Mail Delivery <postmaster@mx.reader.example>",
        "Delivery Notification: Delivery has failed",
        """This report relates to a message you sent with the following header fields:

  Message-id: <m1.7@post.example.com>
  To: ada@reader.example
  Subject: Ships wait for the tide

Your message cannot be delivered to the following recipients:

  Recipient address: ada@inner.reader.example
  Original address: ada@reader.example
  Reason: Remote SMTP server has rejected address
  Diagnostic code: smtp;550 5.1.1 User unknown
""",
        ("ada@inner.reader.example",),
    ),
    Sample(
        "listserv",
        "LSMTP for Windows NT v1.1b <postmaster@mx.reader.example>",
        "Undelivered mail",
        """An error was detected while processing the enclosed message.  A list of
the affected recipients follows.

--> Error description:
Error-for:  ada@reader.example
Error-Code: 3
Error-Text: No such user.

Error-End:  One error reported.
""",
    ),
)
