"""The tasks: blocks of labelled events of each, made of generator blocks that no corpus reaches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from hepsets.core.events import Events
from hepsets.core.particle_sets import ParticleSets
from hepsets.core.shared_events import KINEMATICS, content_hashes
from hepsets.generate.blocks import BLOCK_EVENTS
from hepsets.generate.pythia import Forced, generate_block
from hepsets.learn.pretraining.corpus import with_marks
from hepsets.select.candidates.combine import combine
from hepsets.select.candidates.rest_of_event import candidate_events
from hepsets.select.candidates.rho_rho import find_rho_rho
from hepsets.select.skims.registry import SKIMS
from hepsets.select.whole_events.particles import whole_events
from hepsets.select.whole_events.tag_side import Q, tag_sides
from hepsets.simulate.belle2 import detector
from hepsets.simulate.detector import Reconstructed, simulate

Table: TypeAlias = ParticleSets | Events
Given = TypeVar("Given", ParticleSets, Events)
Side = Literal["seen", "generated"]

NEW_SKIM = "semileptonic_b0"
"""The skim that no corpus knows."""

MANY_PI0 = 5
"""So many true π⁰ are many: about half of the events have them."""

LABEL, EVENT = "label", "event_hash"
"""Event columns: whether an event is of the first class; a number that tells generated events apart."""

_STREAM = 10_000
"""Seeds of tasks stand beside those of a corpus, which has one for each sample."""

_SLOTS = 8
"""Samples that a block can hold, each with event numbers of its own."""


@dataclass(frozen=True)
class Block:
    """Some labelled events of a task, to be made.

    Parameters
    ----------
    task
        Its name.
    seed
        Of the run.
    number
        Of the block.
    events
        To be generated, of all samples together.
    shift
        A detector that differs from Belle II's.
    """

    task: str
    seed: int
    number: int
    events: int
    shift: str | None = None

    @property
    def seed_of_task(self) -> int:
        """Of generator and detector."""
        place = list(TASKS).index(self.task)
        return _seed(self.seed, _STREAM + place)

    def generated(self, slot: int, sample: str, events: int, forced: Forced | None = None) -> Events:
        """Generated events of a sample, with event numbers of their own as a column."""
        made = generate_block(sample, self.seed_of_task, self.number, max(events, 1), forced=forced)
        numbers = (self.number * _SLOTS + slot) * BLOCK_EVENTS + np.arange(len(made))
        return Events(made.particles, made.offsets, {"event_number": numbers})

    def seen(self, events: Events) -> Reconstructed:
        """What the detector saw of them."""
        return simulate(
            events,
            seed=self.seed_of_task,
            event_numbers=events.columns["event_number"],
            detector=detector(self.shift),
        )


def fresh_seed(seed: int, task: str) -> int:
    """Of a detector that sees the events of a task again, as it has not seen them before."""
    return _seed(seed, _STREAM + list(TASKS).index(task), 1)


def _seed(*numbers: int) -> int:
    return int(np.random.SeedSequence(list(numbers)).generate_state(1, np.uint64)[0] >> 1)


@dataclass(frozen=True)
class Task:
    """A task: yes or no for each event.

    Parameters
    ----------
    asks
        What, in words.
    side
        Whether its network sees reconstructed or generated events.
    make
        Labelled events of a block, of both classes as they come.
    block_events
        Events that are generated together.
    skim
        The skim whose verdict is the label, if one is: another draw of the detector may give another label.
    """

    asks: str
    side: Side
    make: Callable[[Block], Table]
    block_events: int
    skim: str | None = None


def hashes_of(events: Events) -> NDArray[np.int64]:
    """A number that tells generated events apart by their particles, int64, shape ``(n_events,)``."""
    return content_hashes({name: events.particles[name] for name in KINEMATICS}, events.offsets).view(
        np.int64
    )


def labelled(table: Given, label: NDArray[np.bool_], generated: NDArray[np.int64]) -> Given:
    """Events with their labels and hashes, both of shape ``(n_events,)``, in place of other columns."""
    columns = {LABEL: label.astype(bool), EVENT: generated}
    if isinstance(table, Events):
        return Events(table.particles, table.offsets, columns)
    marked = with_marks(table)
    return ParticleSets(marked.particles, marked.offsets, columns)


def make_block(block: Block) -> Table:
    """Labelled events of a block; a pure function of it."""
    return TASKS[block.task].make(block)


def without_inputs(table: Table) -> Table:
    """Test events of which networks see less than in training: no clusters, or no places and times."""
    if isinstance(table, Events):
        nothing = {name: np.zeros_like(table.particles[name]) for name in ("prod_time", "x", "y", "z")}
        return Events({**table.particles, **nothing}, table.offsets, table.columns, table.purpose)
    return table.select_particles(table.particles["charge"] != 0)


def _continuum(block: Block) -> Table:
    """Correct B⁺ → ρ⁺ρ⁰, one in ten forced events; and such candidates of continuum."""
    shares = {"charged": 1 / 9, "uubar": 8 / 9 * 0.4, "ddbar": 8 / 9 * 0.1}
    shares |= {"ssbar": 8 / 9 * 0.1, "ccbar": 8 / 9 * 0.4}
    parts = []
    for slot, (sample, share) in enumerate(shares.items()):
        signal = sample == "charged"
        events = block.generated(
            slot, sample, round(share * block.events), forced="rho_rho" if signal else None
        )
        numbers = events.columns["event_number"]
        found = candidate_events(combine(block.seen(events), event_numbers=numbers), numbers, find_rho_rho)
        found = found[found.columns["is_correct"]] if signal else found
        place = found.columns["event_number"] - numbers[0]
        parts.append(labelled(found, np.full(len(found), signal), hashes_of(events)[place]))
    return ParticleSets.concatenate(parts)


def _new_skim(block: Block) -> Table:
    """Generated B⁰B̄⁰ events, and whether they survive the new skim."""
    events = block.generated(0, "mixed", block.events)
    numbers = events.columns["event_number"]
    lists = combine(block.seen(events), event_numbers=numbers)
    return labelled(events, SKIMS.find(NEW_SKIM)(lists, numbers).passes, hashes_of(events))


def _flavour(block: Block) -> Table:
    """One tag side of each B⁰B̄⁰ event, whichever B by turns; the label is a B⁰ at its decay."""
    events = block.generated(0, "mixed", block.events)
    numbers, seen = events.columns["event_number"], block.seen(events)
    hashes, parts = hashes_of(events), []
    for signal in (0, 1):
        mine = np.flatnonzero(numbers % 2 == signal)
        sides = tag_sides(seen, numbers, signal)[mine]
        parts.append(labelled(sides, sides.columns[Q] > 0, hashes[mine]))
    return ParticleSets.concatenate(parts)


def _pi0_count(block: Block) -> Table:
    """Whole BB̄ events, and whether they have many true π⁰."""
    parts = []
    for slot, sample in enumerate(("mixed", "charged")):
        events = block.generated(slot, sample, block.events // 2)
        is_pi0 = events.particles["pdg"] == 111
        count = np.bincount(events.event_of_particle[is_pi0], minlength=len(events))
        parts.append(labelled(whole_events(block.seen(events)), count >= MANY_PI0, hashes_of(events)))
    return ParticleSets.concatenate(parts)


TASKS: Mapping[str, Task] = MappingProxyType(
    {
        "continuum-suppression": Task(
            "a correct B⁺ → ρ⁺ρ⁰, or such a candidate in continuum?", "seen", _continuum, 10_000
        ),
        "smart-background": Task(
            f"does a generated B⁰B̄⁰ event survive the skim {NEW_SKIM}, which the corpus does not know?",
            "generated",
            _new_skim,
            5000,
            NEW_SKIM,
        ),
        "flavour-tagging": Task("B⁰ or B̄⁰, from all that is not the other B?", "seen", _flavour, 2000),
        "pi0-count": Task(f"at least {MANY_PI0} true π⁰ in a BB̄ event, or fewer?", "seen", _pi0_count, 2000),
    }
)
"""The tasks by name."""
