"""What a task of another process finds, in a module that such processes can import."""

from __future__ import annotations

import os

import torch


def threads(task: int) -> tuple[int, int]:
    """The task, and the threads of torch in the process that works on it."""
    return task, torch.get_num_threads()


def process_of(_task: object) -> int:
    """Which process does a task."""
    return os.getpid()
