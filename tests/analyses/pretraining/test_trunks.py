"""Weights of combinations, trunks that do not depend on who trains them when, and maps."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers.toy_corpus import SMALL, toy_events

from hepsets.analyses.pretraining.config import Config
from hepsets.analyses.pretraining.trunks import Corpus, get_trunks, latent_map, trunk_file, weighted
from hepsets.core.events import write_parquet
from hepsets.core.particle_sets import write_particle_sets
from hepsets.deploy import pretraining
from hepsets.deploy.corpus import CorpusConfig
from hepsets.deploy.pretraining import PretrainConfig
from hepsets.learn.pretraining.corpus import GENERATED, SEEN, shards_in
from hepsets.learn.pretraining.encoder import Trunk
from hepsets.learn.training.config import FitConfig

TINY = Config(
    models=("masked", "supervised"),
    pretrain=PretrainConfig(
        corpus=CorpusConfig(shares={"mixed": 1.0, "charged": 1.0}),
        trunk=SMALL,
        fit=FitConfig(epochs=4, epoch_examples=40, batch=20, device="cpu"),
        window=2,
    ),
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    for number in range(3):
        seen, generated = toy_events(30, seed=number)
        write_parquet(generated, folder / f"{number}{GENERATED}")
        write_particle_sets(seen, folder / f"{number}{SEEN}")
    return Corpus(tuple(shards_in(folder)), np.arange(90), 1.0)


@pytest.fixture(scope="module")
def trained(corpus, tmp_path_factory):
    """Facts of trunks that were trained one after the other, and where they stand."""
    folder = tmp_path_factory.mktemp("models")
    return get_trunks(TINY, corpus, folder, folder), folder


def assert_same(trained, again, folder):
    for one, other in zip(trained[0], again, strict=True):
        assert one.pretraining == other.pretraining
        assert one.losses == other.losses
        first, second = (
            Trunk.load(trunk_file(place, one.pretraining)).state_dict() for place in (trained[1], folder)
        )
        assert first.keys() == second.keys()
        assert all(torch.equal(first[name], second[name]) for name in first)


def test_trunks_that_are_trained_side_by_side_are_those_trained_one_after_the_other(
    corpus, trained, tmp_path
):
    again = get_trunks(TINY, corpus, tmp_path, tmp_path, workers=2)
    assert_same(trained, again, tmp_path)
    assert trained[0][0].losses != trained[0][1].losses


def test_a_trunk_whose_training_was_killed_goes_on_to_the_same_bits(corpus, trained, tmp_path, monkeypatch):
    def killed(advance):
        def tell(done, total):
            if done > total / 2:
                raise KeyboardInterrupt

        return tell

    with monkeypatch.context() as patch:
        patch.setattr(pretraining, "_telling", killed)
        with pytest.raises(KeyboardInterrupt):
            get_trunks(TINY, corpus, tmp_path, tmp_path)
    assert (tmp_path / "masked.checkpoint").is_file()
    assert not trunk_file(tmp_path, "masked").exists()
    assert_same(trained, get_trunks(TINY, corpus, tmp_path, tmp_path), tmp_path)
    assert not list(tmp_path.glob("*.checkpoint"))


def test_the_first_objective_weighs_one_and_the_second_what_is_tried():
    found = weighted("supervised+masked", (0.3, 3.0))
    assert [one.supervised for one in found.values()] == [1.0, 1.0]
    assert [one.masked for one in found.values()] == [0.3, 3.0]
    assert list(weighted("masked", (0.3, 3.0))) == [1.0]


def test_a_map_shows_the_plane_of_greatest_spread():
    rng = np.random.default_rng(0)
    events = np.zeros((400, 6), dtype=np.float32)
    events[:, 2], events[:, 4] = 5 * rng.normal(size=400), rng.normal(size=400)
    found = latent_map(events, np.array([0, 1] * 200), ("mixed", "other"))
    assert found.explained == pytest.approx(1.0)
    assert found.points.std(0) == pytest.approx([1.0, 0.2], abs=0.03)
    assert set(found.kind.tolist()) == {0, -1}
