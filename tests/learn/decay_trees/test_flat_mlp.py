import numpy as np
import torch
from helpers.random_events import events_of_sizes

from hepsets.core.events import Events
from hepsets.core.pdg import PdgMap
from hepsets.learn.decay_trees.recipe import build_model
from hepsets.learn.training.score import score


def by_hand(model, events: Events) -> torch.Tensor:
    """Particles of each event by falling energy, features side by side."""
    network, logits = model.network, []
    for event in range(len(events)):
        features = model.features.of_events(events[[event]])
        order = np.argsort(-events[[event]].particles["energy"], kind="stable")[: network.slots]
        table = torch.zeros(network.slots, len(model.features) + network.mask)
        table[: len(order), : len(model.features)] = features[order]
        if network.mask:
            table[: len(order), -1] = 1.0
        logits.append(network.mlp(table.reshape(-1)))
    return torch.cat(logits)


def test_slots_are_filled_by_falling_energy() -> None:
    events = events_of_sizes([7, 1, 0, 20, 12], seed=1)
    for name in ("flat_mlp", "flat_mlp_mask"):
        model = build_model(name, PdgMap(()), max_particles=12)
        with torch.no_grad():
            expected = torch.sigmoid(by_hand(model, events)).numpy()
        np.testing.assert_allclose(score(model, events), expected, atol=1e-6)


def test_particles_of_equal_energy_have_one_order_too() -> None:
    events = events_of_sizes([9, 9], seed=2)
    same_energy = {**events.particles, "energy": np.full(18, 2.0)}
    there = Events(same_energy, events.offsets)
    back = np.concatenate([np.arange(9)[::-1], np.arange(9, 18)[::-1]])
    turned = Events(
        {k: v[back] for k, v in same_energy.items() if "index" not in k}
        | {"index": events.particles["index"], "mother_index": np.zeros(18)},
        events.offsets,
    )
    model = build_model("flat_mlp", PdgMap(()))
    np.testing.assert_allclose(score(model, there), score(model, turned), atol=1e-6)
