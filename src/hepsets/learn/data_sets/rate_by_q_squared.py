"""The total rate of selected decays by q²: it normalises a learned likelihood in any narrower range."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.generate.kstmumu.density import Window, rate_coefficients
from hepsets.learn.data_sets.quadratic_kernels import Array
from hepsets.learn.data_sets.quadratic_likelihood import EventTerms, Rate
from hepsets.learn.data_sets.truth_ratios import TruthRatios
from hepsets.learn.files import damaged, read_tensors, refusing_damage, write_tensors

FORMAT = "hepsets-rate-by-q-squared-1"

EDGES = np.linspace(0.0, 20.0, 401)
"""Between which decays are counted [GeV²]."""


@dataclass(frozen=True, eq=False)
class RateByQSquared:
    """What simulated decays say of the rate in each bin of q², weighted to ΔC9 = 0.

    Parameters
    ----------
    learned
        Sums of the weights, and of the weights times the learned β and γ; shape ``(3, n_bins)``.
    excess
        The same of the learned β and γ less the true ones, shape ``(2, n_bins)``.
    decays
        Kish's effective number of simulated decays in all bins.
    """

    learned: Array
    excess: Array
    decays: float

    @classmethod
    def of(cls, q_squared: NDArray[np.floating], terms: EventTerms, truth: TruthRatios) -> RateByQSquared:
        """Count simulated signal decays.

        Parameters
        ----------
        q_squared
            As it is seen [GeV²], shape ``(n_events,)``.
        terms
            Learned coefficients of the same decays.
        truth
            Their true density ratios.

        Raises
        ------
        InputError
            For a q² outside of :data:`EDGES`.
        """
        if not ((q_squared >= EDGES[0]) & (q_squared <= EDGES[-1])).all():
            raise InputError(
                f"q² from {q_squared.min():.4g} to {q_squared.max():.4g} GeV²", f"0 to {EDGES[-1]:g}"
            )
        weights = truth.weights(0.0)
        factors = (
            1.0, terms.beta, terms.gamma, terms.beta - truth.beta, terms.gamma - truth.gamma,
        )  # fmt: skip
        sums = np.stack([np.histogram(q_squared, EDGES, weights=weights * factor)[0] for factor in factors])
        return cls(sums[:3], sums[3:], truth.effective_events(0.0))

    def share(self, window: Window) -> float:
        """Part of the decays at ΔC9 = 0 that a window holds."""
        return float(self._sums(self.learned[:1], window)[0] / self.learned[0].sum())

    def within(self, window: Window, *, exact: bool) -> Rate:
        r"""The rate of a likelihood that is restricted to a window.

        The learned density ratio :math:`1 + \hat\beta\delta + \hat\gamma\delta^2` of an event does not
        depend on the window: only its mean over the decays at ΔC9 = 0 does, which normalises it.

        Parameters
        ----------
        window
            Of q²; within a bin decays are taken to be even.
        exact
            Nothing was selected but true q²: the true rate is known, and only what the network errs by is
            counted.

        Raises
        ------
        InputError
            For a window without simulated decays.
        """
        true, more = self.true_within(window, exact=exact), self._means(self.excess, window)
        return Rate(true.linear + float(more[0]), true.quadratic + float(more[1]))

    def true_within(self, window: Window, *, exact: bool) -> Rate:
        """The rate of the true densities in a window; arguments and errors as of :meth:`within`."""
        if exact:
            return Rate(*rate_coefficients(window))
        linear, quadratic = self._means(self.learned[1:] - self.excess, window)
        return Rate(float(linear), float(quadratic))

    def _means(self, rows: Array, window: Window) -> Array:
        """Means over the decays of a window, shape ``(n_rows,)``."""
        total = self._sums(self.learned[:1], window)[0]
        if not total > 0:
            raise InputError(f"{window}", "q² with simulated decays")
        return np.asarray(self._sums(rows, window) / total)

    def _sums(self, rows: Array, window: Window) -> Array:
        """Rows summed over a window, shape ``(n_rows,)``."""
        found = np.zeros(len(rows))
        for k, row in enumerate(rows):
            below = np.concatenate([[0.0], np.cumsum(row)])
            found[k] = sum(np.diff(np.interp(ends, EDGES, below))[0] for ends in window.segments())
        return found

    def save(self, path: str | Path) -> None:
        """Write to one file, whole or not at all. Nothing in it is code."""
        tensors = {"sums": torch.from_numpy(np.concatenate([self.learned, self.excess]))}
        write_tensors(path, {"format": FORMAT, "decays": self.decays}, tensors)

    @classmethod
    def load(cls, path: str | Path) -> RateByQSquared:
        """Read what :meth:`save` wrote; never executes code from the file.

        Raises
        ------
        InputError
            If the file is missing, broken, or something else.
        """
        record, tensors = read_tensors(path, FORMAT)
        with refusing_damage(path):
            sums, decays = tensors["sums"].double().numpy(), float(record["decays"])
        if sums.shape != (5, len(EDGES) - 1) or not np.isfinite(sums).all() or not decays > 0:
            raise damaged(path, ValueError("sums of another shape, or not finite"))
        return cls(sums[:3], sums[3:], decays)
