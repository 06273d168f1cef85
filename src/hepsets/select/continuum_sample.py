"""Signal and background of continuum suppression: events with one B candidate each, and their weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import numpy as np
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as config_dataclass

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.core.parallel import map_in_order
from hepsets.core.particle_sets import ParticleSets
from hepsets.core.progress import Advance, progress_bar
from hepsets.generate.cross_sections import CROSS_SECTION
from hepsets.generate.pythia import BLOCK_EVENTS, SAMPLES, event_type, generate_block
from hepsets.generate.tag_decays import tag_decays
from hepsets.select.candidate_events import candidate_events
from hepsets.select.candidates import combine
from hepsets.select.hadronic_tag import MODE_NAMES, N_MODES
from hepsets.simulate.belle2 import detector, simulate

SIGNAL = ("mixed", "charged")
BACKGROUND = ("uubar", "ddbar", "ssbar", "ccbar")

FED_BY_FRAGMENTATION = tuple(i for i, name in enumerate(MODE_NAMES) if "pi+ pi+ pi- pi0" in name)
"""Modes (indices) that generic decays also reach by chance, from quarks that fragment; forced ones do not."""

PER_INVERSE_FEMTOBARN = 1e6
"""Events per fb⁻¹ of a process of 1 nb."""

_B_MESON = {"mixed": 511, "charged": 521}


@config_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class ContinuumSampleConfig:
    """What to make.

    Parameters
    ----------
    signal_events, background_events
        Least numbers of events to keep; whole rounds are made until there are so many, since a round
        holds the mix of the samples. Either may be 0.
    seed
        Seed of the generator and the detector.
    first_block
        Number of the first round, of signal and of background. Samples of one seed whose rounds do not
        overlap are independent.
    detector
        Name of a detector in :data:`~hepsets.simulate.belle2.SHIFTS`; None is the nominal one. The same
        events are generated for all detectors.
    drop_modes
        Events whose candidate has one of these modes (indices into
        :data:`~hepsets.select.hadronic_tag.MODE_NAMES`) are left out.
    enriched
        Force one B of each signal event into the tag's modes; otherwise both decay generically, and of
        a thousand generated events three are kept.
    round_events
        Generated events of all signal samples, or all background samples, together in a round.
    """

    signal_events: int = Field(default=20_000, ge=0)
    background_events: int = Field(default=20_000, ge=0)
    seed: int = Field(default=1, ge=0, lt=2**63)
    first_block: int = Field(default=0, ge=0)
    detector: str | None = None
    drop_modes: tuple[int, ...] = ()
    enriched: bool = True
    round_events: int = Field(default=BLOCK_EVENTS, ge=100, le=BLOCK_EVENTS)

    def __post_init__(self) -> None:
        detector(self.detector)
        strange = [mode for mode in self.drop_modes if not 0 <= mode < N_MODES]
        if strange:
            raise InputError(f"modes {strange} to drop", f"numbers from 0 to {N_MODES - 1}")
        if self.signal_events + self.background_events == 0:
            raise InputError("neither signal nor background events", "some of either")

    def block_sizes(self, samples: tuple[str, ...]) -> dict[str, int]:
        """Generated events of each of these samples in a round.

        They are in the ratio of how many events a fb⁻¹ holds, so all events of signal, and all of
        background, have nearly the same weight.
        """
        yields = {sample: self.events_per_fb(sample) for sample in samples}
        share = self.round_events / sum(yields.values())
        return {sample: max(round(share * number), 1) for sample, number in yields.items()}

    def events_per_fb(self, sample: str) -> float:
        """Events of the kind that is generated, in one fb⁻¹; for enriched signal those with a tag decay.

        Forcing either B makes an event in which both decay so twice as often as it should be, and such an
        event is about twice as likely to be kept: that is divided out.
        """
        everything = CROSS_SECTION[sample] * PER_INVERSE_FEMTOBARN
        if sample not in SIGNAL or not self.enriched:
            return everything
        fraction = tag_decays().branching_fraction[_B_MESON[sample]]
        return everything * 2 * fraction / (1 + fraction)


@dataclass(frozen=True)
class Counts:
    """How many events of a sample came how far.

    Parameters
    ----------
    generated
        Generated events; with a forced tag decay if the sample is enriched.
    with_candidate
        … that have a B candidate in an allowed mode.
    kept
        … that are in the sample: of signal those whose best candidate is correct.
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
class ContinuumSample:
    """Events with one B candidate each.

    Parameters
    ----------
    events
        As :func:`~hepsets.select.candidate_events.candidate_events` makes them, with the event columns
        ``label`` (True: signal), ``sample`` (int8; i + 1 for ``SAMPLES[i]``) and ``weight`` (the
        weights of a sample sum to its events per fb⁻¹).
    counts
        By sample.
    """

    events: ParticleSets
    counts: dict[str, Counts]


