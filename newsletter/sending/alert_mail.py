"""Write the mails that tell the publisher's people what is wrong."""

from __future__ import annotations

from datetime import datetime

from newsletter.rendering import alert_mail as rendering
from newsletter.rendering.environment import Environment
from newsletter.rendering.notice import Rendered
from newsletter.store.tables import Notice


def write(notice: Notice, environment: Environment) -> Rendered:
    """Return a mail about what was wrong when it was queued."""
    return rendering.alert(
        environment,
        alerts=[
            {
                "code": each["code"],
                "text": each["text"],
                "since": f"{datetime.fromisoformat(each['first_at']):%Y-%m-%d %H:%M} UTC",
            }
            for each in notice.payload["alerts"]
        ],
        more_count=notice.payload["more_count"],
    )
