"""Tasks besides the binary one, on any network: numbers, classes, what is hidden, any loss that is a mean."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.s_weighted import mixture
from torch import Tensor, nn

from hepsets.core.errors import InputError
from hepsets.learn.training.config import FitConfig
from hepsets.learn.training.disco import DisCo
from hepsets.learn.training.examples import Rows
from hepsets.learn.training.fit import FitResult, fit
from hepsets.learn.training.losses import ComputingTime
from hepsets.learn.training.score import logits_of
from hepsets.learn.training.task import (
    Binary,
    Classes,
    Held,
    MeanOf,
    Numbers,
    SelfSupervised,
    Task,
    soft_auc,
)


def line(n: int, seed: int) -> tuple[Rows, Tensor]:
    """Points of y = 2 x − 1, with noise."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 1)).astype(np.float32)
    return Rows(torch.from_numpy(x)), torch.from_numpy(
        (2 * x - 1 + 0.1 * rng.normal(size=(n, 1))).astype(np.float32)
    )


CONFIG = FitConfig(epochs=40, batch=16, learning_rate=0.05, schedule="cosine", device="cpu")


def fresh(n_in: int = 1, n_out: int = 1) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(n_in, 8), nn.Dropout(0.1), nn.Linear(8, n_out))


def fitted(network: nn.Module, config: FitConfig = CONFIG, n: int = 400, **more) -> FitResult:
    return fit(network, *line(n, 1), config=config, task=Numbers(), validation=line(100, 2), **more)


def loss_of(network: nn.Module, task: Task, examples: tuple[Rows, Tensor]) -> float:
    return task.judged(network, Held(*examples, None, np.empty(0, np.int64)), 7, None).loss


@pytest.mark.parametrize("schedule", ["constant", "cosine", "plateau", "settle"])
def test_a_line_is_learnt(schedule) -> None:
    network = fresh()
    result = fitted(network, replace(CONFIG, schedule=schedule))
    assert min(record.validation_loss for record in result.history) < 0.05
    assert not network.training


def test_the_best_validation_state_is_kept() -> None:
    network, task = fresh(), Numbers()
    rows, targets = line(100, 2)
    off = rows, targets / 2  # half way to what is trained on
    result = fit(network, *line(200, 1), config=CONFIG, task=task, validation=off)
    losses = [record.validation_loss for record in result.history]
    assert result.best_epoch == 1 + int(np.argmin(losses))
    assert result.best_epoch < len(losses)
    assert loss_of(network, task, off) == pytest.approx(min(losses), rel=1e-5)


def test_a_fit_repeats_and_leaves_the_random_state_alone() -> None:
    states = []
    for _ in range(2):
        network = fresh()
        before = torch.random.get_rng_state()
        fitted(network, replace(CONFIG, epochs=3), 64)
        assert torch.equal(before, torch.random.get_rng_state())
        states.append(network.state_dict())
        torch.rand(3)
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_schedules_lower_the_rate() -> None:
    rates = {}
    for schedule in ("constant", "cosine", "plateau"):
        config = replace(CONFIG, epochs=30, schedule=schedule, plateau_epochs=0, plateau_factor=0.5)
        rates[schedule] = [record.learning_rate for record in fitted(fresh(), config, 64).history]
    assert set(rates["constant"]) == {0.05}
    assert rates["cosine"][-1] < 1e-3 < rates["cosine"][0]
    assert rates["plateau"][0] == 0.05
    assert rates["plateau"][-1] < 0.05


@pytest.mark.parametrize("schedule", ["cosine", "plateau"])
def test_a_resumed_fit_equals_an_uninterrupted_one_bit_by_bit(schedule, tmp_path) -> None:
    config = replace(CONFIG, epochs=6, schedule=schedule, plateau_epochs=0)
    whole, resumed = fresh(), fresh()
    expected = fitted(whole, config, 64)

    def killer(done: int, total: int) -> None:
        if done > 0.6 * total:
            raise KeyboardInterrupt

    checkpoint = tmp_path / "fit.checkpoint"
    with pytest.raises(KeyboardInterrupt):
        fitted(fresh(), config, 64, progress=killer, checkpoint=checkpoint)
    result = fitted(resumed, config, 64, checkpoint=checkpoint)
    assert [r.validation_loss for r in result.history] == [r.validation_loss for r in expected.history]
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), resumed.parameters(), strict=True))


def test_without_validation_examples_a_part_of_the_others_validates() -> None:
    result = fit(fresh(), *line(100, 1), config=replace(CONFIG, epochs=1), task=Numbers())
    assert (len(result.train_indices), len(result.validation_indices)) == (75, 25)


def test_progress_counts_every_step() -> None:
    seen: list[tuple[int, int]] = []
    fitted(fresh(), replace(CONFIG, epochs=3), 50, progress=lambda *at: seen.append(at))
    assert len(seen) == 12
    assert seen[-1] == (150, 150)


def test_classes_are_told_apart() -> None:
    x = torch.linspace(-3, 3, 300)[:, None]
    classes = (x[:, 0] > -1).long() + (x[:, 0] > 1).long()
    network = fresh(n_out=3)
    fit(network, Rows(x), classes, config=CONFIG, task=Classes())
    assert (network(x).argmax(1) == classes).float().mean() > 0.9


