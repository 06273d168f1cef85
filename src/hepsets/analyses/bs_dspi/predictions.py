"""The candidates of a run, and what the trees that saw no relative of them say, as a run keeps it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.bs_dspi.classifier import Trained
from hepsets.analyses.bs_dspi.mass_fits import Selection
from hepsets.analyses.bs_dspi.samples import DATA, Samples

Columns = dict[str, NDArray[np.generic]]

KEPT = ("event_number", "underlying_event", "ds_mode", "bs_mass", "category")
"""Columns of candidates that tell them apart and what they are, as far as there are such."""


def predictions(
    samples: Samples, trained: Sequence[Trained], chosen: Selection, *, blind: bool = False
) -> Iterator[tuple[str, Columns, Columns]]:
    """Columns of the candidates of each sample, and of the scores of all trees.

    Parameters
    ----------
    samples
        Data and simulation, in the order of their files.
    trained
        Trees.
    chosen
        What vetoes and cut keep.
    blind
        Leave out the masses of data: with them the candidates under the peak could be counted.

    Yields
    ------
    tuple
        Name of the sample; of :data:`KEPT` what the sample has, ``fold``, and ``is_selected``; the scores
        of each kind of trees by its name. All have shape ``(n_candidates,)``.
    """
    kept = {DATA: chosen.data, **chosen.simulated}
    for name, candidates in samples.by_name.items():
        hidden = {"bs_mass"} if blind and name == DATA else set()
        told = [key for key in KEPT if key in candidates.columns and key not in hidden]
        known: Columns = {key: candidates.columns[key] for key in told}
        fold = trained[0].folds[name].astype(np.int8)
        scores: Columns = {one.name: one.scores[name] for one in trained}
        yield name, {**known, "fold": fold, "is_selected": kept[name]}, scores
