"""A sending process keeps the memory that its next message needs."""

from __future__ import annotations

import subprocess
import sys


def test_malloc_takes_what_it_is_told_or_is_left_alone() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from newsletter.runtime.memory import tune_malloc; print(tune_malloc())"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() in {"True", "False"}
