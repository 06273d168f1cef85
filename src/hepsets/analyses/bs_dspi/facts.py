"""What is to be known of the candidates of a run, and of the trees that select."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.bs_dspi.classifier import Trained, within
from hepsets.analyses.bs_dspi.config import Config
from hepsets.analyses.bs_dspi.mass_fits import Selection
from hepsets.analyses.bs_dspi.samples import DATA, SIGNAL, Samples
from hepsets.core.measured import Measured
from hepsets.evaluate.scores.classification import Classification, classify
from hepsets.evaluate.scores.families import family_auc

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Classifier:
    """The trees that select.

    Parameters
    ----------
    name
        Of the model.
    quality
        Simulated signal against the sideband of data, each scored by trees that saw no relative of it.
    auc
        The area under its ROC curve, with an error that counts parton events.
    folds
        How many.
    trees
        Of each fold.
    gains
        Of the variables, mean over folds, in parts of 1.
    signal_scores, sideband_scores
        For their distributions.
    """

    name: str
    quality: Classification
    auc: Measured
    folds: int
    trees: tuple[int, ...]
    gains: dict[str, float]
    signal_scores: Array
    sideband_scores: Array


@dataclass(frozen=True, eq=False)
class SampleFacts:
    """What is to be known of the candidates.

    Parameters
    ----------
    luminosity
        Of the data [1/fb].
    data
        Candidates in data.
    simulated
        By sample: candidates.
    efficiency
        By sample: candidates per decay with 2 < η < 5; nothing of a user's files.
    expected
        By sample: in data, before any further cut.
    kept
        By sample: share that vetoes and cut keep.
    notes
        What a reader has to know of a user's files.
    """

    luminosity: float
    data: int
    simulated: dict[str, int]
    efficiency: dict[str, Measured]
    expected: dict[str, Measured]
    kept: dict[str, Measured]
    notes: tuple[str, ...]


def facts_of(samples: Samples, kept: Selection) -> SampleFacts:
    """What is to be known of the candidates."""
    return SampleFacts(
        samples.luminosity,
        len(samples.data),
        {name: len(one.candidates) for name, one in samples.simulated.items()},
        {name: one.efficiency for name, one in samples.simulated.items()} if samples.luminosity else {},
        samples.yields,
        {
            name: Measured.proportion(int(which.sum()), len(which))
            for name, which in kept.simulated.items()
            if len(which)
        },
        samples.notes,
    )


def classifier_of(config: Config, samples: Samples, trained: Trained) -> Classifier:
    """How good the trees that select are."""
    beside = within(samples.data, config.classifier.sideband)
    signal, sideband = trained.scores[SIGNAL], trained.scores[DATA][beside]
    labels = np.arange(len(signal) + len(sideband)) < len(signal)
    quality = classify(labels, np.concatenate([signal, sideband]))
    number = "underlying_event"
    families = np.concatenate([samples.signal.columns[number], samples.data.columns[number][beside]])
    models = trained.trees
    gains = {name: float(np.mean([model.gains()[name] for model in models])) for name in models[0].variables}
    return Classifier(
        trained.name,
        quality,
        family_auc(labels, np.concatenate([signal, sideband]), families),
        config.classifier.folds,
        tuple(len(model) for model in models),
        gains,
        signal,
        sideband,
    )
