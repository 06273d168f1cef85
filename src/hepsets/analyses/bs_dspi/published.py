"""The coursework's version of the analysis, faults included, and what each of them changes."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler

from hepsets.analyses.bs_dspi.classifier import Pool, Trained, train_trees, within
from hepsets.analyses.bs_dspi.config import Config
from hepsets.analyses.bs_dspi.cut import choose_cut, cut_samples, signal_range
from hepsets.analyses.bs_dspi.mass_fits import JudgedFit, true_signal
from hepsets.analyses.bs_dspi.samples import DATA, SIGNAL, Samples
from hepsets.analyses.bs_dspi.variables import PUBLISHED
from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.core.measured import Measured
from hepsets.evaluate.fits.figure_of_merit import CutSample, CutScan, scan_cuts
from hepsets.evaluate.fits.mass_fit import MassFitConfig, fit_mass
from hepsets.evaluate.fits.parameters import MassRange
from hepsets.evaluate.fits.spectrum import make_spectrum
from hepsets.evaluate.scores.classification import Classification, classify
from hepsets.learn.tables.boosted_trees import (
    BoostedTrees,
    BoostedTreesConfig,
    BoostedTreesResult,
    fit_trees,
)

Array = NDArray[np.float64]

ABOVE = 5.6
"""Mass of the data above which everything is background [GeV]."""

WIDEST = 0.020
"""The largest width that the published fit lets the peak have [GeV]."""

BINS = 100
"""Of its histograms."""

TREES = BoostedTreesConfig(
    trees=500, patience=10, depth=6, learning_rate=0.1, subsample=1.0, columns=1.0, least_weight=1.0,
    validation_fraction=0.2, threads=1,
)  # fmt: skip
"""500 trees with early stopping on the test part, the rest as XGBoost has it."""


@dataclass(frozen=True)
class Fault:
    """A number as published, and what it is without the fault.

    Parameters
    ----------
    name, number
        Of the fault, and of what it changes.
    published, done_right
        The number with it and without, all else the same.
    remark
        What went wrong.
    """

    name: str
    number: str
    published: Measured
    done_right: Measured
    remark: str


@dataclass(frozen=True, eq=False)
class Published:
    """What the coursework's version finds.

    Parameters
    ----------
    before, after
        Its fits.
    quality
        On its test part.
    train_losses, test_losses
        By tree.
    gains
        Of its variables, in parts of 1.
    signal_scores, background_scores
        Of its test part.
    scan
        Its figure of merit, of counts in the test part.
    threshold
        Its cut.
    faults
        One by one.
    """

    before: JudgedFit
    after: JudgedFit
    quality: Classification
    train_losses: tuple[float, ...]
    test_losses: tuple[float, ...]
    gains: dict[str, float]
    signal_scores: Array
    background_scores: Array
    scan: CutScan
    threshold: float
    faults: tuple[Fault, ...]


@dataclass(frozen=True, eq=False)
class _Trained:
    """Trees on scaled candidates, their test part, their scores of data and of its real signal."""

    trees: BoostedTrees
    result: BoostedTreesResult
    test_labels: NDArray[np.bool_]
    test_scores: Array
    data_scores: Array
    unseen_signal_scores: Array


def as_published(samples: Samples, config: Config, *, expected: tuple[Measured, Measured]) -> Published:
    """Repeat the coursework's analysis, and measure what each fault changes.

    Parameters
    ----------
    samples
        The candidates of the run.
    config
        Of the run.
    expected
        Signal and background under the peak before a cut, by which it should have been chosen.

    Raises
    ------
    InputError
        For candidates without any of its variables, too few of them, and a fit that does not come out.
    """
    variables = tuple(name for name in PUBLISHED if name in samples.data.columns)
    if not variables:
        raise InputError("candidates without any published variable", f"some of {', '.join(PUBLISHED)}")
    trained = _train(samples, variables, config.seed)
    signal_scores = trained.test_scores[trained.test_labels]
    background_scores = trained.test_scores[~trained.test_labels]
    counts = Measured(len(signal_scores), 0.0), Measured(len(background_scores), 0.0)
    of_signal, of_background = CutSample(counts[0], signal_scores), CutSample(counts[1], background_scores)
    scan = scan_cuts(of_signal, [of_background], fewest_background=1)
    kept = trained.data_scores >= scan.threshold
    quality = classify(trained.test_labels, trained.test_scores)
    before, after = (_fit(samples, which, WIDEST) for which in (np.ones(len(kept), dtype=bool), kept))
    honest = _honest(samples, variables, config)
    return Published(
        before,
        after,
        quality,
        trained.result.train_losses,
        trained.result.validation_losses,
        trained.trees.gains(),
        signal_scores,
        background_scores,
        scan,
        scan.threshold,
        (
            *_of_training(samples, trained, scan.threshold, quality.auc, honest),
            _of_the_cut(trained, scan.threshold, _efficiency_right(samples, config, honest, expected)),
            *_of_fits(samples, kept, before, after),
        ),
    )


def _train(samples: Samples, variables: Sequence[str], seed: int) -> _Trained:
    """Scaled, balanced with SMOTE, split at random, in that order."""
    from imblearn.over_sampling import SMOTE

    signal, data = (
        np.stack([part.columns[name].astype(np.float64) for name in variables], axis=1)
        for part in (samples.signal, samples.data)
    )
    above = data[within(samples.data, (ABOVE, np.inf))]
    scaler = StandardScaler().fit(np.concatenate([signal, above]))
    matrix = scaler.transform(np.concatenate([signal, above]))
    labels = np.arange(len(matrix)) < len(signal)
    matrix, labels = SMOTE(random_state=seed).fit_resample(matrix, labels)
    trees, result = fit_trees(
        _frame(matrix, variables),
        labels,
        variables,
        None,
        dataclasses.replace(TREES, seed=seed),
        name="published",
    )
    test = result.validation_indices
    test_scores = trees.score(_frame(matrix[test], variables)).astype(np.float64)
    data_scores = trees.score(_frame(scaler.transform(data), variables)).astype(np.float64)
    real = test < len(signal)  # what SMOTE makes up comes after all others
    return _Trained(trees, result, labels[test].astype(bool), test_scores, data_scores, test_scores[real])


def _frame(matrix: Array, variables: Sequence[str]) -> EventFrame:
    return EventFrame(dict(zip(variables, matrix.T, strict=True)))


def _honest(samples: Samples, variables: Sequence[str], config: Config) -> Trained:
    """Trees of the same variables and growth, no candidate scored by trees that saw a relative."""
    settings = dataclasses.replace(config.classifier, trees=TREES)
    pool = Pool.of(samples, (ABOVE, np.inf))
    return train_trees(pool, variables, settings, seed=config.seed, name="published")


def _fit(samples: Samples, kept: NDArray[np.bool_], widest: float | None) -> JudgedFit:
    """Gaussian and exponential in bins, with the published limit of the width or without."""
    window = MassRange(5.3, 5.8)
    mass = samples.data.columns["bs_mass"][kept]
    found = fit_mass(
        make_spectrum(mass, window, name="bs_mass"),
        MassFitConfig(
            model="gaussian+exponential",
            bins=BINS,
            start={"mean": 5.367, "width": 0.015},
            limits={} if widest is None else {"width": (0.005, widest)},
            minos=(),
        ),
    )
    return JudgedFit.of(found, true_signal(samples, kept, window))


def _of_training(
    samples: Samples, trained: _Trained, threshold: float, auc: Measured, honest: Trained
) -> tuple[Fault, ...]:
    """What synthetic and related candidates in the test part change."""
    beside = within(samples.data, (ABOVE, np.inf))
    labels = np.arange(len(samples.signal) + beside.sum()) < len(samples.signal)
    right = classify(labels, np.concatenate([honest.scores[SIGNAL], honest.scores[DATA][beside]])).auc
    efficiency = float((trained.unseen_signal_scores >= threshold).mean())
    same = float(np.quantile(honest.scores[SIGNAL], 1 - efficiency))
    seen, unseen = (
        Measured.proportion(int((scores[beside] >= cut).sum()), int(beside.sum()))
        for scores, cut in ((trained.data_scores, threshold), (honest.scores[DATA], same))
    )
    return (
        Fault(
            "SMOTE before the split, and a split that parts relatives",
            "area under the ROC curve",
            auc,
            right,
            "Test candidates lie between training candidates, or come of the same parton event; the test "
            "part "
            "also said when to stop.",
        ),
        Fault(
            "data scored by trees that were grown on them",
            "share of the sideband that the cut keeps",
            seen,
            unseen,
            "The sideband is emptied because the trees know each of its candidates; the peak region is not. "
            "At the same signal efficiency.",
        ),
    )


def _efficiency_right(
    samples: Samples, config: Config, honest: Trained, expected: tuple[Measured, Measured]
) -> float:
    """Signal efficiency that expected yields ask for, of trees of the same variables and growth; the
    coursework has no vetoes.
    """
    tried = cut_samples(samples, honest, None, signal_range(samples), expected, config.cut.sideband)
    return choose_cut(tried, "significance").efficiency.value


def _of_the_cut(trained: _Trained, threshold: float, cut_right: float) -> Fault:
    n = len(trained.unseen_signal_scores)
    return Fault(
        "a figure of merit of sample counts",
        "signal efficiency of the cut",
        Measured.proportion(int((trained.unseen_signal_scores >= threshold).sum()), n),
        Measured.proportion(round(cut_right * n), n),
        "S and B were the sizes of the balanced test part, where nothing is rare; expected yields ask for "
        "another "
        "cut.",
    )


def _of_fits(
    samples: Samples, kept: NDArray[np.bool_], before: JudgedFit, after: JudgedFit
) -> tuple[Fault, ...]:
    """What the limit of the width and the plain model change, on the very candidates that were published."""
    free = _fit(samples, np.ones(len(kept), dtype=bool), None)
    found = [
        Fault(
            "a limit of the width",
            "width before the cut [MeV]",
            _mev(before.sigma),
            _mev(free.sigma),
            "It rests on its limit, so its error is not known and the yield is too small."
            if before.at_limits
            else "Here the limit is not reached; in the coursework it was, twice.",
        )
    ]
    if after.truth >= 0:
        found.append(
            Fault(
                "physical backgrounds counted as signal",
                "signal after the cut",
                after.signal,
                Measured(float(after.truth), 0.0),
                "One Gaussian and one exponential have no place for misidentified decays; beside it the true "
                "number.",
            )
        )
    return tuple(found)


def _mev(value: Measured) -> Measured:
    return Measured(1e3 * value.value, 1e3 * value.se)
