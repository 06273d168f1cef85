"""A finished trunk is shipped to the byte, with a card that tells what it is and what it saves."""

import json

import pytest
from helpers.toy_corpus import toy_events, toy_trunk
from ship_trunk import CARD, ship

from hepsets.core.errors import InputError
from hepsets.core.record import checksum_of_file
from hepsets.learn.pretraining.encoder import Trunk

TOLD = {
    "objective": {"masked": 3.0, "contrastive": 0.0, "supervised": 1.0},
    "samples": ["mixed", "uubar"],
    "skims": [],
    "corpus_events": 20,
    "corpus_seed": 4,
    "events_trained": 60,
    "cpu_seconds": 7200.0,
    "weights": 11,
    "validation_loss": {"first": 2.0, "best": 1.5},
    "versions": {"hepsets": "0.1.0"},
}


def row(labels, worth):
    low, high = 0.5 * worth, min(2 * worth, 300)
    found = {"task": "pi0-count", "pretraining": "supervised+masked", "tuning": "head", "labels": labels}
    return {**found, "equivalent_scratch_labels": worth, "low": low, "high": high}


@pytest.fixture
def run(tmp_path):
    """A finished run with one trunk."""
    folder = tmp_path / "run"
    (folder / "models").mkdir(parents=True)
    toy_trunk(toy_events(20)[1]).save(folder / "models" / "supervised+masked.safetensors", **TOLD)
    (folder / "models" / "supervised+masked.json").write_text("{}")
    (folder / "config.toml").write_text('scale = "quick"\nseed = 3\n')
    curves = [{"task": "pi0-count", "pretraining": "none", "labels": labels} for labels in (30, 300)]
    metrics = {"curves": curves, "label_saving": [row(30, 90.0), row(100, 200.0)]}
    (folder / "result.json").write_text(json.dumps({"metrics": metrics}))
    return folder


def test_the_file_is_the_same_and_the_card_tells_of_it(run, tmp_path):
    ship(run, "supervised+masked", tmp_path / "shipped")
    made = tmp_path / "shipped" / "shipped.safetensors"
    assert made.read_bytes() == (run / "models" / "supervised+masked.safetensors").read_bytes()
    told = (tmp_path / "shipped" / "shipped.md").read_text(encoding="utf-8")
    assert f"`{checksum_of_file(made)}`" in told
    assert "`hepsets run pretraining --scale quick --seed 3`, its trunk `supervised+masked`" in told
    assert "weights masked 3, supervised 1" in told
    assert "60 events shown, 2.00 hours" in told
    assert "| pi0-count | head | 30 | 90 | 45 | 180 |" in told
    assert "| pi0-count | head | 100 | 200 | 100 | ≥ 300 |" in told
    assert max(map(len, told.splitlines())) < 400


def test_a_trunk_of_hepsets_pretrain_needs_no_name(run, tmp_path):
    (run / "models" / "supervised+masked.safetensors").rename(run / "trunk.safetensors")
    shipped = ship(run, folder=tmp_path / "shipped")
    assert isinstance(shipped, Trunk)
    assert "| made by | hepsets pretrain; " in (tmp_path / "shipped" / "shipped.md").read_text()


def test_an_unfinished_a_large_and_a_nameless_one_stay_out(run, tmp_path, monkeypatch):
    out = tmp_path / "shipped"
    with pytest.raises(InputError, match=r"no finished trunk 'masked' in .*; expected one of supervised"):
        ship(run, "masked", out)
    with pytest.raises(InputError, match="expected a finished folder of hepsets pretrain"):
        ship(run, folder=out)
    monkeypatch.setattr("ship_trunk.MOST_BYTES", 1000)
    with pytest.raises(InputError, match="expected fewer than 1000"):
        ship(run, "supervised+masked", out)
    monkeypatch.undo()
    toy_trunk(toy_events(20)[1]).save(run / "models" / "supervised+masked.safetensors")
    with pytest.raises(InputError, match=f"lacks {CARD[0]}, {CARD[1]}"):
        ship(run, "supervised+masked", out)
    assert not out.exists()
