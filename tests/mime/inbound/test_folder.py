"""The public folder of labelled messages, scored as the benchmark does; skipped where it does not lie beside us."""

from __future__ import annotations

import importlib.util
import json
from collections import Counter
from pathlib import Path
from typing import Any  # the labels are JSON

import pytest

from newsletter.mime.inbound import read

SHARED = Path(__file__).parents[4] / "shared"
LABELS = SHARED / "data" / "bounces" / "truth.jsonl"
SCORER = SHARED / "tools" / "score_bounces.py"
pytestmark = pytest.mark.skipif(
    not (LABELS.exists() and SCORER.exists()),
    reason="the folder of labelled messages is not beside the project",
)


@pytest.fixture(scope="module")
def labels() -> list[dict[str, Any]]:
    return [json.loads(line) for line in LABELS.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def predictions(labels: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {label["id"]: prediction((LABELS.parent / label["file"]).read_bytes()) for label in labels}


def prediction(raw: bytes) -> dict[str, Any]:
    report = read(raw)
    named = [row for row in report.rows if row.recipient]
    return {
        "kind": report.kind,
        "rows": [
            {"recipient": row.recipient, "original": row.original, "hard": row.is_hard, "final": row.is_final}
            for row in named
        ],
    }


def counts(labels: list[dict[str, Any]], predictions: dict[str, dict[str, Any]]) -> Counter[str]:
    spec = importlib.util.spec_from_file_location("score_bounces", SCORER)
    assert spec is not None
    assert spec.loader is not None
    scorer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(scorer)
    found: Counter[str] = scorer.score(labels, predictions)[0]
    return found


@pytest.mark.parametrize("outside_sisimai", [False, True])
def test_messages_and_recipients_are_recognised(
    labels: list[dict[str, Any]], predictions: dict[str, dict[str, Any]], *, outside_sisimai: bool
) -> None:
    among = [each for each in labels if not (outside_sisimai and each["source"].startswith("sisimai"))]

    found = counts(among, predictions)

    assert found["bounce_detected"] >= 0.99 * found["bounce_n"]
    assert found["perm_tp"] >= 0.993 * found["perm_pred"]
    assert found["perm_found"] >= 0.98 * found["perm_gold"]
    assert found["act_ok"] >= 0.97 * found["act_n"]
    assert found["final_ok"] >= 0.99 * found["row_matched"]
    assert found["fb_ok"] == found["fb_n"]
    assert found["ar_ok"] >= 0.95 * found["ar_n"]
    assert found["un_ok"] >= 0.95 * found["un_n"]


def test_what_is_no_bounce_is_not_taken_for_one(
    labels: list[dict[str, Any]], predictions: dict[str, dict[str, Any]]
) -> None:
    found = counts(labels, predictions)

    assert found["neg_fp"] <= 1
    assert found["neg_hard_fp"] == 0
    assert found["un_fp"] == 0
