"""Work whose progress is told while it is stuck, in a module that worker processes can import."""

from __future__ import annotations

import io
import sys
import time
from datetime import datetime

from hepsets.core.progress import progress_bar

NOON = datetime(2026, 11, 29, 12)


def lines_of_stuck_work(advances: int = 1) -> str:
    """What standard error gets of work that is stuck after a quarter of it, a minute ago."""
    times = iter([NOON.timestamp()] + [NOON.timestamp() + 60.0] * 10_000)
    kept, sys.stderr = sys.stderr, io.StringIO()
    try:
        with progress_bar("generating", 40_000, every_s=0.01, clock=lambda: next(times)) as advance:
            for _ in range(advances):
                advance(10_000 / advances)
            until = time.monotonic() + (10.0 if advances else 0.3)
            while "10 000" not in sys.stderr.getvalue() and time.monotonic() < until:
                time.sleep(0.01)
        return sys.stderr.getvalue()
    finally:
        sys.stderr = kept
