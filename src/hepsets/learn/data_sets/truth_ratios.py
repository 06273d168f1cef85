r"""What simulation knows of each decay: how its density depends on ΔC9, before any detector.

The density of a true decay x is :math:`p(x|\delta) = p(x|0)\,(1+\beta\delta+\gamma\delta^2)/R(\delta)`
with known :math:`\beta(x), \gamma(x)`. Selection keeps the form (how a decay is seen does not depend on
:math:`\delta`) and changes only the total rate R. A sample made of parts :math:`f_m` at
:math:`\delta_m` has the density :math:`p(x|0)\,Q(x)`, and with weights
:math:`(1+\beta\delta+\gamma\delta^2)/Q` it stands for a sample at any :math:`\delta`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.generate.kstmumu.density import Window, density_coefficients, rate_coefficients
from hepsets.learn.data_sets.quadratic_kernels import Array
from hepsets.learn.data_sets.quadratic_likelihood import Rate

TRUTH = "truth_"
"""Prefix of the true variables of reconstructed decays."""

CHUNK_EVENTS = 1 << 16
"""Events that are summed at once."""

MAX_ROUNDS = 500
"""Rounds of solving for the rate at most; a few tens suffice."""


class WeightedDecays(Protocol):
    """Simulated decays with known density ratios that stand for decays at any ΔC9."""

    @property
    def beta(self) -> Array:
        """Linear coefficients, shape ``(n_events,)``."""

    @property
    def gamma(self) -> Array:
        """Quadratic coefficients, shape ``(n_events,)``."""

    @property
    def delta_c9(self) -> Array:
        """Values of ΔC9 that span the range in which they were made."""

    @property
    def rate_is_known(self) -> bool:
        """Whether the total rate is exact."""

    def weights(self, delta_c9: float) -> Array:
        """Weights with which the decays stand for some at ``delta_c9``; their sum is 1."""

    def mean_scores(self, delta_c9: ArrayLike) -> Array:
        """Mean slope of ln p(x|δ) of decays at each ΔC9, shape ``(n_points,)``: zero but for chance."""

    def __len__(self) -> int: ...


@dataclass(frozen=True, eq=False)
class TruthRatios:
    """Density ratios of simulated signal decays; arrays of shape ``(n_events,)``.

    Parameters
    ----------
    beta, gamma
        True coefficients of the density ratio.
    delta_c9
        The ΔC9 that each decay was made at.
    rate
        Total rate of what was selected.
    rate_is_known
        The rate is exact, since nothing was selected but a window of true q²; else it was estimated from
        these decays.
    """

    beta: Array
    gamma: Array
    delta_c9: Array
    rate: Rate
    rate_is_known: bool = True

    def __post_init__(self) -> None:
        for name in ("beta", "gamma", "delta_c9"):
            values = np.ascontiguousarray(getattr(self, name), dtype=np.float64)
            if values.shape != (len(self.beta),) or not len(values) or not np.isfinite(values).all():
                raise InputError(
                    f"{name} of shape {values.shape} or with values that are not finite",
                    "finite numbers, one for each of at least one decay",
                )
            object.__setattr__(self, name, values)

    def __len__(self) -> int:
        return len(self.beta)

    def __getitem__(self, which: slice | NDArray[np.integer] | NDArray[np.bool_]) -> TruthRatios:
        """Some of the decays; the rate stays that of all."""
        return TruthRatios(
            self.beta[which], self.gamma[which], self.delta_c9[which], self.rate, self.rate_is_known
        )

    @classmethod
    def after_selection(cls, beta: NDArray[Any], gamma: NDArray[Any], delta_c9: NDArray[Any]) -> TruthRatios:
        """Ratios of decays that passed a selection: its rate is estimated from them.

        The estimate is the one of least variance that samples at several ΔC9 allow: the rates R(δ_m)
        and the mixture's density solve each other's equations (Shirts & Chodera 2008, eq. 11). Here
        they all follow from two numbers, since R is quadratic too. All arguments have shape ``(n_events,)``.
        """
        linear, quadratic = 0.0, 0.0
        for _ in range(MAX_ROUNDS):
            ratios = cls(beta, gamma, delta_c9, Rate(linear, quadratic))
            weights = 1 / ratios.mixture()
            weights /= weights.sum()
            following = float(weights @ ratios.beta), float(weights @ ratios.gamma)
            change = max(abs(following[0] - linear), abs(following[1] - quadratic))
            linear, quadratic = following
            if change < 1e-9:
                break
        return cls(beta, gamma, delta_c9, Rate(linear, quadratic), rate_is_known=False)

    @classmethod
    def of(cls, frame: EventFrame, window: Window) -> TruthRatios:
        """Ratios of the signal decays of a simulated sample, with the rate of its selection.

        Parameters
        ----------
        frame
            Simulated events with ``delta_c9``. With true variables beside the reconstructed ones
            (``truth_q_squared`` …) it was selected, so that the rate is estimated; without them it holds
            all decays of the window, so that the rate is known.
        window
            The window of q².
        """
        decays = frame[signal_of(frame)]
        selected = TRUTH + "q_squared" in frame
        beta, gamma, _ = density_coefficients(decays, window, variables_prefix=TRUTH if selected else "").T
        if selected:
            return cls.after_selection(beta, gamma, decays["delta_c9"])
        return cls(beta, gamma, decays["delta_c9"], Rate(*rate_coefficients(window)))

    def ratio(self, delta_c9: float) -> Array:
        """1 + βδ + γδ² of each decay, shape ``(n_events,)``."""
        return 1 + delta_c9 * (self.beta + delta_c9 * self.gamma)

    def mixture_coefficients(self, rate: Rate | None = None) -> tuple[float, float, float]:
        """(a, b, c) with Q = a + bβ + cγ, the sample's density over that at ΔC9 = 0."""
        values, counts = np.unique(self.delta_c9, return_counts=True)
        parts = counts / len(self) / (rate or self.rate)(values)
        return float(parts.sum()), float(parts @ values), float(parts @ values**2)

    def mixture(self) -> Array:
        """Q of each decay, shape ``(n_events,)``."""
        a, b, c = self.mixture_coefficients()
        return np.asarray(a + b * self.beta + c * self.gamma)

    def weights(self, delta_c9: float) -> Array:
        """Weights with which the sample stands for one at ``delta_c9``; their sum is 1."""
        weights = self.ratio(delta_c9) / self.mixture()
        return np.asarray(weights / weights.sum())

    def means(self, delta_c9: ArrayLike, quantities: NDArray[np.floating]) -> Array:
        """Means that decays at other ΔC9 would have, shape ``(n_points, n)``.

        Parameters
        ----------
        delta_c9
            Shape ``(n_points,)``.
        quantities
            Of each decay, shape ``(n_events, n)``.
        """
        powers, terms = _powers(delta_c9), self._weight_terms()
        sums = np.zeros((3, quantities.shape[1]))
        for begin in range(0, len(self), CHUNK_EVENTS):
            chunk = slice(begin, begin + CHUNK_EVENTS)
            sums += terms[:, chunk] @ quantities[chunk].astype(np.float64)
        return np.asarray(powers @ sums / (powers @ terms.sum(axis=1))[:, None])

    def mean_scores(self, delta_c9: ArrayLike) -> Array:
        """Mean slope of ln p(x|δ) of decays at each ΔC9, shape ``(n_points,)``: zero but for chance."""
        points = np.asarray(delta_c9, dtype=np.float64)
        slopes = np.stack([np.zeros(len(points)), np.ones(len(points)), 2 * points], axis=1)
        total = self._weight_terms().sum(axis=1)
        rate_slopes = self.rate.linear + 2 * points * self.rate.quadratic
        return np.asarray(slopes @ total / (_powers(points) @ total) - rate_slopes / self.rate(points))

    def _weight_terms(self) -> Array:
        """The weights of :meth:`weights` are linear in 1, β, γ: these over Q, shape ``(3, n_events)``."""
        return np.stack([np.ones(len(self)), self.beta, self.gamma]) / self.mixture()

    def effective_events(self, delta_c9: float) -> float:
        """Kish's effective number of events of the sample at ``delta_c9``."""
        weights = self.weights(delta_c9)
        return float(1 / (weights @ weights))


def signal_of(frame: EventFrame) -> NDArray[np.bool_]:
    """Which events are signal, shape ``(n_events,)``; all of them where the frame does not say."""
    return frame["is_signal"].astype(bool) if "is_signal" in frame else np.ones(len(frame), dtype=bool)


def signal_with(frame: EventFrame, truth: WeightedDecays) -> NDArray[np.bool_]:
    """Which events are signal, shape ``(n_events,)``: as many as there are truth ratios.

    Raises
    ------
    InputError
        If frame and truth do not fit.
    """
    signal = signal_of(frame)
    if int(signal.sum()) != len(truth):
        raise InputError(
            f"{int(signal.sum())} signal events and {len(truth)} truth ratios", "one for each signal event"
        )
    return signal


def _powers(delta_c9: ArrayLike) -> Array:
    """1, δ, δ² of each point, shape ``(n_points, 3)``."""
    return np.asarray(delta_c9, dtype=np.float64)[:, None] ** np.arange(3)
