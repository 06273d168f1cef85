r"""Morphing: learn how each event's density depends on ΔC9, then fit any set by its likelihood.

The density of a reconstructed event is quadratic in ΔC9 as that of the true decay is, with the mean
coefficients of all true decays that look alike, :math:`\hat\beta(y) = E[\beta|y]`. A network learns them
from simulated decays whose own coefficients are known (Brehmer, Louppe, Pavez & Cranmer 2018,
arXiv:1805.12244; the positive parametrisation :math:`(1+u\delta)^2+(v\delta)^2` is that of Chen,
Glioti, Panico & Wulzer 2020, arXiv:2007.10356). One training serves sets of any size at any ΔC9.

With background further networks learn the odds of signal against background, which turn into the
background's density; its fraction floats in the fit of each set. Each of them is trained on a part of the
events and judged on the others, since what a network finds in its own training events is no measure of its
errors; data events get the mean of their log odds.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn import functional

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.learn.data_sets.estimator import EstimatorRecipe
from hepsets.learn.data_sets.likelihood_estimator import LikelihoodEstimator
from hepsets.learn.data_sets.published_fit import PublishedFit
from hepsets.learn.data_sets.quadratic_kernels import Array
from hepsets.learn.data_sets.quadratic_likelihood import EventTerms, Rate, signal_slopes
from hepsets.learn.data_sets.response import Response, fit_response
from hepsets.learn.data_sets.truth_ratios import TruthRatios, WeightedDecays, signal_with
from hepsets.learn.layers.mlp import EventNetwork
from hepsets.learn.training.config import FitConfig
from hepsets.learn.training.examples import Rows, split_rows
from hepsets.learn.training.fit import FitResult, Progress, fit
from hepsets.learn.training.losses import MeanLoss
from hepsets.learn.training.task import MeanOf, Task

NODES = (-2.3, -1.6, -0.9, -0.2, 0.5, 1.2)
"""Values of ΔC9 whose densities the network learns to tell apart."""

LEAST_CURVATURE = 1e-4
"""Added to γ − β²/4, so that no event's density vanishes anywhere."""

MAX_LOG_ODDS = 15.0
"""An event is never taken to be signal or background more surely than that."""

FOLDS = 2
"""Parts of the events that networks of signal against background are trained on, one on each."""

_CHUNK = 8192


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class MorphingConfig:
    """Size of the networks and how to train them.

    Parameters
    ----------
    width, layers
        Units of a hidden layer, and number of hidden layers.
    fit
        How to train the network of the coefficients.
    odds_fit
        How to train that of signal against background.
    validation_fraction
        Part of the events that picks the best epoch.
    training_events
        Signal events at most that the network of the coefficients sees; the rate of the selection, which
        is what limits the fit behind a detector, always comes from all of them.
    signal_columns
        What besides the four variables tells signal from background.
    background_over_signal
        Expected ratio, which the response of the fit is taken at; the ratio itself floats in each fit.
    limits
        Least and greatest ΔC9 of fits.
    """

    width: int = Field(default=64, ge=1)
    layers: int = Field(default=3, ge=1)
    fit: PublishedFit = PublishedFit(epochs=10, batch=2048, learning_rate=3e-3, schedule="cosine")
    odds_fit: PublishedFit = PublishedFit(epochs=8, batch=2048, learning_rate=2e-3, schedule="cosine")
    validation_fraction: float = Field(default=0.05, gt=0.0, lt=1.0)
    training_events: int = Field(default=1_000_000, ge=100)
    signal_columns: tuple[str, ...] = ("mbc", "delta_e", "m_kpi")
    background_over_signal: float = Field(default=1.1, gt=0.0)
    limits: tuple[float, float] = (-3.0, 2.0)


