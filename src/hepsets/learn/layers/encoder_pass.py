"""Encoder layers on a CPU, forward and back: some events at a time go through all, and stay in the cache.

Their values stand in columns, see :mod:`hepsets.learn.layers.encoder_kernels`; products are those of PyTorch.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from hepsets.core.lanes import LANES
from hepsets.learn.layers.attention_kernels import attend, attend_back
from hepsets.learn.layers.dropout import Dropout
from hepsets.learn.layers.encoder_kernels import (
    Columns,
    Drawn,
    add_norm,
    add_norm_back,
    add_sums,
    drop_negative,
    drop_negative_back,
    to_columns,
    to_rows,
)

_PARTICLES_TIMES_WIDTH = 2**15
"""Of a part of a batch; a layer of 32 units then has 0.7 MB in hand."""


class Layer(Protocol):
    """The parts of an :class:`hepsets.learn.layers.attention.EncoderLayer`."""

    heads: int
    query_key_value: nn.Linear
    mix: nn.Linear
    attention_norm: nn.LayerNorm
    up: nn.Linear
    down: nn.Linear
    feed_forward_norm: nn.LayerNorm
    dropout: Dropout


def encode_in_columns(layers: Sequence[Layer], x: Tensor, offsets: Tensor) -> Tensor:
    """What encoder layers make of particles, float32 on a CPU, with gradients.

    Parameters
    ----------
    layers
        The layers, all of one width.
    x
        Shape ``(n_particles, width)``.
    offsets
        Int64, shape ``(n_events + 1,)``: event ``i`` owns particles ``offsets[i]:offsets[i + 1]``.
    """
    steps = [_Step.of(layer) for layer in layers]
    weights = [tensor for layer in layers for part in _parts_of(layer) for tensor in (part.weight, part.bias)]
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in (x, *weights)):
        result: Tensor = _Encode.apply(x, offsets.numpy(), steps, *weights)  # type: ignore[no-untyped-call]
        return result
    with torch.no_grad():
        return _forward(x, offsets.numpy(), steps, keep=False)[0]


def _parts_of(layer: Layer) -> tuple[nn.Linear | nn.LayerNorm, ...]:
    before = layer.query_key_value, layer.mix, layer.attention_norm
    return *before, layer.up, layer.down, layer.feed_forward_norm


class _Linear(NamedTuple):
    """Weight ``(n_out, n_in)``, and the bias as a column."""

    weight: Tensor
    bias: Tensor

    @classmethod
    def of(cls, layer: nn.Linear) -> _Linear:
        return cls(layer.weight.detach(), layer.bias.detach()[:, None])

    def __call__(self, values: _Rows, result: _Rows) -> None:
        torch.addmm(self.bias, self.weight, values.real, out=result.real)


class _Norm(NamedTuple):
    """Gain and shift as rows, and what is added to variances."""

    gain: Columns
    shift: Columns
    eps: np.float32

    @classmethod
    def of(cls, norm: nn.LayerNorm) -> _Norm:
        gain, shift = (tensor.detach().numpy()[None] for tensor in (norm.weight, norm.bias))
        return cls(gain, shift, np.float32(norm.eps))


class _Step(NamedTuple):
    """A layer as this pass sees it: its parts, and what dropout drops."""

    heads: int
    query_key_value: _Linear
    mix: _Linear
    attention_norm: _Norm
    up: _Linear
    down: _Linear
    feed_forward_norm: _Norm
    of_mixed: Drawn
    of_hidden: Drawn
    of_down: Drawn

    @classmethod
    def of(cls, layer: Layer) -> _Step:
        """It draws for the three dropouts, in the order in which they come."""
        drawn = [layer.dropout.drawn() for _ in range(3)]
        before = _Linear.of(layer.query_key_value), _Linear.of(layer.mix), _Norm.of(layer.attention_norm)
        behind = _Linear.of(layer.up), _Linear.of(layer.down), _Norm.of(layer.feed_forward_norm)
        return cls(layer.heads, *before, *behind, *drawn)

    @property
    def width(self) -> int:
        """Of a particle."""
        return len(self.mix.weight)

    @property
    def hidden(self) -> int:
        """Width of the hidden layer."""
        return len(self.up.weight)

    def rows(self, *, keep: bool) -> int:
        """How many rows a :class:`_Table` has."""
        values = 8 * self.width + self.hidden if keep else max(3 * self.width + self.hidden, 5 * self.width)
        return values + 2 * self.heads + 2


# -- parts of a batch, and where their numbers stand -------------------------------------------------


@dataclasses.dataclass(frozen=True, eq=False)
class _Part:
    """Some events of a batch: ``n`` particles from the first one on."""

    offsets: NDArray[np.int64]
    first: int
    n: int

    @property
    def columns(self) -> int:
        """Columns of products: a multiple of sixteen."""
        return self.n + -self.n % LANES

    @property
    def length(self) -> int:
        """Columns of a row, with free ones behind them; an odd number of cache lines, so that rows do not all
        fall into the same places of the cache.
        """
        return (self.columns // LANES + 1 | 1) * LANES


def _parts(offsets: NDArray[np.int64], width: int) -> Iterator[_Part]:
    """The batch in parts of about as many particles as the cache is made for."""
    total = int(offsets[-1])
    n = max(1, round(total * width / _PARTICLES_TIMES_WIDTH))
    inner = np.unique(np.searchsorted(offsets, total * np.arange(1, n) / n))
    for begin, end in itertools.pairwise([0, *inner.tolist(), len(offsets) - 1]):
        first, last = int(offsets[begin]), int(offsets[end])
        if last > first:
            yield _Part(offsets[begin : end + 1], first, last - first)


class _Rows(NamedTuple):
    """Some rows: all columns for kernels, and those of products."""

    all: Columns
    real: Tensor


def _split(values: Columns, columns: int, sizes: Sequence[int]) -> list[_Rows]:
    """Rows one below the other."""
    ends = list(itertools.accumulate(sizes))
    real = torch.split(torch.from_numpy(values[: ends[-1], :columns]), list(sizes))
    return [_Rows(values[end - n : end], own) for n, end, own in zip(sizes, ends, real, strict=True)]


class _Table:
    """What a layer makes of some events. ``keep``: for the way back; else rows are used again."""

    def __init__(self, values: Columns, part: _Part, step: _Step, *, keep: bool) -> None:
        units, last = step.width, values[-2 * step.heads - 2 :]
        first, later = (units, 3 * units, units), (units, units, step.hidden)
        if keep:
            self.x, self.qkv, self.mixed, *rest, self.changed = _split(
                values, part.columns, (*first, *later, units)
            )
        else:  # queries, keys and values are done with when the others come
            self.x, self.qkv, self.mixed = _split(values, part.columns, first)
            rest = _split(values[units:], part.columns, later)
            self.changed = rest[0]
        self.attended, self.middle, self.hidden = rest
        self.most, self.share = last[: step.heads], last[step.heads : 2 * step.heads]
        self.deviations = last[-2:-1], last[-1:]


class _Slopes:
    """Gradients of what a layer makes of some events; the same rows for all layers."""

    def __init__(self, part: _Part, step: _Step) -> None:
        units = step.width
        values = np.empty((6 * units + step.hidden, part.length), np.float32)
        self.x, self.change, self.mixed, self.qkv, self.hidden = _split(
            values, part.columns, (units, units, units, 3 * units, step.hidden)
        )


# -- forward -----------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, eq=False)
class _Kept:
    """A part of a batch that went through all layers: what each of them made of it."""

    part: _Part
    tables: list[_Table]


def _forward(
    x: Tensor, offsets: NDArray[np.int64], steps: Sequence[_Step], *, keep: bool
) -> tuple[Tensor, list[_Kept]]:
    """The result, ``(n_particles, width)``, and what the way back needs, if it is to be kept."""
    given = x.detach().contiguous().numpy()
    width = given.shape[1]
    sizes = [step.rows(keep=keep) for step in steps]
    # where a layer's rows begin; the rows behind the last one's take the result
    begins = [0, *itertools.accumulate(sizes)] if keep else [0] * (len(sizes) + 1)
    rows = begins[-1] + (width if keep else max(sizes))
    result, kept = np.empty_like(given), []
    for part in _parts(offsets, width):
        own = np.empty((rows, part.length), np.float32)
        tables = [
            _Table(own[begin : begin + size], part, step, keep=keep)
            for begin, size, step in zip(begins, sizes, steps, strict=False)
        ]
        to_columns(given, part.first, part.n, tables[0].x.all)
        for step, table, after in zip(steps, tables, begins[1:], strict=True):
            _through(part, step, table, own[after : after + width])
        to_rows(own[begins[-1] : begins[-1] + width], part.n, result, part.first)
        if keep:
            kept.append(_Kept(part, tables))
    return torch.from_numpy(result), kept


def _through(part: _Part, step: _Step, t: _Table, result: Columns) -> None:
    """Some events through a layer."""
    n, first = part.n, part.first
    step.query_key_value(t.x, t.qkv)
    attend(t.qkv.all, part.offsets, step.heads, t.mixed.all, t.most, t.share)
    step.mix(t.mixed, t.attended)
    deviations, middle = t.deviations[0], t.middle.all
    add_norm(t.x.all, t.attended.all, n, *step.attention_norm, step.of_mixed, first, deviations, middle)
    step.up(t.middle, t.hidden)
    drop_negative(t.hidden.all, n, step.of_hidden, first)
    step.down(t.hidden, t.changed)
    deviations = t.deviations[1]
    add_norm(middle, t.changed.all, n, *step.feed_forward_norm, step.of_down, first, deviations, result)


# -- back --------------------------------------------------------------------------------------------


class _Sums:
    """Gradients of a layer's weights, summed over the parts of a batch."""

    def __init__(self, step: _Step) -> None:
        linear = step.query_key_value, step.mix, step.up, step.down
        self.query_key_value, self.mix, self.up, self.down = (torch.zeros_like(one.weight) for one in linear)
        self.qkv_bias = np.zeros((1, 3 * step.width), np.float32)
        self.up_bias = np.zeros((1, step.hidden), np.float32)
        # of gain and shift of a norm, and of the bias of the layer before it
        self.attention, self.feed_forward = np.zeros((2, 3, step.width), np.float32)

    def gradients(self) -> tuple[Tensor, ...]:
        """In the order of a layer's parts, weight and bias of each."""
        of_qkv, of_up = torch.from_numpy(self.qkv_bias[0]), torch.from_numpy(self.up_bias[0])
        attention, feed_forward = torch.from_numpy(self.attention), torch.from_numpy(self.feed_forward)
        before = self.query_key_value, of_qkv, self.mix, attention[2], attention[0], attention[1]
        return *before, self.up, of_up, self.down, feed_forward[2], feed_forward[0], feed_forward[1]


