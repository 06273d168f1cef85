"""Events of one source that have a B candidate, each with its weight: what samples are put together from.

A source is continuum, generic B B̄, or B B̄ of which one B is forced to decay in a certain way. The same
generated events can be searched for the hadronic tag and for a specific mode.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as config_dataclass

from hepsets.analyses.steps import Rounds, rounds_until_enough
from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.core.particle_sets import ParticleSets
from hepsets.generate.blocks import BLOCK_EVENTS
from hepsets.generate.cross_sections import CROSS_SECTION
from hepsets.generate.fragmentation import settings_of
from hepsets.generate.pythia import SAMPLES, Forced, event_type, event_types, generate_block
from hepsets.generate.rho_rho_decays import rho_rho_decays
from hepsets.generate.tag_decays import tag_decays
from hepsets.select.candidates.combine import combine
from hepsets.select.candidates.record import ParticleLists
from hepsets.select.candidates.rest_of_event import ANY_B, candidate_events, find_any_b
from hepsets.select.candidates.rho_rho import find_rho_rho
from hepsets.select.skims.hadronic_tag import N_MODES, Candidates, TagConfig, find_b_mesons
from hepsets.simulate.belle2 import BELLE2, detector
from hepsets.simulate.detector import simulate

Source = Literal["tag", "rho_rho", "generic", "continuum"]
Mode = Literal["tag", "rho_rho"]
Keep = Literal["any", "correct", "wrong"]

SIGNAL = ("mixed", "charged")
BACKGROUND = ("uubar", "ddbar", "ssbar", "ccbar")

SAMPLES_OF: Mapping[Source, tuple[str, ...]] = MappingProxyType(
    {"tag": SIGNAL, "rho_rho": ("charged",), "generic": SIGNAL, "continuum": BACKGROUND}
)
"""Samples of each source."""

_FORCED: Mapping[Source, Forced | None] = MappingProxyType(
    {"tag": "tag", "rho_rho": "rho_rho", "generic": None, "continuum": None}
)
_FINDERS = MappingProxyType({"tag": find_any_b, "rho_rho": find_rho_rho})
_B_MESON = {"mixed": 511, "charged": 521}

PER_INVERSE_FEMTOBARN = 1e6
"""Events per fb⁻¹ of a process of 1 nb."""

_RHO_RHO_BLOCKS = 2**40
"""Event numbers of events forced into ρρ begin with this block."""


@config_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class StreamConfig:
    """What to make.

    Parameters
    ----------
    source
        Where the events come from.
    events
        Least number of events to keep; whole rounds are made until there are so many, since a round
        holds the mix of the samples.
    modes
        What is looked for; an event is kept by each mode on its own, and those of the first are counted.
    keep
        Which candidates: ``"correct"`` or ``"wrong"`` ones, or any.
    seed, first_block, detector, drop_modes, round_events
        As in :class:`~hepsets.analyses.continuum_suppression.sample.ContinuumSampleConfig`.
    fragmentation
        Of continuum, see :mod:`hepsets.generate.fragmentation`; None is Pythia's own.
    below
        How far below the Υ(4S) the beams collide, in the centre of mass [GeV]; of continuum only.
    """

    source: Source
    events: int = Field(default=20_000, ge=1)
    modes: tuple[Mode, ...] = ("tag",)
    keep: Keep = "any"
    seed: int = Field(default=1, ge=0, lt=2**63)
    first_block: int = Field(default=0, ge=0)
    detector: str | None = None
    drop_modes: tuple[int, ...] = ()
    round_events: int = Field(default=BLOCK_EVENTS, ge=100, le=BLOCK_EVENTS)
    fragmentation: str | None = None
    below: float = Field(default=0.0, ge=0.0, lt=1.0)

    def __post_init__(self) -> None:
        detector(self.detector)
        settings_of(self.fragmentation)
        if (self.below or self.fragmentation) and (self.source, self.modes) != ("continuum", ("tag",)):
            raise InputError(
                f"source {self.source!r}, modes {self.modes}, off resonance or with a fragmentation",
                "source 'continuum' and the mode tag",
            )
        strange = [mode for mode in self.drop_modes if not 0 <= mode < N_MODES]
        if strange:
            raise InputError(f"modes {strange} to drop", f"numbers from 0 to {N_MODES - 1}")
        if not self.modes:
            raise InputError("no modes to look for", "tag, rho_rho, or both")

    def block_sizes(self) -> dict[str, int]:
        """Generated events of each sample in a round.

        They are in the ratio of how many events a fb⁻¹ holds, so all events have nearly the same weight.
        """
        yields = {sample: self.events_per_fb(sample) for sample in SAMPLES_OF[self.source]}
        share = self.round_events / sum(yields.values())
        return {sample: max(round(share * number), 1) for sample, number in yields.items()}

    def events_per_fb(self, sample: str) -> float:
        """Events of the kind that is generated, in one fb⁻¹; where decays are forced those that have one.

        Forcing either B makes an event in which both decay so twice as often as it should be, and such an
        event is about twice as likely to be kept: that is divided out.
        """
        everything = CROSS_SECTION[sample] * PER_INVERSE_FEMTOBARN
        if _FORCED[self.source] is None:
            return everything
        decays = tag_decays() if self.source == "tag" else rho_rho_decays()
        fraction = decays.branching_fraction[_B_MESON[sample]]
        return everything * 2 * fraction / (1 + fraction)


@dataclass(frozen=True)
class Counts:
    """How many events of a sample came how far.

    Parameters
    ----------
    generated
        Generated events; with a forced decay if the source has one.
    with_candidate
        … that have a B candidate in an allowed mode.
    kept
        … that are kept: those whose best candidate is as it should be.
    events_per_fb
        How many such events as were generated one fb⁻¹ holds.
    """

    generated: int
    with_candidate: int
    kept: int
    events_per_fb: float

    @property
    def efficiency(self) -> Measured:
        """Share of generated events that are kept."""
        return Measured.proportion(self.kept, self.generated)

    @property
    def candidate_share(self) -> Measured:
        """Share of generated events with a candidate."""
        return Measured.proportion(self.with_candidate, self.generated)

    @property
    def expected(self) -> Measured:
        """Kept events per fb⁻¹."""
        efficiency = self.efficiency
        return Measured(efficiency.value * self.events_per_fb, efficiency.se * self.events_per_fb)


@dataclass(frozen=True)
class Stream:
    """Kept events of a source, by what was looked for.

    Parameters
    ----------
    events
        As :func:`~hepsets.select.candidates.rest_of_event.candidate_events` makes them, with the event
        columns ``sample`` (int8; i + 1 for ``SAMPLES[i]``) and ``weight`` (the weights of a sample sum to its
        events per fb⁻¹).
    counts
        Of the mode that was looked for first, by sample.
    """

    events: dict[Mode, ParticleSets]
    counts: dict[str, Counts]


def make_stream(config: StreamConfig, *, workers: int = 1) -> Stream:
    """Events of one source; see :func:`make_streams`."""
    return make_streams({"": config}, workers=workers)[""]


def make_streams(configs: Mapping[str, StreamConfig], *, workers: int = 1) -> dict[str, Stream]:
    """Generate, simulate and reconstruct; the result depends on the configs only, not on ``workers``.

    All streams are made by the same worker processes, which start but once.

    Parameters
    ----------
    configs
        By a name of the caller's.
    workers
        Processes.

    Raises
    ------
    InputError
        If Pythia 8 is not installed.
    """
    kinds = {name: _rounds(config) for name, config in configs.items()}
    total = sum(config.events for config in configs.values())
    title = f"making {total} events with a B candidate"
    parts = rounds_until_enough(_make_part, _n_counted, kinds, title=title, workers=workers)
    return {name: _joined(configs[name], found) for name, found in parts.items()}


def _rounds(config: StreamConfig) -> Rounds[_Task]:
    """A task for each sample in a round."""

    def tasks(number: int) -> list[_Task]:
        return [_Task(config, sample, number, size) for sample, size in config.block_sizes().items()]

    return Rounds(config.events, tasks, config.first_block)


def _n_counted(part: _Part) -> int:
    return len(part.events[part.first])


def _joined(config: StreamConfig, parts: list[_Part]) -> Stream:
    counts = {sample: _count(config, sample, parts) for sample in SAMPLES_OF[config.source]}
    return Stream({mode: _weighted(mode, parts, counts) for mode in config.modes}, counts)


# -- inside ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Task:
    """One sample of one round of a stream."""

    config: StreamConfig
    sample: str
    round: int
    size: int


@dataclass(frozen=True)
class _Part:
    first: Mode
    sample: str
    events: dict[Mode, ParticleSets]
    generated: int
    with_candidate: int


def _count(config: StreamConfig, sample: str, parts: list[_Part]) -> Counts:
    own = [part for part in parts if part.sample == sample]
    return Counts(
        sum(part.generated for part in own),
        sum(part.with_candidate for part in own),
        sum(len(part.events[config.modes[0]]) for part in own),
        config.events_per_fb(sample),
    )


def _weighted(mode: Mode, parts: list[_Part], counts: Mapping[str, Counts]) -> ParticleSets:
    events = ParticleSets.concatenate([part.events[mode] for part in parts])
    scale = np.zeros(len(SAMPLES) + 1)
    for name, found in counts.items():
        scale[event_type(name)] = found.events_per_fb / found.generated
    return events.with_columns(weight=scale[events.columns["sample"]])


def _event_numbers(task: _Task, n_events: int) -> NDArray[np.int64]:
    """Of all samples, forced and not, each event has a number of its own, and with it its own detector."""
    source = task.config.source
    block = (task.round * len(SAMPLES) + SAMPLES.index(task.sample)) * 2 + (source == "tag")
    if source == "rho_rho":
        block += _RHO_RHO_BLOCKS
    return block * BLOCK_EVENTS + np.arange(n_events)


def _make_part(task: _Task) -> _Part:
    config, sample = task.config, task.sample
    seen_by = detector(config.detector)
    if config.below:
        seen_by = replace(seen_by, beams=seen_by.beams.below(config.below))
    generated = generate_block(
        sample,
        config.seed,
        task.round,
        task.size,
        beam=seen_by.beams,
        forced=_FORCED[config.source],
        fragmentation=config.fragmentation,
    )
    numbers = _event_numbers(task, len(generated))
    seen = simulate(generated, seed=config.seed, event_numbers=numbers, detector=seen_by)
    lists = combine(seen, event_numbers=numbers)
    found = {mode: candidate_events(lists, numbers, _finder(config, mode)) for mode in config.modes}
    if "tag" in found and config.drop_modes:
        found["tag"] = found["tag"][~np.isin(found["tag"].columns["mode"], config.drop_modes)]
    kept = {mode: _kept(config.keep, events, sample) for mode, events in found.items()}
    return _Part(config.modes[0], sample, kept, len(generated), len(found[config.modes[0]]))


def _finder(config: StreamConfig, mode: Mode) -> Callable[[ParticleLists, NDArray[np.int64]], Candidates]:
    """What finds candidates: off resonance with cuts that are those on resonance once momenta are scaled."""
    if mode != "tag" or not config.below:
        return _FINDERS[mode]
    cuts, factor = TagConfig(), 1 - config.below / BELLE2.beams.energy
    scaled = replace(cuts, min_mbc=cuts.min_mbc * factor, max_delta_e=cuts.max_delta_e * factor)
    return partial(find_b_mesons, allowed=ANY_B, cuts=scaled)


def _kept(keep: Keep, events: ParticleSets, sample: str) -> ParticleSets:
    correct = events.columns["is_correct"]
    if keep != "any":
        events = events[correct if keep == "correct" else ~correct]
    return events.with_columns(sample=event_types(sample, len(events)))
