"""Find the maximum of a likelihood with Minuit, with errors, intervals, and what rests on a limit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from iminuit import Minuit

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.evaluate.fits.likelihood import Likelihood
from hepsets.evaluate.fits.parameters import Array
from hepsets.evaluate.fits.result import CONSTRAINED, FREE, HELD, FitResult, FittedParameter

AT_LIMIT = 1e-3
"""Share of the distance between two limits within which a parameter rests on one of them."""
_TRIES = 3


def maximise(likelihood: Likelihood, *, minos: Sequence[str] = ()) -> FitResult:
    """Fit a model with MIGRAD and HESSE, and intervals by MINOS where asked for.

    A parameter that comes to rest on a limit is held there, and told as such; the others' errors are then
    those without it. With weights the covariance is the sandwich H⁻¹ D H⁻¹ [Langenbruch, arXiv:1911.01303],
    for which MINOS has no meaning.

    Parameters
    ----------
    likelihood
        Of the model and the events.
    minos
        Names of parameters whose 68.27 % interval of the likelihood ratio is wanted; held ones are left out.

    Raises
    ------
    InputError
        If no minimum is found, for MINOS with weights, and names that no parameter has.
    """
    model = likelihood.model
    unknown = [name for name in minos if name not in model.names]
    if unknown:
        raise InputError(f"MINOS for {unknown[0]!r}", f"one of {', '.join(model.names)}")
    if minos and likelihood.weights is not None:
        raise InputError(
            "MINOS with weighted events", "events of weight one", "leave MINOS out: --set 'minos=[]'"
        )
    minuit = _prepared(likelihood)
    _migrad(minuit)
    at_limit = _hold_at_limits(minuit, likelihood)
    if not minuit.valid:
        raise _not_converged(minuit)
    minuit.hesse()
    if not (minuit.valid and minuit.accurate):
        _migrad(minuit)
        minuit.strategy = 2
        minuit.hesse()
    if not (minuit.valid and minuit.accurate and minuit.covariance is not None):
        raise _not_converged(minuit)
    values = np.array(minuit.values)
    covariance = np.array(minuit.covariance)
    if likelihood.weights is not None:
        covariance = _sandwich(likelihood, values, covariance)
    intervals = _intervals(minuit, [name for name in minos if not minuit.fixed[name]])
    constrained = {name for one in model.constraints for name in one.names}
    parameters = []
    for i, parameter in enumerate(model.parameters):
        below, above = intervals.get(parameter.name, (None, None))
        state = HELD if parameter.fixed else CONSTRAINED if parameter.name in constrained else FREE
        error = float(np.sqrt(max(covariance[i, i], 0.0)))
        parameters.append(
            FittedParameter(
                parameter.name,
                Measured(float(values[i]), error),
                state,
                at_limit.get(parameter.name),
                below,
                above,
            )
        )
    return FitResult(
        model, tuple(parameters), covariance, float(minuit.fval), likelihood.events, int(minuit.nfcn)
    )


def _prepared(likelihood: Likelihood) -> Minuit:
    model = likelihood.model
    minuit = Minuit(likelihood, model.start, name=model.names)
    for parameter in model.parameters:
        minuit.limits[parameter.name] = (parameter.low, parameter.high)
        minuit.errors[parameter.name] = parameter.step
        minuit.fixed[parameter.name] = parameter.fixed
    minuit.strategy = 1
    return minuit


def _migrad(minuit: Minuit) -> None:
    """MIGRAD, again from where it stopped, and after a simplex if that does not help."""
    for attempt in range(_TRIES):
        if attempt == 2:
            minuit.simplex()
        minuit.migrad()
        if minuit.valid:
            return


def _hold_at_limits(minuit: Minuit, likelihood: Likelihood) -> dict[str, str]:
    """Hold what rests on a limit, and fit the others again; which, and at which limit."""
    found: dict[str, str] = {}
    for _ in likelihood.model.parameters:
        new = {}
        for parameter in likelihood.model.parameters:
            if minuit.fixed[parameter.name] or not np.isfinite([parameter.low, parameter.high]).any():
                continue
            near = AT_LIMIT * (parameter.high - parameter.low)
            if not np.isfinite(near):
                near = 0.01 * parameter.step
            value = minuit.values[parameter.name]
            if value - parameter.low < near:
                new[parameter.name] = ("lower", parameter.low)
            elif parameter.high - value < near:
                new[parameter.name] = ("upper", parameter.high)
        if not new:
            return found
        for name, (side, limit) in new.items():
            minuit.values[name] = limit
            minuit.fixed[name] = True
            found[name] = side
        _migrad(minuit)
    return found


def _sandwich(likelihood: Likelihood, values: Array, covariance: Array) -> Array:
    """H⁻¹ D H⁻¹; Minuit's covariance is H⁻¹, of the second derivatives of −ln L."""
    steps = 0.01 * np.sqrt(np.maximum(np.diag(covariance), 0.0))
    return np.asarray(covariance @ likelihood.score_covariance(values, steps) @ covariance)


def _intervals(minuit: Minuit, names: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Distances to the ends of the intervals; those that MINOS does not find are left out."""
    found = {}
    for name in names:
        try:
            minuit.minos(name)
        except RuntimeError:  # it has found a lower minimum elsewhere, or none
            continue
        interval = minuit.merrors[name]
        if interval.is_valid:
            found[name] = (-float(interval.lower), float(interval.upper))
    return found


def _not_converged(minuit: Minuit) -> InputError:
    why = "call limit reached" if minuit.fmin.has_reached_call_limit else f"EDM {minuit.fmin.edm:.2g}"
    return InputError(
        f"a fit that did not converge ({why}; {minuit.fmin.nfcn} calls)",
        "a minimum with a positive definite covariance",
        "simplify the model, hold a parameter (--set fixed.NAME=VALUE) or begin elsewhere (start.NAME=VALUE)",
    )
