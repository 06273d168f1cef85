"""The signal's transverse momentum in data by sWeights, beside that of simulated decays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.bs_dspi.mass_fits import Selection
from hepsets.analyses.bs_dspi.physical import in_category
from hepsets.analyses.bs_dspi.samples import SIGNAL, Samples
from hepsets.core.errors import InputError
from hepsets.core.run import log
from hepsets.evaluate.fits.likelihood import Likelihood
from hepsets.evaluate.fits.minimise import maximise
from hepsets.evaluate.fits.model import SIGNAL as SIGNAL_YIELD
from hepsets.evaluate.fits.model import Component, build_model
from hepsets.evaluate.fits.orthogonal_weights import Factorisation, factorises, orthogonal_weights
from hepsets.evaluate.fits.parameters import with_settings
from hepsets.evaluate.fits.peaks import Peak
from hepsets.evaluate.fits.record import MassFit
from hepsets.evaluate.fits.result import FitResult
from hepsets.evaluate.fits.template import Template
from hepsets.evaluate.fits.unfolding import Agreement, Unfolded, agreement, unfold

Array = NDArray[np.float64]

Kind = Literal["classic", "fitted"]

_GRID = 512

VARIABLE = "bs_pt"
"""What is unfolded."""


@dataclass(frozen=True, eq=False)
class UnfoldedSignal:
    """The signal's distribution of a variable.

    Parameters
    ----------
    variable
        Its name.
    measured, truth
        In data by weights, and of simulated decays, scaled to as many.
    agreement
        Of the two.
    factorises
        Whether the variable is independent of the mass: in simulated signal, and in the data above the peak.
    classic_to_fitted
        Largest difference of the two kinds of weights' histograms, in units of the largest bin.
    """

    variable: str
    measured: Unfolded
    truth: Unfolded
    agreement: Agreement
    factorises: dict[str, Factorisation]
    classic_to_fitted: float


def signal_and_rest(result: MassFit, category: int) -> FitResult:
    """A category fitted again with nothing but two yields, of the signal and of all backgrounds as one.

    sWeights suppose that yields alone float. Backgrounds that look much alike could not be told apart without
    what is known of them, and need not be.

    Parameters
    ----------
    result
        The fit, whose shapes and relative backgrounds are held.
    category
        Its number.
    """
    model, values, window = result.fit.model, result.fit.values, result.fit.model.window
    edges = np.linspace(window.low, window.high, _GRID + 1)
    middle = 0.5 * (edges[1:] + edges[:-1])
    places = model.places[category]
    parts = [
        values[place.count] * model.density(values, category, k, middle) for k, place in enumerate(places)
    ]
    rest = np.sum(parts[1:], axis=0)
    rest = np.maximum(rest, 1e-6 * float(np.max(np.abs(rest))) + 1e-12)
    shape = Template(window, rest / (rest.sum() * window.width / _GRID), np.zeros((0, _GRID)))
    peak = model.components[0].shape
    assert isinstance(peak, Peak)
    mass = result.spectrum.masses[model.categories[category]]
    made = build_model(
        [Component(SIGNAL_YIELD, peak), Component("rest", shape)], window, {"": float(len(mass))}
    )
    names = [parameter.name for parameter in peak.parameters(window)]
    held = dict(zip(names, values[places[0].shape].tolist(), strict=True))
    return maximise(Likelihood(made.with_parameters(with_settings(made.parameters, {}, held)), [mass]))


def signal_weights(samples: Samples, kept: Selection, result: MassFit, kind: Kind = "classic") -> Array:
    """Weights of the data with which they are signal, 0 outside the selection and the range; ``(n_data,)``.

    Parameters
    ----------
    samples, kept
        Data, and what the selection keeps of them.
    result
        The fit to these.
    kind
        ``"classic"`` sWeights, or ``"fitted"`` ones.
    """
    columns, model = samples.data.columns, result.fit.model
    inside = kept.data & model.window.holds(columns["bs_mass"])
    weights = np.zeros(len(samples.data))
    for c, name in enumerate(model.categories):
        which = inside & in_category(columns, name)
        found = orthogonal_weights(signal_and_rest(result, c), columns["bs_mass"][which], kind=kind)
        weights[which] = found.signal
    return weights


def unfold_signal(
    samples: Samples, kept: Selection, result: MassFit, *, bins: int = 12, seed: int = 0
) -> UnfoldedSignal | None:
    """The signal's transverse momentum in data, and whether it is that of simulated decays.

    Parameters
    ----------
    samples, kept, result
        As for :func:`signal_weights`. Simulation was made with another seed: it knows nothing of the data.
    bins
        Of the histograms.
    seed
        Of the bootstrap.

    Returns
    -------
    UnfoldedSignal or None
        ``None`` where the fit leaves no weights, or candidates have no such variable.
    """
    if VARIABLE not in samples.data.columns:
        return None
    try:
        weights, fitted = (signal_weights(samples, kept, result, kind) for kind in ("classic", "fitted"))
    except InputError as error:
        log.warning("nothing is unfolded: %s", error)
        return None
    used = weights != 0
    variable = samples.data.columns[VARIABLE][used]
    of_signal = kept.simulated[SIGNAL] & result.fit.model.window.holds(samples.signal.columns["bs_mass"])
    truth = samples.signal.columns[VARIABLE][of_signal]
    number = "underlying_event"
    families = samples.data.columns[number][used], samples.signal.columns[number][of_signal]
    edges = np.concatenate([np.quantile(truth, np.linspace(0, 0.99, bins)), [truth.max()]])
    edges[0] = 0.0
    measured = unfold(variable, weights[used], edges)
    other = unfold(variable, fitted[used], edges)
    scale = weights.sum() / len(truth)
    above = kept.data & (samples.data.columns["bs_mass"] > _above(samples))
    pure = {
        "simulated signal": (samples.signal, of_signal),
        "data above the peak": (samples.data, above),
    }
    return UnfoldedSignal(
        VARIABLE,
        measured,
        unfold(truth, np.full(len(truth), scale), edges),
        agreement(variable, weights[used], truth, families=families, seed=seed),
        {
            name: factorises(sample.columns["bs_mass"][which], sample.columns[VARIABLE][which])
            for name, (sample, which) in pure.items()
            if which.sum() >= 10
        },
        float(np.abs(measured.values - other.values).max() / measured.values.max()),
    )


def _above(samples: Samples) -> float:
    """Mass above which there is no signal [GeV]."""
    return float(np.quantile(samples.signal.columns["bs_mass"], 0.999))