def make_continuum_sample(config: ContinuumSampleConfig, *, workers: int = 1) -> ContinuumSample:
    """Make signal and background; the result depends on the config only, not on ``workers``.

    Raises
    ------
    InputError
        If Pythia 8 is not installed.
    """
    parts: list[ParticleSets] = []
    counts: dict[str, Counts] = {}
    wanted = ((SIGNAL, config.signal_events), (BACKGROUND, config.background_events))
    total = config.signal_events + config.background_events
    with progress_bar(f"making {total} events with a B candidate", total) as step:
        for samples, least in wanted:
            if least:
                made = _make(config, samples, least, workers, step)
                parts.extend(part.events for part in made)
                counts |= {name: _count(config, name, made) for name in samples}
    events = ParticleSets.concatenate(parts)
    scale = {event_type(name): c.events_per_fb / c.generated for name, c in counts.items()}
    weight = np.array([scale.get(kind, 0.0) for kind in range(len(SAMPLES) + 1)])[events.columns["sample"]]
    return ContinuumSample(events.with_columns(weight=weight), counts)


# -- inside ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Task:
    """One sample of one round."""

    config: ContinuumSampleConfig
    sample: str
    round: int
    size: int


@dataclass(frozen=True)
class _Part:
    sample: str
    events: ParticleSets
    generated: int
    with_candidate: int


def _make(
    config: ContinuumSampleConfig,
    samples: tuple[str, ...],
    least: int,
    workers: int,
    step: Advance,
) -> list[_Part]:
    sizes = config.block_sizes(samples)
    tasks: Iterator[_Task] = (
        _Task(config, sample, number, sizes[sample])
        for number in count(config.first_block)
        for sample in samples
    )
    parts: list[_Part] = []
    kept = 0
    for part in map_in_order(_make_part, tasks, workers):
        parts.append(part)
        kept += len(part.events)
        step(len(part.events))
        if part.sample == samples[-1] and kept >= least:  # whole rounds only: they hold the mix
            break
    return parts


def _count(config: ContinuumSampleConfig, sample: str, parts: list[_Part]) -> Counts:
    own = [part for part in parts if part.sample == sample]
    return Counts(
        sum(part.generated for part in own),
        sum(part.with_candidate for part in own),
        sum(len(part.events) for part in own),
        config.events_per_fb(sample),
    )


def _make_part(task: _Task) -> _Part:
    config, sample = task.config, task.sample
    signal = sample in SIGNAL
    forced = signal and config.enriched
    generated = generate_block(sample, config.seed, task.round, task.size, tag=forced)
    # of all samples, forced and not, each event has a number of its own, and with it its own detector
    block = (task.round * len(SAMPLES) + SAMPLES.index(sample)) * 2 + forced
    numbers = block * BLOCK_EVENTS + np.arange(len(generated))
    seen = simulate(generated, seed=config.seed, event_numbers=numbers, detector=detector(config.detector))
    events = candidate_events(combine(seen, event_numbers=numbers), numbers)
    if config.drop_modes:
        events = events[~np.isin(events.columns["mode"], config.drop_modes)]
    with_candidate = len(events)
    if signal:
        events = events[events.columns["is_correct"]]
    events = events.with_columns(
        label=np.full(len(events), signal),
        sample=np.full(len(events), event_type(sample), dtype=np.int8),
    )
    return _Part(sample, events, len(generated), with_candidate)