class Morphing(LikelihoodEstimator):
    """The learned likelihood of ΔC9.

    Parameters
    ----------
    config
        What the networks were built with.
    ratio
        Network of the coefficients: two outputs u, v.
    rate
        Mean of the learned density ratio over selected decays at ΔC9 = 0.
    odds
        Networks of signal against background, if trained with background: one logit each.
    mixture
        (a, b, c): training signal's density over that at ΔC9 = 0 is a + bβ + cγ; ``odds`` refers to it.
    response
        What the learned likelihood finds at each true ΔC9.
    simulation_se
        Standard error of ΔC9 from the finite number of simulated decays that ``rate`` was estimated
        with, at each of ``simulation_points``; no data set can be better known.
    """

    def __init__(
        self,
        config: MorphingConfig,
        ratio: EventNetwork,
        rate: Rate,
        odds: Sequence[EventNetwork],
        mixture: tuple[float, float, float],
        response: Response,
        simulation_points: Array,
        simulation_se: Array,
    ) -> None:
        super().__init__("morphing", rate, config.limits, response)
        self.config = config
        self.ratio = ratio.eval()
        self.odds = [network.eval() for network in odds]
        self.mixture = mixture
        self.simulation_points = simulation_points
        self.simulation_se = simulation_se

    def terms(self, frame: EventFrame) -> EventTerms:
        """What of each event enters the likelihood.

        Raises
        ------
        InputError
            If a variable is missing or not finite.
        """
        inputs = decay_inputs(frame)
        beta, gamma = coefficients(self.ratio, inputs)
        if not self.odds:
            return EventTerms(beta, gamma)
        return EventTerms(beta, gamma, self._background(beta, gamma, self._log_odds(frame, inputs)))

    def log_odds(self, frame: EventFrame) -> Array:
        """Log odds of signal, as if there were as much background; all 0 without background."""
        if not self.odds:
            return np.zeros(len(frame))
        return self._log_odds(frame, decay_inputs(frame))

    def signal_probability(self, frame: EventFrame, background_over_signal: float = 1.0) -> Array:
        """Probability of each event to be signal, for a given ratio of background to signal."""
        if not self.odds:
            return np.ones(len(frame))
        return np.asarray(1 / (1 + background_over_signal * np.exp(-self.log_odds(frame))))

    def _log_odds(self, frame: EventFrame, inputs: NDArray[np.float32]) -> Array:
        more = odds_inputs(inputs, frame, self.config.signal_columns)
        return np.asarray(np.mean([evaluate(network, more)[:, 0] for network in self.odds], axis=0))

    def _background(self, beta: Array, gamma: Array, log_odds: Array) -> Array:
        """Density of the background over that of the signal at ΔC9 = 0."""
        a, b, c = self.mixture
        odds = np.exp(-np.clip(log_odds, -MAX_LOG_ODDS, MAX_LOG_ODDS))
        return np.asarray(odds * (a + b * beta + c * gamma))

    def record(self) -> dict[str, Any]:
        """Name, options, rate, mixture and number of networks."""
        return {
            "name": self.name,
            "config": dataclasses.asdict(self.config),
            "rate": [self.rate.linear, self.rate.quadratic],
            "mixture": list(self.mixture),
            "odds": len(self.odds),
        }

    def tensors(self) -> dict[str, Tensor]:
        """Weights of all networks, response and errors of the simulation, see :attr:`Model.tensors`."""
        tensors = {f"ratio.{key}": value for key, value in self.ratio.state_dict().items()}
        for number, network in enumerate(self.odds):
            tensors |= {f"odds{number}.{key}": value for key, value in network.state_dict().items()}
        tensors["response"] = torch.from_numpy(np.stack([self.response.true, self.response.fitted]))
        tensors["simulation"] = torch.from_numpy(np.stack([self.simulation_points, self.simulation_se]))
        return tensors

    @classmethod
    def of_record(
        cls, config: Any, record: Mapping[str, Any], tensors: dict[str, Tensor], **given: Any
    ) -> Self:
        """The model of a file, see :meth:`hepsets.learn.data_sets.estimator.NetworkEstimator.of_record`."""
        rate = Rate(*TypeAdapter(tuple[float, float]).validate_python(record["rate"]))
        mixture = TypeAdapter(tuple[float, float, float]).validate_python(record["mixture"])
        points, se = tensors["simulation"].double().numpy()
        response = Response(*tensors["response"].double().numpy())
        count = TypeAdapter(int).validate_python(record["odds"])
        ratio = _loaded("ratio", tensors, 2, config)
        odds = [_loaded(f"odds{number}", tensors, 1, config) for number in range(count)]
        return cls(config, ratio, rate, odds, mixture, response, points, se, **given)


