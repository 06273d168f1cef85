"""Whatever a run of Z flavour chooses or judges, it does so with the events that are meant for it."""

from __future__ import annotations

import dataclasses
from itertools import product

import numpy as np
import pytest
import torch
from helpers.flavour_scores import CLASSES, flavour_scores
from helpers.toy_z_events import z_events

from hepsets.analyses.z_flavour.about import OURS, TREES
from hepsets.analyses.z_flavour.blocks import keep_features
from hepsets.analyses.z_flavour.cells import CELLS
from hepsets.analyses.z_flavour.closer_look import _closure
from hepsets.analyses.z_flavour.closure import HemisphereScores, choose_cuts, measure_closure
from hepsets.analyses.z_flavour.comparison import compare, judge, scores_of
from hepsets.analyses.z_flavour.config import Config, DataConfig, LookConfig
from hepsets.analyses.z_flavour.samples import Sample, get_samples
from hepsets.analyses.z_flavour.split import stratified_split
from hepsets.analyses.z_flavour.training import Training, train_all
from hepsets.core.errors import InputError
from hepsets.core.purpose import Purpose
from hepsets.formats.fcc_tree_writer import write_fcc_tree
from hepsets.learn.tables.class_trees import ClassTreesConfig
from hepsets.learn.training.calibration import calibrate_classes
from hepsets.learn.training.config import FitConfig
from hepsets.learn.training.fit import fit
from hepsets.learn.vertexed_events.flavour_task import Flavour, flavour_targets
from hepsets.learn.vertexed_events.recipe import build_vertexed_model
from hepsets.represent.vertexed_events.hemispheres import hemispheres

CONFIG = Config(
    cells=("found", "hemispheres"),
    models=(TREES, OURS),
    fit=FitConfig(epochs=1, batch=64, device="cpu"),
    trees=ClassTreesConfig(trees=5),
    look=LookConfig(closure_samples=2),
)

MEANT = (Purpose.TRAINING, Purpose.VALIDATION)

OTHERS = [pair for pair in product(Purpose, Purpose) if pair != MEANT]
"""What is trained on, and what stops it, as it must not be."""


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """Toy events and their hemispheres, split as those of a run are."""
    folder = tmp_path_factory.mktemp("events")
    events = z_events(480, seed=3)
    keep_features(events, "found", folder / "found.safetensors")
    keep_features(hemispheres(events), "hemispheres", folder / "hemispheres.safetensors")
    flavour = events.columns["flavour"].astype(np.int64)
    split = stratified_split(flavour, (0.5, 0.25, 0.25), seed=1)
    return {
        "found": Sample((folder / "found.safetensors",), flavour, split),
        "hemispheres": Sample((folder / "hemispheres.safetensors",), flavour, split, 2),
    }


@pytest.fixture(scope="module")
def trained(samples, tmp_path_factory):
    return train_all(CONFIG, samples, tmp_path_factory.mktemp("models"))


def scores_for(purpose):
    sample = flavour_scores(1, 4000, distance=1.2)
    return HemisphereScores.of(sample.probabilities, CLASSES, purpose), sample.truth[::2]


def test_a_run_chooses_and_judges_with_the_events_that_are_meant_for_it(samples, trained):
    # a choice with other events would be refused, so that this ends says that none was made
    cells, scores = compare(samples, trained)
    assert cells["found"].counts == (240, 120, 120)
    assert {one.purpose for one in scores.values()} == {Purpose.TEST}
    closure = _closure(CONFIG, samples, trained, scores)
    assert closure is None or closure.whole.events <= 120


def test_examples_for_a_purpose_are_those_of_the_events_that_serve_it_and_of_no_others(samples):
    for sample in samples.values():
        for purpose in Purpose:
            found = sample.load(purpose, CLASSES)
            assert found.purpose is purpose
            assert np.array_equal(found.event, np.repeat(sample.events[purpose], sample.per_event))
            assert len(found.data) == len(found.event)


def test_scales_of_features_are_those_of_the_training_events_alone(samples, trained):
    for training, one in trained.items():
        if training.model != TREES:
            cell = CELLS[training.cell]
            train, *others = (
                one.model.prepare(samples[cell.sample].load(purpose, cell.classes).data)[:].particles.features
                for purpose in Purpose
            )
            np.testing.assert_allclose(one.model.particle_scaler.mean, train.float().mean(0), atol=1e-3)
            everything = torch.cat([train, *others]).float()
            assert (one.model.particle_scaler.mean - everything.mean(0)).abs().max() > 1e-2


def test_what_was_scored_once_is_what_would_be_scored_again_bit_by_bit(samples, trained):
    _, scores = compare(samples, trained)
    for training, one in trained.items():
        cell = CELLS[training.cell]
        test = samples[cell.sample].load(Purpose.TEST, cell.classes)
        assert np.array_equal(scores[training].values, scores_of(one.model, test).values)
        known, afresh = (judge(training, one, test, given) for given in (scores[training], None))
        assert (known.quality[4].accuracy, known.points) == (afresh.quality[4].accuracy, afresh.points)


