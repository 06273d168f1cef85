"""What models of a user's own ``nn.Module`` share: their names, and the module that must be given."""

from __future__ import annotations

from torch import Tensor, nn

from hepsets.core.errors import InputError

PREFIX = "own:"
"""Names of such models begin so; the module's class follows."""


def name_of(module: nn.Module) -> str:
    """Name of the model that a module becomes."""
    return PREFIX + type(module).__name__


def given(name: str, module: object) -> nn.Module:
    """The module of the model ``name``, which no file holds.

    Raises
    ------
    InputError
        If it is none.
    """
    if not isinstance(module, nn.Module):
        raise InputError(f"the model {name} alone", "module=…, the network itself, which is no file's")
    return module


def with_heads(logits: object) -> Tensor:
    """Logits of shape ``(n_events, heads)``, also where a module gives ``(n_events,)`` for one head.

    Raises
    ------
    InputError
        For anything else; whether there is one row per event is seen when they are compared with labels.
    """
    if not isinstance(logits, Tensor) or logits.ndim not in (1, 2):
        came = f"shape {tuple(logits.shape)}" if isinstance(logits, Tensor) else type(logits).__name__
        raise InputError(f"a module that gives {came}", "logits of shape (n_events,) or (n_events, heads)")
    return logits[:, None] if logits.ndim == 1 else logits
