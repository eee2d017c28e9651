"""Test that the wheel holds everything and works away from the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel with the locked build back end."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)],
        check=True,
        capture_output=True,
    )
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an environment that holds the wheel and the locked libraries, and nothing of the checkout.

    The libraries are those of this environment, so that the test needs no network.
    """
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    packages = Path(
        subprocess.check_output(
            [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True
        ).strip()
    )
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    (packages / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def run(python: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    bare = {"PATH": os.environ["PATH"], "HOME": str(cwd)}
    return subprocess.run(
        [python, "-m", "newsletter.cli.main", *arguments],
        cwd=cwd,
        env=bare,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def test_the_wheel_holds_code_workers_templates_and_samples(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())

    shipped = {
        path.relative_to(ROOT).as_posix()
        for folder in ("newsletter", "workers")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    } | {
        f"newsletter/{path.relative_to(ROOT).as_posix()}"
        for path in (ROOT / "templates").rglob("*")
        if path.is_file()
    }

    assert not shipped - names


def test_the_wheel_starts_the_command(wheel: Path) -> None:
    [entry_points] = [name for name in zipfile.ZipFile(wheel).namelist() if name.endswith("entry_points.txt")]

    assert "newsletter = newsletter.cli.main:run" in zipfile.ZipFile(wheel).read(entry_points).decode()


def test_what_is_installed_is_not_the_checkout(installed: Path, tmp_path: Path) -> None:
    place = subprocess.check_output(
        [installed, "-c", "import newsletter, workers; print(newsletter.__file__, workers.__file__)"],
        cwd=tmp_path,
        text=True,
    )

    assert str(ROOT / "newsletter") not in place
    assert str(ROOT / "workers") not in place


@pytest.mark.end_to_end
def test_the_demo_runs_from_the_wheel_and_prints_only_the_receipt(installed: Path, tmp_path: Path) -> None:
    done = run(installed, "demo", "--once", "--json", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    receipt = json.loads(done.stdout)["receipt"]
    assert set(receipt) == {
        "planned", "submitted", "withheld", "failed", "deferred", "uncertain", "unclaimed",
    }  # fmt: skip
    assert receipt["planned"] == receipt["submitted"] + sum(receipt["withheld"].values())
    assert receipt["submitted"] == 11
    assert list(tmp_path.iterdir()) == []
