r"""Set summary: an amortised network from mean per-event scores to ΔC9 with its width, for sets of any size.

Each event's scores are frozen: its log densities at a few ΔC9 (and, with background, a few background
fractions), from a fitted likelihood. Their means over a set tell nearly all that the set knows, so a
small network on the means and ln N suffices.

Means of many events are normal. Since the density is quadratic in ΔC9, so are the expected scores and their
products, times the total rate: three numbers for each, fitted to all training events together, give the
distribution of the mean scores at any :math:`\delta` and any N, and training sets are drawn from that. They
are as independent as one likes, where sets of simulated events would share the events of their pool.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from scipy.stats import truncnorm
from torch import Tensor

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.core.kernel import kernel
from hepsets.learn.data_sets.estimator import EstimatorRecipe, NetworkEstimator, SetEstimates
from hepsets.learn.data_sets.likelihood_estimator import LikelihoodEstimator
from hepsets.learn.data_sets.published_fit import PublishedFit
from hepsets.learn.data_sets.quadratic_kernels import Array
from hepsets.learn.data_sets.quadratic_likelihood import EventTerms, checked_offsets, signal_slopes
from hepsets.learn.data_sets.truth_ratios import signal_of
from hepsets.learn.layers.mlp import EventNetwork
from hepsets.learn.training.examples import Rows, split_rows
from hepsets.learn.training.fit import FitResult, Progress, fit
from hepsets.learn.training.task import MeanOf
from hepsets.represent.data_sets.pools import EventSets

NODES = (-2.4, -1.9, -1.4, -0.9, -0.4, 0.1, 0.6, 1.1, 1.6)
"""Values of ΔC9 at which an event's density is taken."""

FRACTIONS = (0.3, 0.6)
"""Background fractions at which it is taken where there is background."""

MARGIN = 0.2
"""How far beyond the values of the events training sets go, so that these are not at an end."""

LEAST_EVENTS = 100
"""Signal events at each value of ΔC9."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class SetSummaryConfig:
    """Training sets, size of the network and how to train it.

    Parameters
    ----------
    sets
        Training sets.
    set_events
        Least and greatest number of signal events of a set; sizes are drawn with a flat logarithm.
    background_over_signal
        Range of the ratio in training, where there is background.
    width, layers
        Units of a hidden layer, and number of hidden layers.
    fit
        How to train.
    validation_fraction
        Part of the training sets that picks the best epoch.
    """

    sets: int = Field(default=60_000, ge=100)
    set_events: tuple[int, int] = (2_000, 32_000)
    background_over_signal: tuple[float, float] = (0.5, 2.0)
    width: int = Field(default=64, ge=1)
    layers: int = Field(default=2, ge=1)
    fit: PublishedFit = PublishedFit(epochs=40, batch=256, learning_rate=1e-2, schedule="cosine")
    validation_fraction: float = Field(default=0.1, gt=0.0, lt=1.0)


class SetSummary(NetworkEstimator):
    """The trained network on an estimator's per-event scores.

    Parameters
    ----------
    config
        What it was built with.
    estimator
        What gives the scores.
    network
        From mean scores and ln N to ΔC9 and the logarithm of its width times √N.
    """

    def __init__(
        self, config: SetSummaryConfig, estimator: LikelihoodEstimator, network: EventNetwork
    ) -> None:
        self.name = "set_summary"
        self.config = config
        self.estimator = estimator
        self.network = network.eval()

    def posterior(self, events: EventFrame | EventTerms, offsets: NDArray[np.integer]) -> tuple[Array, Array]:
        """Mean and standard deviation of ΔC9 for each set, both of shape ``(n_sets,)``.

        Parameters
        ----------
        events
            All events, set after set, or the estimator's terms of them.
        offsets
            Shape ``(n_sets + 1,)``, int: where sets begin and end.

        Raises
        ------
        InputError
            For offsets that do not fit the events, or a set without events.
        """
        terms = events if isinstance(events, EventTerms) else self.estimator.terms(events)
        edges = checked_offsets(offsets, len(terms))
        sums = np.add.reduceat(event_scores(terms, self.estimator), edges[:-1], axis=0)
        counts = np.diff(edges)
        inputs = np.column_stack([sums / counts[:, None], np.log(counts)]).astype(np.float32)
        with torch.inference_mode():
            mean, log_width = self.network(torch.from_numpy(inputs)).double().numpy().T
        return mean, np.exp(log_width) / np.sqrt(counts)

    def estimate_sets(self, sets: EventSets) -> SetEstimates:
        """ΔC9 of each set with its interval."""
        return self.estimate_terms(*self.estimator.terms_of_sets(sets))

    def estimate_terms(self, terms: EventTerms, offsets: NDArray[np.integer]) -> SetEstimates:
        """The same from the estimator's terms of all sets end to end, as :meth:`posterior`."""
        mean, width = self.posterior(terms, offsets)
        return SetEstimates(mean, mean - width, mean + width)

    def posterior_cdf(
        self,
        events: EventFrame | EventTerms,
        offsets: NDArray[np.integer],
        truths: ArrayLike,
        prior: tuple[float, float],
    ) -> Array:
        """Posterior probability of ΔC9 below its true value, for each set and a flat prior in ``prior``.

        ``truths`` and what is returned have shape ``(n_sets,)``.
        """
        mean, width = self.posterior(events, offsets)
        low, high = ((end - mean) / width for end in prior)
        return np.asarray(truncnorm.cdf(np.asarray(truths), low, high, mean, width))

    def record(self) -> dict[str, Any]:
        """Name, options, and the name of the estimator, which has a file of its own."""
        return {"name": self.name, "config": dataclasses.asdict(self.config), "of": self.estimator.name}

    def tensors(self) -> dict[str, Tensor]:
        """Weights of the network, see :meth:`hepsets.learn.registry.Model.tensors`."""
        return self.network.state_dict()

    @classmethod
    def of_record(
        cls, config: Any, record: Mapping[str, Any], tensors: dict[str, Tensor], **given: Any
    ) -> Self:
        """The network of a file, for the ``estimator`` that it was trained with, which must be given.

        See :meth:`hepsets.learn.data_sets.estimator.NetworkEstimator.of_record`.

        Raises
        ------
        InputError
            Without the estimator.
        """
        if not isinstance(given.get("estimator"), LikelihoodEstimator):
            raise InputError("a set summary alone", f"estimator={record['of']}, which gives the scores")
        network = EventNetwork(len(tensors["mean"]), 2, config.width, config.layers, 0)
        network.load_state_dict(tensors)
        return cls(config, network=network, **given)


