"""Centre and scale features with training statistics that travel with the model."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hepsets.core.kernel import kernel_of_separate_arrays
from hepsets.represent.decay_trees.graph import runs_kernels


class Scaler(nn.Module):
    """(feature − mean) / standard deviation; the identity until it is fitted.

    The statistics are buffers: they are saved and exported with the model and never trained.

    Parameters
    ----------
    n_features
        Number of features.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(n_features))
        self.register_buffer("scale", torch.ones(n_features))

    def fit(self, features: Tensor, *, sample: bool = False) -> None:
        """Take mean and standard deviation from particles of the training set.

        Parameters
        ----------
        features
            Shape ``(n_particles, n_features)``, training particles only. A feature that never
            changes keeps scale 1.
        sample
            The standard deviation of a sample (n − 1), in the precision of the features and at least
            1e-6, as the networks of single decays are trained with.
        """
        if sample:
            self.mean.copy_(features.mean(0))
            self.scale.copy_(features.std(0).clamp_min(1e-6))
            return
        spread, mean = torch.std_mean(features.double(), dim=0, correction=0)
        self.mean.copy_(mean)
        # rounding leaves a constant feature with a tiny spread
        constant = spread <= 1e-7 * mean.abs()
        self.scale.copy_(torch.where(constant, 1.0, spread))

    def fit_quantiles(self, features: Tensor, absent: float) -> None:
        """Take the median, and half of what lies between the quantiles at 16 and 84 %, for long tails.

        Parameters
        ----------
        features
            Shape ``(n_particles, n_features)``, training particles only. Where both quantiles are the same
            the scale is 1.
        absent
            A number that stands where a particle has none, left out.
        """
        for place, column in enumerate(features.double().numpy().T):
            there = column[column != absent]
            if len(there):
                low, middle, high = np.quantile(there, (0.16, 0.5, 0.84))
                self.mean[place] = middle
                self.scale[place] = (high - low) / 2 if high > low else 1.0

    def forward(self, features: Tensor) -> Tensor:
        """Scaled features, same shape."""
        if torch.compiler.is_exporting():  # ONNX Runtime is slow at stretching such short rows
            centred = torch.addmm(-self.mean, features, torch.eye(len(self.mean)))
            return centred @ torch.diag(1 / self.scale)
        plain = runs_kernels(features) and runs_kernels(self.mean) and not features.requires_grad
        if plain and features.ndim == 2:
            result = np.empty(features.shape, dtype=np.float32)
            _scale(features.contiguous().numpy(), self.mean.numpy(), self.scale.numpy(), result)
            return torch.from_numpy(result)
        return (features - self.mean) / self.scale


@kernel_of_separate_arrays
def _scale(
    features: NDArray[np.float32],
    mean: NDArray[np.float32],
    scale: NDArray[np.float32],
    result: NDArray[np.float32],
) -> None:
    """In one pass: PyTorch stretches such short rows slowly."""
    for i in range(len(features)):
        for k in range(len(mean)):
            result[i, k] = (features[i, k] - mean[k]) / scale[k]
