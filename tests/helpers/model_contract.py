"""What the contracts of all kinds of models have in common."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hepsets.core.errors import InputError
from hepsets.learn.training.score import score
from hepsets.learn.training.trainable import Trainable


def assert_same(left: np.ndarray, right: np.ndarray, tolerance: float = 2e-6) -> None:
    np.testing.assert_allclose(left, right, rtol=0, atol=tolerance)


def assert_evaluation_leaves_as_found(model: Trainable, events: Any) -> None:
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.train()
    score(model, events)
    assert model.training
    model.eval()
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


class _Bomb:
    def __reduce__(self):
        return (pytest.fail, ("code from a model file was executed",))


CODE_WRITERS = (pickle.dump, torch.save)
"""Ways to write files whose loading could execute code."""


def assert_loading_never_executes_code(
    load: Callable[[Path], object], write: Callable[..., None], path: Path
) -> None:
    with path.open("wb") as file:
        write(_Bomb(), file)
    with pytest.raises(InputError, match="safetensors"):
        load(path)
