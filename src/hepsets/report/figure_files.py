"""Figures of a run: page content, and files in its folder."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from hepsets.report.page import Drawing, drawing


class FigureFiles:
    """Turns figures into page content and keeps each as PNG and PDF.

    Parameters
    ----------
    folder
        An existing folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, name: str, figure: Figure, caption: str) -> Drawing:
        """The figure as a drawing with a caption; its files are called ``name``."""
        for ending in ("png", "pdf"):
            figure.savefig(self._folder / f"{name}.{ending}", dpi=160, facecolor="white")
        return drawing(figure, caption)
