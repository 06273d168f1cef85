"""Commands in processes of their own, killed in the middle of their work."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

HEPSETS = [sys.executable, "-c", "from hepsets.cli.main import main; main()"]


def start(*words: Any, **options: Any) -> subprocess.Popen[bytes]:
    """The command at work."""
    return subprocess.Popen(
        [*HEPSETS, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options
    )


def kill(
    process: subprocess.Popen[bytes],
    begun: Callable[[], object],
    number: int = signal.SIGKILL,
    after: float = 0.0,
) -> None:
    """Send a signal ``after`` so many seconds once ``begun()`` says that the work is under way.

    It fails if the process ends by itself before.
    """
    while not begun():
        assert process.poll() is None, process.stderr and process.stderr.read().decode()
        time.sleep(0.005)
    time.sleep(after)
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode in (-number, 128 + number)
