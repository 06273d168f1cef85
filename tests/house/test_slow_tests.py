"""Tests that CI does not run can be set up: what they ask for is there."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_fixture_of_the_slow_tests_exists():
    marks = "@pytest.mark.validate", "@pytest.mark.fuzz", "pytestmark = pytest.mark"
    files = [
        path
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        if path != Path(__file__) and any(mark in path.read_text() for mark in marks)
    ]
    asked = ("-m", "validate or fuzz", "--setup-plan", "-q", "-p", "no:xdist", "-p", "no:cacheprovider")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *asked, *files],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert "SETUP" in done.stdout
