"""Events of all samples in the production mix, labelled for many skims at once, thinned, with weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as config_dataclass

from hepsets.analyses.steps import Rounds, rounds_until_enough
from hepsets.core.errors import InputError
from hepsets.core.events import Events
from hepsets.core.measured import Measured
from hepsets.generate.blocks import BLOCK_EVENTS
from hepsets.generate.cross_sections import mix
from hepsets.generate.pythia import SAMPLES, event_types, generate_block
from hepsets.select.skims.record import Skim
from hepsets.select.skims.registry import SKIMS, count_passes, run_skims

THINNING_STREAM = 0x7415
"""Keeps the random choice of events apart from everything else that uses the seed."""


@config_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class MultiSkimSampleConfig:
    """What to make.

    Parameters
    ----------
    shares
        Share of each sample in the generated events. Weights bring the mix of the cross sections
        back, so the shares only say where the computing goes: two times more B B̄ than nature
        makes, since what is rare (J/ψ above all) passes there.
    keep
        The skims, each with the probability that an event which passes it is kept; of several that
        an event passes the greatest counts. The defaults are those that the skims of the package name.
    keep_failing
        Probability that an event which passes none of the skims is kept; with the default about
        half of the kept events pass none.
    events
        Least number of events to keep; whole rounds are made until there are so many.
    round_events
        Generated events of all samples together in a round.
    seed
        Seed of the generator and the detector.
    first_block
        Number of the first round. Samples whose rounds do not overlap are independent.
    trials
        Further detector simulations of each kept event, counted in the columns ``passes_SKIM``.
    """

    shares: dict[str, float] = Field(
        default_factory=lambda: {
            "mixed": 0.25,
            "charged": 0.25,
            "uubar": 0.218,
            "ddbar": 0.054,
            "ssbar": 0.052,
            "ccbar": 0.176,
        }
    )
    keep: dict[str, float] = Field(
        default_factory=lambda: {
            name: skim.keep for name, skim in SKIMS.own.items() if isinstance(skim, Skim)
        }
    )
    keep_failing: float = Field(default=0.035, gt=0.0, le=1.0)
    events: int = Field(default=60_000, ge=2)
    round_events: int = Field(default=10_000, ge=100)
    seed: int = Field(default=1, ge=0, lt=2**63)
    first_block: int = Field(default=0, ge=0)
    trials: int = Field(default=0, ge=0)

    def __post_init__(self) -> None:
        for name, given, known in (("shares", self.shares, SAMPLES), ("keep", self.keep, tuple(SKIMS))):
            strange = [key for key in given if key not in known]
            if strange or not given:
                raise InputError(
                    f"{name} of {', '.join(strange) or 'nothing'}", f"some of {', '.join(known)}"
                )
            if not all(0 < value <= 1 for value in given.values()):
                raise InputError(f"{name} {given}", "numbers above 0 and not above 1")
        if abs(sum(self.shares.values()) - 1) > 1e-6:
            raise InputError(f"shares that sum to {sum(self.shares.values()):g}", "a sum of 1")

    @property
    def skims(self) -> tuple[str, ...]:
        """Names of the skims, in order."""
        return tuple(self.keep)

    @property
    def block_sizes(self) -> dict[str, int]:
        """Events of each sample in a round."""
        return {
            name: min(max(round(share * self.round_events), 1), BLOCK_EVENTS)
            for name, share in self.shares.items()
        }


@dataclass(frozen=True)
class MultiSkimSample:
    """Thinned events of all samples and what they were chosen from.

    Parameters
    ----------
    events
        With event columns ``event_type`` (int8; i + 1 for ``SAMPLES[i]``), ``label_SKIM`` (bool),
        ``weight`` (with it, the events stand for the population in the mix of the cross sections),
        ``event_number``, and ``passes_SKIM`` of ``trials`` further simulations if any were asked for.
    generated
        Generated events of each sample.
    passing
        For each sample, how many of these pass each skim, and ``"any"`` of them.
    """

    events: Events
    generated: dict[str, int]
    passing: dict[str, dict[str, int]]

    def retention(self, skim: str, sample: str | None = None) -> Measured:
        """Share of generated events that pass a skim, or ``"any"``: of one sample, or of the mix."""
        if sample is not None:
            return Measured.proportion(self.passing[sample][skim], self.generated[sample])
        shares = mix(tuple(self.generated))
        parts = {name: self.retention(skim, name) for name in self.generated}
        return Measured(
            sum(share * parts[name].value for name, share in shares.items()),
            float(np.sqrt(sum((share * parts[name].se) ** 2 for name, share in shares.items()))),
        )


def make_multi_skim_sample(config: MultiSkimSampleConfig, *, workers: int = 1) -> MultiSkimSample:
    """Make a sample for many skims; it depends on the config only, not on ``workers``.

    Each event is simulated once for all skims, and kept or not by a random number of its own.
    """
    rounds = Rounds(
        config.events,
        lambda number: [_Task(config, sample, number) for sample in config.shares],
        config.first_block,
    )
    title = f"making {config.events} events for {len(config.skims)} skims"
    parts = rounds_until_enough(
        _make_part, lambda part: len(part.events), {"mix": rounds}, title=title, workers=workers
    )["mix"]
    generated = dict.fromkeys(config.shares, 0)
    passing = {sample: dict.fromkeys((*config.skims, "any"), 0) for sample in config.shares}
    for part in parts:
        generated[part.sample] += part.generated
        for skim, number in part.passing.items():
            passing[part.sample][skim] += number
    return MultiSkimSample(Events.concatenate([part.events for part in parts]), generated, passing)


# -- inside ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Task:
    """One sample of one round."""

    config: MultiSkimSampleConfig
    sample: str
    number: int


@dataclass(frozen=True)
class _Part:
    sample: str
    events: Events
    generated: int
    passing: dict[str, int]


def _make_part(task: _Task) -> _Part:
    config, sample = task.config, task.sample
    events = generate_block(sample, config.seed, task.number, config.block_sizes[sample])
    kind = SAMPLES.index(sample)
    # of all samples each event has a number of its own, and with it its own detector
    numbers = (task.number * len(SAMPLES) + kind) * BLOCK_EVENTS + np.arange(len(events))
    label = run_skims(events, config.skims, seed=config.seed, event_numbers=numbers)
    probability = _keep_probability(config, label)
    random = np.random.default_rng([THINNING_STREAM, config.seed, kind, task.number])
    keep = np.flatnonzero(random.random(len(events)) < probability)
    passing = {skim: int(passes.sum()) for skim, passes in label.items()}
    passing["any"] = int(np.logical_or.reduce(list(label.values())).sum())
    generated, numbers = len(events), numbers[keep]
    sizes = config.block_sizes
    share = sizes[sample] / sum(sizes.values())
    events = events[keep].with_columns(
        event_type=event_types(sample, len(keep)),
        event_number=numbers,
        weight=mix(tuple(config.shares))[sample] / share / probability[keep],
        **{f"label_{skim}": passes[keep] for skim, passes in label.items()},
    )
    if config.trials:
        passes = count_passes(
            events,
            config.skims,
            seed=config.seed,
            event_numbers=numbers,
            trials=config.trials,
            first_trial=1,  # trial 0 made the labels
        )
        events = events.with_columns(**{f"passes_{skim}": counts for skim, counts in passes.items()})
    return _Part(sample, events, generated, passing)


def _keep_probability(
    config: MultiSkimSampleConfig, label: dict[str, NDArray[np.bool_]]
) -> NDArray[np.float64]:
    """Probability to keep each event, a function of the skims that it passes."""
    wanted = [np.where(label[skim], keep, 0.0) for skim, keep in config.keep.items()]
    greatest = np.maximum.reduce(wanted)
    return np.where(greatest > 0, greatest, config.keep_failing)
