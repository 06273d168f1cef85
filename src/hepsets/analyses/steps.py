"""Steps that analyses share: what is made once in a run, and rounds of events until there are enough."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
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
    """Make rounds of each kind, one kind after the other, until each has enough events.

    All are made by the same worker processes; what is made does not depend on their number.

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
    parts: dict[str, list[Part]] = {name: [] for name in kinds}
    found = dict.fromkeys(kinds, 0)
    done: set[str] = set()
    under_way: deque[tuple[str, bool]] = deque()  # of each task: its kind, and whether a round ends with it

    def tasks() -> Iterator[Task]:
        for name, rounds in kinds.items():
            for number in count(rounds.first):
                of_round = rounds.tasks(number)
                for place, task in enumerate(of_round, 1):
                    if name in done:
                        break
                    under_way.append((name, place == len(of_round)))
                    yield task
                if name in done:
                    break

    with progress_bar(title, sum(rounds.wanted for rounds in kinds.values())) as advance:
        for part in map_in_order(make, tasks(), workers):
            name, ends = under_way.popleft()
            if name in done:  # was under way when there was enough
                continue
            parts[name].append(part)
            number = size(part)
            found[name] += number
            advance(number)
            if ends and found[name] >= kinds[name].wanted:
                done.add(name)
    return parts