@dataclasses.dataclass(frozen=True, eq=False)
class MorphingFit:
    """A trained model and how its training went; ``odds`` is empty without background."""

    model: Morphing
    ratio: FitResult
    odds: tuple[FitResult, ...]


def fit_morphing(
    frame: EventFrame,
    truth: TruthRatios,
    config: MorphingConfig | None = None,
    *,
    progress: Progress | None = None,
) -> MorphingFit:
    """Learn the likelihood of ΔC9 from simulated events.

    Parameters
    ----------
    frame
        Simulated events as they were seen and selected: signal at several ΔC9 that span the range of
        interest, and background where data will have some (column ``is_signal`` tells them apart).
    truth
        Density ratios of the signal events, in their order; its rate is that of the selection.
    config
        Size and training of the networks.
    progress
        Told about each step of the network of coefficients.

    Raises
    ------
    InputError
        If frame and truth do not fit, or a variable is missing or not finite.
    """
    config = config or MorphingConfig()
    signal = signal_with(frame, truth)
    every = decay_inputs(frame)
    inputs = every[signal]
    ratio = _network(inputs.shape[1], 2, config, config.fit.seed)
    targets = np.stack([truth.beta, truth.gamma, 1 / truth.mixture()], axis=1)
    examples = torch.from_numpy(inputs), torch.from_numpy(targets).float()
    ratio.fit_scale(examples[0])
    if len(inputs) > config.training_events:
        _, few = split_rows(len(inputs), config.training_events / len(inputs), config.fit.seed + 1)
        examples = examples[0][few], examples[1][few]
    task = MeanOf(ratio_loss(truth.rate), f"ratio {truth.rate}")
    ratio_fit = _fit(ratio, examples, task, config.fit, config.validation_fraction, progress)

    beta, gamma = coefficients(ratio, inputs)
    at_zero = truth.weights(0.0)
    # the means differ from the true ones, which are better known, only as far as the network errs
    rate = Rate(
        truth.rate.linear + float(at_zero @ (beta - truth.beta)),
        truth.rate.quadratic + float(at_zero @ (gamma - truth.gamma)),
    )
    points = np.linspace(-2.5, 1.5, 17)
    se = np.array([simulation_error(EventTerms(beta, gamma), truth, rate, float(point)) for point in points])
    plain = Response.identity(config.limits)
    model = Morphing(config, ratio, rate, (), truth.mixture_coefficients(rate), plain, points, se)
    if signal.all():
        model.response = fit_response(EventTerms(beta, gamma), truth, rate, config.limits)
        return MorphingFit(model, ratio_fit, ())

    fold = np.random.default_rng([config.odds_fit.seed, 3]).integers(FOLDS, size=len(frame))
    terms = EventTerms(*coefficients(ratio, every))
    every = odds_inputs(every, frame, config.signal_columns)
    fits, responses = [], []
    for number in range(FOLDS):
        network, fitted = _fit_odds(every[fold == number], signal[fold == number], config, number)
        others = fold != number
        log_odds = evaluate(network, every[others])[:, 0]
        seen = terms[others]
        seen = EventTerms(seen.beta, seen.gamma, model._background(seen.beta, seen.gamma, log_odds))
        responses.append(
            fit_response(
                seen[signal[others]],
                truth[others[signal]],
                rate,
                config.limits,
                seen[~signal[others]],
                config.background_over_signal,
            )
        )
        model.odds.append(network)
        fits.append(fitted)
    model.response = Response(responses[0].true, np.mean([one.fitted for one in responses], axis=0))
    return MorphingFit(model, ratio_fit, tuple(fits))