def test_what_is_hidden_of_the_inputs_is_learnt_without_targets() -> None:
    x = torch.randn(400, 1, generator=torch.Generator().manual_seed(1))
    pairs = torch.cat([x, 3 * x], dim=1)  # the second column follows from the first

    def hide(rows: Tensor) -> tuple[Tensor, Tensor]:
        return rows * torch.tensor([1.0, 0.0]), rows[:, 1:]

    task = SelfSupervised(hide)
    network = fresh(n_in=2)
    result = fit(network, Rows(pairs), None, config=CONFIG, task=task)
    assert min(record.validation_loss for record in result.history) < 0.1
    with pytest.raises(InputError, match="made of the inputs"):
        fit(network, Rows(pairs), pairs, config=CONFIG, task=task)


def test_any_loss_that_is_a_mean_is_minimised() -> None:
    task = MeanOf(lambda outputs, targets: (outputs - targets).abs().mean(), "absolute error")
    network = fresh()
    fit(network, *line(400, 1), config=CONFIG, task=task, validation=line(100, 2))
    assert loss_of(network, task, line(100, 3)) < 0.2
    assert repr(task) == "MeanOf(absolute error)"


def test_a_loss_that_is_not_finite_is_refused() -> None:
    rows, targets = line(50, 1)
    targets[3] = torch.nan
    with pytest.raises(InputError, match="finite loss"):
        fit(fresh(), rows, targets, config=CONFIG, task=Numbers(), validation=line(10, 2))


def test_nothing_to_train_on_and_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match="at least one of each"):
        fitted(fresh(), n=0)
    rows, targets = line(50, 1)
    with pytest.raises(InputError, match="49 targets for 50"):
        fit(fresh(), rows, targets[1:], config=CONFIG, task=Numbers())
    with pytest.raises(InputError, match="weights for the task"):
        fit(fresh(), rows, targets, np.ones(50), CONFIG, task=Numbers())
    penalty = DisCo(np.arange(50.0), np.zeros(50, bool), strength=1.0)
    with pytest.raises(InputError, match="a penalty for the task"):
        fit(fresh(), rows, targets, config=CONFIG, task=Numbers(), penalty=penalty)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_refused() -> None:
    with pytest.raises(InputError, match="cuda"):
        fitted(fresh(), replace(CONFIG, device="cuda"))


def test_s_weighted_training_of_a_network_recovers_what_pure_signal_gives() -> None:
    toy = mixture(seed=3)
    test = Rows(torch.from_numpy(toy.test.astype(np.float32)))
    config = FitConfig(epochs=6, batch=256, learning_rate=0.01, schedule="cosine", device="cpu")

    def area(inputs, labels, weights=None) -> float:
        network = fresh(2)
        fit(network, Rows(torch.from_numpy(inputs.astype(np.float32))), labels, weights, config=config)
        return soft_auc(logits_of(network, test)[:, 0].numpy(), toy.test_labels, np.ones(len(toy.test)))

    pure = area(toy.pure, toy.pure_labels)
    assert pure - area(toy.mixed, toy.mixed_labels, toy.weights) < 0.01
    assert pure - area(toy.mixed, toy.mixed_labels) > 0.02


def test_a_step_whose_weights_cancel_moves_the_network_as_little_as_its_loss_says() -> None:
    """Divided by their sum, which is zero, it would throw the weights of the network away."""
    x = torch.randn(64, 1, generator=torch.Generator().manual_seed(0))
    labels = np.arange(64) % 2 == 0
    weights = np.where(np.arange(64) % 4 < 2, 1.0, -1.0)
    weights[32:] = 1.0
    network = fresh()
    config = FitConfig(epochs=1, batch=8, learning_rate=0.01, device="cpu")
    result = fit(network, Rows(x), labels, weights, config=config)
    assert abs(result.history[0].train_loss) < 5


def test_the_area_with_signed_weights_is_that_of_what_they_leave() -> None:
    random = np.random.default_rng(4)
    scores, labels = random.normal(size=3000).round(1), random.random(3000) < 0.5
    scores[labels] += 1
    doubled = np.concatenate([scores, scores[:500]])
    weights = np.concatenate([np.ones(3000), np.full(500, -1.0)])
    signed = soft_auc(doubled, np.concatenate([labels, labels[:500]]), weights)
    assert signed == pytest.approx(soft_auc(scores[500:], labels[500:], np.ones(2500)))


def test_negative_weights_are_refused_where_a_loss_divides_by_sums_of_a_batch() -> None:
    weights = np.where(np.arange(40) % 4, 1.0, -0.2)
    x, y = Rows(torch.randn(40, 1)), np.arange(40) % 2 == 0
    with pytest.raises(InputError, match=r"negative weights for the loss .*ComputingTime"):
        fit(fresh(), x, y, weights, config=CONFIG, task=Binary(ComputingTime()))
    with pytest.raises(InputError, match="negative weights for the penalty DisCo"):
        DisCo(np.arange(40.0), y, weights, strength=1.0)
    with pytest.raises(InputError, match=r"weights that add to -40; expected a positive sum"):
        fit(fresh(), x, y, np.full(40, -1.0), config=CONFIG)