@dataclasses.dataclass(frozen=True, eq=False)
class SetSummaryFit:
    """A trained network and how its training went."""

    model: SetSummary
    fit: FitResult


def fit_set_summary(
    frame: EventFrame,
    estimator: LikelihoodEstimator,
    config: SetSummaryConfig | None = None,
    *,
    progress: Progress | None = None,
) -> SetSummaryFit:
    """Train on mean scores of sets, drawn as simulated events say.

    Parameters
    ----------
    frame
        Signal events at several ΔC9 (column ``delta_c9``), and background events, if data will have some
        (column ``is_signal``).
    estimator
        What gives the scores.
    config
        Sets, network and training.
    progress
        Told about each step.

    Raises
    ------
    InputError
        If there are fewer than three values of ΔC9, or fewer than a hundred events at one of them.
    """
    config = config or SetSummaryConfig()
    inputs, truths, counts = training_sets(frame, estimator, config)
    network = EventNetwork(inputs.shape[1], 2, config.width, config.layers, config.fit.seed)
    examples = torch.from_numpy(inputs)
    targets = torch.from_numpy(np.stack([truths, np.sqrt(counts)], axis=1)).float()
    network.fit_scale(examples)
    used, held = split_rows(len(inputs), config.validation_fraction, config.fit.seed)
    fitted = fit(
        network,
        Rows(examples[used]),
        targets[used],
        config=config.fit,
        task=MeanOf(_width_loss),
        validation=(Rows(examples[held]), targets[held]),
        progress=progress,
    )
    network.cpu()
    return SetSummaryFit(SetSummary(config, estimator, network), fitted)


def _width_loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """Minus the log density of a Gaussian; outputs are its mean and ln(width √N), targets ΔC9 and √N."""
    mean, log_width = outputs.unbind(1)
    pull = (mean - targets[:, 0]) * targets[:, 1] / log_width.exp()
    return (pull**2 / 2 + log_width).mean()


def training_sets(
    frame: EventFrame, estimator: LikelihoodEstimator, config: SetSummaryConfig
) -> tuple[NDArray[np.float32], Array, NDArray[np.int64]]:
    """Mean scores and ln N of training sets, their ΔC9, and their numbers of events.

    Shapes are ``(n_sets, n_scores + 1)``, ``(n_sets,)`` and ``(n_sets,)``.
    """
    random = np.random.default_rng([config.fit.seed, 2])
    signal = signal_of(frame)
    terms = estimator.terms(frame)
    moments = SignalMoments.of(terms[signal], frame["delta_c9"][signal], estimator)
    low, high = moments.delta_c9
    truths = random.uniform(low - MARGIN, high + MARGIN, config.sets)
    least, most = np.log(config.set_events)
    sizes = np.exp(random.uniform(float(least), float(most), config.sets)).astype(np.int64)
    mean, covariance = moments.at(truths)
    total, counts = sizes[:, None] * mean, sizes
    spread = sizes[:, None, None] * covariance
    if not signal.all():
        other = event_scores(terms[~signal], estimator)
        share = random.uniform(*config.background_over_signal, config.sets)
        background = random.poisson(share * sizes)
        total = total + background[:, None] * other.mean(0)
        spread = spread + background[:, None, None] * np.cov(other, rowvar=False)
        counts = sizes + background
    values, vectors = np.linalg.eigh(spread)
    noise = random.normal(size=values.shape) * np.sqrt(np.maximum(values, 0))
    sums = total + np.einsum("nij,nj->ni", vectors, noise)
    inputs = np.column_stack([sums / counts[:, None], np.log(counts)]).astype(np.float32)
    return inputs, truths, counts


