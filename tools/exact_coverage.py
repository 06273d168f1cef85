"""How often the exact fit's 68.3 and 95 % intervals hold the true ΔC9, from tens of thousands of toys.

    python tools/exact_coverage.py --toys 20000 --events 8000 --truth -0.8 --truth 0 --truth -1.5

prints a table in Markdown. Beside the coverage of the fitted intervals stands that of the likelihood ratio at
the truth itself, which needs no ends of intervals: a difference would be a fault of the search for the ends.
Toys that miss are counted on either side; the signed root of 2 Δ ln L should be normal, mean 0 and width 1.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hepsets.core.measured import Measured
from hepsets.generate.kstmumu.density import WINDOWS
from hepsets.generate.kstmumu.sampler import sample_decays
from hepsets.learn.data_sets.exact_likelihood import ExactLikelihood
from hepsets.learn.data_sets.quadratic_likelihood import log_likelihood_of_sets
from hepsets.learn.training.one_thread import one_thread

NORMAL68, NORMAL95 = 0.682689, 0.95
CHI2_95 = 3.841459
POOL_EVENTS = 800_000
"""Decays at once: bounds the memory."""

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Toys:
    """Fits of many toys: estimate, interval and signed root of the likelihood ratio at the truth."""

    value: Array
    low: Array
    high: Array
    root: Array


def fit_toys(toys: int, events: int, truth: float, seed: int, window: str) -> Toys:
    """Fit disjoint toys, each with decays of its own."""
    model = ExactLikelihood(WINDOWS[window])
    parts = []
    batch = max(1, POOL_EVENTS // events)
    for begin in range(0, toys, batch):
        number = min(batch, toys - begin)
        decays = sample_decays(
            number * events, truth, seed, window=WINDOWS[window], first_event=begin * events
        )
        terms = model.terms(decays)
        offsets = events * np.arange(number + 1)
        fits = model.fit_sets(terms, offsets)
        at_truth = log_likelihood_of_sets(terms, offsets, model.rate, np.full((number, 1), truth))[:, 0]
        ratio = 2 * np.maximum(fits.log_likelihood - at_truth, 0.0)
        parts.append(
            np.stack([fits.value, fits.low, fits.high, np.sign(fits.value - truth) * np.sqrt(ratio)])
        )
    return Toys(*np.concatenate(parts, axis=1))


def share(kept: NDArray[np.bool_]) -> Measured:
    """The share of true entries, shape ``(n_toys,)``, with its binomial error."""
    mean = float(kept.mean())
    return Measured(mean, float(np.sqrt(max(mean * (1 - mean), 1 / len(kept)) / len(kept))))


def row(found: Toys, truth: float) -> str:
    """Coverage, its distance from nominal in errors, misses on either side, mean and width of the root."""
    inside = share((found.low <= truth) & (truth <= found.high))
    by_ratio, at95 = share(np.abs(found.root) <= 1), share(found.root**2 <= CHI2_95)
    below, above = share(found.high < truth), share(found.low > truth)
    mean = Measured(float(found.root.mean()), float(found.root.std() / np.sqrt(len(found.root))))
    width = Measured(float(found.root.std()), float(found.root.std() / np.sqrt(2 * len(found.root))))
    pull = (inside.value - NORMAL68) / inside.se
    cells = (inside, f"{pull:+.1f}", by_ratio, at95, below, above, mean, width)
    return " | ".join(str(cell) for cell in cells).replace("-", "−")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--toys", type=int, default=20_000)
    parser.add_argument("--events", type=int, action="append")
    parser.add_argument("--truth", type=float, action="append")
    parser.add_argument("--window", default="0-20", choices=WINDOWS)
    parser.add_argument("--seed", type=int, default=20_000)
    options = parser.parse_args()
    head = (
        "decays", "ΔC9", "toys", "coverage 68.3 %", "(it − 0.6827) / se", "by the ratio", "coverage 95 %",
        "below", "above", "mean of root", "width of root",
    )  # fmt: skip
    print("| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|")
    with one_thread():
        number = 0
        for events in options.events or [8000]:
            for truth in options.truth or [0.0]:
                found = fit_toys(options.toys, events, truth, options.seed + number, options.window)
                label = f"{events} | {truth:g} | {options.toys}".replace("-", "−")
                print(f"| {label} | {row(found, truth)} |", flush=True)
                number += 1


if __name__ == "__main__":
    main()
