"""Steps that analyses share: what is made once in a run, and rounds of events until there are enough."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

from hepsets.core.parallel import map_in_order
from hepsets.core.progress import progress_bar

Task = TypeVar("Task")
Part = TypeVar("Part")
Made = TypeVar("Made")


def step(
    path: Path, make: Callable[[], Made], save: Callable[[Path, Made], None], load: Callable[[Path], Made]
) -> Made:
    """What a step of a run makes: made once, read by a run that is resumed, and by this one too.

    Parameters
    ----------
    path
        Where it is kept.
    make
        Makes it, if it is not there.
    save
        Writes it; the file appears whole or not at all.
    load
        Reads it.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     kept = Path(folder) / "number"
    ...     for number in (1, 2):
    ...         print(step(kept, lambda: str(number), Path.write_text, Path.read_text))
    1
    1
    """
    if not path.exists():
        save(path, make())
    return load(path)


@dataclass(frozen=True)
class Rounds(Generic[Task]):
    """What to make in rounds, each of which holds the mix of its samples.

    Parameters
    ----------
    wanted
        Least number of events, counted after whole rounds.
    tasks
        From the number of a round to its tasks.
    first
        Number of the first round.
    """

    wanted: int
    tasks: Callable[[int], Sequence[Task]]
    first: int = 0


def rounds_until_enough(
    make: Callable[[Task], Part],
    size: Callable[[Part], int],
    kinds: Mapping[str, Rounds[Task]],
    *,
    title: str,
    workers: int = 1,
) -> dict[str, list[Part]]:
    """Make rounds of each kind until each has enough events.

    All are made by the same worker processes; what is made does not depend on their number. After a first
    round of each, no more are begun than will be enough by the size of those that came back.

    Parameters
    ----------
    make
        Makes a part of a round: a function at the top of a module, for worker processes.
    size
        Events of a part that count.
    kinds
        By name.
    title
        Of the progress bar.
    workers
        Processes.

    Returns
    -------
    dict
        The parts of whole rounds, by kind, in the order of their tasks.
    """
    progress = {name: _Progress(rounds.wanted) for name, rounds in kinds.items()}
    parts: dict[str, list[Part]] = {name: [] for name in kinds}
    under_way: deque[tuple[str, bool] | None] = deque()  # of each task: its kind, and whether a round ends

    def tasks() -> Iterator[Task | None]:
        while not all(one.done for one in progress.values()):
            name = _next_kind(progress, idle=sum(task is not None for task in under_way) < workers)
            if name is None:  # what is under way will do, it seems: nothing, until it is back
                under_way.append(None)
                yield None
                continue
            of_round = kinds[name].tasks(kinds[name].first + progress[name].begun)
            progress[name].begun += 1
            for place, task in enumerate(of_round, 1):
                if progress[name].done:
                    break
                under_way.append((name, place == len(of_round)))
                yield task

    with progress_bar(title, sum(rounds.wanted for rounds in kinds.values())) as advance:
        for part in map_in_order(partial(_unless_nothing, make), tasks(), workers):
            belongs = under_way.popleft()
            if belongs is None or part is None or progress[belongs[0]].done:
                continue  # the latter was under way when there was enough
            name, ends = belongs
            parts[name].append(part)
            number = size(part)
            progress[name].add(number, ends=ends)
            advance(number)
    return parts


@dataclass
class _Progress:
    """How far a kind is: events found, rounds begun and come back, and whether that is enough."""

    wanted: int
    found: int = 0
    begun: int = 0
    back: int = 0
    done: bool = False

    def add(self, number: int, *, ends: bool) -> None:
        self.found += number
        self.back += ends
        self.done = ends and self.found >= self.wanted

    @property
    def lacks(self) -> bool:
        """Whether what was begun will not do, as far as known."""
        if self.done or not self.back:
            return not self.done and not self.begun
        return self.found * self.begun < self.wanted * self.back


def _next_kind(progress: Mapping[str, _Progress], *, idle: bool) -> str | None:
    """The first kind that lacks a round; while a worker idles, the first whose rounds are of unknown size."""
    for name, one in progress.items():
        if one.lacks:
            return name
    unknown = (name for name, one in progress.items() if not one.done and not one.back)
    return next(unknown, None) if idle else None


def _unless_nothing(make: Callable[[Task], Part], task: Task | None) -> Part | None:
    return None if task is None else make(task)
