import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, log_loss, roc_auc_score

from hepsets.core.errors import InputError
from hepsets.core.purpose import Purpose
from hepsets.evaluate.scores.classification import roc
from hepsets.evaluate.scores.many_classes import (
    accuracy,
    accuracy_difference,
    accuracy_of,
    class_scores,
    judge_classes,
)

CLASSES = ("b", "c", "s")


def toy(random, n=300, width=1.0):
    """True posteriors of three classes whose measurement is normal around the corners of a triangle."""
    truth = np.repeat(np.arange(3), n)
    corners = np.array([[0.0, 0.0], [2.0, 0.0], [1.0, 1.5]])
    seen = random.normal(corners[truth], width)
    likelihood = np.exp(-0.5 * ((seen[:, None] - corners) ** 2).sum(-1) / width**2)
    return truth, likelihood / likelihood.sum(axis=1, keepdims=True)


def test_all_agrees_with_scikit_learn():
    truth, p = toy(np.random.default_rng(1))
    quality = judge_classes(truth, p, CLASSES)
    assert quality.accuracy.value == np.mean(p.argmax(1) == truth)
    assert quality.loss.value == pytest.approx(log_loss(truth, p))
    assert quality.confusion.share == pytest.approx(confusion_matrix(truth, p.argmax(1), normalize="true"))
    for place, name in enumerate(CLASSES):
        assert quality.auc[name].value == pytest.approx(roc_auc_score(truth == place, p[:, place]))
    assert quality.mean_auc.value == pytest.approx(roc_auc_score(truth, p, multi_class="ovr"))


def test_the_errors_are_the_spread_over_repeated_samples():
    random = np.random.default_rng(2)
    found = [judge_classes(*toy(random, 100), CLASSES) for _ in range(300)]
    for what in (
        lambda q: q.accuracy,
        lambda q: q.loss,
        lambda q: q.mean_auc,
        lambda q: q.auc["s"],
    ):
        spread = np.std([what(one).value for one in found])
        assert np.mean([what(one).se for one in found]) == pytest.approx(spread, rel=0.13)
    spread = np.std([one.confusion.share for one in found], axis=0)
    assert np.mean([one.confusion.share_se for one in found], axis=0) == pytest.approx(spread, rel=0.2)


def test_true_posteriors_are_calibrated_and_sharpened_ones_are_not():
    truth, p = toy(np.random.default_rng(3), 5000)
    honest = judge_classes(truth, p, CLASSES).calibration["c"]
    assert honest.expected_error.value < 2 * honest.chance_error
    sharp = p**3 / (p**3).sum(axis=1, keepdims=True)
    boastful = judge_classes(truth, sharp, CLASSES).calibration["c"]
    assert boastful.expected_error.value > 5 * boastful.chance_error


def test_the_difference_of_accuracies_knows_that_the_events_are_the_same():
    random = np.random.default_rng(4)
    truth, p = toy(random)
    noisy = np.abs(p + random.normal(0, 0.02, p.shape))
    noisy /= noisy.sum(axis=1, keepdims=True)
    one, other = class_scores(truth, p, CLASSES), class_scores(truth, noisy, CLASSES)
    difference = accuracy_difference(one, other)
    assert difference.se < 0.5 * judge_classes(truth, p, CLASSES).accuracy.se
    assert accuracy_difference(one, one).value == 0
    with pytest.raises(InputError, match="different events"):
        accuracy_difference(one, class_scores(truth[::-1].copy(), p, CLASSES))


def test_four_events_have_the_errors_of_the_formulas():
    """The second is taken for a c, the last is sure of its class but for rounding."""
    p = [[0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0.25, 0.5, 0.25], [0.0, 0.0, 1.0005]]
    found = judge_classes([0, 0, 1, 2], p, CLASSES)
    assert (found.loss.value, found.loss.se) == pytest.approx((np.log(2), np.log(2) / np.sqrt(6)))
    assert found.confusion.events.tolist() == [2, 1, 1]
    assert found.confusion.events.dtype.kind == "i"
    half = np.sqrt(0.25 / 2 + 0.25 / 4) / 1.5
    wilson = [[half, half, 0.25 / 1.5], [0.25, 0.25, 0.25], [0.25, 0.25, 0.25]]
    assert found.confusion.share_se == pytest.approx(np.array(wilson))
    assert found.classes == CLASSES
    curve = roc([1, 1, 0, 0], [0.5, 0.25, 0.25, 0.0])
    for part in ("false_positive_rate", "true_positive_rate", "thresholds"):
        assert getattr(found.rest["b"], part).tolist() == getattr(curve, part).tolist()


