"""Where a training runs: on one device, or under torchrun on all of a launch by Lightning Fabric."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import torch
from torch import Tensor, nn

from hepsets.core.errors import InputError

if TYPE_CHECKING:
    from lightning.fabric import Fabric

Value = TypeVar("Value")


class OneDevice:
    """One process, with the names of :class:`lightning.fabric.Fabric`, whose import takes seconds.

    Parameters
    ----------
    device
        ``"cpu"`` or ``"cuda"``.
    """

    global_rank, world_size, is_global_zero = 0, 1, True

    def __init__(self, device: str) -> None:
        self.device = torch.device(device, 0) if device == "cuda" else torch.device(device)

    def setup(
        self, model: nn.Module, optimizer: torch.optim.Optimizer
    ) -> tuple[nn.Module, torch.optim.Optimizer]:
        """Both, the model on the device; no shape changes."""
        return model.to(self.device), optimizer

    def backward(self, loss: Tensor) -> None:
        """Gradients of a loss."""
        loss.backward()  # type: ignore[no-untyped-call]

    def broadcast(self, value: Value) -> Value:
        """What the first process says."""
        return value

    def all_reduce(self, value: Tensor, reduce_op: str) -> Tensor:  # noqa: ARG002 (of one)
        """The mean or sum over all processes, any shape."""
        return value


Devices: TypeAlias = "OneDevice | Fabric"


def devices_of(device: str) -> Devices:
    """The device that is asked for, or all of a torchrun launch.

    Parameters
    ----------
    device
        ``"cpu"``, ``"cuda"`` or ``"auto"``: a GPU where there is one.

    Raises
    ------
    InputError
        For ``"cuda"`` without such a device.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("device 'cuda'", "a machine with a CUDA device", "use device 'cpu' or 'auto'")
    local, world = (int(os.environ.get(name, "1")) for name in ("LOCAL_WORLD_SIZE", "WORLD_SIZE"))
    if world == 1:
        return OneDevice(device)
    from lightning.fabric import Fabric

    fabric = Fabric(accelerator=device, devices=local, num_nodes=world // local, strategy="ddp")
    fabric.launch()
    return fabric
