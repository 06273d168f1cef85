"""Sets of decays as three-dimensional images: angles make the bins, q² the brightness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.kernel import kernel

_LOW = np.array([-1.0, -1.0, -np.pi])
_HIGH = np.array([1.0, 1.0, np.pi])


class Pixels(NamedTuple):
    """Where each event falls, and what it adds.

    Parameters
    ----------
    bins
        int32, shape ``(n_events,)``: number of its bin, the last angle's running fastest.
    brightness
        float32, shape ``(n_events,)``: standardised q².
    """

    bins: NDArray[np.int32]
    brightness: NDArray[np.float32]


@dataclass(frozen=True)
class ImageScale:
    """How images are made: bins per angle, and what q² is counted from and in.

    Parameters
    ----------
    bins
        Bins for each of cos θ_μ, cos θ_K in [−1, 1] and χ in [−π, π]; the upper edge belongs to the
        last bin.
    mean, spread
        Mean and standard deviation of q² [GeV²] in training.
    """

    bins: int
    mean: float
    spread: float

    @classmethod
    def fit(cls, matrix: NDArray[np.float32], bins: int) -> Self:
        """Take the scale of q² [GeV²] from training events: their variables, shape ``(n_events, 4)``, as
        :func:`~hepsets.represent.data_sets.pools.variable_matrix` gives them.

        Raises
        ------
        InputError
            If q² is the same in all events.
        """
        q_squared = matrix[:, 0].astype(np.float64)
        if not len(q_squared) or not q_squared.std() > 0:
            raise InputError(f"{len(q_squared)} events of one q²", "events of different q²")
        return cls(bins, float(q_squared.mean()), float(q_squared.std()))

    def pixels(self, matrix: NDArray[np.float32]) -> Pixels:
        """What each event is in an image, from ``(n_events, 4)``: q² and the three angles."""
        place = (matrix[:, 1:].astype(np.float64) - _LOW) / (_HIGH - _LOW) * self.bins
        place = np.clip(place.astype(np.int64), 0, self.bins - 1)
        bins = (place[:, 0] * self.bins + place[:, 1]) * self.bins + place[:, 2]
        brightness = (matrix[:, 0].astype(np.float64) - self.mean) / self.spread
        return Pixels(bins.astype(np.int32), brightness.astype(np.float32))

    def images(
        self, pixels: Pixels, members: NDArray[np.int64], offsets: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Mean standardised q² in each bin, zero where a bin is empty.

        Parameters
        ----------
        pixels
            Of the events.
        members, offsets
            The sets, see :class:`~hepsets.represent.data_sets.pools.EventSets`.

        Returns
        -------
        ndarray
            float32, shape ``(n_sets, bins, bins, bins)``, axes cos θ_μ, cos θ_K, χ.
        """
        result = np.empty((len(offsets) - 1, self.bins**3), dtype=np.float32)
        _fill(pixels.bins, pixels.brightness, members, offsets, result)
        return result.reshape(-1, self.bins, self.bins, self.bins)


@kernel
def _fill(
    bins: NDArray[np.int32],
    brightness: NDArray[np.float32],
    members: NDArray[np.int64],
    offsets: NDArray[np.int64],
    result: NDArray[np.float32],
) -> Any:
    # sums in double precision, so that no order of events shows
    total = np.zeros(result.shape[1])
    count = np.zeros(result.shape[1], dtype=np.int64)
    for one in range(len(offsets) - 1):
        total[:] = 0.0
        count[:] = 0
        for place in range(offsets[one], offsets[one + 1]):
            event = members[place]
            total[bins[event]] += brightness[event]
            count[bins[event]] += 1
        for cell in range(len(total)):
            result[one, cell] = total[cell] / count[cell] if count[cell] else 0.0
