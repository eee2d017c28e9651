"""Decide what goes wrong at each stage of an SMTP dialogue: by chance, and the same again for the same seed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b


class Stage(StrEnum):
    """Name what the server is about to answer."""

    BANNER = "banner"
    EHLO = "ehlo"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    BODY = "body"  # while the message comes in
    DOT = "dot"  # the message is complete
    RSET = "rset"
    QUIT = "quit"


class Fault(StrEnum):
    """Name what the server does instead of answering well."""

    TRANSIENT = "4xx"
    PERMANENT = "5xx"
    CLOSING = "421"
    MALFORMED = "malformed"
    SPLIT = "split"  # a good reply, octet by octet
    SLOW = "slow"  # a good reply, late
    DROP = "drop"
    SILENCE = "silence"


# A refusal for good is one of the reader at these; elsewhere it is one of the connection, or of the sender.
OF_READERS = frozenset({Stage.RCPT, Stage.DATA, Stage.BODY, Stage.DOT})
_SCALE = 2.0**64

Chances = Mapping[tuple[Stage, Fault], float]


def everywhere(chance: float) -> dict[tuple[Stage, Fault], float]:
    """Return the same chance for every fault at every stage."""
    return {(stage, fault): chance for stage in Stage for fault in Fault}


def read_chances(texts: Iterable[str]) -> dict[tuple[Stage, Fault], float]:
    """Read chances such as "dot:drop=0.01"; "all=0.001" is every fault at every stage, and later ones win."""
    chances: dict[tuple[Stage, Fault], float] = {}
    for text in texts:
        name, _, number = text.partition("=")
        if name == "all":
            chances |= everywhere(float(number))
        else:
            stage, _, fault = name.partition(":")
            chances[Stage(stage), Fault(fault)] = float(number)
    return chances


def write_chances(chances: Chances) -> list[str]:
    """Return chances as texts that can be read again."""
    return [f"{stage}:{fault}={chance}" for (stage, fault), chance in chances.items() if chance]


@dataclass
class Odds:
    """Draw faults. A reader who is refused for good is refused on every attempt; anything else may clear."""

    seed: int
    chances: Chances
    _passing: dict[Stage, list[tuple[Fault, float]]] = field(init=False)

    def __post_init__(self) -> None:
        """Sort the chances by stage."""
        self._passing = {
            stage: [
                (fault, self.chances.get((stage, fault), 0.0))
                for fault in Fault
                if not (fault is Fault.PERMANENT and stage in OF_READERS)
            ]
            for stage in Stage
        }

    def draw(self, stage: Stage, key: str, attempt: int) -> Fault | None:
        """Return what goes wrong; ``key`` names the reader or the connection, ``attempt`` counts its tries."""
        if stage in OF_READERS and self.roll(stage, key) < self.chances.get((stage, Fault.PERMANENT), 0.0):
            return Fault.PERMANENT
        rolled = self.roll(stage, key, attempt)
        for fault, chance in self._passing[stage]:
            if rolled < chance:
                return fault
            rolled -= chance
        return None

    def roll(self, *words: object) -> float:
        """Return a number in [0, 1): the same for the same words and seed."""
        text = "/".join(map(str, (self.seed, *words)))
        return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") / _SCALE
