"""Convolutions that turn with the image: averaged over turns, lifting to orientations, and between them.

Maps of a group have the shape ``(n, order * channels, height, width)``, all channels of an orientation
together, so that each layer is one ordinary convolution with a bank of turned filters, see
:mod:`hepsets.learn.layers.square_group`. A turn of the image turns the maps and moves them on to the next
orientation: exactly, up to rounding, for every size, stride and padding that is accepted. Those that would
break it are refused, see :func:`~hepsets.learn.layers.square_group.demand_centred`.

Source: Cohen & Welling, Group Equivariant Convolutional Networks, ICML 2016, arXiv:1602.07576.
"""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from hepsets.learn.layers.square_group import ORDER, Group, act, demand_centred, filter_index


class SquareConv2d(nn.Module):
    """What all of them are: filters from which a bank is made, and one convolution with that bank.

    Parameters
    ----------
    n_in, n_out
        Channels per orientation.
    kernel
        Height and width of the filters [pixels].
    stride, padding
        Of the convolution; zeros are padded.
    bias
        Whether there is a bias per channel, the same for all orientations.
    orientations
        Orientations of what comes in, and of what comes out.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        kernel: int,
        *,
        stride: int = 1,
        padding: int = 0,
        bias: bool = False,
        orientations: tuple[int, int] = (1, 1),
    ) -> None:
        super().__init__()
        self.kernel, self.stride, self.padding = kernel, stride, padding
        self.orientations = orientations
        self.weight = nn.Parameter(torch.empty(n_out, n_in, orientations[0], kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(n_out)) if bias else None
        nn.init.normal_(self.weight, std=math.sqrt(2 / (n_in * orientations[0] * kernel**2)))

    def bank(self) -> Tensor:
        """Weights of the one convolution, ``(n_out, n_in, kernel, kernel)`` with the orientations of each.

        Channels are innermost in memory: so they are in what comes out, where batch norm wants them.
        """
        raise NotImplementedError

    def bank_bias(self) -> Tensor | None:
        """Its bias, shape ``(orientations * n_out,)``."""
        return None if self.bias is None else self.bias.repeat(self.orientations[1])

    def forward(self, maps: Tensor) -> Tensor:
        """Maps of shape ``(n, orientations * n_in, height, width)`` to ``(n, orientations * n_out, h', w')``.

        Raises
        ------
        InputError
            For a size that this kernel, stride and padding do not cover evenly.
        """
        demand_centred(maps.shape[-2:], self.kernel, self.stride, self.padding, "a convolution")
        return functional.conv2d(maps, self.bank(), self.bank_bias(), self.stride, self.padding)

    def export(self) -> nn.Conv2d:
        """A plain convolution that does the same, without the check of sizes."""
        with torch.no_grad():
            bank, bias = self.bank(), self.bank_bias()
            n_out, n_in = bank.shape[:2]
            plain = nn.Conv2d(n_in, n_out, self.kernel, self.stride, self.padding, bias=bias is not None)
            plain.weight = nn.Parameter(bank.clone())  # its order in memory too
            if bias is not None:
                plain.bias = nn.Parameter(bias.clone())
        return plain.to(bank.device).eval()

    def extra_repr(self) -> str:
        """What ``print`` shows between the brackets."""
        n_out, n_in = self.weight.shape[:2]
        return f"{n_in}, {n_out}, kernel={self.kernel}, stride={self.stride}, padding={self.padding}"


class AveragedC4Conv2d(SquareConv2d):
    """The layer of the coursework: turn the image four ways, convolve, turn back, average.

    ``y = 1/4 Σ_k R₋ₖ(Rₖ x ∗ f)``, of which :func:`four_turns` gives the terms. Convolutions are linear, so
    this is one convolution with the average of the filter over its four turns, which is how this class does
    it. A filter averaged so looks the same from all four sides: of an edge or a stroke it cannot tell which
    way it runs, and what is lost here no later layer finds again.

    Parameters
    ----------
    n_in, n_out, kernel, stride, padding, bias
        See :class:`SquareConv2d`.
    """

    def __init__(
        self, n_in: int, n_out: int, kernel: int, *, stride: int = 1, padding: int = 0, bias: bool = True
    ) -> None:
        super().__init__(n_in, n_out, kernel, stride=stride, padding=padding, bias=bias)

    def bank(self) -> Tensor:
        """The filters averaged over their turns, shape ``(n_out, n_in, kernel, kernel)``."""
        filters = self.weight[:, :, 0]
        return torch.stack([act(turn, filters) for turn in range(4)]).mean(0)


def four_turns(layer: AveragedC4Conv2d, images: Tensor) -> Tensor:
    """What :class:`AveragedC4Conv2d` averages, as the coursework computes it: convolutions of turned images.

    Parameters
    ----------
    layer
        The layer, for its filters before they are averaged.
    images
        Shape ``(n, n_in, height, width)``.

    Returns
    -------
    Tensor
        Shape ``(4, n, n_out, h', w')``: the four, each turned back; their mean is the layer's output.
    """
    filters = layer.weight[:, :, 0]
    turned = [
        functional.conv2d(act(turn, images), filters, layer.bias, layer.stride, layer.padding)
        for turn in range(4)
    ]
    return torch.stack([act(-turn % 4, one) for turn, one in enumerate(turned)])


class _GroupFilters(SquareConv2d):
    """Filters turned by all elements of a group."""

    of_maps: ClassVar[bool]
    """Whether what comes in are maps of all orientations, or an image."""

    index: Tensor

    def __init__(
        self,
        n_in: int,
        n_out: int,
        kernel: int,
        group: Group = "p4",
        *,
        stride: int = 1,
        padding: int = 0,
        bias: bool = False,
    ) -> None:
        order = ORDER[group]
        orientations = (order if self.of_maps else 1, order)
        super().__init__(
            n_in, n_out, kernel, stride=stride, padding=padding, bias=bias, orientations=orientations
        )
        self.group = group
        index = filter_index(group, kernel, of_maps=self.of_maps)
        self.register_buffer("index", index.flatten(), persistent=False)

    def bank(self) -> Tensor:
        """All filters in all orientations, shape ``(order * n_out, orientations * n_in, kernel, kernel)``."""
        n_out, n_in = self.weight.shape[:2]
        seen, order = self.orientations
        turned = self.weight.flatten(2).flatten(0, 1).index_select(1, self.index)
        by_orientation = turned.view(n_out, n_in, order, seen, self.kernel, self.kernel)
        channels_last = by_orientation.permute(2, 0, 4, 5, 3, 1).reshape(
            order * n_out, self.kernel, self.kernel, seen * n_in
        )
        return channels_last.permute(0, 3, 1, 2)

    def extra_repr(self) -> str:
        """What ``print`` shows between the brackets."""
        return f"{super().extra_repr()}, group={self.group}"


class LiftingConv2d(_GroupFilters):
    """From an image to maps of all orientations: each filter in each of its turns (and mirrors).

    ``[f ⋆ ψ](g) = Σ_y f(y) ψ(g⁻¹ y)``, Cohen & Welling, equation 10.

    Parameters
    ----------
    n_in
        Channels of the image.
    n_out
        Channels per orientation of what comes out.
    kernel, stride, padding, bias
        See :class:`SquareConv2d`.
    group
        Turns alone, or mirrors too.
    """

    of_maps = False


class GroupConv2d(_GroupFilters):
    """Between maps of all orientations: a filter sees them all, and turns as one.

    ``[f ⋆ ψ](g) = Σ_h f(h) ψ(g⁻¹ h)``, Cohen & Welling, equation 11.

    Parameters
    ----------
    n_in, n_out
        Channels per orientation.
    kernel, stride, padding, bias
        See :class:`SquareConv2d`.
    group
        That of the maps.
    """

    of_maps = True
