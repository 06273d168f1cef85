import json

import numpy as np
import pytest
import torch
from helpers.random_events import random_events
from safetensors import safe_open
from safetensors.torch import save_file

from hepsets.core.errors import InputError
from hepsets.core.pdg import PdgMap
from hepsets.learn.decay_trees.recipe import build_model
from hepsets.learn.files import load, save
from hepsets.learn.training.score import score


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "model.safetensors"
    save(build_model("gcn_stack", PdgMap((22, 211)), units=16, drop=("r",)), path)
    return path


def rewritten(path, change) -> None:
    with safe_open(path, framework="pt") as file:
        header = json.loads(file.metadata()["hepsets"])
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    change(header, tensors)
    save_file(tensors, path, metadata={"hepsets": json.dumps(header)})


def test_a_file_holds_configuration_scaler_and_pdg_map(saved) -> None:
    model = load(saved)
    assert (model.config.units, model.config.drop, model.config.coordinates) == (16, ("r",), "cylindrical")
    assert model.pdg_map == PdgMap((22, 211))
    assert not model.training
    fresh = build_model("gcn_stack", PdgMap((22, 211)), units=16, drop=("r",))
    fresh.fit_scaler(torch.randn(50, 5) * 3 + 1)
    save(fresh, saved)
    assert torch.equal(load(saved).scaler.mean, fresh.scaler.mean)
    events = random_events(5)
    np.testing.assert_array_equal(score(fresh, events), score(load(saved), events))


@pytest.mark.parametrize(
    "change",
    [
        lambda header, tensors: header.update(format="hepsets-model-99"),
        lambda header, tensors: header.update(name="unheard_of"),
        lambda header, tensors: header["config"].update(units=17),
        lambda header, tensors: header["config"].update(units="many"),
        lambda header, tensors: header["config"].update(unheard_of=1),
        lambda header, tensors: header["config"].update(coordinates="spherical"),
        lambda header, tensors: header.update(pdg_ids=[22, 22]),
        lambda header, tensors: header.update(pdg_ids=[22]),
        lambda header, tensors: header.pop("config"),
        lambda header, tensors: header.update(format="hepsets-model-2", config=3),
        lambda header, tensors: tensors.popitem(),
        lambda header, tensors: tensors.update(more=torch.zeros(1)),
        lambda header, tensors: header["config"].update(dropout=float("nan")),
    ],
)
def test_a_file_that_does_not_fit_together_is_refused(saved, change) -> None:
    rewritten(saved, change)
    with pytest.raises(InputError):
        load(saved)


@pytest.mark.parametrize("odd", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(saved, odd) -> None:
    def change(header, tensors):
        name = next(name for name, tensor in tensors.items() if tensor.is_floating_point())
        tensors[name].view(-1)[-1] = odd

    rewritten(saved, change)
    with pytest.raises(InputError, match="not finite"):
        load(saved)


def test_foreign_and_broken_files_are_refused(saved, tmp_path) -> None:
    with pytest.raises(InputError, match="no file"):
        load(tmp_path / "nowhere")
    content = saved.read_bytes()
    for broken in (b"", b"PK\x03\x04 not tensors", content[:100], content[:-10]):
        saved.write_bytes(broken)
        with pytest.raises(InputError, match="safetensors"):
            load(saved)
    save_file({"weight": torch.zeros(3)}, saved)
    with pytest.raises(InputError, match="no hepsets model"):
        load(saved)


def test_a_failed_write_leaves_the_old_file(saved, monkeypatch) -> None:
    before = saved.read_bytes()
    model = build_model("deep_sets", PdgMap(()))
    monkeypatch.setattr("hepsets.learn.files.safetensors_bytes", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        save(model, saved)
    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


def test_others_may_read_a_saved_model_as_any_other_file(saved, tmp_path):
    (tmp_path / "any").touch()
    assert saved.stat().st_mode == (tmp_path / "any").stat().st_mode
