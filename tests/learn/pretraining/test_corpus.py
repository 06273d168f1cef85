import numpy as np
import pytest
import torch
from helpers.toy_corpus import SMALL, toy_corpus, toy_events, toy_trunk

from hepsets.core.errors import InputError
from hepsets.core.events import write_parquet
from hepsets.core.particle_sets import ParticleSets, write_particle_sets
from hepsets.learn.pretraining.corpus import (
    GENERATED,
    SEEN,
    CorpusData,
    CorpusStream,
    shards_in,
)


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    for number in range(5):
        seen, generated = toy_events(20, seed=number)
        write_parquet(generated, folder / f"{number:03d}{GENERATED}")
        write_particle_sets(seen, folder / f"{number:03d}{SEEN}")
    return shards_in(folder)


@pytest.fixture(scope="module")
def stream(shards):
    trunk = toy_trunk(toy_events(20)[1])
    return CorpusStream(shards, lambda s: CorpusData.of(*s.read(), SMALL.sets, trunk.pdg_map), window=2)


def test_links_lead_to_the_particle_that_was_seen():
    _, data = toy_corpus(30)
    batch = data.batch(torch.tensor([7, 3, 29]))
    for one, link in zip(batch.sets, batch.links, strict=True):
        there = link >= 0
        assert there.float().mean() > 0.7
        event = batch.generated.event_of_particle[link[there]]
        assert torch.equal(event, one.event_of_particle[there])
        true = batch.generated.features[link[there]][:, 5]  # px
        assert torch.allclose(one.features[there, 0], true, rtol=0.15, atol=1e-6)


def test_a_stream_gives_what_its_shards_hold(shards, stream):
    assert len(stream) == 100
    batch = stream.batch(torch.tensor([3, 41, 5, 99]))
    whole = stream.prepare(shards[2]).batch(torch.tensor([1]))
    assert torch.equal(batch.sets[0].slice(2, 3).features, whole.sets[0].features)
    assert torch.equal(batch.labels[2], whole.labels[0])
    assert len(stream.select(torch.arange(100))) == 100
    assert len(stream.tensors()) == 5


def test_a_pass_takes_every_event_once_and_few_shards_at_a_time(stream):
    order = stream.shuffled(np.arange(100), np.random.default_rng(1))
    assert np.array_equal(np.sort(order), np.arange(100))
    shard = order // 20
    assert all(len(np.unique(shard[begin : begin + 40])) == 2 for begin in (0, 40))
    assert len(np.unique(shard[:10])) == 2
    for begin in range(0, 100, 20):
        stream.batch(torch.from_numpy(order[begin : begin + 20]))
        assert len(stream._kept) <= 2
    assert not np.array_equal(order, stream.shuffled(np.arange(100), np.random.default_rng(2)))


def test_events_that_do_not_belong_together_are_refused(tmp_path):
    seen, generated = toy_events(5)
    with pytest.raises(InputError, match="4 reconstructed and 5 generated"):
        CorpusData.of(seen[:4], generated, SMALL.sets, toy_trunk(generated).pdg_map)
    with pytest.raises(InputError, match="no shards"):
        shards_in(tmp_path)
    write_parquet(generated, tmp_path / f"a{GENERATED}")
    write_particle_sets(ParticleSets(seen.particles, seen.offsets)[:3], tmp_path / f"a{SEEN}")
    with pytest.raises(InputError, match="3 seen and 5 generated"):
        shards_in(tmp_path)
