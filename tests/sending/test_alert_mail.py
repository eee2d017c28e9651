"""What is wrong reaches the publisher's people by mail."""

from __future__ import annotations

from contextlib import closing

from newsletter.digest import watch
from newsletter.sending import notices as notifying
from newsletter.sending.pace import Pace
from newsletter.store import alerts
from newsletter.transports.smtp import Relay, SmtpTransport
from tests.builders import add_newsletter
from tests.sending.press import ENVIRONMENT, Press, parsed


def test_alerts_go_out_in_one_mail(press: Press) -> None:
    with press.database.transaction() as session:
        add_newsletter(session)
        for subject, text in (("source 1", "The feed <b> is gone."), ("source 2", "No news for a day.")):
            alerts.note(session, "source_silent", subject, text, now=press.clock.now())
    queued = watch.look(
        press.database.transaction, alert_address="ops@post.example.com", now=press.clock.now()
    )

    relay = Relay(host="127.0.0.1", port=press.sink.port, tls="off", timeout=5)
    with closing(SmtpTransport(relay)) as transport:
        count = notifying.submit_due(
            transactions=press.database.transaction,
            transport=transport,
            pace=Pace(press.throttle(press.database.transaction), [press.relay.name], press.clock),
            environment=ENVIRONMENT,
            settings=press.settings,
            clock=press.clock,
            holder="worker",
        )

    assert (queued, count) == (1, 1)
    message = parsed(press.sink.messages[0])
    assert message["To"] == "ops@post.example.com"
    assert message["Subject"] == "2 alerts: The feed <b> is gone."
    text = message.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "No news for a day. (source_silent, since" in text.replace("\n", " ")
    assert "The feed &lt;b&gt; is gone." in message.get_body(("html",)).get_content()  # type: ignore[union-attr]
