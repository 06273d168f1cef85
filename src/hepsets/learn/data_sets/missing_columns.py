"""Signal against background where the columns are missing that tell them apart best.

The networks of :class:`~hepsets.learn.data_sets.morphing.Morphing` know the log odds of x, the four
variables, and m, the other columns, together. Where m of either kind does not depend on x, the odds are a
product of those of x and of m, so that the log odds of x are those of both, averaged over any values of m,
but for a constant. That follows from the balance of simulated events, and what is wrong about the assumption
is taken out by its own response, see :mod:`hepsets.learn.data_sets.response`.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import TypeAdapter

from hepsets.core.event_frame import EventFrame
from hepsets.learn.data_sets.morphing import MAX_LOG_ODDS, Morphing
from hepsets.learn.data_sets.quadratic_kernels import Array
from hepsets.learn.data_sets.quadratic_likelihood import DeltaC9Fit, EventTerms
from hepsets.learn.data_sets.response import Response, fit_response
from hepsets.learn.data_sets.truth_ratios import TruthRatios, signal_of
from hepsets.learn.files import damaged, read_tensors, refusing_damage, write_tensors

FORMAT = "hepsets-column-draws-1"

DRAWS = 16
"""Values of the columns that are averaged over, from events of either kind."""

RESPONSE_EVENTS = 60_000
"""Simulated events at most that the constant and the response are taken from."""


@dataclass(frozen=True, eq=False)
class ColumnDraws:
    """What stands in for the columns that tell signal from background.

    Parameters
    ----------
    columns
        Their names.
    values
        Values in simulated events, shape ``(n_draws, n_columns)``.
    shift
        What is added to the averaged log odds.
    response
        What the likelihood without the columns finds at each true ΔC9.
    """

    columns: tuple[str, ...]
    values: Array
    shift: float
    response: Response

    @classmethod
    def of(cls, morphing: Morphing, frame: EventFrame, truth: TruthRatios, seed: int) -> ColumnDraws:
        """Draw from simulated events, signal and background.

        Parameters
        ----------
        morphing
            The likelihood, trained with background.
        frame
            Simulated events; column ``is_signal`` tells the kinds apart.
        truth
            Density ratios of the signal events, in their order.
        seed
            Of the draws.

        Raises
        ------
        InputError
            If without the columns the fitted ΔC9 does not rise with the true one.
        """
        columns = morphing.config.signal_columns
        signal = signal_of(frame)
        random = np.random.default_rng(seed)
        drawn = np.concatenate([random.choice(np.flatnonzero(kind), DRAWS) for kind in (signal, ~signal)])
        values = np.stack([frame[name][drawn].astype(np.float64) for name in columns], axis=1)
        chosen = random.random(len(frame)) < RESPONSE_EVENTS / len(frame)
        part, known = frame[chosen], signal[chosen]
        draws = cls(columns, values, 0.0, morphing.response)
        draws = replace(draws, shift=_balance(draws.log_odds(morphing, part), known))
        terms = draws.terms(morphing, part)
        response = fit_response(
            terms[known],
            truth[chosen[signal]],
            morphing.rate,
            morphing.limits,
            terms[~known],
            morphing.config.background_over_signal,
        )
        return replace(draws, response=response)

    def infer(self, morphing: Morphing, frame: EventFrame) -> DeltaC9Fit:
        """Fit one data set without the columns; see :meth:`Morphing.infer`."""
        alone = copy.copy(morphing)
        alone.response = self.response
        return alone.infer(self.terms(morphing, frame))

    def log_odds(self, morphing: Morphing, frame: EventFrame) -> Array:
        """Log odds of signal by the four variables, as if there were as much background."""
        total = np.zeros(len(frame))
        for values in self.values:
            total += np.clip(morphing.log_odds(self._filled(frame, values)), -MAX_LOG_ODDS, MAX_LOG_ODDS)
        return total / len(self.values) + self.shift

    def terms(self, morphing: Morphing, frame: EventFrame) -> EventTerms:
        """What of each event enters the likelihood; the columns are not looked at."""
        terms = morphing.terms(self._filled(frame, self.values[0]))
        a, b, c = morphing.mixture
        # the odds refer to the density of the training signal, see Morphing
        density = a + b * terms.beta + c * terms.gamma
        return EventTerms(terms.beta, terms.gamma, density * np.exp(-self.log_odds(morphing, frame)))

    def save(self, path: str | Path) -> None:
        """Write to one file, whole or not at all. Nothing in it is code."""
        response = np.stack([self.response.true, self.response.fitted])
        arrays = {"values": np.ascontiguousarray(self.values), "response": response}
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
        write_tensors(path, {"format": FORMAT, "columns": list(self.columns), "shift": self.shift}, tensors)

    @classmethod
    def load(cls, path: str | Path) -> ColumnDraws:
        """Read what :meth:`save` wrote; never executes code from the file.

        Raises
        ------
        InputError
            If the file is missing, broken, or something else.
        """
        record, tensors = read_tensors(path, FORMAT)
        with refusing_damage(path):
            columns = TypeAdapter(tuple[str, ...]).validate_python(record["columns"])
            shift = TypeAdapter(float).validate_python(record["shift"])
            values = tensors["values"].double().numpy()
            response = Response(*tensors["response"].double().numpy())
        if values.ndim != 2 or values.shape[1] != len(columns) or not len(values):
            raise damaged(path, ValueError("arrays of shapes that do not fit"))
        return cls(columns, values, shift, response)

    def _filled(self, frame: EventFrame, values: Array) -> EventFrame:
        return frame.with_columns(
            **{name: np.full(len(frame), value) for name, value in zip(self.columns, values, strict=True)}
        )


def _balance(log_odds: Array, signal: NDArray[np.bool_]) -> float:
    """Shift of log odds with which, if both kinds weigh the same, half of the probability is signal's."""
    weights = np.where(signal, 0.5 / signal.sum(), 0.5 / (~signal).sum())
    shift = 0.0
    for _ in range(50):
        probability = 1 / (1 + np.exp(-(log_odds + shift)))
        step = (0.5 - weights @ probability) / (weights @ (probability * (1 - probability)))
        shift += float(np.clip(step, -1.0, 1.0))
        if abs(step) < 1e-9:
            break
    return shift