class _Encode(torch.autograd.Function):
    """All layers as one function of particles and weights."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, offsets: NDArray[np.int64], steps: Sequence[_Step], *weights: Tensor
    ) -> Tensor:
        result, ctx.kept = _forward(x, offsets, steps, keep=True)
        ctx.steps = steps
        ctx.save_for_backward(*weights)
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        _ = ctx.saved_tensors  # complains about weights that have changed since
        given = gradient.contiguous().numpy()
        sums = [_Sums(step) for step in ctx.steps]
        of_x = np.empty_like(given)
        for kept in ctx.kept:
            part = kept.part
            slopes = _Slopes(part, ctx.steps[0])
            to_columns(given, part.first, part.n, slopes.x.all)
            for each in reversed(list(zip(ctx.steps, kept.tables, sums, strict=True))):
                _back(part, slopes, *each)
            to_rows(slopes.x.all, part.n, of_x, part.first)
        return torch.from_numpy(of_x), None, None, *(tensor for own in sums for tensor in own.gradients())


def _back(part: _Part, g: _Slopes, step: _Step, t: _Table, sums: _Sums) -> None:
    """Some events back through a layer: ``g.x`` from that of its result to its own; weights' are added."""
    n, first, x, change = part.n, part.first, g.x.all, g.change.all
    deviations, gain = t.deviations[1], step.feed_forward_norm.gain
    add_norm_back(x, t.changed.all, n, deviations, gain, step.of_down, first, change, sums.feed_forward)
    _add_product(sums.down, g.change.real, t.hidden.real.T)
    torch.mm(step.down.weight.T, g.change.real, out=g.hidden.real)
    drop_negative_back(t.hidden.all, n, step.of_hidden[2], g.hidden.all, sums.up_bias)
    _add_product(sums.up, g.hidden.real, t.middle.real.T)
    _add_product(g.x.real, step.up.weight.T, g.hidden.real)
    deviations, gain = t.deviations[0], step.attention_norm.gain
    add_norm_back(x, t.attended.all, n, deviations, gain, step.of_mixed, first, change, sums.attention)
    _add_product(sums.mix, g.change.real, t.mixed.real.T)
    torch.mm(step.mix.weight.T, g.change.real, out=g.mixed.real)
    kept = t.qkv.all, part.offsets, step.heads, t.mixed.all, t.most, t.share
    attend_back(*kept, g.mixed.all, g.qkv.all)
    add_sums(g.qkv.all, n, sums.qkv_bias)
    _add_product(sums.query_key_value, g.qkv.real, t.x.real.T)
    _add_product(g.x.real, step.query_key_value.weight.T, g.qkv.real)


def _add_product(total: Tensor, a: Tensor, b: Tensor) -> None:
    torch.addmm(total, a, b, out=total)
