"""A mass fit from a spectrum to everything that is told of it: model, fit, goodness, windows, toys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from difflib import get_close_matches
from typing import Literal

import numpy as np
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as config_class

from hepsets.core.errors import InputError
from hepsets.evaluate.fits.backgrounds import find_background, is_background
from hepsets.evaluate.fits.blinding import Blinding
from hepsets.evaluate.fits.first_guess import FirstGuess, first_guess
from hepsets.evaluate.fits.goodness import goodness_of_fit
from hepsets.evaluate.fits.likelihood import Likelihood
from hepsets.evaluate.fits.minimise import maximise
from hepsets.evaluate.fits.model import SIGNAL, Component, MassModel, build_model
from hepsets.evaluate.fits.parameters import Array, Constraint, MassRange, with_settings
from hepsets.evaluate.fits.peaks import MEAN, PEAKS, SCALE, WIDTH, Peak, find_peak
from hepsets.evaluate.fits.record import MassFit
from hepsets.evaluate.fits.result import FitResult
from hepsets.evaluate.fits.spectrum import Spectrum, explained
from hepsets.evaluate.fits.tails import SimulatedPeak, fit_simulated_peak, with_simulated_peak
from hepsets.evaluate.fits.template import make_template
from hepsets.evaluate.fits.toys import ToyStudy, run_toys

SEEN = 3.0
"""Errors above which there is a peak whose mean and width can be fitted."""
FEWEST = 10
"""Events in a category below which nothing is fitted."""
POOR = 1e-3
"""p-value of χ² below which a fit is said not to describe the events."""


@config_class(frozen=True, config=ConfigDict(extra="forbid"))
class TemplateConfig:
    """How backgrounds are made of samples; see :func:`~hepsets.evaluate.fits.template.make_template`."""

    smoothing: Literal["kernel", "histogram"] = "kernel"
    bandwidth: float | None = Field(default=None, gt=0)
    bins: int = Field(default=40, ge=2, le=512)
    waves: int = Field(default=3, ge=0, le=10)


@config_class(frozen=True, config=ConfigDict(extra="forbid"))
class MassFitConfig:
    """A mass fit; masses in GeV.

    Parameters
    ----------
    model
        ``SIGNAL+BACKGROUND+…``: a name of :data:`~hepsets.evaluate.fits.peaks.PEAKS`, then names that
        :func:`~hepsets.evaluate.fits.backgrounds.find_background` knows, or of templates.
    tails
        What becomes of the tails that simulation tells: ``"fixed"`` or ``"constrained"``.
    own
        Parameters of the signal that each category has for itself.
    free
        Tails to let float though no simulation tells them.
    start, fixed, limits, constraints
        Of parameters by their names: where they begin, where they are held, (low, high), (value, error).
    minos
        Parameters whose interval is wanted; by default the yields and the mean of the signal.
    bins
        Fit in so many equal bins; by default event by event.
    n_sigma
        Half of the window in which signal and background are counted, in effective widths.
    toys, seed
        How many pseudo-experiments judge the fit, and their seed.
    blind
        A word that hides yield and mean.
    blind_region
        What is not drawn then; by default five widths around ``start.mean`` or the simulated mean.
    template
        How templates are made.
    """

    model: str = "crystal_ball+exponential"
    tails: Literal["fixed", "constrained"] = "constrained"
    own: tuple[str, ...] = (WIDTH, SCALE)
    free: tuple[str, ...] = ()
    start: dict[str, float] = field(default_factory=dict)
    fixed: dict[str, float] = field(default_factory=dict)
    limits: dict[str, tuple[float, float]] = field(default_factory=dict)
    constraints: dict[str, tuple[float, float]] = field(default_factory=dict)
    minos: tuple[str, ...] | None = None
    bins: int | None = Field(default=None, ge=5, le=100_000)
    n_sigma: float = Field(default=3.0, gt=0)
    toys: int = Field(default=0, ge=0)
    seed: int = Field(default=0, ge=0)
    blind: str = ""
    blind_region: tuple[float, float] | None = None
    template: TemplateConfig = TemplateConfig()


def fit_mass(
    spectrum: Spectrum,
    config: MassFitConfig,
    *,
    simulation: Array | None = None,
    templates: Mapping[str, tuple[Array, Array | None]] | None = None,
    known: Sequence[Constraint] = (),
    workers: int = 1,
) -> MassFit:
    """Fit a spectrum and judge the fit.

    Parameters
    ----------
    spectrum
        The events.
    config
        The model and what is asked.
    simulation
        Masses of simulated decays of the signal [GeV], which tell width and tails; shape ``(n_events,)``.
    templates
        Masses [GeV] and weights of samples of backgrounds, by the name that the model gives them; each of
        shape ``(n_events,)``.
    known
        What is known of parameters together, besides ``config.constraints`` of single ones.
    workers
        Processes for toys.

    Raises
    ------
    InputError
        For a model that cannot be built, names in ``own`` and ``free`` that its peak does not have, too few
        events, a fit that does not converge, blinding without a region, toys of weighted events.
    """
    for name, mass in spectrum.masses.items():
        if len(mass) < FEWEST:
            where = f" of category {name}" if name else ""
            raise InputError(f"{len(mass)} events in the range{where}", f"at least {FEWEST} to fit")
    if config.toys and spectrum.weights is not None:
        raise InputError("toys of weighted events", "events of weight one", "leave --toys or --weight out")
    notes = list(spectrum.notes())
    guess = first_guess(np.concatenate(list(spectrum.masses.values())), spectrum.window)
    components = _components(config, spectrum.window, templates or {})
    peak = components[0].shape
    assert isinstance(peak, Peak)
    _refuse_unknown(config, peak, spectrum.window)
    simulated = None
    if simulation is not None:
        held = {tail.name: config.fixed[tail.name] for tail in peak.tails if tail.name in config.fixed}
        simulated = fit_simulated_peak(peak, simulation[np.isfinite(simulation)], spectrum.window, fixed=held)
    region = _blind_region(config, simulated, spectrum.window) if config.blind else None
    model, told = _model(config, spectrum, components, guess, simulated, known)
    notes += told
    masses = list(spectrum.masses.values())
    weights = None if spectrum.weights is None else list(spectrum.weights.values())
    if weights is not None:
        notes.append(
            "events are weighted: errors are those of the sandwich; intervals of MINOS have no meaning"
        )
    try:
        fit = maximise(Likelihood(model, masses, weights, config.bins), minos=_minos(config, model, weights))
    except InputError as error:
        raise explained(error, spectrum) from error
    goodness = goodness_of_fit(fit, masses, weights)
    toys = None
    if config.toys:
        toys = _toys(config, fit, workers)
        goodness = goodness.against(toys.chi2, toys.distance)
    notes += [f"{one} was held there: its error is not known" for one in fit.at_limits]
    if goodness.p_value is not None and goodness.p_value < POOR:
        notes.append(
            f"the fit does not describe the events (χ² {goodness.chi2:.1f} for {goodness.ndf}, "
            f"p = {goodness.p_value:.1g}): what has no part in it, such as misidentified decays, is taken "
            "for signal or background"
        )
    notes += [f"the events hardly tell {one} from {other}" for one, other in fit.entangled]
    if region is None and fit.signal.value < SEEN * fit.signal.se:
        notes.append("the signal is less than three errors: hold mean and width, or they follow fluctuations")
    blinding = None
    if region is not None:
        most = 0.3 * max(len(mass) for mass in masses)
        blinding = Blinding(config.blind, region, 0.1 * region.width, most)
    return MassFit(
        config.model, spectrum, fit, goodness, config.n_sigma, simulated, toys, blinding, tuple(notes)
    )


def _components(
    config: MassFitConfig, window: MassRange, templates: Mapping[str, tuple[Array, Array | None]]
) -> list[Component]:
    signal, *backgrounds = (part.strip() for part in config.model.split("+"))
    unused = set(templates) - set(backgrounds)
    if unused:
        raise InputError(
            f"a template {min(unused)!r} that the model {config.model} does not name",
            "its name in the model",
            f"--model {config.model}+{min(unused)}",
        )
    made = [Component(SIGNAL, find_peak(signal))]
    taken = {SIGNAL, *PEAKS, *(one.name for one in made[0].shape.parameters(window))}
    how = config.template
    for name in backgrounds:
        if name not in templates:
            made.append(Component(name, find_background(name)))
            continue
        if name in taken or is_background(name):
            raise InputError(f"a template called {name}", "a name that no shape or parameter of the peak has")
        mass, weights = templates[name]
        finite = np.isfinite(mass)
        shape = make_template(
            mass[finite], window, weights=None if weights is None else weights[finite],
            smoothing=how.smoothing, bandwidth=how.bandwidth, bins=how.bins, waves=how.waves,
        )  # fmt: skip
        made.append(Component(name, shape))
    return made


def _refuse_unknown(config: MassFitConfig, peak: Peak, window: MassRange) -> None:
    """Refuse names in ``own`` and ``free`` that the peak does not have."""
    tails = [tail.name for tail in peak.tails]
    every = [one.name for one in peak.parameters(window)]
    for setting, names, known in (("own", config.own, every), ("free", config.free, tails)):
        unknown = [name for name in names if name not in known]
        if unknown:
            raise InputError(
                f"{setting} = {list(names)} with {unknown[0]!r}, which {peak.name} does not have",
                f"some of {', '.join(known)}" if known else "none, since it has no tails",
                f"did you mean {close[0]}?" if (close := get_close_matches(unknown[0], known, 1)) else "",
            )


def _model(
    config: MassFitConfig,
    spectrum: Spectrum,
    components: list[Component],
    guess: FirstGuess,
    simulated: SimulatedPeak | None,
    known: Sequence[Constraint],
) -> tuple[MassModel, list[str]]:
    """The model with its starts, what is held and what is known; and what is to be told of it."""
    peak = components[0].shape
    assert isinstance(peak, Peak)
    placed = [Component(SIGNAL, peak.around(guess.mean, guess.width)), *components[1:]]
    counts = {name: float(len(mass)) for name, mass in spectrum.masses.items()}
    if spectrum.weights is not None:
        counts = {name: float(weight.sum()) for name, weight in spectrum.weights.items()}
    model = build_model(placed, spectrum.window, counts, own=config.own, signal_share=guess.share)
    notes = []
    if simulated is not None:
        model = with_simulated_peak(model, simulated, config.tails)
        notes += [
            f"simulation: {one}; held in the fit"
            for one in simulated.fit.at_limits
            if not one.startswith(MEAN)
        ]
        notes += [
            f"simulation does not tell {name}: held" for name in simulated.untold if name not in config.fixed
        ]
    else:
        held = [tail.name for tail in peak.tails if tail.name not in (*config.free, *config.fixed)]
        starts = {name: config.start[name] for name in held if name in config.start}
        tails = {tail.name: starts.get(tail.name, tail.start) for tail in peak.tails if tail.name in held}
        if peak.name != "double_gaussian" and held:
            model = model.with_parameters(with_settings(model.parameters, {}, tails))
            told = ", ".join(f"{name} = {value:g}" for name, value in tails.items())
            notes.append(f"no simulation: tails held at {told} (--simulation FILE, or --set 'free=[…]')")
    parameters = with_settings(model.parameters, config.start, config.fixed, config.limits)
    known = [*(Constraint.of(name, *what) for name, what in config.constraints.items()), *known]
    for name in (name for one in known for name in one.names):
        if name not in model.names:
            raise InputError(f"a constraint of {name!r}", f"one of {', '.join(model.names)}")
    return model.with_parameters(parameters).with_constraints((*model.constraints, *known)), notes


def _minos(config: MassFitConfig, model: MassModel, weights: object) -> tuple[str, ...]:
    if config.minos is not None:
        return config.minos
    if weights is not None:
        return ()
    yields = [model.names[place] for place in model.signal_yields]
    return (*yields, *(name for name in model.names if name.partition("[")[0] == MEAN))


def _toys(config: MassFitConfig, fit: FitResult, workers: int) -> ToyStudy:
    watched = [
        one.name
        for one in fit.parameters
        if one.name in _minos(config, fit.model, None) and one.state == "free"
    ]
    watched = [name for name in watched if fit[name].at_limit is None]
    held = {one.name: one.value.value for one in fit.parameters if one.at_limit}
    model = fit.model.with_parameters(with_settings(fit.model.parameters, {}, held))
    return run_toys(
        model,
        fit.values,
        count=config.toys,
        seed=config.seed,
        watched=watched,
        workers=workers,
        bins=config.bins,
    )


def _blind_region(config: MassFitConfig, simulated: SimulatedPeak | None, window: MassRange) -> MassRange:
    """Where nothing is drawn; never taken from the data."""
    if config.blind_region is not None:
        region = MassRange(*config.blind_region)
        if not window.low <= region.low < region.high <= window.high:
            raise InputError(
                f"blind_region from {region.low:g} to {region.high:g}",
                f"a part of the range, {window.low:g} to {window.high:g} GeV",
            )
        return region
    mean = config.start.get(MEAN)
    width = config.start.get(WIDTH)
    if simulated is not None:
        mean = simulated.fit.mean.value if mean is None else mean
        width = simulated.fit.sigma().value if width is None else width
    if mean is None:
        raise InputError(
            "blinding without a region",
            "where the signal is expected",
            "--set blind_region=[LOW,HIGH] in GeV, or --set start.mean=…, or --simulation",
        )
    half = 5 * (width or window.width / 40)
    return MassRange(max(mean - half, window.low), min(mean + half, window.high))
