"""A model of ΔC9 for a range of q² within its window: the same network, normalised anew."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

import numpy as np

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.deploy.delta_c9 import DeltaC9Inference, choose
from hepsets.evaluate.estimates.domain import EventDomain
from hepsets.evaluate.estimates.goodness_of_fit import CellModel
from hepsets.evaluate.estimates.reference_events import SignalReference, with_folded_chi
from hepsets.generate.kstmumu.density import WINDOWS, Window
from hepsets.learn.data_sets.morphing import Morphing, simulation_error
from hepsets.learn.data_sets.response import fit_response

LEAST_SIMULATED = 1000
"""Reference events that a range must hold: what a user's events are compared with."""

PER_CELL = 40
"""Reference events that a cell of the goodness of fit has at least."""


def range_of(text: str) -> tuple[float, float]:
    """Limits of q² [GeV²] from ``LOW-HIGH``.

    Raises
    ------
    InputError
        For anything else.

    Examples
    --------
    >>> range_of("1.1-6")
    (1.1, 6.0)
    """
    low, dash, high = text.partition("-")
    try:
        found = float(low), float(high)
    except ValueError:
        dash, found = "", (math.nan, math.nan)
    if not dash or not all(map(math.isfinite, found)):
        raise InputError(f"q² {text!r}", "LOW-HIGH in GeV², such as 1.1-6")
    return found


def choose_for_range(
    models: Mapping[tuple[str, str], DeltaC9Inference],
    frame: EventFrame,
    limits: tuple[float, float] | None,
) -> tuple[DeltaC9Inference, tuple[str, ...]]:
    """The model for events that are cut to a part of a window, and what to mind about the choice.

    Parameters
    ----------
    models
        By level and window.
    frame
        The events.
    limits
        Least and greatest q² [GeV²]; ``None`` for all of a window.

    Raises
    ------
    InputError
        If no window holds the range, or as :func:`narrowed`.
    """
    if limits is None:
        return choose(models, frame)
    low, high = limits
    wide = {
        key: model
        for key, model in models.items()
        if WINDOWS[key[1]].low <= low and high <= WINDOWS[key[1]].high
    }
    if not wide:
        raise InputError(
            f"q² from {low:g} to {high:g} GeV²",
            f"a part of a window: {', '.join(dict.fromkeys(window for _, window in models))}",
        )
    model, notes = choose(wide, frame)
    return narrowed(model, low, high), notes


def narrowed(model: DeltaC9Inference, low: float, high: float) -> DeltaC9Inference:
    """A model for the events between two values of q².

    The density ratio is learned event by event, so that a window is only its normalisation. That of a part
    of the window is known exactly for true decays, and by the simulated decays of the training for
    measured ones. What the network errs by in this part is corrected with the reference events.

    Parameters
    ----------
    model
        For a whole window, at generator or detector level.
    low, high
        Limits [GeV²]; vetoes of the window stay.

    Raises
    ------
    InputError
        For limits that are not in order or beyond the window, for a range with too few simulated events, for
        a model among background (its odds of background hold for the whole window alone), for one of an
        earlier version, and for a range that hardly tells ΔC9.
    """
    given, whole = model.provenance, WINDOWS[model.provenance.window]
    if given.level == "background":
        raise InputError(
            "a range of q² at background level",
            "the whole window, whose background the model was trained with",
            "train a model for it, or subtract background first and take --level detector",
        )
    if model.rates is None:
        raise InputError(
            "a model that does not know its rate by q²", "one that this version trained", "train it again"
        )
    window = Window(low, high, whole.vetoes)
    if low < whole.low or high > whole.high:
        raise InputError(
            f"q² from {low:g} to {high:g} GeV²", f"a part of the window, {whole.low:g} to {whole.high:g}"
        )
    inside = window.contains(model.reference.frame["q_squared"].astype(np.float64))
    if inside.sum() < LEAST_SIMULATED:
        raise InputError(
            f"q² from {low:g} to {high:g} GeV², which {inside.sum()} of {len(inside)} simulated events have",
            f"a range that {LEAST_SIMULATED} have",
            "take a wider range",
        )
    exact = given.level == "generator"
    reference = model.reference.where(inside)
    decays = SignalReference(
        reference, model.rates.true_within(window, exact=exact), np.array(model.domain.delta_c9), exact
    )
    rate, share = model.rates.within(window, exact=exact), model.rates.share(window)
    terms = model.morphing.terms(reference.frame)
    old = model.morphing
    fewer = math.sqrt(decays.effective_decays / (share * model.rates.decays))
    errors = np.array(
        [fewer * simulation_error(terms, decays, rate, float(point)) for point in old.simulation_points]
    )
    response = fit_response(terms, decays, rate, old.limits)
    least, most = model.domain.delta_c9
    if response.true[0] > least or response.true[-1] < most:
        raise InputError(
            f"q² from {low:g} to {high:g} GeV², where the fitted ΔC9 rises with the true one only from "
            f"{response.true[0]:.1f} to {response.true[-1]:.1f}",
            f"a range that tells all ΔC9 from {least:g} to {most:g}: at high q² two of them fit alike",
            "add lower q²",
        )
    morphing = Morphing(old.config, old.ratio, rate, (), old.mixture, response, old.simulation_points, errors)
    cells = min(model.cells.n_cells, 2 ** int(math.log2(len(reference) / PER_CELL)))
    return dataclasses.replace(
        model,
        morphing=morphing,
        cells=CellModel.of(
            with_folded_chi(reference.frame), decays, cells=cells, variables=model.cells.variables
        ),
        domain=_narrowed(model.domain, low, high, share),
        reference=reference,
        rates=None,
        q_squared=(low, high),
    )


def _narrowed(domain: EventDomain, low: float, high: float, share: float) -> EventDomain:
    least, most = domain.ranges["q_squared"]
    fewest, many = domain.set_events
    return dataclasses.replace(
        domain,
        ranges={**domain.ranges, "q_squared": (max(low, least), min(high, most))},
        set_events=(round(share * fewest), round(share * many)),
    )
