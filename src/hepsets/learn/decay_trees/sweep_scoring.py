"""Scores of ``decay_sweep`` where nothing is trained: the same sums, fewer products and few passes.

Sums over descendants and over ancestors are linear in what they add up, so they may be taken before the
products as well as after them. A particle without daughters then needs one product of matrices where the
network as it is written takes three: it is all of its own descendants, and what its ancestors say its mother
has. Six of ten particles are such. Besides, what is done to each number is done in one pass.
"""

from __future__ import annotations

import math
from typing import Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hepsets.core.kernel import kernel
from hepsets.learn.layers.embedding import PdgEmbedding
from hepsets.learn.layers.folding import linear_of_norm
from hepsets.represent.decay_trees.batch import PackedBatch
from hepsets.represent.decay_trees.graph import runs_kernels
from hepsets.simulate.belle2 import BELLE2

Floats = NDArray[np.float32]
Places = NDArray[np.int64]


class Round(Protocol):
    """The layers of a :class:`hepsets.learn.decay_trees.decay_sweep.SweepRound`."""

    norm: nn.BatchNorm1d
    messages: nn.Linear
    output: nn.Linear


class Network(Protocol):
    """The layers of a :class:`hepsets.learn.decay_trees.decay_sweep.DecaySweep` up to the sum."""

    training: bool
    embedding: PdgEmbedding
    norm: nn.BatchNorm1d
    inputs: nn.Linear
    rounds: nn.ModuleList
    pool: nn.Linear


def sum_of_particles(network: Network, batch: PackedBatch) -> Tensor | None:
    """The sum over particles that ``decay_sweep`` scales, float32, shape ``(n_events, 2 units)``.

    ``None`` where it has to be made as it is written: for gradients, on a GPU, in a graph that is traced,
    and for mothers that come after their daughters.
    """
    if network.training or torch.is_grad_enabled() or not runs_kernels(batch.features):
        return None
    tree = _Arranged.of(batch)
    if tree is None:
        return None
    columns = network.norm.num_features
    known = np.empty((batch.n_particles, columns), dtype=np.float32)
    _kinematics(batch.features.numpy(), tree.particles, tree.is_daughter, tree.daughters, _BELLE2, known)
    weight, bias = linear_of_norm(network.inputs.weight[:, :columns], network.inputs.bias, network.norm)
    of_token = torch.addmm(bias, network.embedding.weight, network.inputs.weight[:, columns:].T)
    x = torch.mm(torch.from_numpy(known), weight.T)
    _add_rows(x.numpy(), of_token.detach().numpy(), batch.tokens.numpy(), tree.particles)
    for each in network.rounds:
        _round(cast("Round", each), x, tree)
    result = np.zeros((batch.n_events, network.pool.out_features), dtype=np.float32)
    said = torch.mm(x, network.pool.weight.T)
    _sum_positive(said.numpy(), network.pool.bias.detach().numpy(), tree.event, result)
    return torch.from_numpy(result)


class _Arranged:
    """Particles of a batch in another order: mothers, each before her daughters, then those without any.

    Attributes
    ----------
    particles
        Place of each in the batch, shape ``(n_particles,)``.
    mothers
        Place of its mother in this order; a root's is its own.
    event
        Its event.
    n_mothers
        How many have daughters; they come first.
    is_daughter, daughters
        Whether it has a mother, 1 or 0, and its daughters, float32.
    """

    def __init__(self, batch: PackedBatch) -> None:
        n = batch.n_particles
        self.particles, self.mothers = np.empty(n, np.int64), np.empty(n, np.int64)
        self.event = np.empty(n, np.int64)
        self.is_daughter, self.daughters = np.empty(n, np.float32), np.zeros(n, np.float32)
        self.n_mothers = int(
            _arrange(
                batch.mothers.numpy(), batch.offsets.numpy(), self.particles, self.mothers, self.event,
                self.is_daughter, self.daughters,
            )
        )  # fmt: skip

    @classmethod
    def of(cls, batch: PackedBatch) -> _Arranged | None:
        """``None`` if a mother comes after her daughter."""
        arranged = cls(batch)
        return None if arranged.n_mothers < 0 else arranged


