import torch
from helpers.toy_corpus import toy_corpus

from hepsets.learn.pretraining.hiding import SLOTS, Hide


def test_what_is_hidden_and_what_is_left_are_all_there_was():
    _, data = toy_corpus(50)
    batch = data.batch(torch.arange(50))
    torch.manual_seed(1)
    shown, nothing = Hide(0.4, 0.3)(batch)
    assert nothing.shape == (50,)
    for before, left, hidden, link in zip(
        batch.sets, shown.batch.sets, shown.hidden, shown.batch.links, strict=True
    ):
        assert torch.equal(left.multiplicity + hidden.multiplicity, before.multiplicity)
        assert torch.allclose(
            left.sum(left.features) + hidden.sum(hidden.features), before.sum(before.features), atol=1e-4
        )
        assert len(link) == left.n_particles
    for hidden, slot in zip(shown.hidden, shown.slots, strict=True):
        assert slot.max() < SLOTS
        first = hidden.offsets[:-1][hidden.multiplicity > 0]
        assert (slot[first] == 0).all()
    lost = shown.hidden_particles
    assert 0.2 < lost.float().mean() < 0.4
    assert (shown.batch.generated.tokens[lost] == 0).all()
    assert torch.equal(shown.batch.generated.tokens[~lost], shown.tokens[~lost])


def test_nothing_is_hidden_with_no_share():
    _, data = toy_corpus(10)
    batch = data.batch(torch.arange(10))
    shown, _ = Hide(0.0, 0.0)(batch)
    assert all(one.n_particles == 0 for one in shown.hidden)
    assert torch.equal(shown.batch.sets[0].features, batch.sets[0].features)
