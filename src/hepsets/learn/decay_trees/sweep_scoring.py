"""The model `decay_sweep` as it is scored: an event goes alone through all layers, in the nearest cache.

Products are those of :mod:`hepsets.learn.decay_trees.sweep_trunk`: one for a particle without daughters.
"""

from __future__ import annotations

from typing import Protocol, TypeAlias, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from hepsets.core.kernel import kernel, part_of_kernel
from hepsets.core.lanes import LANES, Lanes, load, passed, splat, store
from hepsets.learn.decay_trees.sweep_loops import ACCEPTANCE, Floats, Places, count_daughters, kinematics
from hepsets.learn.layers.dropout import Dropout
from hepsets.learn.layers.embedding import PdgEmbedding
from hepsets.learn.layers.folding import linear_of_norm
from hepsets.learn.layers.narrow_products import COLUMNS, Rows, multiply
from hepsets.represent.decay_trees.batch import PackedBatch

SHARE = 0.3
"""What descendants and ancestors count beside the particle itself."""


class Round(Protocol):
    """The layers of a :class:`hepsets.learn.decay_trees.decay_sweep.SweepRound`."""

    norm: nn.BatchNorm1d
    messages: nn.Linear
    output: nn.Linear
    dropout: Dropout


class Network(Protocol):
    """The layers of a :class:`hepsets.learn.decay_trees.decay_sweep.DecaySweep` up to the sums."""

    training: bool
    embedding: PdgEmbedding
    norm: nn.BatchNorm1d
    inputs: nn.Linear
    rounds: nn.ModuleList
    pool: nn.Linear


def can_score(network: Network) -> bool:
    """Whether :class:`Folded` stands for the network: in evaluation, all of it, without gradients."""
    rounds = [cast("Round", each) for each in network.rounds]
    parts: list[nn.Module] = [network.norm, *(part for each in rounds for part in (each.norm, each.dropout))]
    usual = not network.training and not any(part.training for part in parts)
    return usual and not torch.is_grad_enabled()


class Folded:
    """A network in evaluation, where norms go into the layers behind them.

    What the first layer makes of a token and of its own bias is worked out once per token.

    Parameters
    ----------
    network
        The network, see :func:`can_score`; float32 on the CPU.
    """

    def __init__(self, network: Network) -> None:
        known, inputs = network.norm.num_features, network.inputs
        first, bias = linear_of_norm(inputs.weight[:, :known], inputs.bias, network.norm)
        rows = torch.addmm(bias, network.embedding.weight, inputs.weight[:, known:].T)
        parts = [_of_round(cast("Round", each)) for each in network.rounds]
        weights, shifts = (torch.stack(part) for part in zip(*parts, strict=True))
        self.inputs = _wide(first.T), _wide(rows)
        self.rounds = _wide(weights), _wide(shifts)
        self.pool = _wide(network.pool.weight.T), _wide(network.pool.bias[None])
        self.width = len(network.pool.bias)

    def sums(self, batch: PackedBatch) -> Tensor | None:
        """Sums over the particles of each event, shape ``(n_events, 2 units)``.

        ``None`` if a mother comes after her daughter or is in another event.

        Parameters
        ----------
        batch
            The events, with all raw columns as features.
        """
        given = (
            batch.features.contiguous().numpy(), batch.tokens.numpy(), batch.mothers.numpy(),
            batch.offsets.numpy(),
        )  # fmt: skip
        sums = torch.empty(batch.n_events, self.pool[1].shape[1])
        done = _sum(given, ACCEPTANCE, self.inputs, *self.rounds, self.pool, sums.numpy())
        return sums[:, : self.width] if done else None


def _of_round(network: Round) -> tuple[Tensor, Tensor]:
    """Weights, ``(4, units, units)``, and what is added, ``(4, units)``.

    They are those of the particle alone, which is among its own descendants and ancestors, of the sums over
    descendants and ancestors, and of the output.
    """
    weight, bias = linear_of_norm(network.messages.weight, network.messages.bias, network.norm)
    (own, down, up), (of_own, of_down, of_up) = weight.chunk(3), bias.chunk(3)
    weights = own + SHARE * (down + up), SHARE * down, SHARE * up, network.output.weight
    shifts = of_own + SHARE * (of_down + of_up), SHARE * of_down, SHARE * of_up, network.output.bias
    return torch.stack([each.T for each in weights]), torch.stack(shifts)


