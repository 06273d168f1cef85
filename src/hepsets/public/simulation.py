"""Public names about events that are made: generate, simulate, skim, find candidates, tag sides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.core.events import Events
from hepsets.core.particle_sets import ParticleSets
from hepsets.core.random_stream import checked_event_numbers
from hepsets.generate.kstmumu.density import named_window
from hepsets.generate.kstmumu.files import SAMPLE as KSTMUMU
from hepsets.generate.kstmumu.sampler import sample_decays
from hepsets.generate.samples import generate_sample
from hepsets.select.candidates.combine import combine
from hepsets.select.candidates.rest_of_event import candidate_events
from hepsets.select.skims.registry import BATCH_EVENTS, SKIMS
from hepsets.select.variables.continuum import continuum_variables
from hepsets.select.variables.own_frames import own_frame_variables
from hepsets.select.whole_events.tag_side import tag_sides as tag_sides_of
from hepsets.simulate.detector import DetectorConfig, Reconstructed
from hepsets.simulate.detector import simulate as see
from hepsets.simulate.forward import ForwardConfig
from hepsets.simulate.layered import LayeredConfig
from hepsets.simulate.registry import DETECTORS, Detector
from hepsets.simulate.seen_file import see_particles

PythiaSample: TypeAlias = Literal[
    "mixed", "charged", "uubar", "ddbar", "ssbar", "ccbar", "taupair", "zbb", "zcc", "zss", "zud",
    "lhcb_bbbar", "bs_dspi", "bs_dsk", "bs_dsstpi", "bs_dsrho", "b0_dpi", "b0_dspi", "lb_lcpi",
]  # fmt: skip
"""The samples of :data:`hepsets.generate.samples.SAMPLES`, for type checkers."""


@overload
def generate(
    sample: Literal["kstmumu"],
    events: int,
    *,
    seed: int = 1,
    delta_c9: float | Sequence[float] = 0.0,
    window: str = "0-20",
) -> EventFrame: ...
@overload
def generate(sample: PythiaSample, events: int, *, seed: int = 1, workers: int = 1) -> Events: ...
@overload
def generate(
    sample: str,
    events: int,
    *,
    seed: int = 1,
    workers: int = 1,
    delta_c9: float | Sequence[float] = 0.0,
    window: str = "0-20",
) -> Events | EventFrame: ...
def generate(
    sample: str,
    events: int,
    *,
    seed: int = 1,
    workers: int = 1,
    delta_c9: float | Sequence[float] = 0.0,
    window: str = "0-20",
) -> Events | EventFrame:
    """Generate events of one of the samples that :func:`list_samples` names.

    Parameters
    ----------
    sample
        ``"mixed"`` or ``"charged"`` (Υ(4S) → B B̄), ``"uubar"``, ``"ddbar"``, ``"ssbar"`` or ``"ccbar"``
        (continuum), by Pythia 8 with Belle II's decay table; ``"taupair"``, e⁺e⁻ → τ⁺τ⁻; ``"zbb"``,
        ``"zcc"``, ``"zss"`` or ``"zud"`` (Z → q q̄ at 91.19 GeV), by Pythia 8; ``"lhcb_bbbar"``, p p → b b̄
        at 13 TeV, or with one decay forced, ``"bs_dspi"``, ``"bs_dsk"``, ``"bs_dsstpi"``, ``"bs_dsrho"``,
        ``"b0_dpi"``, ``"b0_dspi"``, ``"lb_lcpi"``; or ``"kstmumu"``, B⁰ → K*⁰μ⁺μ⁻ from its density.
    events
        How many; of ``"kstmumu"`` at each ΔC9.
    seed
        Same seed, same events, whatever the number of workers.
    workers
        Processes, for the samples of Pythia.
    delta_c9
        For ``"kstmumu"``: ΔC9, or several.
    window
        For ``"kstmumu"``: where q² may lie, ``"0-20"`` or ``"1-19"`` [GeV²]; with ``-nonresonant`` behind it
        without 8.9 to 14.

    Returns
    -------
    Events or EventFrame
        Whole decay trees in the laboratory frame [GeV, cm, ns] with the event column ``event_type``, of Z
        decays ``flavour`` and the direction of the quark, of beauty at the LHC those of
        :func:`hepsets.generate.lhc_beauty.samples.generate_lhc_block`; or, of ``"kstmumu"``,
        ``q_squared`` [GeV²], ``costheta_mu``, ``costheta_K``, ``chi`` [rad], ``flavour`` and ``delta_c9``
        of each decay, shape ``(n_events,)``.

    Raises
    ------
    InputError
        For an unknown sample or window, less than one event, a seed or ΔC9 that cannot be, options that
        the sample does not have, or if Pythia 8 is not installed.

    Examples
    --------
    >>> import hepsets as hs
    >>> decays = hs.generate("kstmumu", 100, delta_c9=[-0.8, 0.0], seed=1)
    >>> len(decays), sorted(set(decays["delta_c9"].tolist()))
    (200, [-0.8, 0.0])
    """
    if events < 1:
        raise InputError(f"{events} events", "one or more")
    if sample != KSTMUMU:
        if (delta_c9, window) != (0.0, "0-20"):
            raise InputError(f"delta_c9 or window for the sample {sample!r}", f"the sample {KSTMUMU!r}")
        return Events.concatenate(list(generate_sample(sample, events, seed=seed, workers=workers)))
    chosen = named_window(window)
    values = [float(value) for value in np.atleast_1d(delta_c9)]
    if not values:
        raise InputError("no ΔC9", "at least one value")
    return EventFrame.concatenate(
        [
            sample_decays(events, value, seed, window=chosen, first_event=place * events)
            for place, value in enumerate(values)
        ]
    )


@overload
def simulate(
    events: Events,
    detector: Literal["belle2"] | DetectorConfig = "belle2",
    *,
    seed: int = 1,
    trial: int = 0,
    event_numbers: NDArray[np.int64] | None = None,
) -> Reconstructed: ...
@overload
def simulate(
    events: Events,
    detector: Literal["idea", "lhcb"] | LayeredConfig | ForwardConfig,
    *,
    seed: int = 1,
    trial: int = 0,
    event_numbers: NDArray[np.int64] | None = None,
) -> ParticleSets: ...
@overload
def simulate(
    events: Events,
    detector: str | Detector,
    *,
    seed: int = 1,
    trial: int = 0,
    event_numbers: NDArray[np.int64] | None = None,
) -> Reconstructed | ParticleSets: ...
def simulate(
    events: Events,
    detector: str | Detector = "belle2",
    *,
    seed: int = 1,
    trial: int = 0,
    event_numbers: NDArray[np.int64] | None = None,
) -> Reconstructed | ParticleSets:
    """Let a detector see generated events once.

    Parameters
    ----------
    events
        Generated events in the laboratory frame.
    detector
        One of those that :func:`list_detectors` names, or numbers of your own.
    seed, trial, event_numbers
        They alone fix the random numbers of an event: another ``trial`` sees the same events afresh.
        ``event_numbers`` has shape ``(n_events,)``; 0, 1, … by default.

    Returns
    -------
    Reconstructed or ParticleSets
        Tracks and clusters of each event, with links to the truth; of a detector with a layered tracker
        (``"idea"``) the reconstructed particles, see :func:`hepsets.simulate.layered.see_z_events`, and of
        one forwards (``"lhcb"``) the tracks, see :func:`hepsets.simulate.forward.see_lhc_events`.

    Raises
    ------
    InputError
        For an unknown detector, or event numbers of another shape.

    Examples
    --------
    >>> import hepsets as hs
    >>> seen = hs.simulate(hs.generate("mixed", 5, seed=1), seed=1)
    >>> len(seen), len(seen.tracks) > 20
    (5, True)
    """
    numbers = _numbers(events, event_numbers)
    settled = DETECTORS.find(detector) if isinstance(detector, str) else detector
    if not isinstance(settled, DetectorConfig):
        return see_particles(events, seed=seed, event_numbers=numbers, trial=trial, detector=settled)
    return see(events, seed=seed, event_numbers=numbers, trial=trial, detector=settled)


def skim(
    seen: Reconstructed, name: str, *, event_numbers: NDArray[np.int64] | None = None
) -> NDArray[np.bool_]:
    """Tell which events pass a skim.

    Parameters
    ----------
    seen
        What :func:`simulate` returned.
    name
        One of those that :func:`list_skims` names.
    event_numbers
        As in :func:`simulate`: their parity chooses which half of a classifier judges the candidates.

    Returns
    -------
    ndarray
        Bool, shape ``(n_events,)``.

    Raises
    ------
    InputError
        For an unknown skim, event numbers of another shape, or what a detector without skims saw.

    Examples
    --------
    >>> import hepsets as hs
    >>> seen = hs.simulate(hs.generate("mixed", 20, seed=1), seed=1)
    >>> hs.skim(seen, "fast_charm").shape
    (20,)
    """
    passing = SKIMS.find(name)
    _demand_reconstructed(seen)
    numbers = _numbers(seen, event_numbers)
    passes = [
        passing(combine(part, event_numbers=numbers[events]), numbers[events]).passes
        for events, part in _batches(seen)
    ]
    return np.concatenate(passes) if passes else np.zeros(0, dtype=np.bool_)


def candidates(seen: Reconstructed, *, event_numbers: NDArray[np.int64] | None = None) -> ParticleSets:
    """Find the best B candidate of each event, with the rest of the event and the continuum variables.

    Parameters
    ----------
    seen
        What :func:`simulate` returned.
    event_numbers
        As in :func:`simulate`.

    Returns
    -------
    ParticleSets
        The events that have a candidate: the tracks and clusters of candidate and rest of the event in the
        centre-of-mass frame, and event columns ``mbc``, ``delta_e`` [GeV], ``is_correct``, ``event_number``,
        the thirty variables ``R2``, ``thrustBm``, … and others; see
        :func:`hepsets.select.candidates.rest_of_event.candidate_events`.

    Raises
    ------
    InputError
        For event numbers of another shape, what a detector without skims saw, or if no event has a
        candidate.

    Examples
    --------
    >>> import hepsets as hs
    >>> found = hs.candidates(hs.simulate(hs.generate("charged", 100, seed=3), seed=3))
    >>> bool((found.columns["mbc"] > 5.2).all()), "R2" in found.columns
    (True, True)
    """
    _demand_reconstructed(seen)
    numbers = _numbers(seen, event_numbers)
    parts = [
        candidate_events(combine(part, event_numbers=numbers[events]), numbers[events])
        for events, part in _batches(seen)
    ]
    if not sum(map(len, parts)):
        raise InputError(f"no B candidate in {len(seen)} events", "at least one", "generate more events")
    found = ParticleSets.concatenate(parts)
    energy = seen.detector.beams.energy
    return found.with_columns(**continuum_variables(found, energy), **own_frame_variables(found, energy))


def tag_sides(
    seen: Reconstructed, *, signal: int = 0, event_numbers: NDArray[np.int64] | None = None
) -> ParticleSets:
    """What the detector saw of B⁰B̄⁰ events beside one B, for flavour tagging.

    Parameters
    ----------
    seen
        What :func:`simulate` returned.
    signal
        Which B is the signal and taken out by truth: 0 or 1.
    event_numbers
        As in :func:`simulate`.

    Returns
    -------
    ParticleSets
        Tracks and clusters of each event in the Υ(4S)'s frame; the event column ``q`` says whether the other
        B is a B⁰ (1) or its antiparticle (−1) when it decays, ``delta_t`` [ps] how much later; see
        :func:`hepsets.select.whole_events.tag_side.tag_sides`.

    Raises
    ------
    InputError
        For event numbers of another shape, what a detector without tracks and clusters saw, or events without
        two neutral B.

    Examples
    --------
    >>> import hepsets as hs
    >>> sets = hs.tag_sides(hs.simulate(hs.generate("mixed", 50, seed=3), seed=3))
    >>> len(sets), sorted(set(sets.columns["q"].tolist()))
    (50, [-1, 1])
    """
    _demand_reconstructed(seen)
    return tag_sides_of(seen, _numbers(seen, event_numbers), signal)


def _demand_reconstructed(seen: object) -> None:
    if not isinstance(seen, Reconstructed):
        raise InputError(
            f"{type(seen).__name__} for a skim", "what belle2 sees", 'simulate(events, detector="belle2")'
        )


def _numbers(events: Events | Reconstructed, given: NDArray[np.int64] | None) -> NDArray[np.int64]:
    return checked_event_numbers(np.arange(len(events)) if given is None else given, events)


def _batches(seen: Reconstructed) -> Iterator[tuple[slice, Reconstructed]]:
    """Some hundred events at a time: combinations take memory. Links to the truth count from the first."""
    for begin in range(0, len(seen), BATCH_EVENTS):
        events = slice(begin, min(begin + BATCH_EVENTS, len(seen)))
        tracks, track_offsets = _records(seen.tracks, seen.track_offsets, events, seen.events.offsets[begin])
        clusters, cluster_offsets = _records(
            seen.clusters, seen.cluster_offsets, events, seen.events.offsets[begin]
        )
        yield (
            events,
            Reconstructed(
                tracks, track_offsets, clusters, cluster_offsets, seen.events[events], seen.detector
            ),
        )


def _records(
    records: NDArray[np.void], offsets: NDArray[np.int64], events: slice, first_particle: int
) -> tuple[NDArray[np.void], NDArray[np.int64]]:
    own = offsets[events.start : events.stop + 1]
    found = records[own[0] : own[-1]].copy()
    found["particle"][found["particle"] >= 0] -= first_particle
    return found, own - own[0]
