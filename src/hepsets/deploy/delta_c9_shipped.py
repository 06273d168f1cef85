"""The models of ΔC9 that come with the package."""

from __future__ import annotations

from pathlib import Path

SHIPPED = "shipped"
"""What the folder of the shipped models is called where a run is asked for."""

FOLDER = Path(__file__).parent / "delta_c9_models"
"""Where they stand, as a run keeps its own: ``models/LEVEL_WINDOW/``."""


def run_folder(name: str | Path) -> Path:
    """The folder of a run: the shipped one by its name, else the path as it is.

    :data:`SHIPPED` always means the package's, whatever stands in the current folder.
    """
    return FOLDER if str(name) == SHIPPED else Path(name)
