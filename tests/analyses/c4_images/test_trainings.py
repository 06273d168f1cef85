"""What is trained: each variant once per seed, with as many parameters as ours."""

from __future__ import annotations

import dataclasses

import pytest

from hepsets.analyses.c4_images.config import Config, ImagesConfig
from hepsets.analyses.c4_images.trainings import MATCHED, Variant, options, parameters, trainings
from hepsets.core.errors import InputError

DIGITS, MNIST = (1, 8, 8), (1, 28, 28)


@pytest.mark.parametrize("shape", [DIGITS, MNIST])
@pytest.mark.parametrize("model", MATCHED)
def test_parameters_are_matched_whatever_the_size_of_the_images(shape, model):
    ours = parameters("p4cnn", {}, shape, 10)
    config = options(Config(), Variant("main", model), shape, 10)
    assert parameters(model, {"channels": config.channels}, shape, 10) == pytest.approx(
        ours, rel=0.1
    )  # channels are whole


def test_ours_has_at_most_25_000_parameters_on_mnist():
    assert 20_000 < parameters("p4cnn", {}, MNIST, 10) <= 25_000


def test_own_options_stand_and_widths_multiply_them():
    config = Config(model_of={"cnn": {"channels": 6}, "fcnn": {"widths": [10, 4]}})
    assert options(config, Variant("main", "cnn"), DIGITS, 10).channels == 6
    assert options(config, Variant("main", "cnn", width=0.5), DIGITS, 10).channels == 3
    assert options(config, Variant("main", "fcnn", width=2), DIGITS, 10).widths == (20, 8)
    with pytest.raises(InputError, match="model_of"):
        options(Config(model_of={"cnn": {"depth": 2}}), Variant("main", "cnn"), DIGITS, 10)


def test_each_training_is_listed_once_and_only_those_of_studies_that_are_asked_for():
    config = Config(trainings=2, images=ImagesConfig(models=("cnn", "p4cnn")))
    found = trainings(config)
    assert len(set(found)) == len(found)
    stems = [(one.variant.sample, one.stem) for one in found]
    assert len(set(stems)) == len(stems)
    assert {one.variant.sample for one in found} == {"main", "upright", "upsilon4s_views", "z_views"}
    few = trainings(dataclasses.replace(config, studies=(), augmented=(), models=("p4cnn",)))
    assert [one.seed for one in few] == [1, 2]
