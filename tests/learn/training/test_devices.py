"""Where a training runs: alone it needs no Lightning, under torchrun every process trains on its share."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from hepsets.core.errors import InputError
from hepsets.learn.training.devices import OneDevice, devices_of

PROGRAM = """
import json, os, sys
from helpers.random_events import muon_label, random_events
from hepsets.core.pdg import PdgMap
from hepsets.learn.decay_trees.recipe import build_model
from hepsets.learn.training.config import FitConfig
from hepsets.learn.training.fit import fit

events = random_events(400, seed=5, mean_particles=6.0)
model = build_model("deep_sets", PdgMap.fit(events.particles["pdg"]))
config = FitConfig(epochs=2, least_steps=0, batch=64, device="cpu")
found = fit(model, events, muon_label(events), config=config)
weights = sum(float(weight.detach().double().abs().sum()) for weight in model.parameters())
rank = os.environ.get("RANK", "0")
losses = [record.validation_loss for record in found.history]
with open(f"{sys.argv[1]}_{rank}.json", "w") as file:
    json.dump({"losses": losses, "weights": weights, "lightning": "lightning" in sys.modules}, file)
"""


def run(folder, *words):
    program = folder / "train.py"
    program.write_text(PROGRAM)
    paths = [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
    subprocess.run(
        [sys.executable, *words[:-1], str(program), words[-1]],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        check=True,
    )


def test_a_process_of_its_own_trains_without_lightning(tmp_path):
    run(tmp_path, str(tmp_path / "alone"))
    assert not json.loads((tmp_path / "alone_0.json").read_text())["lightning"]


def test_one_device_has_the_names_that_a_training_asks_for():
    one = OneDevice("cpu")
    model = torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters())
    assert one.setup(model, optimizer) == (model, optimizer)
    one.backward(model(torch.ones(1, 2)).sum())
    assert model.weight.grad.tolist() == [[1.0, 1.0]]
    assert one.all_reduce(torch.ones(()), reduce_op="mean") == one.broadcast(1.0) == 1.0
    assert (one.device.type, one.global_rank, one.world_size, one.is_global_zero) == ("cpu", 0, 1, True)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_refused_and_auto_takes_the_cpu():
    with pytest.raises(InputError, match="use device 'cpu' or 'auto'"):
        devices_of("cuda")
    assert devices_of("auto").device.type == "cpu"


@pytest.mark.validate
def test_two_processes_of_torchrun_train_one_model_as_one_process_does(tmp_path):
    run(tmp_path, str(tmp_path / "alone"))
    run(tmp_path, "-m", "torch.distributed.run", "--nproc-per-node=2", str(tmp_path / "two"))
    names = ("alone_0", "two_0", "two_1")
    alone, first, second = (json.loads((tmp_path / f"{name}.json").read_text()) for name in names)
    assert [one["lightning"] for one in (alone, first, second)] == [False, True, True]
    assert first["weights"] == second["weights"]
    assert first["losses"] == pytest.approx(alone["losses"], rel=1e-4)
