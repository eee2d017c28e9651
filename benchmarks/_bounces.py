"""Hold what the benchmark of inbound mail reads: the public folder, its labels and the script that scores."""

from __future__ import annotations

import importlib.util
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from email import message_from_bytes
from pathlib import Path
from types import ModuleType
from typing import Any  # the labels are JSON

from flufl.bounce import all_failures

from newsletter.mime.inbound import Report, read

SHARED = Path(__file__).parents[2] / "shared"
FOLDER = SHARED / "data" / "bounces"
SCORER = SHARED / "tools" / "score_bounces.py"

Prediction = Mapping[str, Any]


@dataclass(frozen=True)
class Labelled:
    """Hold one message of the folder with its label."""

    raw: bytes
    label: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Return the message's id."""
        return str(self.label["id"])

    @property
    def is_of_sisimai(self) -> bool:
        """Say whether the message comes from the set that one peer was written against."""
        return str(self.label["source"]).startswith("sisimai")


def messages() -> list[Labelled]:
    """Return the public folder; raise FileNotFoundError where it is not."""
    lines = (FOLDER / "truth.jsonl").read_text(encoding="utf-8").splitlines()
    labels = [json.loads(line) for line in lines]
    return [Labelled((FOLDER / label["file"]).read_bytes(), label) for label in labels]


def scorer() -> ModuleType:
    """Return the script that scores, as a module."""
    spec = importlib.util.spec_from_file_location("score_bounces", SCORER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def ours(raw: bytes, without: frozenset[str] = frozenset()) -> tuple[Prediction, Report]:
    """Return what we say of a message, as the scorer and the command line have it."""
    report = read(raw, without=without)
    rows = [
        {
            "recipient": row.recipient,
            "original": row.original,
            "reason": row.reason,
            "status": row.status,
            "hard": row.is_hard,
            "final": row.is_final,
        }
        for row in report.rows
        if row.recipient
    ]
    return {"kind": report.kind, "rows": rows}, report


def flufls(raw: bytes) -> Prediction:
    """Return what flufl.bounce says: whom it found, and whether for good."""
    temporary, permanent = all_failures(message_from_bytes(raw))
    rows = [
        {"recipient": address.decode("utf-8", "replace"), "final": is_final}
        for addresses, is_final in ((permanent, True), (temporary, False))
        for address in sorted(addresses)
    ]
    return {"kind": "bounce" if permanent else "delayed" if temporary else "none", "rows": rows}


def predicted(
    predict: Callable[[bytes], Prediction], among: Iterable[Labelled]
) -> tuple[dict[str, Prediction], int]:
    """Return predictions by id, and how many messages raised an error."""
    found: dict[str, Prediction] = {}
    error_count = 0
    for each in among:
        try:
            found[each.name] = predict(each.raw)
        except Exception:  # noqa: BLE001 - to count what a reader raises is the point
            error_count += 1
    return found, error_count


def percents(counts: Counter[str]) -> dict[str, float | int | None]:
    """Return the measures of the targets, in per cent; None where there was nothing to measure."""
    return {name: _percent(counts, *parts) for name, parts in _MEASURES.items()} | {
        "non_bounces_taken_for_bounces": counts["neg_fp"],
        "non_bounces_with_hard_rows": counts["neg_hard_fp"],
        "wrong_unsubscribes": counts["un_fp"],
    }


def _percent(counts: Counter[str], part: str, whole: Sequence[str]) -> float | None:
    total = sum(counts[name] for name in whole)
    is_offered = part not in _OF_REASONS or counts["reason_cat"]
    return 100 * counts[part] / total if total and is_offered else None


_OF_REASONS = ("reason_lenient", "reason_strict")  # nothing where a reader gives no reasons
_MEASURES = {
    "bounces_recognised": ("bounce_detected", ["bounce_n"]),
    "recipients_precision": ("perm_tp", ["perm_pred"]),
    "recipients_recall": ("perm_found", ["perm_gold"]),
    "address_we_mailed": ("act_ok", ["act_n"]),
    "delays_told": ("delay_ok", ["delay_n"]),
    "final_right": ("final_ok", ["row_matched"]),
    "reason_accepted": ("reason_lenient", ["row_n"]),
    "reason_strict": ("reason_strict", ["row_n"]),
    "hard_precision": ("hard_tp", ["hard_tp", "hard_fp"]),
    "hard_recall": ("hard_tp", ["hard_tp", "hard_fn"]),
    "feedback_recognised": ("fb_ok", ["fb_n"]),
    "feedback_address": ("fb_addr_ok", ["fb_addr_n"]),
    "auto_replies_recognised": ("ar_ok", ["ar_n"]),
    "unsubscribes_recognised": ("un_ok", ["un_n"]),
}
