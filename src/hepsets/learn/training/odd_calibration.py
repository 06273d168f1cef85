"""Turn logits into probabilities without preferring a class: a rising odd function of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize

from hepsets.core.purpose import Purpose, demand
from hepsets.learn.training.trainable import Trainable

LEAST_FOR_BEND = 1000
"""With fewer events the function has a slope alone."""


LEAST_SLOPE = 0.01
"""Logits that fall where the class rises learnt nothing: they are made to say next to nothing, in no other
order."""


@dataclass(frozen=True)
class OddSpline:
    """z → sign(z) (slope |z| + bend max(|z| − knot, 0)): of the opposite event, the opposite logit."""

    slope: float = 1.0
    bend: float = 0.0
    knot: float = 0.0

    def __call__(self, logits: NDArray[np.floating]) -> NDArray[np.float64]:
        """Calibrated logits, of the shape of ``logits``."""
        size = np.abs(np.asarray(logits, dtype=np.float64))
        return np.asarray(np.sign(logits) * (self.slope * size + self.bend * np.maximum(size - self.knot, 0)))

    def put_into(self, model: Trainable) -> None:
        """Make it the calibration of a model of one logit, which had none.

        max(−z − k, 0) = max(z + k, 0) − z − k, so two knots of a rising spline hold both sides.
        """
        spline = model.calibration
        with torch.no_grad():
            spline.slope[0] = self.slope + self.bend
            spline.offset[0] = self.bend * self.knot
            spline.knots[0] = torch.tensor([-self.knot, self.knot, 0.0])
            spline.bends[0] = torch.tensor([-self.bend, self.bend, 0.0])


def fit_odd_spline(
    logits: NDArray[np.floating], q: NDArray[np.integer], purpose: Purpose | None
) -> OddSpline:
    """The odd function of logits that makes them probabilities: the least cross entropy.

    Parameters
    ----------
    logits
        Of events that the model was not trained on, shape ``(n,)``.
    q
        Their classes, 1 or −1, shape ``(n,)``.
    purpose
        What the events are for.

    Raises
    ------
    InputError
        For training or test events.
    """
    demand(purpose, Purpose.VALIDATION, "a model is calibrated")
    size, right = np.abs(logits.astype(np.float64)), np.sign(logits) * q
    knot = float(np.median(size))
    basis = np.stack([size, np.maximum(size - knot, 0)], axis=1)

    def loss(parameters: NDArray[np.float64], used: int) -> tuple[float, NDArray[np.float64]]:
        margin = right * (basis[:, :used] @ parameters)
        gradient = -(right / (1 + np.exp(np.clip(margin, -50, 50))))[:, None] * basis[:, :used]
        return float(np.logaddexp(0, -margin).mean()), gradient.mean(axis=0)

    if len(q) >= LEAST_FOR_BEND:
        slope, bend = minimize(loss, np.array([1.0, 0.0]), args=(2,), jac=True, method="L-BFGS-B").x
        if slope > 0 and slope + bend > 0:
            return OddSpline(float(slope), float(bend), knot)
    (slope,) = minimize(loss, np.array([1.0]), args=(1,), jac=True, method="L-BFGS-B").x
    return OddSpline(max(float(slope), LEAST_SLOPE))
