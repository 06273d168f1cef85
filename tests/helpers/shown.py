"""Whether a result says what it found on one screen, and draws its main figure."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from hepsets.core.screen import LINES, WIDTH


def fits_on_a_screen(shown: object) -> str:
    """What an object says of itself, which has no more lines and columns than a screen."""
    text = repr(shown)
    assert len(text.splitlines()) <= LINES
    assert max(map(len, text.splitlines())) <= WIDTH
    return text


def says_and_draws(result: Any) -> None:
    """A headline with uncertainties, and a figure of it."""
    text = fits_on_a_screen(result)
    assert text.startswith(f"{result.analysis}, {result.config.scale}, seed {result.config.seed}\n")
    assert "±" in text
    figure = result.plot()
    assert isinstance(figure, Figure)
    assert figure.axes
    assert figure._repr_png_().startswith(b"\x89PNG")
