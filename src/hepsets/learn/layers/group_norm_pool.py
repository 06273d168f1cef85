"""What stands between group convolutions: batch norm over orientations, pooling, and the invariant head."""

from __future__ import annotations

import copy
from typing import Literal

from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from hepsets.learn.layers.group_conv import SquareConv2d
from hepsets.learn.layers.square_group import ORDER, Group, demand_centred


class OrientationBatchNorm2d(nn.Module):
    """Batch norm whose statistics, scale and shift of a channel are those of all its orientations together.

    One for each orientation would tell them apart, and the layer would no longer turn with the image.

    Parameters
    ----------
    channels
        Per orientation.
    orientations
        How many there are; 1 for a plain batch norm.
    """

    def __init__(self, channels: int, orientations: int = 1) -> None:
        super().__init__()
        self.orientations = orientations
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, maps: Tensor) -> Tensor:
        """Maps of shape ``(n, orientations * channels, height, width)``, normalised, same shape."""
        n, channels, height, width = maps.shape
        if self.orientations == 1:
            result: Tensor = self.norm(maps)
            return result
        # where channels are innermost this is another view of the same numbers, not a copy
        wide = maps.permute(0, 2, 3, 1).reshape(
            n, height, width * self.orientations, channels // self.orientations
        )
        normed: Tensor = self.norm(wide.permute(0, 3, 1, 2))
        return normed.permute(0, 2, 3, 1).reshape(n, height, width, channels).permute(0, 3, 1, 2)

    def export(self) -> nn.BatchNorm2d:
        """A plain batch norm that does the same in evaluation."""
        own = self.norm
        plain = nn.BatchNorm2d(own.num_features * self.orientations, eps=own.eps)
        repeated = {
            name: value if value.ndim == 0 else value.repeat(self.orientations)
            for name, value in own.state_dict().items()
        }
        plain.load_state_dict(repeated)
        return plain.to(own.weight.device).eval()


class SpatialPool2d(nn.Module):
    """The largest, or the mean, of pixels in windows; windows that would not turn with the image are refused.

    Parameters
    ----------
    window
        Height and width; also the stride, unless that is given.
    stride, padding
        As of ``torch.nn.MaxPool2d``.
    kind
        ``"max"`` or ``"mean"``.
    """

    def __init__(
        self,
        window: int,
        *,
        stride: int | None = None,
        padding: int = 0,
        kind: Literal["max", "mean"] = "max",
    ) -> None:
        super().__init__()
        self.window, self.stride, self.padding, self.kind = window, stride or window, padding, kind

    def forward(self, maps: Tensor) -> Tensor:
        """Maps of shape ``(n, channels, height, width)`` to ``(n, channels, h', w')``.

        Raises
        ------
        InputError
            For a size that the windows do not cover evenly.
        """
        demand_centred(maps.shape[-2:], self.window, self.stride, self.padding, "a pooling")
        pooled: Tensor = self.export()(maps)
        return pooled

    def export(self) -> nn.Module:
        """A plain pooling that does the same, without the check of sizes."""
        plain = nn.MaxPool2d if self.kind == "max" else nn.AvgPool2d
        return plain(self.window, self.stride, self.padding)


class GroupPool(nn.Module):
    """The largest, or the mean, over orientations: what is left turns with the image, and no more.

    Parameters
    ----------
    group
        That of the maps.
    kind
        ``"max"`` or ``"mean"``.
    """

    def __init__(self, group: Group, kind: Literal["max", "mean"] = "max") -> None:
        super().__init__()
        self.group, self.kind = group, kind

    def forward(self, maps: Tensor) -> Tensor:
        """Maps of shape ``(n, order * channels, height, width)`` to ``(n, channels, height, width)``."""
        n, width, *size = maps.shape
        order = ORDER[self.group]
        by_orientation = maps.reshape(n, order, width // order, *size)
        return by_orientation.amax(1) if self.kind == "max" else by_orientation.mean(1)

    def extra_repr(self) -> str:
        """What ``print`` shows between the brackets."""
        return f"{self.group}, {self.kind}"


class InvariantHead(nn.Module):
    """Logits that no turn of the image changes: pooled over orientations, then over what pixels are left.

    Parameters
    ----------
    group
        That of the maps.
    kind
        How orientations are pooled: ``"max"`` or ``"mean"``.
    """

    def __init__(self, group: Group, kind: Literal["max", "mean"] = "max") -> None:
        super().__init__()
        self.pool = GroupPool(group, kind)

    def forward(self, maps: Tensor) -> Tensor:
        """Maps of shape ``(n, order * classes, height, width)`` to logits of shape ``(n, classes)``."""
        pooled: Tensor = self.pool(maps)
        return pooled.mean(dim=(2, 3))


def plain(layers: nn.Sequential) -> nn.Sequential:
    """The same in evaluation, of plain PyTorch layers: filters laid out, batch norms taken into convolutions.

    Parameters
    ----------
    layers
        Convolutions, poolings and batch norms of this package, and any others. They are left as they are.

    Returns
    -------
    torch.nn.Sequential
        From the same images to the same numbers up to rounding, for images of the size of ``layers``: nothing
        checks sizes any more. Layers without weights are those of ``layers``.
    """
    found: list[nn.Module] = []
    for layer in layers:
        if isinstance(layer, SquareConv2d | SpatialPool2d):
            found.append(layer.export())
        elif isinstance(layer, nn.Conv2d | nn.Linear):
            found.append(copy.deepcopy(layer).eval())
        elif isinstance(layer, OrientationBatchNorm2d) and found and isinstance(found[-1], nn.Conv2d):
            found[-1] = fuse_conv_bn_eval(found[-1], layer.export())
        elif isinstance(layer, OrientationBatchNorm2d):
            found.append(layer.export())
        elif not isinstance(layer, nn.Dropout | nn.Dropout2d):
            found.append(layer)
    return nn.Sequential(*found).eval()
