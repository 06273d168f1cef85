"""Networks that regress ΔC9 on whole sets: which sets they are trained on, and what they are off by."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.learn.set_estimator import NetworkEstimator, SetEstimates
from hepsets.represent.event_sets import Background, EventSets, bootstrapped_sets, split_pools

Scale = Literal["quick", "standard", "full"]


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
        How background joins the sets, see :func:`hepsets.represent.event_sets.bootstrapped_sets`.
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


@dataclass(frozen=True, config=ConfigDict(arbitrary_types_allowed=True))
class Residuals:
    """How far a network was off in validation: what its intervals are made of.

    Parameters
    ----------
    delta_c9
        True values, rising.
    spread
        Root mean square of prediction minus truth for each of them.
    """

    delta_c9: NDArray[np.float64]
    spread: NDArray[np.float64]

    @classmethod
    def of(cls, truth: NDArray[np.float64], predicted: NDArray[np.float64]) -> Residuals:
        """From one prediction per set."""
        values, which = np.unique(truth, return_inverse=True)
        squares = np.bincount(which, (predicted - truth) ** 2) / np.bincount(which)
        return cls(values, np.sqrt(squares))

    def estimates(self, predicted: NDArray[np.float64]) -> SetEstimates:
        """Predictions plus and minus the spread where they lie, interpolated, constant outside."""
        half = np.interp(predicted, self.delta_c9, self.spread)
        return SetEstimates(predicted, predicted - half, predicted + half)

    def tensors(self) -> dict[str, Tensor]:
        """As tensors for a file."""
        return {
            "residuals.delta_c9": torch.from_numpy(self.delta_c9),
            "residuals.spread": torch.from_numpy(self.spread),
        }

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor]) -> Residuals:
        """Take what :meth:`tensors` gave out of ``tensors``."""
        return cls(
            tensors.pop("residuals.delta_c9").double().numpy(),
            tensors.pop("residuals.spread").double().numpy(),
        )


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
        return self.residuals.estimates(self.outputs(sets))


def squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean squared error."""
    return nn.functional.mse_loss(outputs, targets)
