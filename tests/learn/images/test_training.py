import dataclasses

import numpy as np
import pytest
import torch
from helpers.turned import strokes

from hepsets.core.errors import InputError
from hepsets.core.purpose import Purpose
from hepsets.learn.files import load, save
from hepsets.learn.images.recipe import image_recipe
from hepsets.learn.images.training import train_images

TRAIN, VALIDATION = strokes(300, seed=1), strokes(100, seed=2)


def brief(name, epochs=6, **options):
    return image_recipe(name).configured(
        {"fit": {"epochs": epochs, "batch": 16, "learning_rate": 1e-2}, **options}
    )


def accuracy(model, images):
    return (model.probabilities(images).argmax(1) == images.labels).mean()


def test_trained_upright_a_p4_network_knows_the_turned_and_a_plain_one_does_not():
    test = strokes(200, seed=3)
    turned = test.with_pixels(np.rot90(test.pixels, axes=(2, 3)))
    group = train_images("p4cnn", TRAIN, VALIDATION, brief("p4cnn", channels=4))
    plain = train_images("cnn", TRAIN, VALIDATION, brief("cnn", channels=8))
    assert accuracy(group, test) > 0.8
    assert accuracy(plain, test) > 0.8
    assert accuracy(group, turned) == accuracy(group, test)
    assert accuracy(plain, turned) < 0.6


def test_the_best_state_on_validation_images_is_kept_and_a_file_remembers_the_training(tmp_path):
    model = train_images("p4cnn", TRAIN[:100], VALIDATION, brief("p4cnn", 3, channels=2), seed=5)
    assert [epoch.epoch for epoch in model.history] == [1, 2, 3]
    best = model.history[model.best_epoch - 1]
    assert best.validation_loss == min(epoch.validation_loss for epoch in model.history)
    assert best.metrics["accuracy"] == pytest.approx(accuracy(model, VALIDATION), abs=1e-9)
    save(model, tmp_path / "model.safetensors")
    loaded = load(tmp_path / "model.safetensors")
    assert loaded.history == model.history
    assert np.array_equal(loaded.probabilities(VALIDATION), model.probabilities(VALIDATION))


def test_a_training_repeats_and_what_is_shown_is_augmented_for_training_alone():
    shown = []

    def flipped(pixels):
        shown.append(len(pixels))
        return torch.where(torch.rand(len(pixels), 1, 1, 1) < 0.5, pixels.flip(-1), pixels)

    once, again, without = (
        train_images("cnn", TRAIN[:64], VALIDATION, brief("cnn", 2, channels=2), seed=1, augmentation=how)
        for how in (flipped, flipped, None)
    )
    assert sum(shown) == 2 * 2 * 64
    assert dataclasses.replace(once.history[-1], train_seconds=0) == dataclasses.replace(
        again.history[-1], train_seconds=0
    )
    assert once.history[-1].train_loss != without.history[-1].train_loss


def test_what_cannot_be_trained_on_is_refused():
    with pytest.raises(InputError, match="test events where a model is trained"):
        train_images("cnn", TRAIN.used_for(Purpose.TEST), VALIDATION)
    with pytest.raises(InputError, match="training events where a training is stopped"):
        train_images("cnn", TRAIN, VALIDATION.used_for(Purpose.TRAINING))
    with pytest.raises(InputError, match="some of each, of one shape"):
        train_images("cnn", TRAIN, strokes(9, size=9))
    with pytest.raises(InputError, match="class 2 for every image"):
        train_images("cnn", TRAIN[TRAIN.labels == 2], VALIDATION)