def _round(network: Round, x: Tensor, tree: _Arranged) -> None:
    """What a round makes of ``x``, shape ``(n_particles, units)``, in place."""
    weight, bias = linear_of_norm(network.messages.weight, network.messages.bias, network.norm)
    own, up, down = weight.chunk(3)
    of_own, of_up, of_down = (each.detach().numpy() for each in bias.chunk(3))
    up, down, of_up, of_down = 0.3 * up, 0.3 * down, np.float32(0.3) * of_up, np.float32(0.3) * of_down
    n, (particles, units) = tree.n_mothers, x.shape
    below, above = torch.empty(n, 2 * units), torch.empty(n, units)
    counts = np.empty((2, n), dtype=np.float32)
    _sums(x.numpy(), tree.mothers, n, below.numpy(), above.numpy(), counts)
    seen = torch.empty(particles, units)
    torch.mm(below, torch.cat([own, up], dim=1).T, out=seen[:n])
    torch.mm(x[n:], (own + up + down).T, out=seen[n:])
    of_ancestors = torch.mm(above, down.T)
    _add_seen(seen.numpy(), of_ancestors.numpy(), tree.mothers, counts, of_own, of_up, of_down)
    _add(x.numpy(), torch.mm(seen, network.output.weight.T).numpy(), network.output.bias.detach().numpy())


# -- compiled ---------------------------------------------------------------------------------------


@kernel
def _arrange(
    mothers: Places,
    offsets: Places,
    particles: Places,
    mother: Places,
    event: Places,
    is_daughter: Floats,
    daughters: Floats,
) -> int:
    """Fill what :class:`_Arranged` holds; the number of mothers, or -1 if one comes after her daughter."""
    n = len(mothers)
    place, of = np.zeros(n, np.int64), np.empty(n, np.int64)
    n_mothers = 0
    for i in range(n):
        m = mothers[i]
        if m > i:
            return -1
        if m != i:
            n_mothers += place[m] == 0
            place[m] += 1  # its daughters, for now
    for number in range(len(offsets) - 1):
        for i in range(offsets[number], offsets[number + 1]):
            of[i] = number
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
        particles[at], event[at], daughters[at] = i, of[i], born
        mother[at] = place[mothers[i]]
        is_daughter[at] = mothers[i] != i
    return n_mothers


_ZERO, _HALF, _ONE = np.float32(0), np.float32(0.5), np.float32(1)


@kernel
def _asinh(value: np.float32) -> np.float32:
    """For numbers from 0 up, as exact as a sum with a number of order one can hold."""
    return np.float32(math.log(value + np.sqrt(value * value + _ONE)))


@kernel
def _log(value: np.float32) -> np.float32:
    least = np.float32(1e-3)
    return np.float32(math.log(least if value < least else value))


@kernel
def _positive(value: np.float32) -> np.float32:
    """0 for what is negative; what is no number stays so, as events that overflow are told by it."""
    return _ZERO if value < _ZERO else value


@kernel
def _kinematics(
    features: Floats,
    particles: Places,
    is_daughter: Floats,
    daughters: Floats,
    belle2: Floats,
    known: Floats,
) -> None:
    """:func:`hepsets.learn.decay_trees.decay_sweep.kinematics` of particles in another order."""
    bx, bz, gamma, per_beta2, lowest, highest = belle2
    for row in range(len(particles)):
        own = features[particles[row]]
        time, x, y, z, energy, px, py, pz = own[0], own[1], own[2], own[3], own[4], own[5], own[6], own[7]
        along = bx * px + bz * pz
        shift = per_beta2 * along - gamma * energy
        px_cm, pz_cm = px + shift * bx, pz + shift * bz
        energy_cm = gamma * (energy - along)
        pt2 = px * px + py * py
        pt = np.sqrt(pt2)
        cos_theta = pz / (np.sqrt(pt * pt + pz * pz) + np.float32(1e-6))
        accepted = _ONE if lowest < cos_theta < highest else _ZERO
        final = _ONE if daughters[row] == _ZERO else _ZERO
        out = known[row]
        out[0] = _HALF * _log(energy_cm) + _HALF
        out[1] = _HALF * _log(np.sqrt(px_cm * px_cm + py * py + pz_cm * pz_cm)) + _HALF
        out[2] = np.float32(0.7) * _log(pt) + _ONE
        out[3] = math.exp(np.float32(-10) * pt)
        out[4], out[5], out[6], out[7], out[8] = energy_cm, px_cm, py, pz_cm, cos_theta
        out[9], out[10] = accepted, accepted * final
        out[11] = _HALF * _asinh(np.float32(100) * np.sqrt(x * x + y * y))
        out[12] = _HALF * math.copysign(_asinh(np.float32(20) * abs(z)), z)
        out[13] = np.float32(0.3) * math.copysign(_asinh(np.float32(200) * abs(time)), time)
        out[14], out[16] = _ONE - is_daughter[row], final
        out[15] = math.log(_ONE + daughters[row]) if daughters[row] > _ZERO else _ZERO


