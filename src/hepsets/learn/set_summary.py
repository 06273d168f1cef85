r"""Set summary: an amortised network from mean per-event scores to ΔC9 with its width, for sets of any size.

Each event's scores are frozen: its log densities at a few ΔC9 (and, with background, a few background
fractions), from a fitted likelihood. Their means over a set tell nearly all that the set knows, so a
small network on the means and ln N suffices, and training sets are made by averaging blocks of events
that were averaged once.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass
from scipy.stats import norm
from torch import Tensor

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.core.kernel import kernel
from hepsets.learn.event_network import EventNetwork
from hepsets.learn.likelihood_estimator import LikelihoodEstimator
from hepsets.learn.network_fit import NetworkFit, NetworkFitConfig, Progress, fit_network
from hepsets.learn.quadratic_likelihood import Array, EventTerms, checked_offsets
from hepsets.learn.set_estimator import NetworkEstimator, SetEstimates
from hepsets.learn.tensor_examples import TensorExamples
from hepsets.learn.tensor_file import damaged, read_tensors, write_tensors
from hepsets.learn.truth_ratios import signal_of
from hepsets.represent.event_sets import EventSets

FORMAT = "hepsets-set-summary-1"

NODES = (-2.4, -1.9, -1.4, -0.9, -0.4, 0.1, 0.6, 1.1, 1.6)
"""Values of ΔC9 at which an event's density is taken."""

