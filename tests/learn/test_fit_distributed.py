"""Training under torchrun, as on several devices; two processes on this machine stand for them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import json, os, sys
import torch
torch.set_num_threads(1)
sys.path.insert(0, {tests!r})
from helpers.random_events import muon_label, random_events
from hepsets.core.pdg import PdgMap
from hepsets.learn.training.fit import fit
from hepsets.learn.training.config import FitConfig
from hepsets.learn.decay_trees.recipe import build_model
events = random_events(600, seed=5, mean_particles=12)
pdg_map = PdgMap.fit(events.particles["pdg"])
model = build_model("deep_sets_gcn_pdg_normalized", pdg_map, unknown_probability=0.0)
config = FitConfig(
    epochs=3, batch=64, learning_rate=0.01, device="cpu"
)
result = fit(model, events, muon_label(events), config=config)
losses = [[record.train_loss, record.validation_loss] for record in result.history]
with open(os.path.join({out!r}, os.environ.get("RANK", "alone")), "w") as file:
    json.dump(losses, file)
"""


@pytest.mark.validate
def test_two_processes_train_the_same_model_as_one(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(SCRIPT.format(tests=str(Path(__file__).parents[1]), out=str(tmp_path)))
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    for command in ([sys.executable], torchrun):
        subprocess.run([*command, str(script)], check=True, capture_output=True, timeout=240)
    alone, first, second = (json.loads((tmp_path / name).read_text()) for name in ("alone", "0", "1"))
    assert first == second
    for one, two in zip(alone, first, strict=True):
        assert two == pytest.approx(one, rel=1e-4)
