import pytest
from helpers.toy_corpus import SMALL, toy_events

from hepsets.core.errors import InputError
from hepsets.core.events import write_parquet
from hepsets.core.particle_sets import write_particle_sets
from hepsets.deploy.corpus import CorpusConfig
from hepsets.deploy.pretraining import PretrainConfig, pretrain_trunk, train_on
from hepsets.learn.pretraining.corpus import GENERATED, SEEN, shards_in
from hepsets.learn.pretraining.encoder import Trunk
from hepsets.learn.training.config import FitConfig

CONFIG = PretrainConfig(
    corpus=CorpusConfig(shares={"mixed": 1.0, "charged": 1.0}),
    trunk=SMALL,
    fit=FitConfig(epochs=3, epoch_examples=40, batch=20, device="cpu"),
    window=2,
)


def test_a_stream_of_shards_makes_a_trunk_whose_card_says_how(tmp_path):
    for number in range(4):
        seen, generated = toy_events(30, seed=number)
        write_parquet(generated, tmp_path / f"{number}{GENERATED}")
        write_particle_sets(seen, tmp_path / f"{number}{SEEN}")
    done = train_on(shards_in(tmp_path), CONFIG, tmp_path / "checkpoint")
    assert (tmp_path / "checkpoint").is_file()
    card = done.trunk.card
    assert card["corpus_events"] == 90
    assert card["events_trained"] == 90  # three parts of one pass
    assert card["samples"] == ["mixed", "charged"]
    done.trunk.save(tmp_path / "trunk.safetensors")
    assert Trunk.load(tmp_path / "trunk.safetensors").card == card


def test_nothing_to_train_on_is_refused(tmp_path):
    pytest.importorskip("pythia8mc")
    config = PretrainConfig(corpus=CorpusConfig(events=4, shares={"uubar": 1.0}, skims=(), shard_events=4))
    with pytest.raises(InputError, match="1 shards, 1 of them for validation"):
        pretrain_trunk(config, tmp_path)