FRACTIONS = (0.3, 0.6)
"""Background fractions at which it is taken where there is background."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class SetSummaryConfig:
    """Training sets, size of the network and how to train it.

    Parameters
    ----------
    sets
        Training sets.
    block_events
        Signal events that are averaged once and for all.
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

    sets: int = Field(default=20_000, ge=10)
    block_events: int = Field(default=250, ge=1)
    set_events: tuple[int, int] = (2_000, 32_000)
    background_over_signal: tuple[float, float] = (0.5, 2.0)
    width: int = Field(default=64, ge=1)
    layers: int = Field(default=2, ge=1)
    fit: NetworkFitConfig = NetworkFitConfig(epochs=60, batch=256, learning_rate=2e-3, schedule="cosine")
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
        terms, offsets = self.estimator.terms_of_sets(sets)
        mean, width = self.posterior(terms, offsets)
        return SetEstimates(mean, mean - width, mean + width)

    def posterior_cdf(
        self, events: EventFrame | EventTerms, offsets: NDArray[np.integer], truths: ArrayLike
    ) -> Array:
        """Posterior probability of ΔC9 below its true value, for each set."""
        mean, width = self.posterior(events, offsets)
        return np.asarray(norm.cdf((np.asarray(truths) - mean) / width))

    def save(self, path: str | Path) -> None:
        """Write the network to a file, whole or not at all; the estimator has a file of its own."""
        header = {"format": FORMAT, "config": dataclasses.asdict(self.config), "of": self.estimator.name}
        write_tensors(path, header, self.network.state_dict())

    @classmethod
    def load(cls, path: str | Path, estimator: LikelihoodEstimator) -> SetSummary:
        """Read a network that :meth:`save` wrote, for the estimator that it was trained with.

        Raises
        ------
        InputError
            If the file is missing, broken, or not such a network.
        """
        record, tensors = read_tensors(path, FORMAT)
        try:
            config = TypeAdapter(SetSummaryConfig).validate_python(record["config"])
            network = EventNetwork(len(tensors["mean"]), 2, config.width, config.layers, 0)
            network.load_state_dict(tensors)
        except (ValidationError, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise damaged(path, error) from error
        return cls(config, estimator, network)


@dataclasses.dataclass(frozen=True, eq=False)
class SetSummaryFit:
    """A trained network and how its training went."""

    model: SetSummary
    fit: NetworkFit


def fit_set_summary(
    frame: EventFrame,
    estimator: LikelihoodEstimator,
    config: SetSummaryConfig | None = None,
    *,
    progress: Progress | None = None,
) -> SetSummaryFit:
    """Train on sets of simulated events at several ΔC9.

    A training set takes blocks of one ΔC9 without repeating any. Sets of one ΔC9 share events, so their
    spread about the truth is that of the events in all; what the network learns as width comes from all
    values together, and a smooth function cannot follow the offsets of single values.

    Parameters
    ----------
    frame
        Signal events at several ΔC9 (column ``delta_c9``), at each at least as many as the greatest set
        has, and background events, if data will have some (column ``is_signal``).
    estimator
        What gives the scores.
    config
        Sets, network and training.
    progress
        Told about each step.

    Raises
    ------
    InputError
        If there are fewer than three values of ΔC9, or too few events at one of them.
    """
    config = config or SetSummaryConfig()
    inputs, truths, counts = training_sets(frame, estimator, config)
    network = EventNetwork(inputs.shape[1], 2, config.width, config.layers, config.fit.seed)
    targets = np.stack([truths, np.sqrt(counts)], axis=1)
    examples = TensorExamples(torch.from_numpy(inputs), torch.from_numpy(targets).float())
    network.fit_scale(examples.inputs)
    parts = examples.split(config.validation_fraction, config.fit.seed)
    fitted = fit_network(network, *parts, _width_loss, config.fit, progress=progress)
    return SetSummaryFit(SetSummary(config, estimator, network), fitted)


def _width_loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """Minus the log density of a Gaussian; outputs are its mean and ln(width √N), targets ΔC9 and √N."""
    mean, log_width = outputs.unbind(1)
    pull = (mean - targets[:, 0]) * targets[:, 1] / log_width.exp()
    return (pull**2 / 2 + log_width).mean()


def training_sets(
    frame: EventFrame, estimator: LikelihoodEstimator, config: SetSummaryConfig
) -> tuple[NDArray[np.float32], Array, NDArray[np.int64]]:
    """Mean scores and ln N of training sets, their ΔC9, and their numbers of events."""
    random = np.random.default_rng([config.fit.seed, 2])
    signal = signal_of(frame)
    scores = event_scores(estimator.terms(frame), estimator)
    labels = frame["delta_c9"][signal]
    values = np.unique(labels)
    if len(values) < 3:
        raise InputError(f"training sets at {len(values)} values of ΔC9", "at least three")
    per_value = [_blocks(scores[signal][labels == value], config.block_events, random) for value in values]
    most = max(1, config.set_events[1] // config.block_events)
    least = max(1, config.set_events[0] // config.block_events)
    for value, blocks in zip(values, per_value, strict=True):
        if len(blocks) < most:
            raise InputError(
                f"{len(blocks) * config.block_events} training events at ΔC9 = {value:g}",
                f"at least the {config.set_events[1]} of the greatest set",
                "give more events or lower set_events",
            )
    other = None if signal.all() else _blocks(scores[~signal], config.block_events, random)
    inputs = np.empty((config.sets, scores.shape[1] + 1), dtype=np.float32)
    truths, counts = np.empty(config.sets), np.empty(config.sets, dtype=np.int64)
    for s in range(config.sets):
        label = int(random.integers(len(values)))
        size = round(float(np.exp(random.uniform(np.log(least), np.log(most)))))
        chosen = [per_value[label][random.permutation(len(per_value[label]))[:size]]]
        if other is not None:
            share = random.uniform(*config.background_over_signal)
            background = min(int(random.poisson(size * share)), len(other))
            chosen.append(other[random.permutation(len(other))[:background]])
        blocks = np.concatenate(chosen)
        counts[s] = len(blocks) * config.block_events
        truths[s] = values[label]
        inputs[s, :-1], inputs[s, -1] = blocks.mean(0), np.log(counts[s])
    return inputs, truths, counts


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


def _blocks(scores: Array, events: int, random: np.random.Generator) -> Array:
    """Means over blocks of ``events`` rows in random order; what is left over is left out."""
    whole = len(scores) // events * events
    order = random.permutation(len(scores))[:whole]
    return np.asarray(scores[order].reshape(-1, events, scores.shape[1]).mean(1))