@kernel
def _add_rows(values: Floats, rows: Floats, tokens: Places, particles: Places) -> None:
    """max(0, value + the row of its particle's token)."""
    for i in range(len(values)):
        row = rows[tokens[particles[i]]]
        for k in range(values.shape[1]):
            values[i, k] = _positive(values[i, k] + row[k])


@kernel
def _sums(x: Floats, mothers: Places, n: int, below: Floats, above: Floats, counts: Floats) -> None:
    """Mothers beside the sum over their descendants, and the sum over their ancestors; how many these are."""
    units = x.shape[1]
    counts[:] = _ONE
    for i in range(n):
        m = mothers[i]
        for k in range(units):
            below[i, k] = below[i, units + k] = above[i, k] = x[i, k]
        if m != i:
            counts[1, i] += counts[1, m]
            for k in range(units):
                above[i, k] += above[m, k]
    for i in range(len(x) - 1, n - 1, -1):
        m = mothers[i]
        if m != i:
            counts[0, m] += _ONE
            for k in range(units):
                below[m, units + k] += x[i, k]
    for i in range(n - 1, -1, -1):
        m = mothers[i]
        if m != i:
            counts[0, m] += counts[0, i]
            for k in range(units):
                below[m, units + k] += below[i, units + k]


@kernel
def _add_seen(
    seen: Floats,
    of_ancestors: Floats,
    mothers: Places,
    counts: Floats,
    of_own: Floats,
    of_up: Floats,
    of_down: Floats,
) -> None:
    """Positive part of all that is seen: biases count once for each particle that was summed."""
    n, units = of_ancestors.shape
    for i in range(n):
        up, down = counts[0, i], counts[1, i]
        for k in range(units):
            of_ancestors[i, k] += down * of_down[k]
            seen[i, k] = _positive(seen[i, k] + of_ancestors[i, k] + (of_own[k] + up * of_up[k]))
    alone = of_own + of_up + of_down
    for i in range(n, len(seen)):
        m = mothers[i]
        if m == i:
            for k in range(units):
                seen[i, k] = _positive(seen[i, k] + alone[k])
        else:
            for k in range(units):
                seen[i, k] = _positive(seen[i, k] + of_ancestors[m, k] + alone[k])


@kernel
def _add(values: Floats, more: Floats, bias: Floats) -> None:
    for i in range(len(values)):
        for k in range(len(bias)):
            values[i, k] += more[i, k] + bias[k]


@kernel
def _sum_positive(values: Floats, bias: Floats, event: Places, result: Floats) -> None:
    """Sum over each event's particles of max(0, value + bias)."""
    for i in range(len(values)):
        total = result[event[i]]
        for k in range(len(bias)):
            total[k] += _positive(values[i, k] + bias[k])


def _belle2() -> Floats:
    """Velocity, γ, (γ − 1) / β² of the centre of mass, and the least and greatest cos θ of tracks."""
    bx, bz = BELLE2.beams.velocity
    beta2 = bx * bx + bz * bz
    gamma = 1 / math.sqrt(1 - beta2)
    edges = (math.cos(math.radians(edge)) for edge in (BELLE2.tracker.theta_max, BELLE2.tracker.theta_min))
    return np.array([bx, bz, gamma, (gamma - 1) / beta2, *edges], dtype=np.float32)


_BELLE2 = _belle2()
