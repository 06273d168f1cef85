"""What a trained model says of itself at a prompt: its kind, its size, how it was trained, its options."""

from __future__ import annotations

import dataclasses
from typing import Any

from hepsets.core.screen import on_screen


def described(model: Any, size: str, *more: str) -> str:
    """A model in a few lines that fit on a screen.

    Parameters
    ----------
    model
        With ``name`` and ``kind``; the options of its ``config``, if it has one, come last.
    size
        How large it is, such as ``"1,234 parameters"``.
    more
        Further lines, empty ones left out.
    """
    kind = str(model.kind).replace("_", " ")
    config = getattr(model, "config", None)
    options = ""
    if dataclasses.is_dataclass(config):
        values = {each.name: getattr(config, each.name) for each in dataclasses.fields(config)}
        options = "options: " + ", ".join(f"{name} = {_short(value)}" for name, value in values.items())
    return on_screen(line for line in (f"{model.name}: a model of {kind}, {size}", *more, options) if line)


def _short(value: object) -> str:
    """A value as a few words: sets and tables as how many there are."""
    if isinstance(value, tuple | list | dict) and (len(value) > 4 or len(repr(value)) > 60):
        return f"{len(value)} of them"
    if dataclasses.is_dataclass(value):
        return type(value).__name__
    return repr(value)
