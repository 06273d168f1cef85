"""Which images a run takes: test files are apart from the others, and like them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from hepsets.analyses.c4_images.config import Config, DataConfig
from hepsets.analyses.c4_images.samples import MAIN, get_samples
from hepsets.core.errors import InputError

NUMBERS = np.random.default_rng(1)
PIXELS = NUMBERS.integers(256, size=(60, 6, 6)).astype(np.uint8)
LABELS = np.arange(60) % 3
COUNTS = DataConfig(training_images=20, validation_images=10, test_images=12)


def _samples(folder, train, test=None):
    for name, arrays in (("train", train), ("test", test)):
        if arrays is not None:
            np.savez(folder / f"{name}.npz", images=arrays[0], labels=arrays[1])
    data = dataclasses.replace(
        COUNTS,
        train=(str(folder / "train.npz"),),
        test=() if test is None else (str(folder / "test.npz"),),
    )
    return get_samples(Config(data=data, studies=()), folder / "images")


@pytest.mark.parametrize(
    ("train", "test", "said"),
    [
        ((PIXELS[:, :5], LABELS), None, "pad or crop"),
        ((np.stack([PIXELS] * 3, -1), LABELS), None, "move the channels"),
        ((PIXELS, LABELS * 10**9), None, "without gaps"),
        ((PIXELS, LABELS * 0 + 2), None, "class 2 for every image"),
        ((PIXELS, LABELS), (PIXELS[:, :5, :5], LABELS), "as trained on"),
        ((PIXELS, LABELS), (np.stack([PIXELS] * 3, 1), LABELS), "as trained on"),
        ((PIXELS, LABELS), (PIXELS, LABELS + 1), "class 3; expected 0 to 2"),
    ],
)
def test_images_that_no_model_could_judge_are_refused_before_any_is_trained(train, test, said, tmp_path):
    with pytest.raises(InputError, match=said):
        _samples(tmp_path, train, test)


def test_a_file_for_training_and_testing_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", images=PIXELS, labels=LABELS)
    own = (str(tmp_path / "a.npz"),)
    with pytest.raises(InputError, match="for training and for testing"):
        get_samples(Config(data=dataclasses.replace(COUNTS, train=own, test=own), studies=()), tmp_path)


def test_images_in_both_files_are_told(tmp_path, caplog):
    _samples(tmp_path, (PIXELS, LABELS), (PIXELS[5:25], LABELS[5:25]))
    assert "20 of 20 test images are among those" in caplog.text


def test_test_files_in_the_order_of_their_classes_are_drawn_from_at_random(tmp_path, caplog):
    sample = _samples(tmp_path, (PIXELS, LABELS), (255 - PIXELS, np.sort(LABELS)))[MAIN]
    test = sample.load("test")
    assert len(test) == 12
    assert set(test.labels.tolist()) == {0, 1, 2}
    assert "test images are among" not in caplog.text
