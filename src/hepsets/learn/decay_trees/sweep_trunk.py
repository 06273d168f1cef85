"""The network of `decay_sweep` up to the sums over particles, on a CPU: fewer products, few passes.

Sums over descendants and over ancestors are linear in what they add up, so they may be taken before the
products as well as after them. A particle without daughters then needs one product of matrices where the
network as it is written takes three: it has no descendants, and what its ancestors say its mother has. Six
of ten particles are such. Besides, what is done to each number is done in one pass, normalisation is folded
into the weights behind it, and particles go a part at a time through what needs no other particle. All of
this holds on the way back, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from hepsets.learn.decay_trees import sweep_loops as loops
from hepsets.learn.decay_trees.sweep_scoring import SHARE, Folded, Network, Round, can_score
from hepsets.represent.decay_trees.batch import PackedBatch
from hepsets.represent.decay_trees.graph import runs_kernels

ROWS = 2048
"""Particles that go through together: their numbers are still in the core's cache for the next step."""


def sum_of_particles(network: Network, batch: PackedBatch) -> Tensor | None:
    """The sum over particles that ``decay_sweep`` scales, float32, shape ``(n_events, 2 units)``.

    Its gradients are those of the weights. ``None`` where it has to be made as it is written: in other
    precision, on a GPU, in a graph that is traced, for gradients of features, for mothers that come after
    their daughters or are in other events, for tokens beyond the embedding, and in training for a single
    particle or none, which cannot be normalised.
    """
    if not runs_kernels(batch.features) or batch.features.requires_grad:
        return None
    if network.training and batch.n_particles < 2:
        return None
    if not network.embedding.holds(batch.tokens):
        return None
    if can_score(network):
        return Folded(network).sums(batch)
    tree = Arranged.of(batch)
    if tree is None:
        return None
    known = _known(network.norm, batch, tree)
    columns = known.shape[1]
    of_known, of_token = network.inputs.weight[:, :columns], network.inputs.weight[:, columns:]
    bias = torch.addmv(network.inputs.bias, of_known, network.norm.bias)
    rows = torch.addmm(bias, network.embedding.weight, of_token.T)
    tokens = batch.tokens.numpy()
    x: Tensor = _Inputs.apply(known, of_known * network.norm.weight, rows, tokens, tree)  # type: ignore[no-untyped-call]
    for each in network.rounds:
        x = _round(cast("Round", each), x, tree)
    result: Tensor = _Sum.apply(x, network.pool.weight, network.pool.bias, tree)  # type: ignore[no-untyped-call]
    return result


class Arranged:
    """Particles of a batch in another order: mothers, each before her daughters, then those without any.

    Attributes
    ----------
    particles
        Place of each in the batch, shape ``(n_particles,)``.
    mothers
        Place of its mother in this order; a root's is its own.
    event
        Its event.
    n_events, n_mothers
        How many events there are, and how many particles that have daughters; they come first.
    is_daughter, daughters
        Whether it has a mother, 1 or 0, and its daughters, float32.
    """

    def __init__(self, batch: PackedBatch) -> None:
        n = batch.n_particles
        self.n_events = batch.n_events
        self.particles, self.mothers = np.empty(n, np.int64), np.empty(n, np.int64)
        self.event = np.empty(n, np.int64)
        self.is_daughter, self.daughters = np.empty(n, np.float32), np.zeros(n, np.float32)
        self.n_mothers = int(
            loops.arrange(
                batch.mothers.numpy(), batch.offsets.numpy(), self.particles, self.mothers, self.event,
                self.is_daughter, self.daughters,
            )
        )  # fmt: skip

    @classmethod
    def of(cls, batch: PackedBatch) -> Arranged | None:
        """``None`` if a mother comes after her daughter or is in another event."""
        arranged = cls(batch)
        return None if arranged.n_mothers < 0 else arranged


def _known(norm: nn.BatchNorm1d, batch: PackedBatch, tree: Arranged) -> Tensor:
    """Kinematics of the particles, (value − mean) / σ of each column, shape ``(n_particles, columns)``."""
    known = torch.empty(batch.n_particles, norm.num_features)
    features = batch.features.numpy()
    loops.kinematics(
        features, tree.particles, tree.is_daughter, tree.daughters, loops.ACCEPTANCE, known.numpy()
    )
    mean, inverse = _statistics(norm, known)
    loops.normalise(known.numpy(), mean.numpy(), inverse.numpy())
    return known


