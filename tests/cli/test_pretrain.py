import pytest
from helpers.command import hepsets

from hepsets.learn.pretraining.encoder import Trunk

CONFIG = """
[corpus]
events = 24
shard_events = 8
skims = []
[corpus.shares]
uubar = 1.0
[trunk]
units = 8
layers = 1
attention_heads = 1
[objective]
masked = 1.0
[fit]
epochs = 1
batch = 8
device = "cpu"
"""


def test_a_configuration_becomes_a_trunk(tmp_path, monkeypatch, capsys):
    pytest.importorskip("pythia8mc")
    (tmp_path / "small.toml").write_text(CONFIG)
    where = tmp_path / "small.toml", "--out", tmp_path / "run", "--workers", 1
    code, said, _ = hepsets(monkeypatch, capsys, "pretrain", *where)
    assert code == 0
    assert "16 events, " in said
    trunk = Trunk.load(tmp_path / "run" / "trunk.safetensors")
    assert trunk.config.units == 8
    assert trunk.card["objective"]["masked"] == 1.0
