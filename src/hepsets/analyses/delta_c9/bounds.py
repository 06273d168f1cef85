"""The Cramér–Rao bounds that a cell of the comparison is held against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hepsets.analyses.delta_c9.config import (
    Config,
)
from hepsets.analyses.delta_c9.samples import BOUND, DATA, Cell, sample_for
from hepsets.core.event_frame import EventFrame
from hepsets.core.run import log
from hepsets.evaluate.estimates.detector_bound import information_bracket
from hepsets.generate.kstmumu.bound import cramer_rao_bound
from hepsets.generate.kstmumu.density import (
    TRAIN_VALUES,
    WINDOWS,
)
from hepsets.learn.data_sets.morphing import Morphing
from hepsets.learn.data_sets.truth_ratios import TruthRatios, signal_of

BOUND_EVENTS = 200_000
"""Signal events that the bound of reconstructed events is estimated with."""


@dataclass(frozen=True)
class Bound:
    """Least standard deviation of ΔC9 that sets of some size allow.

    ``sigma`` is what no estimator can beat; ``sigma_attainable`` what the information that was found in the
    reconstructed events allows. They are the same where the density is known.
    """

    level: str
    window: str
    events: int
    delta_c9: float
    sigma: float
    sigma_attainable: float


def bounds(config: Config, cell: Cell, morphing: Morphing | None, truths: Sequence[float]) -> list[Bound]:
    """Bounds of a cell at each truth and size; without a morphing, those of reconstructed events lack."""
    window = WINDOWS[cell.window]
    if cell.level == "generator":
        return [
            Bound(cell.level, cell.window, size, truth, *[cramer_rao_bound(truth, window, size)] * 2)
            for truth in truths
            for size in config.set_events
        ]
    if morphing is None or cell.level == DATA:
        return []
    found = []
    per_value = BOUND_EVENTS // len(TRAIN_VALUES) + 1
    frame = EventFrame.concatenate(
        [sample_for(config, cell, BOUND, i, value, per_value) for i, value in enumerate(TRAIN_VALUES)]
    )
    signal = signal_of(frame)
    truth_ratios = TruthRatios.of(frame, window)
    terms = morphing.terms(frame[signal])
    background = None if signal.all() else morphing.terms(frame[~signal])
    for truth in truths:
        bracket = information_bracket(
            terms,
            truth_ratios,
            morphing.rate,
            float(morphing.response.fitted_at(truth)),
            background,
            config.data.background_over_signal,
        )
        for size in config.set_events:
            found.append(Bound(cell.level, cell.window, size, truth, *bracket.sigma(size)))
    log.info("%s: bounds from %d signal events", cell.name, int(signal.sum()))
    return found
