"""Networks that regress ΔC9 on whole sets: which sets they are trained on, and what they are off by."""

from __future__ import annotations

import dataclasses
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.learn.data_sets.estimator import NetworkEstimator, SetEstimates
from hepsets.represent.data_sets.pools import Background, EventSets, bootstrapped_sets, split_pools

Scale = Literal["quick", "standard", "full"]

NEIGHBOURS = 5
"""Values of ΔC9 whose residuals are taken together."""

_RESIDUALS = ("delta_c9", "events", "variance")


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class SetSampling:
    """Which sets a network is trained on; drawn once, with replacement, as in the study.

    Parameters
    ----------
    events
        Signal events per set.
    sets, validation_sets
        Sets per ΔC9 in training and in validation.
    validation_fraction
        Part of the events of each ΔC9 that the validation sets are drawn from, and no other.
    background
        How background joins the sets, see :func:`hepsets.represent.data_sets.pools.bootstrapped_sets`.
    seed
        Seed of split and draws.
    """

    events: int = Field(default=8000, ge=1)
    sets: int = Field(default=50, ge=1)
    validation_sets: int = Field(default=50, ge=1)
    validation_fraction: float = Field(default=0.25, gt=0.0, lt=1.0)
    background: Background = "fixed"
    seed: int = Field(default=0, ge=0)


class SampledSets(NamedTuple):
    """Sets to train on, and to validate with."""

    training: EventSets
    validation: EventSets


def sample_sets(frame: EventFrame, sampling: SetSampling) -> SampledSets:
    """Draw training and validation sets that share no event.

    Raises
    ------
    InputError
        If the frame has fewer than two ΔC9, or too few events.
    """
    first, second = split_pools(frame, sampling.validation_fraction, sampling.seed)
    sets = SampledSets(
        bootstrapped_sets(
            first, sampling.events, sampling.sets, sampling.seed + 1, background=sampling.background
        ),
        bootstrapped_sets(
            second,
            sampling.events,
            sampling.validation_sets,
            sampling.seed + 2,
            background=sampling.background,
        ),
    )
    if len(np.unique(sets.training.delta_c9)) < 2 or np.isnan(sets.training.delta_c9).any():
        raise InputError(
            f"training events of ΔC9 {np.unique(sets.training.delta_c9).tolist()}",
            "at least two values",
            "generate events for more values of ΔC9",
        )
    return sets


@dataclasses.dataclass(frozen=True, eq=False)
class Residuals:
    """How far a network was off in validation: what its intervals are made of.

    Parameters
    ----------
    delta_c9
        True values, rising, shape ``(n_values,)``.
    events
        Events per set, background included, rising, shape ``(n_sizes,)``: one size or two.
    variance
        Mean square of prediction minus truth for each size and value, shape ``(n_sizes, n_values)``,
        averaged over :data:`NEIGHBOURS` neighbouring values.
    """

    delta_c9: NDArray[np.float64]
    events: NDArray[np.float64]
    variance: NDArray[np.float64]

    @classmethod
    def of(cls, *predictions: tuple[EventSets, NDArray[np.float64]]) -> Residuals:
        """From sets of one size, or of two, and their predictions, each of shape ``(n_sets,)``."""
        sizes, variances = [], []
        for sets, predicted in predictions:
            values, which = np.unique(sets.delta_c9, return_inverse=True)
            squares = np.bincount(which, (predicted - sets.delta_c9) ** 2) / np.bincount(which)
            near = np.abs(np.subtract.outer(np.arange(len(values)), np.arange(len(values))))
            weights = near <= NEIGHBOURS // 2
            sizes.append(np.diff(sets.offsets).mean())
            variances.append(weights @ squares / weights.sum(1))
        return cls(values, np.array(sizes, dtype=np.float64), np.array(variances))

    def estimates(self, predicted: NDArray[np.float64], events: NDArray[np.int64]) -> SetEstimates:
        """Predictions plus and minus the spread where they lie, for sets of so many events.

        Between and beyond two sizes N the variance follows a + b / N, but never falls below a quarter of
        what it was for the larger one; with one size it is the same for all. Both arguments have shape
        ``(n_sets,)``.
        """
        variances = [np.interp(predicted, self.delta_c9, one) for one in self.variance]
        variance = variances[-1]
        if len(variances) == 2:
            small, large = 1 / self.events
            slope = np.maximum(variances[0] - variances[1], 0) / (small - large)
            variance = np.maximum(variance + slope * (1 / np.maximum(events, 1) - large), variance / 4)
        half = np.sqrt(variance)
        return SetEstimates(predicted, predicted - half, predicted + half)

    def tensors(self) -> dict[str, Tensor]:
        """As tensors for a file, shapes as in the parameters of the class."""
        return {f"residuals.{name}": torch.from_numpy(getattr(self, name)) for name in _RESIDUALS}

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor]) -> Residuals:
        """Take what :meth:`tensors` gave out of ``tensors``.

        Raises
        ------
        ValueError
            For shapes that do not belong together.
        """
        found = cls(*(tensors.pop(f"residuals.{name}").double().numpy() for name in _RESIDUALS))
        if found.variance.shape != (len(found.events), len(found.delta_c9)) or len(found.events) > 2:
            raise ValueError(f"residuals of shape {found.variance.shape}")
        return found


class SetRegression(NetworkEstimator):
    """A network that regresses ΔC9 on sets of the size that it was trained with.

    Parameters
    ----------
    network
        The network, on the CPU in evaluation mode.
    residuals
        Of the validation sets; ``None`` before there are any.
    """

    def __init__(self, network: nn.Module, residuals: Residuals | None) -> None:
        self.network = network
        self.residuals = residuals

    def outputs(self, sets: EventSets) -> NDArray[np.float64]:
        """What the network says of each set, shape ``(n_sets,)``."""
        raise NotImplementedError

    def estimate_sets(self, sets: EventSets) -> SetEstimates:
        """ΔC9 of each set; the interval is the spread of the validation sets there."""
        assert self.residuals is not None
        return self.residuals.estimates(self.outputs(sets), np.diff(sets.offsets))


def truths(sets: EventSets) -> Tensor:
    """ΔC9 of each set, float32, shape ``(n_sets,)``."""
    return torch.from_numpy(sets.delta_c9).float()
