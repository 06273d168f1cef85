"""Samples of B⁰ → K*⁰μ⁺μ⁻ at three levels of realism: as generated, as measured, with background."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.generate.kstmumu.density import Window, named_window
from hepsets.generate.kstmumu.sampler import sample_decays
from hepsets.select.kstmumu.background import sample_background
from hepsets.select.kstmumu.cuts import is_selected, truth_window
from hepsets.simulate.kstmumu import see_decays

LEVELS = ("generator", "detector", "background")
"""Decays as generated; as the detector sees and the selection keeps them; the latter among background."""

_BATCH = 200_000  # decays at once, which bounds memory
_LEAST_EFFICIENCY = 1e-3
_SHUFFLE = 0x5AFE


def make_sample(
    level: str,
    window_name: str,
    delta_c9: float,
    events: int,
    seed: int,
    *,
    background_over_signal: float = 1.1,
    sideband: bool = False,
    poisson: bool = False,
    first_event: int = 0,
    columns: Sequence[str] | None = None,
) -> EventFrame:
    """Exactly ``events`` signal decays of one ΔC9 at a level of realism.

    Parameters
    ----------
    level
        One of :data:`LEVELS`.
    window_name
        One of :data:`~hepsets.generate.kstmumu.density.WINDOWS`: of q², the true one at generator level, else
        the measured one. A selected decay may then have its true q² in a veto or just beyond the window.
    delta_c9
        Shift of C9.
    events
        Signal decays, counted after the selection.
    seed
        Samples of different seeds are independent.
    background_over_signal
        Background candidates per signal decay, at background level.
    sideband
        Take the background from the sideband of Mbc, as a measurement that has no simulation would, instead
        of the signal region.
    poisson
        Let the number of background candidates be a Poisson number instead of the nearest to its mean.
    first_event
        Number of the first decay to make, before any selection; a sample is the same however it is batched.
    columns
        Keep only these of the columns, those that there are at the level; all by default.

    Returns
    -------
    EventFrame
        ``q_squared``, ``costheta_mu``, ``costheta_K``, ``chi``, ``flavour``, ``delta_c9``; from detector
        level on also ``truth_…`` of the four variables, ``is_signal`` and the columns of a candidate
        (:data:`~hepsets.simulate.kstmumu.CANDIDATE_COLUMNS`). Background has no truth (NaN), but
        the ``delta_c9`` of its sample; it is shuffled into the signal, so that slices are samples too.

    Raises
    ------
    InputError
        For an unknown level or window, less than one event, and a negative ratio of background.
    """
    if level not in LEVELS:
        raise InputError(f"level {level!r}", f"one of {', '.join(LEVELS)}")
    if events < 1:
        raise InputError(f"{events} events", "at least one")
    window = named_window(window_name)
    if level == "generator":
        decays = sample_decays(events, delta_c9, seed, window=window, first_event=first_event)
        return decays if columns is None else decays.select_present(columns)
    signal = _select_signal(window, delta_c9, events, seed, first_event, columns)
    if level == "detector":
        return signal
    if not 0 <= background_over_signal < math.inf:
        raise InputError(f"a background over signal of {background_over_signal}", "a number from 0 up")
    rng = np.random.default_rng([seed, first_event, _SHUFFLE])
    mean = background_over_signal * events
    number = int(rng.poisson(mean)) if poisson else round(mean)
    parts = [signal]
    if number:
        region = "sideband" if sideband else "signal"
        background_seed = int(rng.integers(2**62))
        background = sample_background(number, background_seed, region=region, window=window)
        labelled = background.with_columns(delta_c9=np.full(number, float(delta_c9)))
        parts.append(labelled.select_columns(list(signal.columns)))
    sample: EventFrame = EventFrame.concatenate(parts)[rng.permutation(events + number)]
    return sample


def _select_signal(
    window: Window, delta_c9: float, events: int, seed: int, first_event: int, columns: Sequence[str] | None
) -> EventFrame:
    made_in = truth_window(window)
    parts: list[EventFrame] = []
    kept, made = 0, 0
    while kept < events:
        share = max(kept / made, _LEAST_EFFICIENCY) if made else 0.33
        batch = min(math.ceil(1.05 * (events - kept) / share) + 100, _BATCH)
        number = first_event + made
        decays = sample_decays(batch, delta_c9, seed, window=made_in, first_event=number)
        seen = see_decays(decays, seed, first_event=number)
        kept_columns = seen if columns is None else seen.select_present(columns)
        part: EventFrame = kept_columns[is_selected(seen, window)]
        parts.append(part)
        kept += len(part)
        made += batch
    sample: EventFrame = EventFrame.concatenate(parts)[:events]
    return sample
