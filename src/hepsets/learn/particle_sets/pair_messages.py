"""Mean messages between all pairs of particles of an event, as one compiled loop on a CPU.

In PyTorch's own operations every pair passes through memory ten times, three hundred pairs per event.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hepsets.core.kernel import kernel


def compiled_messages(
    columns: Tensor, first: Tensor, second: Tensor, weight: Tensor, offsets: Tensor
) -> Tensor:
    r"""Mean over all j of an event of ReLU(first_i + second_j + weight · p_ij).

    Parameters
    ----------
    columns
        What pair features are made of: three components of the direction, log momentum, whether of
        the candidate, charge, flavour times charge, log dz; shape ``(n_particles, 8)``.
    first, second
        Shape ``(n_particles, width)``.
    weight
        Shape ``(width, 12)``, in the order of
        :data:`hepsets.learn.particle_sets.learned_moments.PAIR_FEATURES`.
    offsets
        Shape ``(n_events + 1,)``.

    Returns
    -------
    Tensor
        Shape ``(n_particles, width)``.
    """
    result: Tensor = _Messages.apply(columns, first, second, weight, offsets)  # type: ignore[no-untyped-call]
    return result


class _Messages(torch.autograd.Function):
    """The backward pass works the messages out again: cheaper than to keep them.

    Both loops hold the same lines for that: as a function of their own they cost 40 % more time.
    """

    @staticmethod
    def forward(
        ctx: Any, columns: Tensor, first: Tensor, second: Tensor, weight: Tensor, offsets: Tensor
    ) -> Tensor:
        c, f, s, w, o = (x.detach().contiguous().numpy() for x in (columns, first, second, weight.T, offsets))
        ctx.arrays = c, f, s, w, o
        result = np.zeros_like(f)
        _forward(c, f, s, w, o, result)
        return torch.from_numpy(result)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, Tensor, Tensor, Tensor, None]:
        c, f, s, w, o = ctx.arrays
        first, second, weight = np.zeros_like(f), np.zeros_like(s), np.zeros_like(w)
        _backward(c, f, s, w, o, gradients[0].contiguous().numpy(), first, second, weight)
        return None, torch.from_numpy(first), torch.from_numpy(second), torch.from_numpy(weight).T, None


@kernel
def _pair(a: NDArray[np.float32], b: NDArray[np.float32], pair: NDArray[np.float32]) -> None:
    """Features of a pair of particles, in the order of PAIR_FEATURES."""
    pair[0], pair[1], pair[2] = a[0] * b[0], a[1] * b[1], a[2] * b[2]
    cosine = pair[0] + pair[1] + pair[2]
    square = cosine * cosine
    signal, rest = a[4] * b[4], (np.float32(1) - a[4]) * (np.float32(1) - b[4])
    mass = a[3] + b[3] + np.float32(math.log(max(np.float32(2) - np.float32(2) * cosine, np.float32(1e-4))))
    charged = abs(a[5] * b[5])
    pair[3] = cosine
    pair[4] = np.float32(1.5) * square - np.float32(0.5)
    pair[5] = np.float32(4.375) * square * square - np.float32(3.75) * square + np.float32(0.375)
    pair[6] = mass * (signal + rest) * np.float32(0.25)
    pair[7] = signal
    pair[8] = rest
    pair[9] = a[6] * b[6]
    pair[10] = charged
    pair[11] = abs(a[7] - b[7]) * charged


@kernel
def _forward(
    columns: NDArray[np.float32],
    first: NDArray[np.float32],
    second: NDArray[np.float32],
    weight: NDArray[np.float32],
    offsets: NDArray[np.int64],
    result: NDArray[np.float32],
) -> None:
    width = first.shape[1]
    pair, message = np.empty(12, np.float32), np.empty(width, np.float32)
    for event in range(len(offsets) - 1):
        begin, end = offsets[event], offsets[event + 1]
        share = np.float32(1) / np.float32(max(end - begin, 1))
        for i in range(begin, end):
            for j in range(begin, end):
                _pair(columns[i], columns[j], pair)
                for k in range(width):
                    message[k] = first[i, k] + second[j, k]
                for q in range(12):
                    for k in range(width):
                        message[k] += pair[q] * weight[q, k]
                for k in range(width):
                    result[i, k] += max(message[k], np.float32(0)) * share


@kernel
def _backward(
    columns: NDArray[np.float32],
    first: NDArray[np.float32],
    second: NDArray[np.float32],
    weight: NDArray[np.float32],
    offsets: NDArray[np.int64],
    gradient: NDArray[np.float32],
    of_first: NDArray[np.float32],
    of_second: NDArray[np.float32],
    of_weight: NDArray[np.float32],
) -> None:
    width = first.shape[1]
    pair, message = np.empty(12, np.float32), np.empty(width, np.float32)
    for event in range(len(offsets) - 1):
        begin, end = offsets[event], offsets[event + 1]
        share = np.float32(1) / np.float32(max(end - begin, 1))
        for i in range(begin, end):
            for j in range(begin, end):
                _pair(columns[i], columns[j], pair)
                for k in range(width):
                    message[k] = first[i, k] + second[j, k]
                for q in range(12):
                    for k in range(width):
                        message[k] += pair[q] * weight[q, k]
                for k in range(width):
                    message[k] = gradient[i, k] * share if message[k] > 0 else np.float32(0)
                    of_first[i, k] += message[k]
                    of_second[j, k] += message[k]
                for q in range(12):
                    for k in range(width):
                        of_weight[q, k] += pair[q] * message[k]