def _statistics(norm: nn.BatchNorm1d, values: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and 1 / σ of columns of ``(n, columns)``: in training their own, which ``norm`` remembers."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert norm.num_batches_tracked is not None
    assert norm.momentum is not None
    if not norm.training:
        return norm.running_mean.clone(), torch.rsqrt(norm.running_var + norm.eps)
    n, columns = values.shape
    mean, variance = torch.empty(columns), torch.empty(columns)
    loops.moments(values.numpy(), mean.numpy(), variance.numpy())
    norm.num_batches_tracked.add_(1)
    norm.running_mean.lerp_(mean, norm.momentum)
    norm.running_var.lerp_(variance * (n / (n - 1)), norm.momentum)
    return mean, variance.add_(norm.eps).rsqrt_()


def _round(network: Round, x: Tensor, tree: Arranged) -> Tensor:
    """What a round makes of ``x``, shape ``(n_particles, units)``."""
    norm, messages, output = network.norm, network.messages, network.output
    fixed = _Fixed(tree, *_statistics(norm, x.detach()), norm.training, network.dropout.drawn())
    result: Tensor = _Round.apply(  # type: ignore[no-untyped-call]
        x, norm.weight, norm.bias, messages.weight, messages.bias, output.weight, output.bias, fixed
    )
    return result


@dataclass(frozen=True, eq=False)
class _Fixed:
    """What a round is told besides the tensors that have gradients.

    Mean and 1 / σ of the columns of x; whether they are x's own; what its dropout drops.
    """

    tree: Arranged
    mean: Tensor
    inverse: Tensor
    of_batch: bool
    drawn: tuple[np.uint32, np.uint32, np.float32]


class _Inputs(torch.autograd.Function):
    """max(0, known · weightᵀ + row of the token), shape ``(n_particles, units)``."""

    @staticmethod
    def forward(
        ctx: Any, known: Tensor, weight: Tensor, rows: Tensor, tokens: loops.Places, tree: Arranged
    ) -> Tensor:
        x = torch.mm(known, weight.T)
        loops.add_rows(x.numpy(), rows.detach().numpy(), tokens, tree.particles)
        ctx.save_for_backward(known, x)
        ctx.tokens, ctx.particles, ctx.rows = tokens, tree.particles, len(rows)
        return x

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        known, x = ctx.saved_tensors
        of_value, of_rows = torch.empty_like(x), torch.zeros(ctx.rows, x.shape[1])
        loops.add_rows_back(
            gradients[0].contiguous().numpy(), x.detach().numpy(), ctx.tokens, ctx.particles,
            of_value.numpy(), of_rows.numpy(),
        )  # fmt: skip
        return None, torch.mm(known.T, of_value).T, of_rows, None, None


class _Round(torch.autograd.Function):
    """x + dropout(output(max(0, own + 0.3 (sum over descendants + sum over ancestors)))), all of norm(x).

    With s = γ / σ and t = β − μ s of each column, messages are W norm(x) + b = W s x + (W t + b): sums are
    taken of x, and what is in brackets counts once for each particle in a sum. A particle is among its own
    descendants and ancestors.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, gamma: Tensor, beta: Tensor, weight: Tensor, bias: Tensor, output: Tensor,
        output_bias: Tensor, fixed: _Fixed,
    ) -> Tensor:  # fmt: skip
        tree, (particles, units) = fixed.tree, x.shape
        share = _shares(units)
        scale = gamma * fixed.inverse
        shift = torch.addcmul(beta, fixed.mean, scale, value=-1)
        folded = (weight * share * scale).view(3, units, units)
        biases = (torch.addmv(bias, weight, shift) * share[:, 0]).view(3, units)
        alone = folded.sum(0)
        sums, counts = torch.empty(2, tree.n_mothers, units), torch.empty(2, tree.n_mothers)
        values = x.detach().numpy()
        loops.sum_trees(values, tree.mothers, sums.numpy(), counts.numpy())
        of_sums = torch.bmm(sums, folded[1:].transpose(1, 2))
        seen, result = torch.empty_like(x), torch.empty_like(x)
        for rows, part in _parts(particles):
            torch.mm(x[part], alone.T, out=seen[part])
            loops.add_seen(rows, seen.numpy(), of_sums.numpy(), tree.mothers, counts.numpy(), biases.numpy())
            torch.mm(seen[part], output.T, out=result[part])
            loops.add_dropped(
                rows, result.numpy(), values, output_bias.detach().numpy(), tree.particles, *fixed.drawn
            )
        ctx.save_for_backward(
            x, gamma, weight, output, share, scale, shift, folded, alone, sums, counts, seen
        )
        ctx.fixed = fixed
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, gamma, weight, output, share, scale, shift, folded, alone, sums, counts, seen = ctx.saved_tensors
        fixed, gradient = cast("_Fixed", ctx.fixed), gradients[0].contiguous().numpy()
        tree, (particles, units) = fixed.tree, x.shape
        of_x, of_sums = torch.empty_like(x), torch.zeros_like(sums)
        of_output, of_alone = torch.zeros_like(output), torch.zeros_like(alone)
        of_biases = torch.zeros(2, units, dtype=torch.float64)
        said, heard = torch.empty(min(ROWS, particles), units), torch.empty(min(ROWS, particles), units)
        for rows, part in _parts(particles):
            of_said, of_seen = said[: rows[1] - rows[0]], heard[: rows[1] - rows[0]]
            loops.add_dropped_back(
                rows, gradient, tree.particles, *fixed.drawn, of_said.numpy(), of_biases[0].numpy()
            )
            torch.addmm(of_output, of_said.T, seen[part], out=of_output)
            torch.mm(of_said, output, out=of_seen)
            loops.add_seen_back(
                rows, of_seen.numpy(), seen.numpy(), tree.mothers, of_sums.numpy(), of_biases[1].numpy()
            )
            torch.addmm(of_alone, of_seen.T, x[part], out=of_alone)
            torch.mm(of_seen, alone, out=of_x[part])
        of_output_bias, of_bias = of_biases.float()
        of_folded = torch.cat([of_alone, *torch.baddbmm(of_alone, of_sums.transpose(1, 2), sums)]) * share
        counted = torch.bmm(counts[:, None], of_sums)[:, 0]
        of_bias = torch.cat([of_bias, *(of_bias + counted)]) * share[:, 0]
        of_shift = torch.mv(weight.T, of_bias)
        of_scale = (of_folded * weight).sum(0) - fixed.mean * of_shift
        of_gamma = of_scale * fixed.inverse
        if fixed.of_batch:
            slope = of_gamma * gamma * fixed.inverse**2 / -particles
            constant = scale * of_shift / -particles - slope * fixed.mean
        else:
            slope = constant = torch.zeros_like(scale)
        of_sums = torch.bmm(of_sums, folded[1:])
        loops.sum_trees_back(
            gradient, x.detach().numpy(), tree.mothers, of_sums.numpy(), constant.numpy(), slope.numpy(),
            of_x.numpy(),
        )  # fmt: skip
        of_weight = torch.addr(of_folded * scale, of_bias, shift)
        return of_x, of_gamma, of_shift, of_weight, of_bias, of_output, of_output_bias, None


class _Sum(torch.autograd.Function):
    """Sum over each event's particles of max(0, x · weightᵀ + bias), shape ``(n_events, n_out)``."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, tree: Arranged) -> Tensor:
        (particles, _), width = x.shape, len(weight)
        result, passes = torch.zeros(tree.n_events, width), torch.empty(particles, width, dtype=torch.bool)
        buffer = torch.empty(min(ROWS, particles), width)
        for rows, part in _parts(particles):
            said = torch.mm(x[part], weight.T, out=buffer[: rows[1] - rows[0]])
            loops.sum_positive(
                rows, said.numpy(), bias.detach().numpy(), tree.event, result.numpy(), passes.numpy()
            )
        ctx.save_for_backward(x, weight, passes)
        ctx.event = tree.event
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, passes = ctx.saved_tensors
        (particles, _), width = x.shape, len(weight)
        gradient = gradients[0].contiguous().numpy()
        of_x, of_weight = torch.empty_like(x), torch.zeros_like(weight)
        of_bias = torch.zeros(width, dtype=torch.float64)
        buffer = torch.empty(min(ROWS, particles), width)
        for rows, part in _parts(particles):
            of_said = buffer[: rows[1] - rows[0]]
            loops.sum_positive_back(
                rows, gradient, passes.numpy(), ctx.event, of_said.numpy(), of_bias.numpy()
            )
            torch.mm(of_said, weight, out=of_x[part])
            torch.addmm(of_weight, of_said.T, x[part], out=of_weight)
        return of_x, of_weight, of_bias.float(), None


def _shares(units: int) -> Tensor:
    """What a particle itself, its descendants and its ancestors count, as a column of ``3 units``."""
    shares = torch.full((3 * units, 1), SHARE)
    shares[:units] = 1
    return shares


def _parts(particles: int) -> Iterator[tuple[tuple[int, int], slice]]:
    """Up to ``ROWS`` particles at a time: where they begin and end, as numbers and as a slice."""
    for begin in range(0, particles, ROWS):
        end = min(begin + ROWS, particles)
        yield (begin, end), slice(begin, end)
