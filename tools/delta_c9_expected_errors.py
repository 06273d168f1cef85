"""Print the table of docs/infer.md: errors of ΔC9 to expect in 1 to 50 ab⁻¹.

``python tools/delta_c9_expected_errors.py RUN``, of a finished run of delta-c9 with models of both levels.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from hepsets.deploy.delta_c9 import models_of
from hepsets.learn.data_sets.truth_ratios import signal_of
from hepsets.select.kstmumu.sample import make_sample

LUMINOSITIES = (1, 2, 5, 10, 20, 50)
DECAYS_PER_INVERSE_ATTOBARN = 8000 / 37
"""Selected decays in 0–20 GeV², see docs/delta_c9.md."""

POOL, MOST_TOYS, SEED = 110_000, 100, 991


def main(run: Path) -> None:
    """Fit disjoint sets of simulated events, and print spread, bias and median error of each size."""
    for level in ("detector", "background"):
        model = models_of(run, level, "0-20")[level, "0-20"].morphing
        for truth in (0.0, -0.8):
            events = make_sample(level, "0-20", truth, POOL, seed=SEED)
            terms, signal = model.terms(events), signal_of(events)
            order = np.random.default_rng(1).permutation(len(events))
            decays, background = order[signal[order]], order[~signal[order]]
            for luminosity in LUMINOSITIES:
                n = round(DECAYS_PER_INVERSE_ATTOBARN * luminosity)
                toys = min(MOST_TOYS, len(decays) // n)
                share = len(background) / len(decays)
                fits = [
                    model.infer(
                        terms[
                            np.concatenate(
                                [
                                    decays[k * n : (k + 1) * n],
                                    background[int(k * n * share) : int((k + 1) * n * share)],
                                ]
                            )
                        ]
                    )
                    for k in range(toys)
                ]
                values = np.array([fit.value for fit in fits])
                spread = values.std(ddof=1)
                half = np.median([(fit.high - fit.low) / 2 for fit in fits])
                print(
                    f"{level}, ΔC9 = {truth}, {luminosity} ab⁻¹, {n} decays, {toys} sets: "
                    f"spread {spread:.3f} ± {spread / np.sqrt(2 * toys):.3f}, "
                    f"bias {values.mean() - truth:.3f}, error {half:.3f}",
                    flush=True,
                )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
