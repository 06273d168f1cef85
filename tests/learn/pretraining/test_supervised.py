import torch
from helpers.toy_corpus import toy_corpus

from hepsets.learn.pretraining.supervised import Supervised


def test_the_loss_falls_with_what_the_labels_tell():
    trunk, data = toy_corpus(20)
    batch = data.batch(torch.arange(20))
    seen, tree = trunk.reconstructed(batch.sets), trunk.generated(batch.generated)
    head = Supervised(trunk.config.units, samples=2, skims=1)
    before = head(seen, tree, batch.labels)
    with torch.no_grad():
        for one in head.heads:
            one.weight.zero_()
            one.bias.zero_()
            one.bias[0] = 9.0
    some = batch.labels.clone()
    some[:, 0] = 0
    assert head(seen, tree, some) < before
    some[:, 0] = 1
    assert head(seen, tree, some) > before
