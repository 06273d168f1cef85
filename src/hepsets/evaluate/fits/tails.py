"""The shape of a peak from simulation: its width and tails, held or constrained in the fit of data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from hepsets.core.errors import InputError
from hepsets.evaluate.fits.likelihood import Likelihood
from hepsets.evaluate.fits.minimise import maximise
from hepsets.evaluate.fits.model import SIGNAL, Component, MassModel, build_model
from hepsets.evaluate.fits.parameters import Array, Constraint, MassRange, with_settings
from hepsets.evaluate.fits.peaks import MEAN, SCALE, WIDTH, Peak
from hepsets.evaluate.fits.result import HELD, FitResult
from hepsets.evaluate.fits.spectrum import refuse_one_value

FEWEST = 100
"""Simulated decays below which no shape is taken from them."""


FAR = 3.0, 1.0
"""Widths from the mean where the tails of a peak begin that has next to none: the Gaussian has 0.3 %
beyond."""


@dataclass(frozen=True, eq=False)
class SimulatedPeak:
    """A peak as simulated decays have it.

    Parameters
    ----------
    fit
        Of the peak alone to simulated decays of the signal.
    """

    fit: FitResult

    @property
    def tails(self) -> tuple[str, ...]:
        """Names of the tails' parameters."""
        return tuple(name for name in self.fit.model.names if name not in (SIGNAL, MEAN, WIDTH, SCALE))

    @property
    def well_known(self) -> tuple[str, ...]:
        """Tails that were fitted and did not come to rest on a limit."""
        return tuple(
            name for name in self.tails if self.fit[name].at_limit is None and name not in self.untold
        )

    @property
    def untold(self) -> tuple[str, ...]:
        """Tails that the decays do not tell, which were held where the fit began."""
        return tuple(name for name in self.tails if self.fit[name].state == HELD)


def fit_simulated_peak(
    peak: Peak,
    mass: Array,
    window: MassRange,
    weights: Array | None = None,
    *,
    fixed: Mapping[str, float] | None = None,
) -> SimulatedPeak:
    """Fit a peak with all of its parameters to simulated decays of the signal alone.

    If they are so Gaussian that no minimum is found, the powers of the tails are held where they begin, and
    where tails begin is known beforehand, weakly (:data:`FAR`).

    Parameters
    ----------
    peak
        Where to begin is part of it.
    mass
        Of the simulated decays [GeV], shape ``(n_events,)``; those outside the range are left out.
    window
        Range of the fit of data.
    weights
        Of the decays, shape ``(n_events,)``.
    fixed
        Tails that are held, by their names.

    Raises
    ------
    InputError
        For fewer than 100 decays in the range or of one mass, and if the fit does not converge.
    """
    inside = window.holds(mass)
    if inside.sum() < FEWEST:
        reach = f" (all reach from {mass.min():g} to {mass.max():g} GeV)" if len(mass) else ""
        raise InputError(f"{inside.sum()} simulated decays in the range{reach}", f"at least {FEWEST}")
    chosen = mass[inside]
    refuse_one_value(chosen, "simulated decays")
    if not np.isfinite(peak.mean):
        middle, quartiles = np.median(chosen), np.quantile(chosen, [0.25, 0.75])
        peak = peak.around(float(middle), max(float(np.ptp(quartiles)) / 1.35, 1e-3 * window.width))
    model = build_model([Component(SIGNAL, peak)], window, {"": float(len(chosen))})
    model = model.with_parameters(with_settings(model.parameters, {}, fixed or {}))
    kept = None if weights is None else [weights[inside]]
    try:
        return SimulatedPeak(maximise(Likelihood(model, [chosen], kept)))
    except InputError:
        held = [
            parameter.at(parameter.start, fixed=parameter.fixed or parameter.name.startswith("power_"))
            for parameter in model.parameters
        ]
        known = [
            Constraint.of(one.name, *FAR) for one in held if one.name.startswith("tail_") and not one.fixed
        ]
        return SimulatedPeak(
            maximise(Likelihood(model.with_parameters(held).with_constraints(known), [chosen], kept))
        )


def with_simulated_peak(
    model: MassModel, simulated: SimulatedPeak, tails: Literal["fixed", "constrained"]
) -> MassModel:
    """A model of data whose peak is as simulated, but for its mean and a factor of its width that float.

    The widths are held at the simulated one and ``width_scale`` floats. Tails are held, or constrained to
    what simulation says with its covariance; those that rested on a limit there are held in any case.

    Parameters
    ----------
    model
        With the same kind of peak.
    simulated
        The peak of simulation.
    tails
        ``"fixed"`` or ``"constrained"``.
    """
    found = simulated.fit
    constrained = simulated.well_known if tails == "constrained" else ()
    made = []
    for parameter in model.parameters:
        bare = parameter.name.partition("[")[0]
        if bare == SCALE:
            parameter = parameter.at(1.0, fixed=False)
        elif bare == WIDTH or bare in simulated.tails:
            parameter = parameter.at(found[bare].value.value, fixed=parameter.name not in constrained)
        made.append(parameter)
    own: Sequence[Constraint] = ()
    if constrained:
        places = [found.model.names.index(name) for name in constrained]
        own = (Constraint(constrained, found.values[places], found.covariance[np.ix_(places, places)]),)
    return model.with_parameters(made).with_constraints((*model.constraints, *own))
