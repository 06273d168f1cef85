import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.learn.tables.boosted_trees import BoostedTreesConfig, fit_trees
from hepsets.learn.tables.folds import cross_train
from hepsets.learn.tables.oversampling import Rows, smote


def noise(n: int = 600, share: float = 0.1, seed: int = 1) -> Rows:
    """Two variables of very different size that know nothing of the class."""
    random = np.random.default_rng(seed)
    matrix = random.random((n, 2)) * (1.0, 1000.0) + (5.0, -3.0)
    return Rows(matrix, random.random(n) < share, random.random(n) + 0.5)


ROWS = noise()
MADE = smote(ROWS, seed=3)
NEW = slice(len(ROWS.labels), None)


class Neighbour:
    """A model that gives a candidate the class of the one most like it."""

    def __init__(self, part):
        self.table, self.labels = np.stack(list(part.events.columns.values()), axis=1), part.labels

    def score(self, events):
        table = np.stack(list(events.columns.values()), axis=1)
        nearest = np.abs(table[:, None] - self.table[None]).max(axis=2).argmin(axis=1)
        return self.labels[nearest].astype(float)


def test_both_classes_are_equally_many_and_all_that_is_new_is_of_the_smaller() -> None:
    assert MADE.labels.sum() == (~MADE.labels).sum() == (~ROWS.labels).sum()
    assert MADE.labels[NEW].all()
    for made, given in zip(MADE, ROWS, strict=True):
        np.testing.assert_array_equal(made[: len(given)], given)


def test_new_candidates_lie_between_a_candidate_and_a_near_neighbour_in_units_of_spread() -> None:
    spread = ROWS.matrix.std(axis=0)
    own, new = ROWS.matrix[ROWS.labels] / spread, MADE.matrix[NEW] / spread
    distances = np.linalg.norm(own[:, None] - own[None], axis=2)
    near = np.argsort(distances, axis=1)[:, 1:6]
    ends = np.stack([np.repeat(own, 5, axis=0), own[near].reshape(-1, 2)], axis=1)
    length = np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1)
    detour = np.linalg.norm(new[:, None, None] - ends[None], axis=3).sum(axis=2) - length
    assert detour.min(axis=1).max() < 1e-9


def test_what_is_new_has_the_mean_weight_of_its_class() -> None:
    np.testing.assert_allclose(MADE.weights[NEW], ROWS.weights[ROWS.labels].mean())


def test_a_class_of_few_has_fewer_neighbours_and_a_variable_that_is_constant_stays_so() -> None:
    matrix = np.column_stack([np.arange(12.0), np.full(12, 4.0)])
    made = smote(Rows(matrix, np.arange(12) < 2, np.ones(12)))
    assert made.labels.sum() == 10
    assert (made.matrix[12:, 0] <= 1).all()
    assert (made.matrix[:, 1] == 4.0).all()


def test_seeds_repeat_what_is_made() -> None:
    np.testing.assert_array_equal(smote(ROWS, seed=3).matrix, MADE.matrix)
    assert (smote(ROWS, seed=4).matrix[NEW] != MADE.matrix[NEW]).any()


def test_made_before_the_split_they_tell_noise_from_noise() -> None:
    """The fault of the published analysis: neighbours of test candidates are made of themselves."""
    frame = EventFrame({"x": MADE.matrix[:, 0], "y": MADE.matrix[:, 1] / 1000})
    leaking = cross_train(frame, MADE.labels, np.arange(len(frame)), Neighbour)
    assert roc_auc_score(MADE.labels, leaking.scores) > 0.65

    def inside(part):
        rows = smote(Rows(np.stack(list(part.events.columns.values()), axis=1), part.labels, part.weights))
        more = EventFrame({"x": rows.matrix[:, 0], "y": rows.matrix[:, 1]})
        return Neighbour(type(part)(more, rows.labels, rows.weights, part.groups, part.fold))

    right = cross_train(frame[: NEW.start], ROWS.labels, np.arange(NEW.start), inside)
    assert roc_auc_score(ROWS.labels, right.scores) == pytest.approx(0.5, abs=0.12)


def test_trees_are_trained_on_more_and_stopped_by_true_events_alone() -> None:
    frame = EventFrame({"x": ROWS.matrix[:, 0], "y": ROWS.matrix[:, 1]})
    seen = []

    def oversample(rows):
        seen.append(rows)
        return smote(rows)

    config = BoostedTreesConfig(trees=10, patience=3, depth=2, threads=1)
    trees, result = fit_trees(frame, ROWS.labels, ("x", "y"), config=config, oversample=oversample)
    plain, _ = fit_trees(frame, ROWS.labels, ("x", "y"), config=config)
    np.testing.assert_allclose(seen[0].matrix, ROWS.matrix[result.train_indices], rtol=1e-6)
    np.testing.assert_array_equal(seen[0].labels, ROWS.labels[result.train_indices])
    held = result.validation_indices
    loss = log_loss(ROWS.labels[held], trees.score(frame[held]).astype(float))
    assert loss == pytest.approx(min(result.validation_losses), rel=1e-5)
    assert trees.score(frame).mean() > 2 * plain.score(frame).mean()


@pytest.mark.parametrize(
    ("labels", "options"), [(np.arange(9) < 1, {}), (np.arange(9) < 4, {"neighbours": 0})]
)
def test_what_has_no_neighbours_is_refused(labels, options) -> None:
    with pytest.raises(InputError, match="SMOTE"):
        smote(Rows(np.zeros((9, 2)), labels, np.ones(9)), **options)