def simulation_error(terms: EventTerms, truth: WeightedDecays, rate: Rate, delta_c9: float) -> float:
    """Standard error of ΔC9, fitted to infinitely many events, from the finite simulation of ``rate``.

    The fit looks for the zero of the mean score; at the true value this is a weighted mean over the
    simulated decays, with the error of such a mean. Where the true rate is known, only the mean of what
    the network errs by is estimated.
    """
    weights = truth.weights(delta_c9)
    score = signal_slopes(terms, rate, delta_c9)
    information = float(weights @ score**2)
    influence = weights * score
    if truth.rate_is_known:
        linear, quadratic = terms.beta - truth.beta, terms.gamma - truth.gamma
        error = 1 + delta_c9 * (linear + delta_c9 * quadratic)
        slope = linear + 2 * delta_c9 * quadratic
        relative = rate.linear + 2 * delta_c9 * rate.quadratic
        effect = (slope - (error - 1) * relative / rate(delta_c9)) / rate(delta_c9)
        at_zero = truth.weights(0.0)
        influence = at_zero * (effect - at_zero @ effect)
    return math.sqrt(float(influence @ influence)) / information


# -- inputs and outputs of the networks ------------------------------------------------------------


def decay_inputs(frame: EventFrame, prefix: str = "") -> NDArray[np.float32]:
    """q² on two scales and the angular functions of B→K*μμ, float32, shape ``(n_events, 14)``.

    The angular functions are the twelve that multiply the coefficients J in the decay rate, so that
    the network has to learn only what depends on q², and how the detector smears it.
    """
    q_squared, cos_l, cos_k, chi = (
        _finite(frame, prefix + name) for name in ("q_squared", "costheta_mu", "costheta_K", "chi")
    )
    sin2_l, sin2_k = np.clip(1 - cos_l**2, 0, None), np.clip(1 - cos_k**2, 0, None)
    sin_l, sin_k = np.sqrt(sin2_l), np.sqrt(sin2_k)
    cos_2l, sin_2l, sin_2k = 2 * cos_l**2 - 1, 2 * sin_l * cos_l, 2 * sin_k * cos_k
    cos_chi, sin_chi = np.cos(chi), np.sin(chi)
    columns = np.empty((14, len(frame)), dtype=np.float32)  # row by row, then turned once
    for row, column in enumerate(
        (
            q_squared,
            np.log(np.clip(q_squared, 0, None) + 0.05),
            cos_k,
            sin2_k,
            sin2_k * cos_2l,
            cos_k**2 * cos_2l,
            sin2_k * sin2_l * (cos_chi**2 - sin_chi**2),
            sin_2k * sin_2l * cos_chi,
            sin_2k * sin_l * cos_chi,
            sin2_k * cos_l,
            cos_k**2 * cos_l,
            sin_2k * sin_l * sin_chi,
            sin_2k * sin_2l * sin_chi,
            sin2_k * sin2_l * 2 * sin_chi * cos_chi,
        )
    ):
        columns[row] = column
    return np.ascontiguousarray(columns.T)


def odds_inputs(
    inputs: NDArray[np.float32], frame: EventFrame, columns: Sequence[str]
) -> NDArray[np.float32]:
    """What tells signal from background: the inputs of the decay and columns beside them.

    From ``(n_events, n_inputs)`` to ``(n_events, n_inputs + len(columns))``.

    Raises
    ------
    InputError
        If a column is missing or not finite.
    """
    extra = [_finite(frame, name) for name in columns]
    return np.concatenate([inputs, *(column[:, None] for column in extra)], axis=1)


def evaluate(network: EventNetwork, inputs: NDArray[np.float32]) -> Array:
    """Outputs of a network, float64, shape ``(n_events, n_out)``."""
    with torch.inference_mode():
        parts = [network(chunk).double().numpy() for chunk in torch.split(torch.from_numpy(inputs), _CHUNK)]
    return np.concatenate(parts) if parts else np.empty((0, 0))


def coefficients(network: EventNetwork, inputs: NDArray[np.float32]) -> tuple[Array, Array]:
    """β and γ of events, each of shape ``(n_events,)``, with 1 + βδ + γδ² > 0 for every δ."""
    u, v = evaluate(network, inputs).T
    return 2 * u, u**2 + v**2 + LEAST_CURVATURE


def _finite(frame: EventFrame, name: str) -> NDArray[np.float32]:
    values: NDArray[np.float32] = frame[name].astype(np.float32)
    bad = len(values) - int(np.isfinite(values).sum())
    if bad:
        raise InputError(f"column {name!r} with {bad} values that are not finite", "finite numbers")
    return values


