"""Judge the models of a finished run of the ΔC9 analysis on fresh toys, more than a run makes.

    python tools/delta_c9_toys.py RUN --level background --window 1-19 --toys 480

prints a table in Markdown: standard deviation, bias over it, and coverage of 68.3 % intervals of
the models that serve sets of all sizes, for the smallest sets and for four of them together.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import numpy as np

from hepsets.analyses.delta_c9.cells import estimate
from hepsets.analyses.delta_c9.config import ON_SETS, Config
from hepsets.analyses.delta_c9.samples import TOYS, Cell, sample_for
from hepsets.analyses.delta_c9.training import train_cell
from hepsets.core.config import from_mapping, read_toml
from hepsets.evaluate.estimates.quality import estimator_quality
from hepsets.generate.kstmumu.density import VARIABLES, WINDOWS
from hepsets.learn.data_sets.estimator import SetEstimates
from hepsets.learn.training.one_thread import one_thread
from hepsets.represent.data_sets.pools import disjoint_sets
from hepsets.select.kstmumu.sample import LEVELS

BATCH = 240
"""Toys of the smallest size at once: bounds the memory."""

JOINED = (1, 4)


def judge(run: Path, cell: Cell, toys: int, seed: int) -> None:
    """Print the table of one cell."""
    trained = from_mapping(Config, read_toml(run / "config.toml"))
    models = tuple(name for name in trained.models if name not in ON_SETS)
    estimators = train_cell(dataclasses.replace(trained, models=models), cell, run / "models" / cell.name)
    fresh = dataclasses.replace(trained, seed=seed)
    least = min(fresh.set_events)
    seen = (*VARIABLES, "delta_c9", "is_signal", *fresh.morphing.signal_columns)
    print("| level | window | ΔC9 | model | decays | std | bias / std | coverage |\n" + "|---" * 8 + "|")
    for number, truth in enumerate(fresh.truths):
        parts: dict[tuple[str, int], list[SetEstimates]] = {}
        for batch, begin in enumerate(range(0, toys, BATCH)):
            events = min(BATCH, toys - begin) * least
            place = number + max(10, len(fresh.truths)) * batch
            pool = sample_for(fresh, cell, TOYS, place, truth, events, seen)
            sets = disjoint_sets(pool, least, background="poisson", seed=seed)
            for model, size, found in estimate(estimators, sets, least, joined=JOINED):
                parts.setdefault((model, size), []).append(found)
        for (model, size), batches in parts.items():
            value, low, high = (
                np.concatenate([getattr(of, name) for of in batches]) for name in ("value", "low", "high")
            )
            quality = estimator_quality(value, truth, np.stack([low, high], axis=1))
            unit = quality.spread.value
            bias = f"{quality.bias.value / unit:+.2f} ± {quality.bias.se / unit:.2f}" if unit > 1e-3 else ""
            numbers = f"{truth:g} | `{model}` | {size} | {quality.spread} | {bias} | {quality.coverage68}"
            print(f"| {cell.level} | {cell.window} | {numbers.replace('-', '−')} |", flush=True)


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("--level", choices=LEVELS, default="generator")
    parser.add_argument("--window", choices=WINDOWS, default="0-20")
    parser.add_argument("--toys", type=int, default=480)
    parser.add_argument("--seed", type=int, default=2, help="another than that of the run")
    arguments = parser.parse_args()
    with one_thread():
        judge(arguments.run, Cell(arguments.level, arguments.window), arguments.toys, arguments.seed)


if __name__ == "__main__":
    main()
