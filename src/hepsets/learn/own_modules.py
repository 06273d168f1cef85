"""What models of a user's own ``nn.Module`` share: their names, the module itself, and how one is made."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

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


def checked_maker(name: str, make: object) -> Callable[..., nn.Module]:
    """What makes modules of the model ``name``: a class, or a function.

    Raises
    ------
    InputError
        For a module, which could be trained but once, and anything else that cannot be called.
    """
    if isinstance(make, nn.Module) or not callable(make):
        came = f"a {type(make).__name__}" + (" that is made" if isinstance(make, nn.Module) else "")
        raise InputError(
            f"{came} as the model {name!r}", "a class of nn.Module, or a function that makes a fresh one"
        )
    return make


def made(name: str, make: Callable[..., nn.Module], sizes: Mapping[str, Any]) -> nn.Module:
    """A fresh module of the model ``name``.

    Parameters
    ----------
    name, make
        See :func:`checked_maker`.
    sizes
        What ``make`` is told where it has a parameter of that name.

    Raises
    ------
    InputError
        If it has parameters of other names without defaults, or what it makes is no module.
    """
    parameters = inspect.signature(make).parameters
    open_ones = [
        each.name
        for each in parameters.values()
        if each.default is each.empty
        and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
        and each.name not in sizes
    ]
    if open_ones:
        raise InputError(
            f"the model {name!r} without its {', '.join(open_ones)}",
            f"defaults, or parameters called {', '.join(sizes)}",
            "functools.partial gives a parameter its value",
        )
    return given(name, make(**{key: value for key, value in sizes.items() if key in parameters}))


@contextmanager
def as_it_was_trained(name: str) -> Iterator[None]:
    """Say what is wrong where numbers of a file do not fit the module that is made for them today.

    Raises
    ------
    InputError
        If they do not.
    """
    try:
        yield
    except RuntimeError as error:
        told = (str(error).splitlines() or [""])[-1].strip()
        raise InputError(
            f"numbers of {name!r} for another module ({told})", "the class as it was when it was trained"
        ) from error


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
