import numpy as np
import pytest

from hepsets.learn.training.fit import EpochRecord, FitResult
from hepsets.learn.training.history import History, keep_history, read_history


def test_a_history_counts_the_best_epoch_from_zero_and_says_it_from_one():
    epochs = tuple(
        EpochRecord(i + 1, 1.0 - 0.1 * i, loss, 0.5, 1.0) for i, loss in enumerate((0.9, 0.7, 0.8))
    )
    none = np.zeros(0, dtype=np.int64)
    history = History.of(FitResult(epochs, 2, none, none, 100.0))
    assert history.validation == (0.9, 0.7, 0.8)
    assert history.train == pytest.approx((1.0, 0.9, 0.8))
    assert history.best == np.argmin(history.validation) == 1
    assert str(history) == "best of 3 is 2"


def test_a_history_is_read_back_as_it_was_kept(tmp_path):
    history = History((0.3, 0.2), (0.4, 0.35), 1)
    keep_history(tmp_path / "model.fit.json", history, 12.5)
    assert read_history(tmp_path / "model.fit.json") == (history, 12.5)
