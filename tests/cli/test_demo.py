"""Test how the demo ends when it cannot go on; that it works is tested on the wheel."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.end_to_end


def start(tmp_path: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "newsletter.cli.main", "demo", *arguments],
        env={
            "PATH": os.environ["PATH"],
            "TMPDIR": str(tmp_path),
            "DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none",
        },
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_feed_on_a_private_address_is_refused_with_the_reason(tmp_path: Path) -> None:
    process = start(tmp_path, "--once", "--json", "--feed", "http://127.0.0.1/feed.xml")

    out, err = process.communicate(timeout=120)

    assert process.returncode == 1
    assert out == ""
    assert "http://127.0.0.1/feed.xml cannot be read" in err
    assert list(tmp_path.iterdir()) == []


def test_the_demo_stays_up_until_it_is_told_to_end_and_leaves_nothing(tmp_path: Path) -> None:
    process = start(tmp_path)
    assert process.stderr
    for line in process.stderr:
        if line.startswith("Ctrl-C"):
            break

    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)

    assert process.returncode == 0
    assert "adds up" in out
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_use_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "precious").touch()

    process = start(tmp_path, "--once", "--data-dir", str(tmp_path / "mine"))
    _, err = process.communicate(timeout=60)

    assert process.returncode == 1
    assert "not empty" in err
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["precious"]
