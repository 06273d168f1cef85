"""Suppress the background to B⁰ → K*⁰μ⁺μ⁻: an ensemble of boosted trees, cut where the data tell most.

The trees see how well four tracks make a B: the vertex, ΔE, m(Kπ), and of each track its point closest to
the axis, polar angle and identification. They see neither q² nor the angles of the decay, nor Mbc. The cut is
where S/√(S+B) is greatest; S and B are the yields that one expects in the data, not the sizes of samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass as plain_dataclass
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.core.measured import Measured
from hepsets.learn.tables.boosted_trees import BoostedTrees, BoostedTreesConfig, fit_trees

Floats = NDArray[np.float64]

SUPPRESSION_VARIABLES = (
    "vertex_chi2",
    "delta_e",
    "m_kpi",
    *(
        f"{what}_{track}"
        for track in ("k", "pi", "mu_plus", "mu_minus")
        for what in ("dr", "dz", "costheta", "identification")
    ),
)
"""Columns of a candidate that the trees see."""

_CUTS = 400  # that are tried


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class SuppressionConfig:
    """How the ensemble is made.

    Parameters
    ----------
    members
        How many sets of trees; their probabilities are averaged.
    trees
        How each is grown; each has a seed of its own, counted from ``trees.seed``.
    cut_fraction, test_fraction
        Parts of the candidates that choose the cut, and that tell what it does.
    seed
        Of the split.
    """

    members: int = Field(default=5, ge=1)
    trees: BoostedTreesConfig = Field(
        default_factory=lambda: BoostedTreesConfig(
            trees=400, patience=20, depth=4, learning_rate=0.1, least_weight=50.0
        )
    )
    cut_fraction: float = Field(default=0.25, gt=0, lt=0.5)
    test_fraction: float = Field(default=0.25, gt=0, lt=0.5)
    seed: int = Field(default=0, ge=0)


class SuppressionEnsemble:
    """Several sets of boosted trees, averaged.

    Parameters
    ----------
    members
        The sets, on the same variables.
    """

    def __init__(self, members: Sequence[BoostedTrees]) -> None:
        self.members = tuple(members)

    def score(self, frame: EventFrame) -> NDArray[np.float32]:
        """Mean probability to be signal of each candidate, shape ``(n_events,)``."""
        matrix = self.members[0].matrix(frame)
        scores = np.mean([member.score_matrix(matrix) for member in self.members], axis=0)
        return np.asarray(scores, dtype=np.float32)

    def gains(self) -> dict[str, float]:
        """By how much splits on each variable lowered the loss, in parts of 1, mean of the members."""
        each = [member.gains() for member in self.members]
        return {name: float(np.mean([gains[name] for gains in each])) for name in each[0]}


@plain_dataclass(frozen=True, eq=False)
class Suppression:
    """What the suppression does, on candidates that neither trees nor cut have seen.

    Parameters
    ----------
    cut
        Candidates with a greater score are kept.
    fom, fom_before
        S/√(S+B) after and before the cut, for the expected yields.
    b_over_s_before, b_over_s_after
        Background over signal of the expected yields; the error is that of the efficiencies.
    signal_efficiency, background_efficiency
        Shares that are kept.
    signal_scores, background_scores
        Of the test candidates, for a histogram.
    training_signal_scores, training_background_scores
        Of the candidates that the trees were grown on.
    cuts, fom_curve
        The cuts that were tried, and S/√(S+B) of the candidates that chose among them.
    """

    cut: float
    fom: float
    fom_before: float
    b_over_s_before: float
    b_over_s_after: Measured
    signal_efficiency: Measured
    background_efficiency: Measured
    signal_scores: NDArray[np.float32]
    background_scores: NDArray[np.float32]
    training_signal_scores: NDArray[np.float32]
    training_background_scores: NDArray[np.float32]
    cuts: Floats
    fom_curve: Floats


@plain_dataclass(frozen=True, eq=False)
class TrainedSuppression:
    """The trees, and what they do."""

    ensemble: SuppressionEnsemble
    found: Suppression

    def keeps(self, frame: EventFrame) -> NDArray[np.bool_]:
        """Which candidates pass the cut, shape ``(n_events,)``."""
        return np.asarray(self.ensemble.score(frame) > self.found.cut)


def figure_of_merit(signal: Floats, background: Floats) -> Floats:
    """S/√(S+B); zero where nothing is left.

    Examples
    --------
    >>> figure_of_merit(np.array([9.0, 0.0]), np.array([7.0, 0.0])).tolist()
    [2.25, 0.0]
    """
    total = np.sqrt(np.asarray(signal + background, dtype=np.float64))
    return np.asarray(np.divide(signal, total, out=np.zeros_like(total), where=total > 0))


def fit_suppression(
    signal: EventFrame,
    background: EventFrame,
    *,
    expected_signal: float,
    expected_background: float,
    config: SuppressionConfig | None = None,
) -> TrainedSuppression:
    """Grow the ensemble, choose the cut, and measure both on candidates apart.

    Parameters
    ----------
    signal, background
        Selected candidates of the signal region with :data:`SUPPRESSION_VARIABLES`; how many does not matter.
    expected_signal, expected_background
        Candidates of either kind that one expects in the data before the cut.
    config
        By default that of the package.

    Raises
    ------
    InputError
        For yields that are not positive, and for fewer than 1000 candidates of either kind.
    """
    config = config or SuppressionConfig()
    if not (expected_signal > 0 and expected_background > 0):
        raise InputError(f"yields of {expected_signal} and {expected_background}", "positive numbers")
    if min(len(signal), len(background)) < 1000:
        raise InputError(f"{len(signal)} signal, {len(background)} background candidates", "1000 of each")
    names = list(SUPPRESSION_VARIABLES)
    parts = [
        _split(frame.select_columns(names), config, number)
        for number, frame in enumerate((signal, background))
    ]
    (train_s, cut_s, test_s), (train_b, cut_b, test_b) = parts
    train = EventFrame.concatenate([train_s, train_b])
    labels = np.arange(len(train)) < len(train_s)
    weights = np.where(labels, 1 / len(train_s), 1 / len(train_b))
    members = []
    for member in range(config.members):
        trees = replace(config.trees, seed=config.trees.seed + member)
        members.append(fit_trees(train, labels, names, weights, trees, name="suppression")[0])
    ensemble = SuppressionEnsemble(members)

    chosen_s, chosen_b = ensemble.score(cut_s), ensemble.score(cut_b)
    cuts = np.concatenate([[0.0], np.quantile(chosen_s, np.linspace(0, 0.99, _CUTS))])
    curve = figure_of_merit(
        expected_signal * _shares_above(chosen_s, cuts), expected_background * _shares_above(chosen_b, cuts)
    )
    cut = float(cuts[curve.argmax()])

    scores_s, scores_b = ensemble.score(test_s), ensemble.score(test_b)
    kept_s = Measured.proportion(int((scores_s > cut).sum()), len(scores_s))
    kept_b = Measured.proportion(int((scores_b > cut).sum()), len(scores_b))
    left_s, left_b = expected_signal * kept_s.value, expected_background * kept_b.value
    relative = np.hypot(kept_s.se / kept_s.value, kept_b.se / max(kept_b.value, kept_b.se))
    before = figure_of_merit(np.array([expected_signal]), np.array([expected_background]))
    found = Suppression(
        cut,
        float(figure_of_merit(np.array([left_s]), np.array([left_b]))[0]),
        float(before[0]),
        expected_background / expected_signal,
        Measured(left_b / left_s, float(left_b / left_s * relative)),
        kept_s,
        kept_b,
        scores_s,
        scores_b,
        ensemble.score(train_s),
        ensemble.score(train_b),
        cuts,
        curve,
    )
    return TrainedSuppression(ensemble, found)


def _split(frame: EventFrame, config: SuppressionConfig, number: int) -> list[EventFrame]:
    """Parts to train on, to choose the cut and to test."""
    order = np.random.default_rng([config.seed, number]).permutation(len(frame))
    test = round(config.test_fraction * len(frame))
    cut = test + round(config.cut_fraction * len(frame))
    return [frame[order[cut:]], frame[order[test:cut]], frame[order[:test]]]


def _shares_above(scores: NDArray[np.float32], cuts: Floats) -> Floats:
    """Share of the scores above each cut."""
    return np.asarray(1 - np.searchsorted(np.sort(scores), cuts, side="right") / len(scores))
