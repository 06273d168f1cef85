import numpy as np
import pytest
import torch
from helpers.random_events import random_events
from scipy.special import softmax

from hepsets.core.errors import InputError
from hepsets.core.pdg import PdgMap
from hepsets.learn.decay_trees.recipe import build_model
from hepsets.learn.files import load, save
from hepsets.learn.training.calibration import calibrate_classes, calibrate_model
from hepsets.learn.training.examples import Rows
from hepsets.learn.training.logit_spline import LogitSpline
from hepsets.learn.training.score import score, score_heads
from hepsets.learn.training.trainable import Trainable


@pytest.fixture
def model():
    """A model whose logits spread like those of a trained one."""
    model = build_model("deep_sets", PdgMap((22, 211))).eval()
    with torch.no_grad():
        model.network.output.weight *= 60
    return model


def test_scores_become_the_probabilities_that_the_labels_were_drawn_with(model):
    events = random_events(20_000, mean_particles=6)
    probability = score(model, events).astype(float)
    logit = np.log(probability / (1 - probability))
    truth = 1 / (1 + np.exp(-(2.5 * (logit - logit.mean()) + 0.4)))
    labels = np.random.default_rng(2).random(len(truth)) < truth
    calibrate_model(model, events, labels)
    again = score(model, events)
    assert np.abs(again - truth).max() < 0.05
    assert np.array_equal(
        np.argsort(again, kind="stable")[:100], np.argsort(probability, kind="stable")[:100]
    )


def test_calibration_is_part_of_the_file(model, tmp_path):
    events = random_events(500, mean_particles=6)
    labels = score(model, events) > np.random.default_rng(1).random(500)
    calibrate_model(model, events, labels)
    save(model, tmp_path / "model.safetensors")
    assert np.array_equal(score(load(tmp_path / "model.safetensors"), events), score(model, events))


def test_labels_that_cannot_calibrate_are_refused(model):
    events = random_events(300, mean_particles=6)
    with pytest.raises(InputError, match="one class"):
        calibrate_model(model, events, np.ones(300, bool))
    scores = score(model, events)
    with pytest.raises(InputError, match="fall where labels rise"):
        calibrate_model(
            model, events, scores < np.median(scores) + 0.01 * np.random.default_rng(0).normal(size=300)
        )


def test_every_head_is_calibrated_with_its_own_labels_and_weights():
    model = build_model("deep_sets", PdgMap((22, 211)), heads=2).eval()
    with torch.no_grad():
        model.network.output.weight *= 20
    events = random_events(20_000, mean_particles=6)
    logits = np.log(score_heads(model, events).astype(float))
    logits -= np.log1p(-np.exp(logits))
    truth = 1 / (1 + np.exp(-(np.array([2.0, 0.5]) * (logits - logits.mean(0)) + np.array([0.4, -1.0]))))
    rng = np.random.default_rng(3)
    labels = rng.random(truth.shape) < truth
    # half of the failing events left out of the second head, the rest weighted for them
    weights = np.ones(truth.shape)
    failing = np.flatnonzero(~labels[:, 1])
    weights[failing, 1] = np.where(rng.random(len(failing)) < 0.5, 2.0, 0.0)
    calibrate_model(model, events, labels, weights)
    error = np.abs(score_heads(model, events) - truth)  # at the very ends a few events decide
    assert error.mean() < 0.01
    assert np.quantile(error, 0.999) < 0.05


def test_a_tail_that_soft_labels_flattened_is_bent_back():
    """Scores that stop falling where probabilities do not: no slope and offset can mend that."""
    model = build_model("deep_sets", PdgMap((22, 211))).eval()
    with torch.no_grad():
        model.network.output.weight *= 20
    events = random_events(40_000, mean_particles=6)
    probability = score(model, events).astype(float)
    logit = np.log(probability / (1 - probability))
    low = np.median(logit)
    truth = 1 / (1 + np.exp(-np.where(logit < low, 6 * (logit - low), logit - low)))
    labels = np.random.default_rng(4).random(len(truth)) < truth
    calibrate_model(model, events, labels)
    assert np.abs(score(model, events) - truth).max() < 0.05
    assert np.diff(score(model, events)[np.argsort(probability)]).min() > -1e-6  # still the same order


def test_few_events_are_calibrated_with_slope_and_offset_alone(model):
    events = random_events(400, mean_particles=6)
    labels = np.random.default_rng(5).random(400) < score(model, events)
    calibrate_model(model, events, labels)
    assert (model.calibration.bends == 0).all()
    assert model.calibration.slope[0] > 0


def test_classes_are_calibrated_by_a_temperature_and_offsets() -> None:
    # logits twice too large, and one class three times too probable
    rng = np.random.default_rng(1)
    true_logits = rng.normal(0, 1.5, (6000, 3))
    probabilities = softmax(true_logits, axis=1)
    classes = (probabilities.cumsum(1) < rng.random(6000)[:, None]).sum(1)
    model = _Table(torch.from_numpy(2 * true_logits + [0, 2 * np.log(3), 0]).float())
    calibrate_classes(model, np.arange(6000), classes)
    slope, offset = model.calibration.slope.numpy(), model.calibration.offset.numpy()
    np.testing.assert_allclose(slope, 0.5, atol=0.03)
    assert offset[1] - offset[0] == pytest.approx(-np.log(3), abs=0.08)
    assert offset[2] - offset[0] == pytest.approx(0, abs=0.08)


class _Table(Trainable):
    """A model whose events are numbers of rows of a table of logits."""

    def __init__(self, logits: torch.Tensor) -> None:
        super().__init__("table", heads=logits.shape[1])
        self.table = torch.nn.Parameter(logits)

    def prepare(self, events: np.ndarray) -> Rows:
        return Rows(torch.from_numpy(events))

    def logits(self, batch: torch.Tensor) -> torch.Tensor:
        return self.table[batch]


def test_logits_in_training_are_mapped_as_in_scoring_also_by_no_map_at_all() -> None:
    spline, logits = LogitSpline(2), torch.tensor([[0.5, -1.0], [3.0, 2.0]], requires_grad=True)
    for slope in (1.0, 0.5):
        spline.slope.fill_(slope)
        mapped = spline(logits)
        torch.testing.assert_close(mapped.detach(), spline(logits.detach()), rtol=0, atol=0)
        (gradient,) = torch.autograd.grad(mapped.sum(), logits)
        assert (gradient == slope).all()
