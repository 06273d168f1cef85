"""SMOTE: candidates between neighbours of the smaller class, until both classes are equally many.

Only for candidates that a model is trained on, after all splits: what is made between two candidates tells
about both, so whoever makes it first and splits afterwards tests on what was trained on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError


class Rows(NamedTuple):
    """Candidates to train on: their variables, ``(n, n_variables)``, labels and weights, ``(n,)``."""

    matrix: NDArray[np.floating[Any]]
    labels: NDArray[np.bool_]
    weights: NDArray[np.floating[Any]]


Oversample: TypeAlias = Callable[[Rows], Rows]
"""From the candidates of a training to more of them."""


def smote(rows: Rows, *, neighbours: int = 5, seed: int = 0) -> Rows:
    """The same candidates, and after them as many new ones of the smaller class as it lacks.

    A new one lies at random between a candidate and one of its nearest neighbours (Chawla et al.,
    arXiv:1106.1813; imbalanced-learn's ``SMOTE``). Distances are in units of the standard deviations of these
    candidates. SMOTE does not look at weights; new candidates have the mean weight of their class.

    Parameters
    ----------
    rows
        At least two candidates of each class.
    neighbours
        How many neighbours of a candidate may be the other end; fewer where the class has no more.
    seed
        Of the choice.

    Raises
    ------
    InputError
        For a class with fewer than two candidates, or without neighbours.
    """
    from imblearn.over_sampling import SMOTE  # takes seconds to import, and few trainings need it

    fewer = min(int(rows.labels.sum()), int((~rows.labels).sum()))
    if fewer < 2 or neighbours < 1:
        raise InputError(
            f"{fewer} candidates in the smaller class and {neighbours} neighbours for SMOTE",
            "at least two, and one",
        )
    centre, scale = rows.matrix.mean(axis=0, dtype=np.float64), rows.matrix.std(axis=0, dtype=np.float64)
    scale = np.where(scale > 0, scale, 1.0)
    maker = SMOTE(random_state=seed, k_neighbors=min(neighbours, fewer - 1))
    made, labels = maker.fit_resample((rows.matrix - centre) / scale, rows.labels)
    new = slice(len(rows.matrix), None)
    of_class = np.array([rows.weights[rows.labels == kind].mean() for kind in (False, True)])
    return Rows(
        np.concatenate([rows.matrix, (made[new] * scale + centre).astype(rows.matrix.dtype)]),
        labels.astype(bool),
        np.concatenate([rows.weights, of_class[labels[new].astype(int)]]),
    )
