import numpy as np
import pytest
import torch
from helpers.toy_corpus import toy_corpus, toy_events

from hepsets.core.errors import InputError
from hepsets.deploy.onnx.trunk import OnnxTrunk, export_trunk_onnx
from hepsets.learn.pretraining.corpus import CorpusData


def test_an_exported_trunk_gives_the_same_vectors(tmp_path):
    trunk, data = toy_corpus(30)
    trunk.card = {"objective": "masked"}
    export_trunk_onnx(trunk, tmp_path / "trunk.onnx")
    found = OnnxTrunk(tmp_path / "trunk.onnx", threads=1)
    assert found.card == trunk.card
    with torch.inference_mode():
        wanted = trunk.reconstructed(data.sets).events.numpy()
    np.testing.assert_allclose(found.vectors(toy_events(30)[0]), wanted, atol=1e-5)
    assert found.vectors(toy_events(30)[0][:0]).shape == (0, wanted.shape[1])
    (tmp_path / "no.onnx").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"no\.onnx"):
        OnnxTrunk(tmp_path / "no.onnx")


def test_an_exported_trunk_takes_batches_in_which_nothing_was_seen(tmp_path):
    trunk, _ = toy_corpus(30)
    export_trunk_onnx(trunk, tmp_path / "trunk.onnx")
    found = OnnxTrunk(tmp_path / "trunk.onnx", threads=1)
    seen, generated = toy_events(30)
    tracks_alone = seen.particles["charge"] != 0
    for kept in (tracks_alone, ~tracks_alone, np.zeros(seen.n_particles, dtype=bool)):
        some = seen.select_particles(kept)
        with torch.inference_mode():
            sets = CorpusData.of(some, generated, trunk.config.sets, trunk.pdg_map).sets
            wanted = trunk.reconstructed(sets).events.numpy()
        np.testing.assert_allclose(found.vectors(some), wanted, atol=1e-5)
