"""Write tables and pictures of docs/bs_dspi.md from a finished run.

``python tools/bs_dspi_results.py RUN`` writes them; ``make bs-dspi-results RUN=FOLDER`` does.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
PAGE = DOCS / "bs_dspi.md"

BEGIN, END = "<!-- made by tools/bs_dspi_results.py: -->", "<!-- :made by tools/bs_dspi_results.py -->"
"""Lines of the page that the results stand between."""

FIGURES = {
    "mass_before": "Mass of all candidates in data by the mode of the D_s, with the fit and its pulls",
    "mass_after": "The same after vetoes and cut",
    "scores": "Scores of simulated signal and of the sideband, and the cut",
    "cut": "The figure of merit along cuts; combinations kept against signal kept",
    "importance": "Area that is lost without each group of variables",
    "sculpting": "Mass of combinations before and after the cut",
    "sideband": "Scores of combinations under the peak and in the sideband",
    "toys": "Pulls of toys beside the normal distribution",
    "unfolded": "Transverse momentum of the signal by sWeights and in simulation",
    "decay_times": "Decay times of unmixed, mixed and untagged decays, with the fit",
    "oscillation": "Asymmetry in one period, and the likelihood by frequency",
    "published_before": "The published fit before the cut",
}
"""Figures of the run that the page shows, and their alternative texts."""


def results(run: Path) -> list[str]:
    """Lines of the page.

    Parameters
    ----------
    run
        Of ``hepsets run bs-dspi``.
    """
    told = json.loads((run / "result.json").read_text(encoding="utf-8"))
    command = f"hepsets run bs-dspi --scale {told['scale']} --seed {told['seed']}"
    tables = (run / "tables.md").read_text(encoding="utf-8").rstrip("\n").split("\n")
    pictures = [f"![{text}](figures/bs_dspi_{name}.png)" for name, text in FIGURES.items()]
    return [f"`{command}`. Masses in MeV.", "", *tables, "", *pictures]


def main(run: Path) -> None:
    """Copy the figures, and replace what stands between the two lines of the page."""
    for name in FIGURES:
        shutil.copy(run / "figures" / f"{name}.png", DOCS / "figures" / f"bs_dspi_{name}.png")
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(before + "\n".join([BEGIN, "", *results(run), "", END]) + after, encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="folder of a finished run")
    main(parser.parse_args().run)