def test_a_true_class_without_probability_costs_as_much_as_one_in_ten_million():
    assert judge_classes([0, 1], [[0.0, 1.0], [0.0, 1.0]], ("b", "c")).loss.value == pytest.approx(
        -np.log(1e-7) / 2
    )


def test_of_two_classes_either_area_is_that_of_both():
    b = np.array([0.9, 0.4, 0.8, 0.5, 0.3, 0.1])
    found = judge_classes([0, 0, 0, 1, 1, 1], np.stack([b, 1 - b], axis=1), ("b", "c"))
    assert found.mean_auc.value == found.auc["b"].value == pytest.approx(8 / 9)
    assert found.mean_auc.se == pytest.approx(found.auc["b"].se) == pytest.approx(found.auc["c"].se)
    assert found.auc["b"].se > 0


def test_two_events_have_the_error_of_their_difference():
    one, other = [[0.5, 0.5], [0.25, 0.75]], [[0.5, 0.5], [0.75, 0.25]]
    names = ("b", "c")
    gained = accuracy_difference(class_scores([0, 1], one, names), class_scores([0, 1], other, names))
    assert (gained.value, gained.se) == pytest.approx((0.5, 0.5))
    assert judge_classes([0, 1], one, names).loss.se == pytest.approx(np.log(1.5) / 2)


def test_the_difference_of_four_events_has_the_paired_error():
    right, wrong = [0.6, 0.4], [0.4, 0.6]
    one = class_scores([0, 0, 1, 1], [right, wrong, wrong, wrong], ("b", "c"))
    other = class_scores([0, 0, 1, 1], [wrong, wrong, wrong, wrong], ("b", "c"))
    gained = accuracy_difference(one, other)
    assert (gained.value, gained.se) == pytest.approx((0.25, 0.25))


def test_scores_keep_what_their_events_are_for_and_the_event_at_fault_is_shown():
    p = np.array([[0.5, 0.5], [1.5, -0.5]])
    assert class_scores([0, 1], p[[0, 0]], ("b", "c"), Purpose.TEST).purpose is Purpose.TEST
    with pytest.raises(InputError, match=r"1\.5"):
        class_scores([0, 1], p, ("b", "c"))


@pytest.mark.parametrize(
    ("truth", "p", "said"),
    [
        ([0, 1, 2], np.full((3, 2), 0.5), "shapes"),
        ([0.0, 1.0, 2.0], np.full((3, 3), 1 / 3), "integers"),
        ([0, 1, 2], np.array([[0.5, 0.5, 0.5]] * 3), "softmax"),
        ([0, 1, 2], np.array([[1.5, -0.5, 0.0]] * 3), "negative"),
        ([0, 1, 2], np.full((3, 3), np.nan), "nan"),
        ([0, 1, 3], np.full((3, 3), 1 / 3), "places"),
        ([0, 1, 1], np.full((3, 3), 1 / 3), "'s': 0"),
    ],
)
def test_what_is_no_sample_is_refused_in_one_line(truth, p, said):
    with pytest.raises(InputError, match=said):
        class_scores(truth, p, CLASSES)


def test_influences_of_the_accuracy_give_its_error_and_the_paired_one():
    random = np.random.default_rng(8)
    truth, p = toy(random)
    blurred = p * np.exp(0.5 * random.normal(size=p.shape))
    one = class_scores(truth, p, CLASSES)
    other = class_scores(truth, blurred / blurred.sum(axis=1, keepdims=True), CLASSES)
    assert accuracy_of(one).value == accuracy(one).value
    assert accuracy_of(one).se == pytest.approx(accuracy(one).se, rel=1e-2)
    paired = np.linalg.norm(accuracy_of(one).influence - accuracy_of(other).influence)
    assert paired == pytest.approx(accuracy_difference(one, other).se)
