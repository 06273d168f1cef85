"""What every estimator of ΔC9 with a network must do, whatever it is."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from helpers.model_contract import CODE_WRITERS, assert_loading_never_executes_code, assert_same
from helpers.toy_decays import toy_decays, toy_sample
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.core.record import KEY as CHECKSUM
from hepsets.learn.data_sets.deep_sets import EventDeepSetsConfig, fit_event_deep_sets
from hepsets.learn.data_sets.estimator import NetworkEstimator
from hepsets.learn.data_sets.event_posterior import EventPosteriorConfig, fit_event_posterior
from hepsets.learn.data_sets.image_cnn import ImageCnnConfig, fit_image_cnn
from hepsets.learn.data_sets.regression import SetSampling
from hepsets.learn.set_estimator_file import PUBLISHED, load_published
from hepsets.learn.tensor_file import write_tensors
from hepsets.learn.training.network_fit import NetworkFitConfig
from hepsets.represent.data_sets.pools import bootstrapped_sets

VALUES = (-1.5, -0.5, 0.5, 1.5)
SIZES = (40, 1, 75, 0, 300)
EVENTS = toy_decays(sum(SIZES), 1.0, seed=5)
OFFSETS = np.concatenate([[0], np.cumsum(SIZES)])


@pytest.fixture(scope="module")
def models() -> dict[str, NetworkEstimator]:
    frame = toy_sample(400, VALUES, seed=1)
    sampling = SetSampling(events=40, sets=4, validation_sets=3)
    fit = NetworkFitConfig(epochs=2, batch=8, learning_rate=3e-3, device="cpu")
    cnn, _ = fit_image_cnn(frame, ImageCnnConfig(bins=8, channels=2, dense=8, sampling=sampling, fit=fit))
    deep, _ = fit_event_deep_sets(
        frame, EventDeepSetsConfig(event_widths=(16, 16), set_widths=(16,), sampling=sampling, fit=fit)
    )
    events, _ = fit_event_posterior(frame, EventPosteriorConfig(widths=(16, 16), fit=fit))
    found = {one.name: one for one in (cnn, deep, events, events.variant(normalised=False))}
    assert found.keys() == PUBLISHED.keys()
    return found


@pytest.fixture(params=list(PUBLISHED))
def model(request: pytest.FixtureRequest, models: dict[str, NetworkEstimator]) -> NetworkEstimator:
    return models[request.param]


def test_predictions_tell_sets_apart(model: NetworkEstimator) -> None:
    found = model.predict(EVENTS, OFFSETS)
    assert found.dtype == np.float64
    assert found.shape == (len(SIZES),)
    assert np.ptp(found) > 1e-5


def test_a_prediction_does_not_depend_on_other_sets(model: NetworkEstimator) -> None:
    together = model.predict(EVENTS, OFFSETS)
    for one, (begin, end) in enumerate(itertools.pairwise(OFFSETS)):
        if end > begin:
            alone = model.predict(EVENTS[int(begin) : int(end)], np.array([0, end - begin]))
            assert_same(together[[one]], alone, 1e-5)


def test_a_prediction_does_not_depend_on_the_order_of_events(model: NetworkEstimator) -> None:
    rng = np.random.default_rng(1)
    order = np.concatenate([rng.permutation(np.arange(a, b)) for a, b in itertools.pairwise(OFFSETS)])
    assert_same(model.predict(EVENTS, OFFSETS), model.predict(EVENTS[order], OFFSETS), 1e-5)


def test_a_prediction_does_not_depend_on_other_columns(model: NetworkEstimator) -> None:
    bare = EVENTS.select_columns(["chi", "costheta_K", "costheta_mu", "q_squared"])
    assert_same(model.predict(EVENTS, OFFSETS), model.predict(bare, OFFSETS), 0.0)


def test_single_events_and_empty_sets_have_a_prediction(model: NetworkEstimator) -> None:
    found = model.predict(EVENTS, OFFSETS)
    assert np.isfinite(found).all()
    empty = model.predict(EVENTS, np.array([0, 0, len(EVENTS), len(EVENTS)]))
    assert empty[0] == empty[2]


def test_no_sets_have_no_predictions(model: NetworkEstimator) -> None:
    assert model.predict(EVENTS[:0], np.array([0])).shape == (0,)


def test_intervals_hold_the_prediction(model: NetworkEstimator) -> None:
    found = model.estimate(EVENTS, OFFSETS)
    interval = model.interval(EVENTS, OFFSETS)
    assert interval.shape == (len(SIZES), 2)
    assert (interval[:, 0] < found.value).all()
    assert (found.value < interval[:, 1]).all()


def test_sets_that_share_events_are_as_good_as_copies(
    model: NetworkEstimator, monkeypatch: pytest.MonkeyPatch
) -> None:
    sets = bootstrapped_sets(toy_sample(50, VALUES, seed=2), 60, 3, seed=3)
    copies = model.predict(*sets.packed())
    assert_same(model.estimate_sets(sets).value, copies, 1e-5)
    monkeypatch.setattr("hepsets.learn.data_sets.estimator.GROUP_MEMBERS", 130)
    assert_same(model.estimate_sets(sets).value, copies, 1e-5)


def test_saving_and_loading_keeps_the_estimate(model: NetworkEstimator, tmp_path) -> None:
    model.save(tmp_path / "model.safetensors")
    loaded = load_published(tmp_path / "model.safetensors")
    assert type(loaded) is type(model)
    assert loaded.name == model.name
    assert_same(model.interval(EVENTS, OFFSETS), loaded.interval(EVENTS, OFFSETS), 0.0)


@pytest.mark.parametrize("write", CODE_WRITERS)
def test_loading_never_executes_code(write, tmp_path) -> None:
    assert_loading_never_executes_code(load_published, write, tmp_path / "model.safetensors")


def test_damaged_files_are_refused(model: NetworkEstimator, tmp_path) -> None:
    path = tmp_path / "model.safetensors"
    model.save(path)
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    tensors = load_file(path)
    tensors.pop(next(name for name in tensors if name.endswith("weight")))
    save_file(tensors, path, metadata=metadata)
    with pytest.raises(InputError, match="damaged"):
        load_published(path)
    renamed = {"hepsets": metadata["hepsets"].replace(f'"{model.name}"', '"other"')}
    save_file(tensors, path, metadata=renamed)
    with pytest.raises(InputError, match="damaged or was edited"):
        load_published(path)
    header = {name: entry for name, entry in json.loads(renamed["hepsets"]).items() if name != CHECKSUM}
    write_tensors(path, header, tensors)  # whole, but of no model that there is
    with pytest.raises(InputError, match="one of cnn"):
        load_published(path)


def test_impossible_events_are_refused(model: NetworkEstimator) -> None:
    broken = EVENTS["chi"].copy()
    broken[3] = np.nan
    with pytest.raises(InputError, match="chi"):
        model.predict(EVENTS.with_columns(chi=broken), OFFSETS)
    with pytest.raises(InputError, match="costheta_K"):
        model.predict(EventFrame({"q_squared": EVENTS["q_squared"], "costheta_mu": EVENTS["chi"]}), OFFSETS)