@dataclasses.dataclass(frozen=True, eq=False)
class SignalMoments:
    """Means of the scores and of their products for signal at any ΔC9.

    Parameters
    ----------
    delta_c9
        Least and greatest ΔC9 of the events that they were fitted to.
    mean
        Coefficients of 1, δ, δ² in R(δ) times the mean, shape ``(3, n_scores)``.
    product
        The same of the products, shape ``(3, n_scores, n_scores)``.
    rate
        R(δ): the total rate, as the estimator knows it.
    """

    delta_c9: tuple[float, float]
    mean: Array
    product: Array
    rate: Callable[[Array], Array]

    @classmethod
    def of(cls, terms: EventTerms, delta_c9: Array, estimator: LikelihoodEstimator) -> SignalMoments:
        """Fit them to simulated signal.

        The likelihood's slope has mean 0 at the true value; what it has in the events at one value is their
        fluctuation, which a regression on the slope takes out of the other means.

        Raises
        ------
        InputError
            If there are fewer than three values of ΔC9, or fewer than a hundred events at one of them.
        """

        def member(delta: Array) -> Array:
            # with background the response is that of a mixture
            return delta if terms.background is not None else estimator.response.fitted_at(delta)

        def rate(delta: Array) -> Array:
            return estimator.rate(member(delta))

        values, label = np.unique(delta_c9, return_inverse=True)
        counts = np.bincount(label)
        if len(values) < 3 or counts.min() < LEAST_EVENTS:
            raise InputError(
                f"{len(values)} values of ΔC9 with {counts.min()} events at least",
                f"at least three with {LEAST_EVENTS} events each",
                "give more events",
            )
        means, products = [], []
        for number, value in enumerate(values):
            events = terms[label == number]
            scores = event_scores(events, estimator)
            slope = signal_slopes(events, estimator.rate, float(member(value)))
            away = slope - slope.mean()
            weights = (1 - slope.mean() * away / max(float(away @ away) / len(away), 1e-12)) / len(away)
            means.append(weights @ scores)
            products.append((scores * weights[:, None]).T @ scores)
        rates = rate(values)
        importance = np.sqrt(counts) / rates  # inverse errors of rate · mean, but for a factor
        design = np.stack([np.ones(len(values)), values, values**2], axis=1)

        def fitted(of: list[Array]) -> Array:
            heights = rates[:, None] * np.array(of).reshape(len(values), -1)
            found = np.linalg.lstsq(design * importance[:, None], heights * importance[:, None])[0]
            return np.asarray(found.reshape(3, *of[0].shape))

        return cls((float(values[0]), float(values[-1])), fitted(means), fitted(products), rate)

    def at(self, delta_c9: Array) -> tuple[Array, Array]:
        """Means ``(n, n_scores)`` and covariances ``(n, n_scores, n_scores)`` of single events."""
        powers = np.stack([np.ones(len(delta_c9)), delta_c9, delta_c9**2], axis=1)
        powers /= self.rate(delta_c9)[:, None]
        mean = powers @ self.mean
        product = np.einsum("np,pij->nij", powers, self.product)
        return mean, product - mean[:, :, None] * mean[:, None, :]


def event_scores(terms: EventTerms, estimator: LikelihoodEstimator) -> Array:
    """Log densities of events at all :data:`NODES` (and fractions), shape ``(n_events, n_scores)``."""
    nodes = np.array(NODES)
    rates = estimator.rate(nodes)
    fractions = np.zeros(1) if terms.background is None else np.array(FRACTIONS)
    background = np.zeros(len(terms)) if terms.background is None else terms.background
    result = np.empty((len(terms), len(nodes) * len(fractions)))
    _log_densities(terms.beta, terms.gamma, background, nodes, rates, fractions, result)
    return result


@kernel
def _log_densities(
    beta: Array,
    gamma: Array,
    background: Array,
    nodes: Array,
    rates: Array,
    fractions: Array,
    result: Array,
) -> None:
    for i in range(len(beta)):
        # densities of background far from all signal would outweigh everything else
        for f in range(len(fractions)):
            base = (1.0 - fractions[f]) + fractions[f] * background[i]
            for k in range(len(nodes)):
                signal = (1.0 + nodes[k] * (beta[i] + nodes[k] * gamma[i])) / rates[k]
                density = (1.0 - fractions[f]) * signal + fractions[f] * background[i]
                result[i, f * len(nodes) + k] = np.log(max(density / base, 1e-9))


RECIPES = (EstimatorRecipe(name="set_summary", config=SetSummaryConfig(), estimator=SetSummary),)
