"""Random numbers of PyTorch from a seed, for weights and the like; those outside go on as if nothing was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw from a seed on the CPU while the block runs.

    Parameters
    ----------
    seed
        Same seed, same numbers.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
