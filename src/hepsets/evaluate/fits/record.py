"""A mass fit as it is told: as JSON and in lines, with what is blinded left out."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from hepsets.core.measured import Measured
from hepsets.core.metrics import to_json
from hepsets.evaluate.fits.blinding import Blinding
from hepsets.evaluate.fits.goodness import Goodness
from hepsets.evaluate.fits.peaks import MEAN
from hepsets.evaluate.fits.result import FitResult, FittedParameter
from hepsets.evaluate.fits.signal_window import all_windows, signal_windows
from hepsets.evaluate.fits.spectrum import Spectrum
from hepsets.evaluate.fits.tails import SimulatedPeak
from hepsets.evaluate.fits.toys import ToyStudy


@dataclass(frozen=True, eq=False)
class MassFit:
    """A fit and what judges it.

    Parameters
    ----------
    name
        Of the model, ``SIGNAL+BACKGROUND+…``.
    spectrum
        What was fitted.
    fit
        The result; not blinded.
    goodness
        Of the fit.
    n_sigma
        Half of the signal's window, in effective widths.
    simulated
        The peak of simulation, if it was given.
    toys
        Pseudo-experiments, if asked for.
    blinding
        What hides yield and mean, if asked for.
    notes
        What a reader has to know.
    """

    name: str
    spectrum: Spectrum
    fit: FitResult
    goodness: Goodness
    n_sigma: float
    simulated: SimulatedPeak | None
    toys: ToyStudy | None
    blinding: Blinding | None
    notes: tuple[str, ...]

    @property
    def parameters(self) -> tuple[FittedParameter, ...]:
        """As they may be told."""
        return self.fit.parameters if self.blinding is None else self.blinding.parameters(self.fit)

    @property
    def signal(self) -> Measured:
        """Yield of the signal in all categories, as it may be told."""
        places = self.fit.model.signal_yields
        told = sum(self.parameters[place].value.value for place in places)
        return Measured(told, self.fit.signal.se)

    @property
    def mean(self) -> Measured:
        """Mean of the signal [GeV], as it may be told."""
        return next(one.value for one in self.parameters if one.name.partition("[")[0] == MEAN)

    def record(self) -> dict[str, Any]:
        """All of it as plain JSON values; masses in GeV."""
        made: dict[str, Any] = {
            "model": self.name,
            "range": [self.spectrum.window.low, self.spectrum.window.high],
            "unit": "GeV",
            "blinded": self.blinding is not None,
            "events": self.spectrum.events,
            "events_used": self.spectrum.used,
            "events_not_finite": self.spectrum.not_finite,
            "events_outside": self.spectrum.outside,
            "weighted": self.spectrum.weights is not None,
            **_flat("mean", self.mean),
            **_flat("sigma", self.fit.sigma()),
            **_flat("signal", self.signal),
            **to_json(self.goodness),
            "chi2_per_ndf": self.goodness.chi2_per_ndf,
            "n_sigma": self.n_sigma,
            **self._window(),
            "parameters": to_json(list(self.parameters)),
            "correlation": to_json(self.fit.correlation),
            "notes": list(self.notes),
        }
        if self.simulated is not None:
            made["simulation"] = {
                "events": self.simulated.fit.events,
                **_flat("sigma", self.simulated.fit.sigma()),
                "parameters": to_json(list(self.simulated.fit.parameters)),
            }
        if self.toys is not None:
            made["toys"] = self._toys(self.toys)
        return made

    def _widths(self) -> str:
        """Of each category."""
        return ", ".join(
            f"{_mev(self.fit.sigma(number))} MeV" + (f" in category {name}" if name else "")
            for number, name in enumerate(self.spectrum.masses)
        )

    def _window(self) -> dict[str, Any]:
        if self.blinding is not None:  # S and B there would tell the yield
            return {}
        signal, background, ratio = all_windows(self.fit, n_sigma=self.n_sigma)
        return {
            **_flat("signal_in_window", signal),
            **_flat("background_in_window", background),
            **_flat("s_over_b", ratio),
            "windows": to_json(list(signal_windows(self.fit, n_sigma=self.n_sigma))),
        }

    def _toys(self, toys: ToyStudy) -> dict[str, Any]:
        hidden = ("truth", "mean") if self.blinding is not None else ()
        watched = [
            {field.name: getattr(one, field.name) for field in fields(one) if field.name not in hidden}
            for one in toys.parameters
        ]
        return {
            "count": toys.count,
            "failed": toys.failed,
            "at_limit": toys.at_limit,
            "seconds": toys.seconds,
            "workers": toys.workers,
            "parameters": [
                {
                    key: value
                    for name, entry in one.items()
                    for key, value in (
                        _flat(name, entry) if isinstance(entry, Measured) else {name: entry}
                    ).items()
                }
                for one in watched
            ],
        }

    def lines(self) -> list[str]:
        """What the command prints."""
        hidden = " (blinded)" if self.blinding is not None else ""
        said = [
            f"{self.name}: {self.spectrum.used} of {self.spectrum.events} events, "
            f"{self.spectrum.window.low:g} to {self.spectrum.window.high:g} GeV",
            f"signal {self.signal}{hidden}",
            f"mean {_mev(self.mean)} MeV{hidden}, width {self._widths()}",
        ]
        if self.blinding is None:
            signal, background, ratio = all_windows(self.fit, n_sigma=self.n_sigma)
            over = "no background" if ratio is None else f"S/B {ratio}"
            said.append(f"within {self.n_sigma:g} σ: S {signal}, B {background}, {over}")
        good = self.goodness
        if good.chi2 is None:
            said.append("goodness of fit: too few events for χ²")
        else:
            said.append(f"χ²/ndf {good.chi2:.1f}/{good.ndf}, p = {good.p_value:.2g}")
        if good.distance_p_value is not None:
            said.append(f"unbinned distance {good.distance:.2f}: p = {good.distance_p_value} from toys")
        for one in () if self.toys is None else self.toys.parameters:
            said.append(
                f"toys: {one.name} pull mean {one.pull_mean}, width {one.pull_width}, "
                f"MINOS covers {one.coverage}"
            )
        if self.toys is not None:
            said.append(f"toys: {self.toys.count} in {self.toys.seconds:.0f} s, {self.toys.failed} failed")
        return [*said, *(f"note: {note}" for note in self.notes)]


def _flat(name: str, value: Measured | None) -> dict[str, Any]:
    return {name: None} if value is None else {name: float(value.value), f"{name}_se": float(value.se)}


def _mev(value: Measured) -> Measured:
    return Measured(1e3 * value.value, 1e3 * value.se)
