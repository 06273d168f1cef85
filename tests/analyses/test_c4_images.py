"""A whole run of turned images, small enough for a test, on digits and on a user's files."""

from __future__ import annotations

import csv
import dataclasses
import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from helpers.idx_files import write_pair
from helpers.json_schema import problems, result_schema
from helpers.redrawn import redrawn
from helpers.shown import says_and_draws
from helpers.tiny_run import tiny_run

from hepsets.analyses import c4_images
from hepsets.analyses.c4_images import Config
from hepsets.analyses.c4_images.about import MODELS, SETS
from hepsets.analyses.c4_images.config import (
    DataConfig,
    ImagesConfig,
    ParametersConfig,
    PublishedConfig,
    ViewsConfig,
    check,
)
from hepsets.analyses.c4_images.figures.models import style_of
from hepsets.analyses.c4_images.samples import store
from hepsets.analyses.c4_images.summary import markdown
from hepsets.analyses.c4_images.training import train_all
from hepsets.analyses.c4_images.trainings import Variant
from hepsets.core.errors import InputError
from hepsets.core.images import Images
from hepsets.core.purpose import Purpose
from hepsets.learn.training.config import FitConfig

FIT = FitConfig(epochs=6, batch=32, learning_rate=1e-2, device="cpu")

TINY = Config(
    scale="quick",
    trainings=2,
    data=DataConfig(training_images=300, validation_images=60, test_images=200),
    model_of={"p4cnn": {"channels": 4}},
    fit=FIT,
    models=("cnn", "averaged", "p4cnn", "p4mcnn"),
    augmented=(),
    studies=("parameters", "images", "upright"),
    parameters=ParametersConfig(widths=(0.5,), models=("cnn",)),
    images=ImagesConfig(shares=(0.5,), models=("p4cnn",)),
    upright=("cnn", "p4cnn"),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return tiny_run(c4_images, "c4-images", TINY, tmp_path_factory)


def test_what_no_network_can_take_is_refused_before_the_first_training(tmp_path):
    pixels, labels = np.random.default_rng(1).random((60, 1, 4, 4)), np.arange(60) % 3
    parts = {
        str(purpose): Images(pixels, labels, np.arange(60), purpose)
        for purpose in (Purpose.TRAINING, Purpose.VALIDATION, Purpose.TEST)
    }
    config = dataclasses.replace(TINY, models=("fcnn", "p4cnn"), studies=())
    small = {"main": store("main", "toy", tmp_path / "images", parts, ("0", "1", "2"))}
    with pytest.raises(InputError, match="4 pixels wide"):
        train_all(config, small, tmp_path / "models")
    few = dataclasses.replace(
        config, models=("fcnn",), studies=("images",), images=ImagesConfig(shares=(0.5,), models=("fcnn",))
    )
    of_one = {name: dataclasses.replace(one, labels=np.sort(labels)) for name, one in parts.items()}
    sorted_by_class = {"main": store("main", "toy", tmp_path / "more", of_one, ("0", "1", "2"))}
    few = dataclasses.replace(few, data=dataclasses.replace(few.data, training_images=20))
    with pytest.raises(InputError, match="class 0 for each of 10 training images"):
        train_all(few, sorted_by_class, tmp_path / "models")
    assert not list(tmp_path.glob("models/*"))


def test_each_test_image_is_kept_with_the_class_that_each_training_saw(made):
    folder, result = made
    kept = pq.read_table(folder / "predictions" / "main.parquet")
    with (folder / "images" / "main" / "split.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["purpose"] == "test"]
    assert kept["event_number"].to_pylist() == [int(row["id"]) for row in rows]
    assert kept["label"].to_pylist() == [int(row["label"]) for row in rows]
    label = kept["label"].to_numpy()
    of_each = [(kept[f"p4cnn-seed_{seed}"].to_numpy() == label).mean() for seed in (1, 2)]
    ours = next(one for one in result.models if one.variant == Variant("main", "p4cnn"))
    assert np.mean(of_each) == pytest.approx(ours.accuracy.value)
    assert (folder / "predictions" / "upright_any.parquet").exists()


def test_a_run_keeps_to_the_schema_and_has_all_that_was_promised(made):
    folder, _ = made
    record = json.loads((folder / "result.json").read_text())
    assert problems(record, result_schema()) == []
    named = {(one["name"], one["data"]) for one in record["metrics"]["models"]}
    assert {(name, "digits_quarter") for name in TINY.models} <= named
    assert ("p4cnn", "digits_upright_test_any") in named
    assert all(one["seeds"] == 2 for one in record["metrics"]["models"])
    assert max(one["equivariance_error"] for one in record["metrics"]["layers"]) < 1e-5


def test_built_in_symmetry_is_exact_and_pays_on_turned_digits(made):
    _, result = made
    models = {one.name: one for one in result.of("main")}
    assert models["p4cnn"].invariance_error < 1e-5
    assert models["p4mcnn"].equivariance_error < 1e-5
    assert models["cnn"].invariance_error > 0.1
    assert abs(models["cnn"].parameters / models["p4cnn"].parameters - 1) < 0.3
    gain = next(
        one.difference for one in result.gains if one.other == "cnn" and one.data == models["cnn"].data
    )
    assert gain.value > 2 * gain.se


def test_what_is_learnt_upright_holds_for_quarter_turns_to_the_bit(made):
    _, result = made
    tests = {one.name: one.tests for one in result.of("upright")}
    assert tests["p4cnn"]["test"].each == tests["p4cnn"]["test_quarter"].each
    assert tests["cnn"]["test"].accuracy.value > tests["cnn"]["test_quarter"].accuracy.value + 0.1


def test_the_averaged_layer_turns_with_the_image_and_keeps_a_third_of_its_kernels(made):
    _, result = made
    errors = {name: response.error for name, response in result.image.responses.items()}
    assert errors["averaged"] < 1e-5
    assert errors["p4cnn"] < 1e-5
    assert errors["cnn"] > 0.1
    assert (result.kernels.free, result.kernels.weights) == (3, 9)
    assert result.kernels.left < 0.7
    np.testing.assert_allclose(
        result.kernels.averaged, np.rot90(result.kernels.averaged, axes=(1, 2)), atol=1e-6
    )


def test_ids_and_angles_of_the_split_are_written_out_and_nothing_else_of_the_images(made):
    folder, _ = made
    assert {path.name for path in (folder / "images").rglob("*.*")} == {"split.csv"}
    with (folder / "images" / "main" / "split.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len({row["id"] for row in rows}) == len(rows) == 560
    assert {row["degrees"] for row in rows} == {"0", "90", "180", "270"}


@pytest.fixture(scope="module")
def of_files(tmp_path_factory):
    """A run on a folder of IDX files, in the coursework's setting as well."""
    folder = tmp_path_factory.mktemp("idx")
    write_pair(folder, "train", images=60, side=8, classes=3)
    config = Config(
        scale="full",
        trainings=1,
        data=DataConfig(
            training_images=20, validation_images=10, test_images=15, turns="any", train=(str(folder),)
        ),
        models=("fcnn",),
        fit=dataclasses.replace(FIT, epochs=1),
        augmented=("fcnn",),
        studies=("published",),
        published=PublishedConfig(
            training=30, validation=10, test=20, models=("fcnn",), fit=dataclasses.replace(FIT, epochs=1)
        ),
    )
    return tiny_run(c4_images, "c4-images", config, tmp_path_factory)


def test_a_users_files_are_compared_with_the_courseworks_numbers(of_files):
    folder, result = of_files
    record = json.loads((folder / "result.json").read_text())
    assert problems(record, result_schema()) == []
    assert {one["data"] for one in record["metrics"]["models"]} == {"files_any", "published"}
    assert result.kernels is None
    assert {one.name for one in result.of("main")} == {"fcnn", "fcnn_augmented"}
    assert "The coursework found 89 %" in (folder / "report.html").read_text()


def test_a_report_is_drawn_again_byte_by_byte(of_files, tmp_path, monkeypatch):
    folder, result = of_files
    first, again = redrawn(folder, c4_images, tmp_path, monkeypatch)
    assert first == again
    assert "fcnn" in markdown(result)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"models": ("p8cnn",)}, "some of fcnn"),
        ({"models": ()}, "models ="),
        ({"views": ViewsConfig(models=("cnn", "cnn"))}, "each once"),
        ({"model_of": {"p5cnn": {}}}, "model_of"),
        ({"scale": "full"}, "give --data FOLDER"),
        ({"data": DataConfig(test=("a",))}, "training files too"),
        ({"fit": FitConfig(seed=4)}, "one seed for the run"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_made(changed, said):
    with pytest.raises(InputError, match=said):
        check(dataclasses.replace(TINY, **changed))


def test_its_result_tells_the_headline_with_errors_and_draws_it(made):
    says_and_draws(made[1])


def test_no_two_models_share_a_colour():
    names = (*MODELS, SETS, *(f"{name}_augmented" for name in MODELS))
    assert len({style_of(name).colour for name in names}) == len(names)