@pytest.mark.parametrize("purpose", [Purpose.TRAINING, Purpose.VALIDATION])
def test_models_are_judged_by_test_events(samples, trained, purpose):
    training = Training("found", TREES)
    held = samples["found"].load(purpose, CLASSES)
    with pytest.raises(InputError, match=f"{purpose} events where models are judged; expected test"):
        judge(training, trained[training], held)


@pytest.mark.parametrize(("train", "validation"), OTHERS)
def test_no_training_sees_test_events_and_what_stops_it_is_not_what_it_sees(samples, train, validation):
    model = build_vertexed_model("deep_sets", classes=CLASSES, units=4)
    shown, held = (samples["found"].load(one, CLASSES) for one in (train, validation))
    targets = [flavour_targets(one.flavour, np.zeros(len(one.flavour))) for one in (shown, held)]
    with pytest.raises(InputError, match=r"events where a (model is trained|training is stopped)"):
        fit(model, shown.data, targets[0], task=Flavour(charge=False),
            config=FitConfig(epochs=1), validation=(model.prepare(held.data), targets[1]))  # fmt: skip


@pytest.mark.parametrize("purpose", [Purpose.TRAINING, Purpose.TEST])
def test_calibration_is_chosen_with_validation_events(samples, trained, purpose):
    model, held = trained[Training("found", OURS)].model, samples["found"].load(purpose, CLASSES)
    with pytest.raises(
        InputError, match=f"{purpose} events where a model is calibrated; expected validation"
    ):
        calibrate_classes(model, held.data, held.flavour)


@pytest.mark.parametrize("purpose", [Purpose.VALIDATION, Purpose.TEST])
def test_scales_are_not_taken_from_events_that_choose_or_judge(samples, purpose):
    model = build_vertexed_model("deep_sets", classes=CLASSES, units=4)
    data = model.prepare(samples["found"].load(purpose, CLASSES).data)
    with pytest.raises(InputError, match=f"{purpose} events where deep_sets takes scales; expected training"):
        model.fit_scales(data, torch.arange(len(data)))


@pytest.mark.parametrize("purpose", [Purpose.TRAINING, Purpose.TEST])
def test_cuts_are_chosen_with_validation_events(purpose):
    with pytest.raises(InputError, match=f"{purpose} events where cuts are chosen; expected validation"):
        choose_cuts(*scores_for(purpose), CLASSES)


@pytest.mark.parametrize("purpose", [Purpose.TRAINING, Purpose.VALIDATION])
def test_r_b_is_measured_with_test_events(purpose):
    cuts = choose_cuts(*scores_for(Purpose.VALIDATION), CLASSES)
    with pytest.raises(InputError, match=f"{purpose} events where R_b is measured; expected test"):
        measure_closure(*scores_for(purpose), CLASSES, cuts)


def test_an_event_for_two_purposes_is_refused(samples):
    events = dict(samples["found"].events)
    events[Purpose.TEST] = np.append(events[Purpose.TEST], events[Purpose.TRAINING][:3])
    with pytest.raises(InputError, match="3 events for two purposes"):
        dataclasses.replace(samples["found"], events=events)


def files(folder, number, seed=0):
    """Files of three flavours as courses hand them out."""
    folder.mkdir()
    for flavour, name in ((5, "Zbb"), (4, "Zcc"), (3, "Zss")):
        write_fcc_tree(z_events(number, seed=seed + flavour, flavours=(flavour,)), folder / f"{name}.parquet")
    return tuple(str(path) for path in sorted(folder.iterdir()))


def own(tmp_path, train, test=()):
    return get_samples(
        Config(data=DataConfig(train=train, test=test), cells=("seeded",)), tmp_path / "run"
    ).by_name


def test_a_users_test_events_are_none_that_were_trained_or_chosen_with(tmp_path):
    one, other = files(tmp_path / "one", 60), files(tmp_path / "other", 60, seed=10)
    found = own(tmp_path, one, other)["seeded"]
    assert found.count(Purpose.TEST) == 180 + 9  # all files for testing, and what the split leaves
    with pytest.raises(InputError, match=r"Zbb\.parquet for training and for testing"):
        own(tmp_path, one, (*other[1:], one[0]))
    copy = tmp_path / "again_Zbb.parquet"
    copy.write_bytes((tmp_path / "one" / "Zbb.parquet").read_bytes())
    with pytest.raises(
        InputError, match=r"57 of 189 events of .*again_Zbb.* are in .* to train and choose on"
    ):
        own(tmp_path, one, (str(copy), *other[1:]))


def test_events_that_stand_twice_in_a_users_files_do_not_train_and_test(tmp_path):
    one = files(tmp_path / "one", 60)
    copy = tmp_path / "again_Zbb.parquet"
    copy.write_bytes((tmp_path / "one" / "Zbb.parquet").read_bytes())
    with pytest.raises(InputError, match=r"are in those of .* to train and choose on too"):
        own(tmp_path, (*one, str(copy)))


def test_files_without_one_of_the_flavours_are_refused_before_anything_is_trained(tmp_path):
    one = [file for file in files(tmp_path / "one", 60) if "Zss" not in file]
    with pytest.raises(InputError, match=r"no s events in .*Zbb.* give a file of each flavour"):
        own(tmp_path, tuple(one))
    assert not (tmp_path / "run").exists()  # nor their features: there is nothing to resume