def _network(n_in: int, n_out: int, config: MorphingConfig, seed: int) -> EventNetwork:
    return EventNetwork(n_in, n_out, config.width, config.layers, seed)


# -- training --------------------------------------------------------------------------------------


def ratio_loss(rate: Rate) -> MeanLoss:
    r"""Cross entropy of telling apart the densities at all :data:`NODES`, in excess of the truth's own.

    The truth says how likely each decay is at each node, :math:`r_k = p(x|\delta_k) / p(x)` for decays of
    density p(x). Whatever is lost between x and what was seen of it, the least loss is that of the mean
    of :math:`r_k` over decays that look alike, so those are what the network learns.

    Parameters
    ----------
    rate
        Total rate of what was selected.

    Returns
    -------
    MeanLoss
        Of outputs (u, v) and targets (true β, true γ, density at ΔC9 = 0 over that of the sample).
    """
    points = torch.tensor(NODES)
    log_rates = torch.from_numpy(np.log(rate(np.array(NODES)))).float()

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        nodes, offsets = points.to(outputs.device), log_rates.to(outputs.device)
        beta, gamma, weight = targets[:, :, None].unbind(1)
        true = (1 + nodes * (beta + nodes * gamma)).clamp_min(1e-6) / offsets.exp()
        u, v = outputs[:, :, None].unbind(1)
        learned = 1 + nodes * (2 * u + nodes * (u**2 + v**2 + LEAST_CURVATURE))
        log_true = (true / true.sum(1, keepdim=True)).log()
        log_learned = functional.log_softmax(learned.clamp_min(1e-9).log() - offsets, dim=1)
        return (weight * true * (log_true - log_learned)).sum(1).mean()

    return loss


def _fit_odds(
    every: NDArray[np.float32], signal: NDArray[np.bool_], config: MorphingConfig, number: int
) -> tuple[EventNetwork, FitResult]:
    """Log odds of signal against background, as if there were as much of one as of the other."""
    inputs = torch.from_numpy(every)
    network = _network(inputs.shape[1], 1, config, config.odds_fit.seed + 1 + number)
    network.fit_scale(inputs)
    balance = np.where(signal, 0.5 / signal.mean(), 0.5 / (1 - signal.mean()))
    examples = inputs, torch.from_numpy(np.stack([signal, balance], axis=1)).float()

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        return functional.binary_cross_entropy_with_logits(
            outputs.squeeze(1), targets[:, 0], weight=targets[:, 1]
        )

    fitted = _fit(network, examples, MeanOf(loss, "odds"), config.odds_fit, config.validation_fraction)
    # the odds are right on the whole: as many signal events as the sum of their probabilities
    logit = evaluate(network, every)[:, 0]
    shift = 0.0
    for _ in range(20):
        probability = 1 / (1 + np.exp(-(logit + shift)))
        excess = float(balance @ (probability - signal))
        shift -= excess / float(balance @ (probability * (1 - probability)))
        if abs(excess) < 1e-9 * len(every):
            break
    last = network.body[-1]
    assert isinstance(last, nn.Linear)
    with torch.no_grad():
        last.bias.add_(shift)
    return network, fitted


def _fit(
    network: EventNetwork,
    examples: tuple[Tensor, Tensor],
    task: Task,
    config: FitConfig,
    held_fraction: float,
    progress: Progress | None = None,
) -> FitResult:
    """Train on inputs and targets, of which a fraction validates."""
    inputs, targets = examples
    used, held = split_rows(len(inputs), held_fraction, config.seed)
    validation = Rows(inputs[held]), targets[held]
    training = Rows(inputs[used]), targets[used]
    result = fit(network, *training, config=config, task=task, validation=validation, progress=progress)
    network.cpu()
    return result


def _loaded(name: str, tensors: dict[str, Tensor], outputs: int, config: MorphingConfig) -> EventNetwork:
    """The network whose tensors have names that begin with ``name``."""
    begin = f"{name}."
    parts = {key.removeprefix(begin): value for key, value in tensors.items() if key.startswith(begin)}
    network = _network(len(parts["mean"]), outputs, config, 0)
    network.load_state_dict(parts)
    return network


RECIPES = (EstimatorRecipe(name="morphing", config=MorphingConfig(), estimator=Morphing),)
