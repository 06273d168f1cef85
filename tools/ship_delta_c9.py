"""Put the models of a finished run of ΔC9 into the package, small, with their card.

``python tools/ship_delta_c9.py RUN`` (or ``make shipped-delta-c9 RUN=…``).
"""

from __future__ import annotations

import dataclasses
import shutil
import sys
from pathlib import Path
from typing import Any

from hepsets.core.run import read_result
from hepsets.core.whole_file import whole_file
from hepsets.deploy.delta_c9 import DeltaC9Inference, models_of
from hepsets.deploy.delta_c9_shipped import FOLDER

REFERENCE_EVENTS = 16_000
"""Simulated events of each model that a user's are compared with."""


def ship(run: Path, folder: Path = FOLDER) -> None:
    """Copy the models of a run, each with fewer reference events and in half the bits.

    Raises
    ------
    InputError
        If the run is not finished or has no models.
    """
    result, models = read_result(run), models_of(run)
    shutil.rmtree(folder, ignore_errors=True)
    for (level, window), model in models.items():
        small = dataclasses.replace(model, reference=model.reference.first(REFERENCE_EVENTS))
        small.save(folder / "models" / f"{level}_{window}", compact=True)
    with whole_file(folder / "card.md") as partial:
        partial.write_text(card(result, models), encoding="utf-8")


def card(result: dict[str, Any], models: dict[tuple[str, str], DeltaC9Inference]) -> str:
    """What a user must know of the models, as Markdown."""
    rows = []
    for (level, window), model in models.items():
        place = int(abs(model.morphing.simulation_points + 0.8).argmin())
        rows.append(f"| {level} | {window} | {model.morphing.simulation_se[place]:.4f} |")
    lines = [
        "# Models of ΔC9",
        "",
        "Made by `tools/ship_delta_c9.py` from `hepsets run delta-c9 --scale "
        f"{result['scale']} --seed {result['seed']}`, hepsets {result['versions']['hepsets']}.",
        "`morphing` alone; trained on decays at 44 values of ΔC9 from −2 to 1.1 with central form factors,",
        "at detector level through the parametric detector of Belle II. What they can do, and what not:",
        "docs/infer.md.",
        "",
        "| level | window of q² | error from the finite simulation at ΔC9 = −0.8 |",
        "|---|---|---|",
        *rows,
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    ship(Path(sys.argv[1]))
