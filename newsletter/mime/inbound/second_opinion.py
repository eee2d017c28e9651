"""Ask flufl.bounce whom a mail is about, when nothing of ours could tell."""

from __future__ import annotations

import logging
from email import message_from_bytes

from flufl.bounce import all_failures

from newsletter.mime.inbound.deliveries import Delivery, Found

FAMILY = "flufl"
# The parsers behind it take quadratic time on deep or chopped mail; notices are short, of lines that people can read.
_SEEN_MAX = 16_384  # octets
_LINES_MAX = 500
logging.getLogger("flufl.bounce").disabled = True  # it logs a traceback for each detector that fails


def read(raw: bytes) -> Found:
    """Return whom flufl.bounce names, for good or for now; nobody when it fails."""
    seen = raw[:_SEEN_MAX]
    if seen.count(b"\n") > _LINES_MAX:
        return Found([], FAMILY)
    try:
        temporary, permanent = all_failures(message_from_bytes(seen))
    except Exception:  # noqa: BLE001 - both parsers raise whatever they stumble over, and the mail must not be lost
        return Found([], FAMILY)
    over = [Delivery(address.decode("utf-8", "replace")) for address in sorted(permanent)]
    under_way = [
        Delivery(address.decode("utf-8", "replace"), is_final=False)
        for address in sorted(temporary - permanent)
    ]
    return Found([*over, *under_way], FAMILY)
