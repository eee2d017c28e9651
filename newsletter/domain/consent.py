"""Name the consent events and the evidence that must be kept with each."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

EvidenceValue = str | int | bool | None


class ConsentKind(StrEnum):
    """Say what a reader, or somebody for a reader, did."""

    REQUESTED = "requested"
    CONFIRMED = "confirmed"
    IMPORTED = "imported"
    PREFERENCES_CHANGED = "preferences_changed"
    UNSUBSCRIBED = "unsubscribed"
    CONFIRMATIONS_BLOCKED = "confirmations_blocked"


ConsentChannel = Literal["form", "webhook", "import", "page", "one_click", "mail", "cli"]


@dataclass(frozen=True, kw_only=True)
class ConsentEvidence:
    """Hold who agreed to which text, when and from where (GDPR Art. 7(1)).

    ``client_ip`` is the address of the reader's browser, from the website's backend or a trusted proxy.
    ``extra`` keeps what a website adds, as flat values.
    """

    channel: ConsentChannel
    form_text: str = ""
    form_version: str = ""
    client_ip: str = ""
    user_agent: str = ""
    page_url: str = ""
    extra: dict[str, EvidenceValue] = field(default_factory=dict)
