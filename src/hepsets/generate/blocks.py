"""Blocks of events, the unit of reproducibility: each event of one is tried until Pythia has made it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.events import Events
from hepsets.core.extras import telling_extras
from hepsets.core.parallel import map_in_order

Integers = NDArray[np.int64]
Attempt = Callable[[Integers, int], tuple[Events, Integers]]

BLOCK_EVENTS = 5000
"""Events that are generated from one seed: the unit of reproducibility."""

MAX_ROUNDS = 100
"""How often an event is tried; each try of a B B̄ event fails with a probability of 5 to 15 %."""


def in_blocks(
    make: Callable[[int, int], Events], events: int, workers: int, size: int = BLOCK_EVENTS
) -> Iterator[Events]:
    """Blocks of so many events in all, by ``make(block, n_events)`` in several processes, in order."""
    tasks = enumerate(min(size, events - start) for start in range(0, events, size))
    return map_in_order(partial(_made, make), tasks, workers)


def _made(make: Callable[[int, int], Events], task: tuple[int, int]) -> Events:
    return make(*task)


def check_sample(sample: str, samples: Sequence[str]) -> None:
    """Refuse the name of a sample that is none of ``samples``.

    Raises
    ------
    InputError
        For such a name.
    """
    if sample not in samples:
        raise InputError(f"sample {sample!r}", f"one of {', '.join(samples)}")


def check_block(n_events: int, most: int = BLOCK_EVENTS) -> None:
    """Refuse a block that has none or more than ``most`` events.

    Raises
    ------
    InputError
        For such a number.
    """
    if not 0 < n_events <= most:
        raise InputError(f"{n_events} events in a block", f"1 to {most}")


def round_seeds(rng: np.random.Generator) -> Integers:
    """Seeds of Pythia for each round of a block, shape ``(MAX_ROUNDS,)``."""
    return rng.integers(1, 900_000_000, MAX_ROUNDS)


def repeat_until_made(attempt: Attempt, n_events: int, seeds: Integers) -> Events:
    """Try all events, then those again that were not made, until each is.

    Parameters
    ----------
    attempt
        ``attempt(which, seed)`` returns the events that it made and which of those asked for they are.
    n_events
        How many events.
    seeds
        One for each round, shape ``(n_rounds,)``.
    """
    todo = np.arange(n_events)
    made: list[Events] = []
    numbers: list[Integers] = []
    for seed in seeds:
        events, which = attempt(todo, int(seed))
        made.append(events)
        numbers.append(which)
        todo = np.setdiff1d(todo, which, assume_unique=True)
        if not len(todo):
            return Events.concatenate(made)[np.argsort(np.concatenate(numbers))]
    raise RuntimeError(f"Pythia failed {len(seeds)} times in {len(todo)} of {n_events} events")


# -- Pythia -----------------------------------------------------------------------------------------

_QUIET = ("Print:quiet = on", "Next:numberShowEvent = 0", "PartonLevel:MPI = off")


def import_pythia() -> Any:
    """The module of Pythia 8.

    Raises
    ------
    InputError
        If it is not installed.
    """
    with telling_extras("events of Pythia 8"):
        import pythia8mc
    return pythia8mc


def new_pythia(settings: tuple[str, ...]) -> Any:
    """A quiet Pythia with these settings, not yet initialised."""
    pythia = import_pythia().Pythia("", False)
    for setting in _QUIET + settings:
        if not pythia.readString(setting):
            raise RuntimeError(f"Pythia refuses the setting {setting!r}")
    return pythia


def electron_positron(energy: float, products: str, *besides: str) -> tuple[str, ...]:
    """Pythia's settings for e⁺e⁻ → γ*/Z → f f̄ with radiation of initial and final state.

    Parameters
    ----------
    energy
        In the centre of mass [GeV]; fixed, as with Pythia's own energy spread an event depends (in the sixth
        digit) on the one before it.
    products
        Ids of the fermions, with spaces between them.
    besides
        Further settings.
    """
    return (
        "Beams:frameType = 1",
        "Beams:idA = 11",
        "Beams:idB = -11",
        f"Beams:eCM = {energy!r}",
        "WeakSingleBoson:ffbar2gmZ = on",
        "23:onMode = off",
        f"23:onIfAny = {products}",
        *besides,
    )


def initialised(pythia: Any) -> Any:
    """The same Pythia, ready to generate."""
    if not pythia.init():
        raise RuntimeError("Pythia cannot be initialised")
    return pythia
