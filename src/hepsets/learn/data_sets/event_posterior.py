r"""Event by event: a network gives each decay a posterior over values of ΔC9; a set's is their product.

With balanced training labels a perfect network says :math:`q_k(x) = p(x|k) / \sum_j p(x|j)`, and the
product over the events of a set is its likelihood in k up to a constant. A trained one is a little off,
which N events multiply to the power N: for large sets that is worth more than the data say. ``normalised``
divides by what takes the bias out (:mod:`hepsets.learn.data_sets.posterior_norm`), measured on events that
training never saw, and smooths over ΔC9.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from scipy.special import log_softmax
from torch import Tensor, nn

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.core.ragged import places
from hepsets.generate.kstmumu.density import VARIABLES
from hepsets.learn.data_sets.deep_sets import layers
from hepsets.learn.data_sets.estimator import (
    CHUNK_EVENTS,
    EstimatorRecipe,
    NetworkEstimator,
    SetEstimates,
    member_sums,
)
from hepsets.learn.data_sets.posterior_norm import mean_output, peak_at_truth, smoothing
from hepsets.learn.data_sets.published_fit import PublishedFit
from hepsets.learn.data_sets.regression import Scale
from hepsets.learn.data_sets.truth_ratios import TruthRatios, signal_of, signal_with
from hepsets.learn.seeded import seeded
from hepsets.learn.training.examples import Rows
from hepsets.learn.training.fit import FitResult, Progress, fit
from hepsets.learn.training.task import Classes
from hepsets.represent.data_sets.pools import EventSets, split_pools, variable_matrix, whole_sets
from hepsets.represent.scaler import Scaler

MOST_HELD = 4_000_000
"""Events at most that a normalisation is measured with: bounds the memory."""

_ROW = "row_of_truth"


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class EventPosteriorConfig:
    """Network and training; as published by default, but for the batch, which is a choice.

    Parameters
    ----------
    widths
        Widths of the hidden layers; an output per value of ΔC9 follows. Published are seven layers that
        widen from 16 to 64.
    validation_fraction
        Part of the events of each ΔC9 that is kept for validation and for the normalisation, whose
        error falls with their number: σ·√(N/M) for sets of N and M kept events, σ being the statistical
        error of a set.
    validation_events
        The most of them that the loss of an epoch is taken from.
    events_shown
        Train for as many epochs as it takes to show about so many events, each counted as often as it
        is shown; ``None`` for the epochs of ``fit``. The message of a decay is faint: many events
        shown a few times teach more than few shown often.
    fit
        The training. Its batch counts events.
    """

    widths: tuple[int, ...] = (16, 16, 32, 32, 64, 64)
    validation_fraction: float = Field(default=0.5, gt=0.0, lt=1.0)
    validation_events: int = Field(default=200_000, ge=1)
    events_shown: int | None = Field(default=None, ge=1)
    fit: PublishedFit = PublishedFit(batch=8192)

    @classmethod
    def at_scale(cls, scale: Scale) -> Self:
        """As published at ``"full"``; at the other scales with fewer events shown, at a rate that falls
        from twelve times the published one. At ``"standard"`` 16 million cost a core about 40 s.
        """
        if scale == "full":
            return cls()
        few = scale == "quick"
        fit = PublishedFit(batch=1024 if few else 4096, learning_rate=5e-3, schedule="cosine")
        return cls(events_shown=200_000 if few else 16_000_000, fit=fit)


class PosteriorNetwork(nn.Module):
    """Variables of an event to one logit per value of ΔC9.

    Parameters
    ----------
    widths
        Widths of the hidden layers.
    classes
        Number of values.
    """

    def __init__(self, widths: tuple[int, ...], classes: int) -> None:
        super().__init__()
        self.scaler = Scaler(len(VARIABLES))
        self.layers = layers(len(VARIABLES), [*widths, classes])
        last = self.layers[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)  # most events say next to nothing: begin with events that say nothing

    def forward(self, events: Tensor) -> Tensor:
        """Features ``(n_events, 4)`` in physical units to logits ``(n_events, classes)``."""
        result: Tensor = self.layers(self.scaler(events))
        return result


class EventPosterior(NetworkEstimator):
    """The event-by-event model; make it with :func:`fit_event_posterior` or :func:`hepsets.learn.files.load`.

    Parameters
    ----------
    config
        Its configuration.
    values
        The values of ΔC9 that it tells apart, rising.
    log_norm
        Log of what an event's (smoothed) posterior is divided by, for each of them.
    normalised
        Whether products are smoothed and divided by it.
    """

    def __init__(
        self,
        config: EventPosteriorConfig,
        values: NDArray[np.float64],
        log_norm: NDArray[np.float64] | None = None,
        *,
        normalised: bool = True,
    ) -> None:
        with seeded(config.fit.seed):
            self.network = PosteriorNetwork(config.widths, len(values)).eval()
        self.config = config
        self.values = values
        self.log_norm = np.zeros(len(values)) if log_norm is None else log_norm
        self.normalised = normalised
        self.name = "event_by_event_normalised" if normalised else "event_by_event"

    def variant(self, *, normalised: bool) -> EventPosterior:
        """The same network with or without the normalisation."""
        other = EventPosterior(self.config, self.values, self.log_norm, normalised=normalised)
        other.network = self.network
        return other

    def event_log_posterior(self, frame: EventFrame) -> NDArray[np.float32]:
        """Log posterior of each event alone as the network gives it, ``(n_events, n_values)``."""
        matrix = variable_matrix(frame)
        with torch.inference_mode():
            parts = [
                self._log_posterior(matrix[begin : begin + CHUNK_EVENTS])
                for begin in range(0, len(matrix), CHUNK_EVENTS)
            ]
        return np.concatenate(parts) if parts else np.empty((0, len(self.values)), np.float32)

    def running_log_posterior(self, frame: EventFrame) -> NDArray[np.float64]:
        """Log posterior after each event of one set, ``(n_events, n_values)``."""
        sums = np.cumsum(self.event_log_posterior(frame), axis=0, dtype=np.float64)
        return self._of_sums(sums, np.arange(1, len(frame) + 1))

    def set_log_posteriors(self, sets: EventSets) -> Posteriors:
        """Log posteriors of each set, with and without normalisation, from one pass over the events."""
        with torch.inference_mode():
            sums = member_sums(sets, self._log_posterior, len(self.values))
        counts = np.diff(sets.offsets)
        return Posteriors(
            self.values,
            self.variant(normalised=False)._of_sums(sums, counts),
            self.variant(normalised=True)._of_sums(sums, counts),
        )

    def log_posterior(self, frame: EventFrame, offsets: NDArray[np.int64]) -> NDArray[np.float64]:
        """Log posterior of each set, ``(n_sets, n_values)``, for a flat prior over the values."""
        found = self.set_log_posteriors(whole_sets(frame, offsets))
        return found.normalised if self.normalised else found.raw

    def estimate_sets(self, sets: EventSets) -> SetEstimates:
        """Mean of each set's posterior, plus and minus its standard deviation."""
        found = self.set_log_posteriors(sets)
        return found.estimates(normalised=self.normalised)

    def record(self) -> dict[str, Any]:
        """Name, options and whether it is normalised."""
        config = dataclasses.asdict(self.config)
        return {"name": self.name, "config": config, "normalised": self.normalised}

    def tensors(self) -> dict[str, Tensor]:
        """Weights, values of ΔC9 and normalisation, see :meth:`hepsets.learn.registry.Model.tensors`."""
        tables = {"values": torch.from_numpy(self.values), "log_norm": torch.from_numpy(self.log_norm)}
        return {**self.network.state_dict(), **tables}

    @classmethod
    def of_record(
        cls, config: Any, record: Mapping[str, Any], tensors: dict[str, Tensor], **given: Any
    ) -> Self:
        """The model of a file, see :meth:`hepsets.learn.data_sets.estimator.NetworkEstimator.of_record`."""
        values, log_norm = (tensors.pop(name).double().numpy() for name in ("values", "log_norm"))
        if values.ndim != 1 or values.shape != log_norm.shape:
            raise ValueError(f"{values.shape} values, {log_norm.shape} norms")
        model = cls(config, values, log_norm, normalised=bool(record["normalised"]), **given)
        model.network.load_state_dict(tensors)
        return model

    def _log_posterior(self, matrix: NDArray[np.float32]) -> NDArray[np.float32]:
        logits = self.network(torch.from_numpy(matrix))
        found: NDArray[np.float32] = torch.log_softmax(logits, dim=1).numpy()
        return found

    def _of_sums(self, sums: NDArray[np.float64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
        """Log posteriors from sums over ``counts`` events of those of single events."""
        if self.normalised:
            sums = sums @ smoothing(self.values).T - counts[:, None] * self.log_norm
        found: NDArray[np.float64] = log_softmax(sums, axis=1)
        return found


class Posteriors(NamedTuple):
    """Log posteriors of sets over values of ΔC9.

    Parameters
    ----------
    values
        Shape ``(n_values,)``.
    raw, normalised
        Shape ``(n_sets, n_values)``.
    """

    values: NDArray[np.float64]
    raw: NDArray[np.float64]
    normalised: NDArray[np.float64]

    def joined(self, number: int) -> Posteriors:
        """Those of each ``number`` neighbouring sets taken together; a rest is left out."""
        sets = len(self.raw) // number
        raw, normalised = (
            log_softmax(of[: sets * number].reshape(sets, number, -1).sum(axis=1), axis=1)
            for of in (self.raw, self.normalised)
        )
        return Posteriors(self.values, raw, normalised)

    def estimates(self, *, normalised: bool) -> SetEstimates:
        """Mean of each posterior, plus and minus its standard deviation."""
        weights = np.exp(self.normalised if normalised else self.raw)
        mean = weights @ self.values
        spread = np.sqrt((weights * (self.values - mean[:, None]) ** 2).sum(1))
        return SetEstimates(mean, mean - spread, mean + spread)


def fit_event_posterior(
    frame: EventFrame,
    config: EventPosteriorConfig | None = None,
    *,
    truth: TruthRatios | None = None,
    progress: Progress | None = None,
) -> tuple[EventPosterior, FitResult]:
    """Train the event-by-event model and measure its normalisation.

    Parameters
    ----------
    frame
        Events of several ΔC9 with the four variables and ``delta_c9``. Background (``is_signal``) is
        trained on with the ΔC9 of the sample it is in, NaN standing for any; its share must be that of
        the sets to come. Where one ΔC9 has more events than others, they are left out.
    config
        As published by default.
    truth
        Density ratios of the signal events, in their order, where simulation knows them. Training does
        not see them; the normalisation is then :func:`~hepsets.learn.data_sets.posterior_norm.peak_at_truth`,
        else :func:`~hepsets.learn.data_sets.posterior_norm.mean_output`.
    progress
        Told about each step.

    Returns
    -------
    EventPosterior
        The normalised variant; ``variant(normalised=False)`` is the published one.

    Raises
    ------
    InputError
        If the events do not fit, or training fails.
    """
    config = config or EventPosteriorConfig()
    signal = signal_of(frame) if truth is None else signal_with(frame, truth)
    row = np.where(signal, np.cumsum(signal) - 1, -1)
    frame = frame.select_present((*VARIABLES, "delta_c9", "is_signal")).with_columns(**{_ROW: row})
    parts = split_pools(frame, config.validation_fraction, config.fit.seed)
    (training, classes, values), (held, held_classes, held_values) = (
        _balanced(part, config.fit.seed + number) for number, part in enumerate(parts)
    )
    if len(values) < 2 or not np.array_equal(values, held_values):
        raise InputError(
            f"training events of ΔC9 {values.tolist()}",
            "at least two values",
            "generate events for more values of ΔC9",
        )
    model = EventPosterior(config, values)
    matrix = variable_matrix(training)
    model.network.scaler.fit(torch.from_numpy(matrix))
    few = slice(min(len(held), config.validation_events))
    settings = config.fit
    if config.events_shown is not None:
        settings = dataclasses.replace(settings, epochs=max(1, round(config.events_shown / len(matrix))))
    result = fit(
        model.network,
        Rows(torch.from_numpy(matrix)),
        torch.from_numpy(classes),
        config=settings,
        task=Classes(),
        validation=(Rows(torch.from_numpy(variable_matrix(held[few]))), torch.from_numpy(held_classes[few])),
        progress=progress,
    )
    model.network.cpu()
    held = held[:MOST_HELD]
    posterior = model.event_log_posterior(held) @ smoothing(values).T.astype(np.float32)
    if truth is None:
        model.log_norm = mean_output(posterior)
    else:
        row = held[_ROW]
        model.log_norm = peak_at_truth(values, posterior, row >= 0, truth[row[row >= 0]])
    return model, result


def _balanced(frame: EventFrame, seed: int) -> tuple[EventFrame, NDArray[np.int64], NDArray[np.float64]]:
    """As many events of each ΔC9, in random order, their class numbers, and its values."""
    rng = np.random.default_rng(seed)
    value = np.array(frame["delta_c9"], dtype=np.float64)
    values = np.unique(value[~np.isnan(value)])
    nobody = np.flatnonzero(np.isnan(value))
    value[nobody] = np.resize(values, len(nobody))  # any, in turn
    order = rng.permutation(len(frame))
    classes = np.searchsorted(values, value[order])
    ranks = np.empty(len(order), dtype=np.int64)
    by_class = np.argsort(classes, kind="stable")
    counts = np.bincount(classes, minlength=len(values))
    ranks[by_class] = places(counts)
    kept = ranks < counts.min()
    return frame[order[kept]], classes[kept], values


RECIPES = tuple(
    EstimatorRecipe(name=name, config=EventPosteriorConfig(), estimator=EventPosterior)
    for name in ("event_by_event", "event_by_event_normalised")
)
