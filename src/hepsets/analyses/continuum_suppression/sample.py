"""Signal and background of continuum suppression: events with one B candidate each, and their weights.

What is signal and what is background depends on the question:

- ``"correct"``: B B̄ events whose best candidate of the hadronic tag is correct, against continuum with
  any. Half of what tells them apart is the candidate.
- ``"wrong"``: B B̄ events whose best candidate is *not* correct, against continuum, where none is. Candidates
  are chance combinations in both, so what tells them apart is the shape of the event.
- ``"rho_rho"``: B⁺ → ρ⁺ρ⁰, rightly reconstructed, against continuum and chance combinations of B B̄, in
  the ratio in which they occur.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as config_dataclass

from hepsets.analyses.continuum_suppression.candidate_stream import (
    BACKGROUND,
    PER_INVERSE_FEMTOBARN,
    SIGNAL,
    Counts,
    Keep,
    Mode,
    Source,
    Stream,
    StreamConfig,
    make_streams,
)
from hepsets.core.errors import InputError
from hepsets.core.particle_sets import ParticleSets
from hepsets.generate.blocks import BLOCK_EVENTS
from hepsets.select.skims.hadronic_tag import MODE_NAMES

__all__ = [
    "BACKGROUND",
    "FED_BY_FRAGMENTATION",
    "PER_INVERSE_FEMTOBARN",
    "SIGNAL",
    "CandidateKind",
    "ContinuumSample",
    "ContinuumSampleConfig",
    "Counts",
    "make_continuum_sample",
    "put_together",
]

CandidateKind = Literal["correct", "wrong", "rho_rho"]

FED_BY_FRAGMENTATION = tuple(i for i, name in enumerate(MODE_NAMES) if "pi+ pi+ pi- pi0" in name)
"""Modes (indices) that generic decays also reach by chance, from quarks that fragment; forced ones do not."""

_KEPT: Mapping[Source, Keep] = MappingProxyType(
    {"tag": "correct", "rho_rho": "correct", "generic": "any", "continuum": "any"}
)


@config_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class ContinuumSampleConfig:
    """What to make.

    Parameters
    ----------
    signal_events, background_events
        Least numbers of events to keep; whole rounds are made until there are so many, since a round
        holds the mix of the samples. Either may be 0.
    candidates
        Which candidates are signal, and which background: see the top of this module.
    seed
        Seed of the generator and the detector.
    first_block
        Number of the first round, of signal and of background. Samples of one seed whose rounds do not
        overlap are independent.
    detector
        Name of a detector in :data:`~hepsets.simulate.belle2.SHIFTS`; None is the nominal one. The same
        events are generated for all detectors.
    drop_modes
        Events whose candidate has one of these modes of the hadronic tag (indices into
        :data:`~hepsets.select.skims.hadronic_tag.MODE_NAMES`) are left out.
    enriched
        Force one B of each signal event with a correct candidate into the tag's modes; otherwise both
        decay generically, and of a thousand generated events three are kept.
    round_events
        Generated events of all signal samples, or all background samples, together in a round.
    """

    signal_events: int = Field(default=20_000, ge=0)
    background_events: int = Field(default=20_000, ge=0)
    candidates: CandidateKind = "correct"
    seed: int = Field(default=1, ge=0, lt=2**63)
    first_block: int = Field(default=0, ge=0)
    detector: str | None = None
    drop_modes: tuple[int, ...] = ()
    enriched: bool = True
    round_events: int = Field(default=BLOCK_EVENTS, ge=100, le=BLOCK_EVENTS)

    def __post_init__(self) -> None:
        self.stream("continuum", 1)  # which checks what both share
        if self.signal_events + self.background_events == 0:
            raise InputError("neither signal nor background events", "some of either")
        if not self.enriched and self.candidates != "correct":
            raise InputError(
                f"enriched = false with candidates {self.candidates!r}",
                "candidates = 'correct', which alone can be enriched or not",
            )

    def stream(self, source: Source, events: int, *, modes: tuple[Mode, ...] | None = None) -> StreamConfig:
        """The events of one source that the sample is made from."""
        keep = _KEPT[source]
        if source == "generic":
            keep = "correct" if self.candidates == "correct" else "wrong"
        return StreamConfig(
            source,
            events,
            modes=modes or (("rho_rho",) if self.candidates == "rho_rho" else ("tag",)),
            keep=keep,
            seed=self.seed,
            first_block=self.first_block,
            detector=self.detector,
            drop_modes=self.drop_modes,
            round_events=self.round_events,
        )


@dataclass(frozen=True)
class ContinuumSample:
    """Events with one B candidate each.

    Parameters
    ----------
    events
        As :func:`~hepsets.select.candidates.rest_of_event.candidate_events` makes them, with the event
        columns ``label`` (True: signal), ``sample`` (int8; i + 1 for ``SAMPLES[i]``) and ``weight`` (the
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
        If Pythia 8 is not installed, or for ``"rho_rho"``, whose background has two sources:
        :func:`put_together` makes it of streams.
    """
    if config.candidates == "rho_rho":
        raise InputError("candidates 'rho_rho' in one call", "streams of three sources and put_together()")
    forced = config.candidates == "correct" and config.enriched
    wanted: dict[Source, int] = {
        "tag" if forced else "generic": config.signal_events,
        "continuum": config.background_events,
    }
    streams = make_streams(
        {source: config.stream(source, events) for source, events in wanted.items() if events},
        workers=workers,
    )
    counts = {name: found for stream in streams.values() for name, found in stream.counts.items()}
    parts = [_labelled(stream.events["tag"], source != "continuum") for source, stream in streams.items()]
    return ContinuumSample(ParticleSets.concatenate(parts), counts)


def put_together(kind: CandidateKind, streams: Mapping[Source, Stream]) -> ParticleSets:
    """Signal and background of one kind out of the sources that it needs.

    Parameters
    ----------
    kind
        See the top of this module.
    streams
        Made of rounds of equal number, or not: weights know how many events were generated. ``"correct"``
        needs ``"tag"`` and ``"continuum"``; ``"wrong"`` ``"generic"`` and ``"continuum"``; ``"rho_rho"``
        ``"rho_rho"``, ``"generic"`` and ``"continuum"``, searched for this mode.
    """
    mode: Mode = "rho_rho" if kind == "rho_rho" else "tag"
    background = [_labelled(streams["continuum"].events[mode], False)]
    if kind == "wrong":
        signal = _wrong(streams["generic"].events[mode])
    else:
        source: Source = "tag" if kind == "correct" else "rho_rho"
        signal = streams[source].events[mode]
    if kind == "rho_rho":
        background.append(_labelled(_wrong(streams["generic"].events[mode]), False))
    return ParticleSets.concatenate([_labelled(signal, True), *background])


def _wrong(events: ParticleSets) -> ParticleSets:
    return events[~events.columns["is_correct"]]


def _labelled(events: ParticleSets, signal: bool) -> ParticleSets:
    return events.with_columns(label=np.full(len(events), signal))
