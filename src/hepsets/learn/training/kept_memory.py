"""Memory that a training step frees stays with the process, for the next step."""

from __future__ import annotations

import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # parameters of mallopt(3)

_KEPT = 2**28
_LARGEST = 2**25  # as glibc's own limit for what it takes from its heap


def keep_memory() -> None:
    """Let the C library keep up to 256 MB of what is freed.

    By default glibc returns freed memory to the system, which clears it page by page when the next step asks
    for it again: a sixth of a step of ``decay_sweep``. Where the C library has no such setting nothing is
    done.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # macOS, musl; Windows
        return
    mallopt(_MMAP_THRESHOLD, _LARGEST)
    mallopt(_TRIM_THRESHOLD, _KEPT)