def _wide(part: Tensor) -> NDArray[np.float32]:
    """With columns up to a multiple of 32."""
    wide: NDArray[np.float32] = functional.pad(part, (0, -part.shape[-1] % COLUMNS)).contiguous().numpy()
    return wide


# -- compiled ---------------------------------------------------------------------------------------
# Products take rows by fours: tables have room for them, and nothing is made of rows behind the last.

Given: TypeAlias = tuple[Rows, Places, Places, Places]
"""Features, tokens, mothers, offsets."""
Order: TypeAlias = tuple[Places, Places, Places]
"""Of an event, mothers first, each before her daughters: which particle stands there; where its mother
stands, a root's being itself; and, of particles as they come, where each stands."""
Numbers: TypeAlias = tuple[Floats, Floats, Floats, Floats]
"""Whether it has a mother, 1 or 0; how many daughters, descendants, and ancestors with itself."""
Pair: TypeAlias = tuple[Rows, Rows]

_ZERO, _ONE = np.float32(0), np.float32(1)


@kernel
def _sum(
    given: Given,
    acceptance: Floats,
    inputs: Pair,
    weights: NDArray[np.float32],
    shifts: NDArray[np.float32],
    pool: Pair,
    sums: Rows,
) -> bool:
    """Write sums of all events, ``(n_events, columns)``; whether mothers stand where they should."""
    features, tokens, mothers, offsets = given
    columns, longest = weights.shape[3], 4
    for event in range(len(offsets) - 1):
        longest = max(longest, (offsets[event + 1] - offsets[event] + 3) // 4 * 4)
    order = np.zeros(longest, np.int64), np.zeros(longest, np.int64), np.zeros(longest, np.int64)
    numbers = (
        np.zeros(longest, np.float32), np.zeros(longest, np.float32), np.zeros(longest, np.float32),
        np.zeros(longest, np.float32),
    )  # fmt: skip
    known, x = np.zeros((longest, len(inputs[0])), np.float32), np.zeros((longest, columns), np.float32)
    below, above = np.zeros((longest, columns), np.float32), np.zeros((longest, columns), np.float32)
    of_below, of_above = np.zeros((longest, columns), np.float32), np.zeros((longest, columns), np.float32)
    seen, nothing = np.zeros((longest, columns), np.float32), np.zeros((1, columns), np.float32)
    said = np.zeros((longest, sums.shape[1]), np.float32)
    for event in range(len(offsets) - 1):
        begin = offsets[event]
        n = offsets[event + 1] - begin
        n_mothers = _arrange(mothers, begin, n, order, numbers)
        if n_mothers < 0:
            return False
        rows, few = (n + 3) // 4 * 4, (n_mothers + 3) // 4 * 4
        kinematics(features, order[0][:n], numbers[0], numbers[1], acceptance, known)
        multiply(known, 0, rows, inputs[0], nothing, 0, x, 0)
        _add_rows(x, inputs[1], tokens, order[0], n)
        for each in range(len(weights)):
            _sum_trees(x, order[1], n_mothers, n, below, above)
            multiply(x, 0, rows, weights[each, 0], shifts[each], 0, seen, 0)
            multiply(below, 0, few, weights[each, 1], nothing, 0, of_below, 0)
            multiply(above, 0, few, weights[each, 2], nothing, 0, of_above, 0)
            _add_seen(seen, of_below, of_above, order[1], numbers, n_mothers, n, shifts[each])
            multiply(seen, 0, rows, weights[each, 3], shifts[each], 3, below, 0)
            _add(x, below, n)
        multiply(x, 0, rows, pool[0], pool[1], 0, said, 0)
        _sum_positive(said, n, sums, event)
    return True


@part_of_kernel
def _arrange(mothers: Places, begin: int, n: int, order: Order, numbers: Numbers) -> int:
    """Fill what is known of an event's tree; its number of mothers, or -1 if one is not ahead."""
    particles, mother, place = order
    is_daughter, daughters, descendants, ancestors = numbers
    for i in range(n):
        place[i] = 0
    n_mothers = count_daughters(mothers, begin, n, place)  # their places later
    if n_mothers < 0:
        return -1
    first, last = 0, n_mothers
    for i in range(n):
        born = place[i]
        if born > 0:
            at = first
            first += 1
        else:
            at = last
            last += 1
        place[i] = at
        m = place[mothers[begin + i] - begin]
        particles[at], mother[at], daughters[at] = begin + i, m, born
        is_daughter[at], descendants[at] = m != at, _ZERO
        ancestors[at] = _ONE if m == at else _ONE + ancestors[m]
    for at in range(n_mothers, n):
        _count(mother, at, descendants)
    for at in range(n_mothers - 1, -1, -1):
        _count(mother, at, descendants)
    return n_mothers


@part_of_kernel
def _count(mother: Places, at: int, descendants: Floats) -> None:
    m = mother[at]
    if m != at:
        descendants[m] += _ONE + descendants[at]


@part_of_kernel
def _positive(value: Lanes) -> Lanes:
    """0 for what is negative; what is no number stays so, as events that overflow are told by it."""
    return passed(value, value)


@part_of_kernel
def _add_rows(x: Rows, rows: Rows, tokens: Places, particles: Places, n: int) -> None:
    """Positive part of each row and that of its token, in place."""
    for i in range(n):
        t = tokens[particles[i]]
        for c in range(0, x.shape[1], LANES):
            store(x, i, c, _positive(load(x, i, c) + load(rows, t, c)))


@part_of_kernel
def _sum_trees(x: Rows, mother: Places, n_mothers: int, n: int, below: Rows, above: Rows) -> None:
    """Of each mother, the sum over all descendants, and that over herself and all ancestors."""
    for c in range(0, x.shape[1], LANES):
        for i in range(n_mothers):
            m, value = mother[i], load(x, i, c)
            store(below, i, c, splat(_ZERO))
            if m != i:
                value = value + load(above, m, c)
            store(above, i, c, value)
        for i in range(n_mothers, n):
            m = mother[i]
            if m != i:
                store(below, m, c, load(below, m, c) + load(x, i, c))
        for i in range(n_mothers - 1, -1, -1):
            m = mother[i]
            if m != i:
                store(below, m, c, load(below, m, c) + (load(x, i, c) + load(below, i, c)))


@part_of_kernel
def _add_seen(
    seen: Rows,
    of_below: Rows,
    of_above: Rows,
    mother: Places,
    numbers: Numbers,
    n_mothers: int,
    n: int,
    shifts: Rows,
) -> None:
    """Positive part of all that is seen: biases count once for each particle that was summed."""
    descendants, ancestors = numbers[2], numbers[3]
    for c in range(0, seen.shape[1], LANES):
        of_one_below, of_one_above = load(shifts, 1, c), load(shifts, 2, c)
        for i in range(n_mothers):
            m = mother[i]
            value = load(seen, i, c) + load(of_below, i, c) + of_one_below * descendants[i]
            store(of_above, i, c, load(of_above, i, c) + of_one_above * ancestors[i])
            if m != i:
                value = value + load(of_above, m, c)
            store(seen, i, c, _positive(value))
        for i in range(n_mothers, n):
            m, value = mother[i], load(seen, i, c)
            if m != i:
                value = value + load(of_above, m, c)
            store(seen, i, c, _positive(value))


@part_of_kernel
def _add(x: Rows, change: Rows, n: int) -> None:
    for i in range(n):
        for c in range(0, x.shape[1], LANES):
            store(x, i, c, load(x, i, c) + load(change, i, c))


@part_of_kernel
def _sum_positive(said: Rows, n: int, sums: Rows, event: int) -> None:
    """Sum of the positive parts of an event's rows."""
    for c in range(0, said.shape[1], LANES):
        total = splat(_ZERO)
        for i in range(n):
            total = total + _positive(load(said, i, c))
        store(sums, event, c, total)
