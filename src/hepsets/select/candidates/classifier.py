"""The small cross-fitted networks that judge candidates, and their evaluation inside kernels.

One hidden layer of ReLU units; each decay mode shifts the hidden units by its own vector, so modes
may differ in purity and in what matters. There are two sets of weights: events with an even number
are judged by the one that was trained on odd numbers, and the other way round. The weights come from
``python tools/candidate_classifier.py``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hepsets.core.kernel import kernel, part_of_kernel

WEIGHTS_FILE = "candidate_classifier.npz"


class Classifier(NamedTuple):
    """Weights of one network, both folds.

    Parameters
    ----------
    mode_shift
        float64, shape ``(2, n_modes, n_hidden)``: hidden bias of each mode.
    hidden
        float64, shape ``(2, n_features, n_hidden)``.
    output
        float64, shape ``(2, n_hidden + 1)``: weights and, last, the bias of the logit.
    """

    mode_shift: NDArray[np.float64]
    hidden: NDArray[np.float64]
    output: NDArray[np.float64]

    @classmethod
    def blank(cls, n_modes: int, n_features: int) -> Classifier:
        """A network that calls every candidate signal: what training begins from."""
        output = np.zeros((2, 2))
        output[:, -1] = 20.0
        return cls(np.zeros((2, n_modes, 1)), np.zeros((2, n_features, 1)), output)


@part_of_kernel
def logit(network: Classifier, features: NDArray[np.float64], mode: int, fold: int) -> float:
    """Logit of the signal probability of one candidate, by the network of the given fold.

    ``features`` has shape ``(n_features,)``.
    """
    n_features, n_hidden = network.hidden.shape[1], network.hidden.shape[2]
    mode_shift, hidden, output = network
    result = output[fold, n_hidden]
    for unit in range(n_hidden):
        total = mode_shift[fold, mode, unit]
        for i in range(n_features):
            total += hidden[fold, i, unit] * features[i]
        if total > 0.0:
            result += output[fold, unit] * total
    return float(result)


@kernel
def sigmoid(value: float) -> float:
    """Probability of a logit."""
    return 1.0 / (1.0 + math.exp(-value))


@dataclass(frozen=True, eq=False)
class Classifiers:
    """The networks of the tag: one for charm mesons, one for B mesons, with where they came from."""

    charm: Classifier
    beauty: Classifier
    provenance: str

    @classmethod
    def blank(cls, charm_shape: tuple[int, int], beauty_shape: tuple[int, int]) -> Classifiers:
        """Networks that accept everything; shapes are ``(n_modes, n_features)``."""
        return cls(Classifier.blank(*charm_shape), Classifier.blank(*beauty_shape), "blank")

    def save(self, path: Any) -> None:
        """Write to an ``.npz`` file."""
        arrays = {
            f"{name}_{part}": getattr(getattr(self, name), part).astype(np.float32)
            for name in ("charm", "beauty")
            for part in ("mode_shift", "hidden", "output")
        }
        np.savez_compressed(path, provenance=np.array(self.provenance), **arrays)

    @classmethod
    def load(cls, path: Any) -> Classifiers:
        """Read what :meth:`save` wrote (no pickles)."""
        with np.load(path, allow_pickle=False) as file:
            parts = [
                Classifier(
                    *(
                        file[f"{name}_{part}"].astype(np.float64)
                        for part in ("mode_shift", "hidden", "output")
                    )
                )
                for name in ("charm", "beauty")
            ]
            return cls(parts[0], parts[1], str(file["provenance"]))


@cache
def default_classifiers() -> Classifiers:
    """The networks that ship with the package."""
    with (files("hepsets.select.candidates") / WEIGHTS_FILE).open("rb") as file:
        return Classifiers.load(file)
