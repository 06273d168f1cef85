"""Several trainings at once, one thread each: what they find does not depend on how many run together."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch

from hepsets.core.parallel import map_in_order
from hepsets.core.progress import progress_bar
from hepsets.learn.training.one_thread import one_thread

Task = TypeVar("Task")
Result = TypeVar("Result")


def side_by_side(
    train: Callable[[Task], Result],
    tasks: Sequence[Task],
    *,
    workers: int,
    device: str = "auto",
    title: str = "training models",
) -> Iterator[Result]:
    """Yield ``train(task)`` for each task in the order of the tasks; begin with the longest.

    Parameters
    ----------
    train
        Picklable, and deterministic in its task.
    tasks
        Picklable.
    workers
        Processes, one training each at a time. On a GPU, and under ``torchrun``, all trainings run one
        after the other in this process.
    device
        That of the trainings, as :class:`hepsets.learn.training.config.FitConfig` has it.
    title
        What the progress bar says.
    """
    if not tasks:
        return
    on_gpu = device == "cuda" or (device == "auto" and torch.cuda.is_available())
    alone = on_gpu or int(os.environ.get("WORLD_SIZE", "1")) > 1
    run: Callable[[Task], Result] = _OnOneThread(train)
    with progress_bar(title, len(tasks)) as advance:
        for result in map_in_order(run, tasks, 1 if alone else min(workers, len(tasks))):
            advance(1)
            yield result


@dataclass(frozen=True)
class _OnOneThread:
    train: Callable[[Any], Any]

    def __call__(self, task: Any) -> Any:
        with one_thread():
            return self.train(task)
