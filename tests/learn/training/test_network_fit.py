from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from hepsets.core.errors import InputError
from hepsets.learn.data_sets.regression import squared_error
from hepsets.learn.training.network_fit import NetworkFitConfig, chosen_device, fit_network, mean_loss


class Line:
    """Points of y = 2 x − 1, with noise."""

    def __init__(self, n: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(n, 1)).astype(np.float32)
        self.x = torch.from_numpy(x)
        self.y = torch.from_numpy((2 * x - 1 + 0.1 * rng.normal(size=(n, 1))).astype(np.float32))

    def __len__(self) -> int:
        return len(self.x)

    def to(self, device: torch.device | str) -> Line:
        return self

    def batch(self, numbers: Tensor) -> tuple[Tensor, Tensor]:
        return self.x[numbers], self.y[numbers]


CONFIG = NetworkFitConfig(epochs=40, batch=16, learning_rate=0.05, schedule="cosine", device="cpu")


def fresh(seed: int = 0) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(1, 8), nn.Dropout(0.1), nn.Linear(8, 1))


@pytest.mark.parametrize("schedule", ["constant", "cosine", "plateau"])
def test_a_line_is_learnt(schedule) -> None:
    network = fresh()
    fit = fit_network(network, Line(400, 1), Line(100, 2), squared_error, replace(CONFIG, schedule=schedule))
    assert min(record.validation_loss for record in fit.history) < 0.05
    assert not network.training
    assert fit.seconds > 0


def test_the_best_validation_state_is_kept() -> None:
    network = fresh()
    validation = Line(100, 2)
    validation.y /= 2  # half way to what is trained on
    fit = fit_network(network, Line(200, 1), validation, squared_error, CONFIG)
    losses = [record.validation_loss for record in fit.history]
    assert fit.best_epoch == 1 + int(np.argmin(losses))
    assert fit.best_epoch < len(losses)
    assert mean_loss(network, validation, squared_error, 7) == pytest.approx(min(losses), rel=1e-5)


def test_a_fit_repeats_and_leaves_the_random_state_alone() -> None:
    states = []
    for _ in range(2):
        network = fresh()
        before = torch.random.get_rng_state()
        fit_network(network, Line(64, 1), Line(32, 2), squared_error, replace(CONFIG, epochs=3))
        assert torch.equal(before, torch.random.get_rng_state())
        states.append(network.state_dict())
        torch.rand(3)
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_schedules_lower_the_rate() -> None:
    rates = {}
    for schedule in ("constant", "cosine", "plateau"):
        config = replace(CONFIG, epochs=30, schedule=schedule, patience=0, factor=0.5)
        fit = fit_network(fresh(), Line(64, 1), Line(32, 2), squared_error, config)
        rates[schedule] = [record.learning_rate for record in fit.history]
    assert set(rates["constant"]) == {0.05}
    assert rates["cosine"][-1] < 1e-3 < rates["cosine"][0]
    assert rates["plateau"][0] == 0.05
    assert rates["plateau"][-1] < 0.05


def test_progress_counts_every_step() -> None:
    seen: list[tuple[int, int]] = []
    config = replace(CONFIG, epochs=3)
    fit_network(
        fresh(), Line(50, 1), Line(10, 2), squared_error, config, progress=lambda *at: seen.append(at)
    )
    assert seen == [(step, 12) for step in range(1, 13)]


def test_a_loss_that_is_not_finite_is_refused() -> None:
    broken = Line(50, 1)
    broken.y[3] = torch.nan
    with pytest.raises(InputError, match="finite loss"):
        fit_network(fresh(), broken, Line(10, 2), squared_error, CONFIG)


def test_nothing_to_train_on_is_refused() -> None:
    with pytest.raises(InputError, match="at least one of each"):
        fit_network(fresh(), Line(0, 1), Line(10, 2), squared_error, CONFIG)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_refused() -> None:
    assert chosen_device("auto").type == "cpu"
    with pytest.raises(InputError, match="cuda"):
        chosen_device("cuda")
