import dataclasses

import pytest
import torch
from helpers.random_events import shuffled
from helpers.toy_corpus import SMALL, toy_corpus, toy_events, toy_trunk

from hepsets.core.errors import InputError
from hepsets.learn.pretraining.corpus import CorpusData
from hepsets.learn.pretraining.encoder import Trunk, TrunkConfig


@pytest.fixture(scope="module")
def corpus():
    return toy_corpus(40)


def everything(data):
    return data.batch(torch.arange(len(data)))


def test_an_event_looks_the_same_whatever_stands_beside_it(corpus):
    trunk, data = corpus
    both = everything(data)
    seen, tree = trunk.reconstructed(both.sets).events, trunk.generated(both.generated).events
    for number in (0, 7, 39):
        alone = data.batch(torch.tensor([number]))
        assert torch.allclose(trunk.reconstructed(alone.sets).events[0], seen[number], atol=1e-5)
        assert torch.allclose(trunk.generated(alone.generated).events[0], tree[number], atol=1e-5)


def test_an_event_looks_the_same_in_any_order_of_its_particles(corpus):
    trunk, data = corpus
    seen, generated = toy_events(40)
    turned = CorpusData.of(seen, shuffled(generated, 3), trunk.config.sets, trunk.pdg_map)
    one, other = (trunk.generated(everything(x).generated).events for x in (data, turned))
    assert torch.allclose(one, other, atol=1e-5)
    sets = [one.choose(torch.arange(40)) for one in data.sets]
    for which, one in enumerate(sets):
        order = torch.argsort(one.event_of_particle + torch.rand(one.n_particles) * 0.9)
        sets[which] = dataclasses.replace(one, features=one.features[order])
    found = trunk.reconstructed(tuple(sets)).events
    assert torch.allclose(found, trunk.reconstructed(everything(data).sets).events, atol=1e-5)


def test_particles_of_the_sets_stand_where_their_events_are(corpus):
    trunk, data = corpus
    seen = trunk.reconstructed(everything(data).sets)
    assert seen.particles.shape == (sum(one.n_particles for one in data.sets), SMALL.units)
    total = seen.owner.sum(torch.ones(len(seen.particles), 1))[:, 0]
    assert torch.equal(total.long(), sum(one.multiplicity for one in data.sets))
    for which, one in enumerate(data.sets):
        event = seen.owner.part(seen.owner.event_of_particle, which)
        assert torch.equal(event, one.event_of_particle)


def test_an_event_of_nothing_has_a_vector(corpus):
    trunk, data = corpus
    none = tuple(
        dataclasses.replace(one, features=one.features[:0], offsets=torch.zeros(3, dtype=torch.int64))
        for one in data.sets
    )
    assert trunk.reconstructed(none).events.isfinite().all()


def test_a_mother_is_known_by_the_tree(corpus):
    trunk, data = corpus
    batch = everything(data).generated
    roots = dataclasses.replace(batch, mothers=torch.arange(batch.n_particles))
    assert not torch.allclose(trunk.generated(batch).events, trunk.generated(roots).events, atol=1e-3)


def test_a_file_holds_the_trunk_and_its_card(corpus, tmp_path):
    trunk, data = corpus
    trunk.save(tmp_path / "trunk.safetensors", objective="masked", events=40)
    found = Trunk.load(tmp_path / "trunk.safetensors")
    assert found.card == {"objective": "masked", "events": 40}
    assert found.config == trunk.config
    one, other = (x.reconstructed(everything(data).sets).events for x in (trunk, found))
    assert torch.equal(one, other)
    (tmp_path / "other.safetensors").write_bytes(b"no trunk")
    with pytest.raises(InputError, match=r"other\.safetensors"):
        Trunk.load(tmp_path / "other.safetensors")


def test_the_small_trunk_has_a_hundred_thousand_weights_and_heads_must_divide_it():
    _, generated = toy_events(5)
    assert 1e5 < toy_trunk(generated, TrunkConfig()).n_parameters < 1.5e5
    with pytest.raises(InputError, match="attention heads"):
        toy_trunk(generated, TrunkConfig(units=30))
