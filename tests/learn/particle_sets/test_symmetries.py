import numpy as np
import pytest
import torch
from helpers.random_candidates import random_candidates, turned
from scipy.spatial.transform import Rotation

from hepsets.core.particle_sets import ParticleSets
from hepsets.learn.particle_sets.recipe import build_set_model
from hepsets.learn.particle_sets.symmetries import CollisionSymmetries
from hepsets.represent.particle_sets.data import SetData
from hepsets.represent.particle_sets.features import FIVE_SETS, FIVE_SETS_PUBLISHED, OWN, SetSpec

SPECS = (
    *FIVE_SETS,
    *FIVE_SETS_PUBLISHED,
    SetSpec("own", (*OWN, "charge", "flavour_charge", "log_dz")),
)
EVENTS = random_candidates(30, seed=9, mean_particles=12)


def conjugated(events: ParticleSets) -> ParticleSets:
    return ParticleSets(
        {**events.particles, "charge": -events.particles["charge"]},
        events.offsets,
        {**events.columns, "candidate_charge": -events.columns["candidate_charge"]},
    )


@pytest.mark.parametrize(("mirror", "exchange"), [(1, 1), (-1, 1), (1, -1), (-1, -1)])
@pytest.mark.parametrize("conjugate", [1, -1])
def test_features_change_as_if_the_collision_had(monkeypatch, mirror, exchange, conjugate) -> None:
    angle = 0.7
    monkeypatch.setattr(torch, "rand", lambda n, **_: torch.full((n,), angle / (2 * np.pi)))
    signs = torch.tensor([[mirror], [exchange], [conjugate]])
    monkeypatch.setattr(torch, "randint", lambda high, size, **_: ((signs + 1) // 2).expand(size))
    changed = CollisionSymmetries(SPECS)(SetData.from_events(EVENTS, SPECS))
    matrix = Rotation.from_euler("z", angle).as_matrix() @ np.diag([1.0, mirror, exchange])
    other = turned(EVENTS, matrix)
    expected = SetData.from_events(conjugated(other) if conjugate < 0 else other, SPECS)
    for one, spec, right in zip(changed.sets, SPECS, expected.sets, strict=True):
        torch.testing.assert_close(one.features, right.features, rtol=1e-5, atol=2e-5, msg=spec.name)


def test_each_event_changes_in_its_own_way_and_training_alone_does_it() -> None:
    model = build_set_model("multi_deep_sets", symmetries=True)
    batch = model.prepare(EVENTS)
    torch.manual_seed(1)
    one, other = model.augment(batch), model.augment(batch)
    assert (one.sets[4].features != other.sets[4].features).any(1).all()
    torch.testing.assert_close(
        one.sets[0].features[:, :3].norm(dim=1), batch.sets[0].features[:, :3].norm(dim=1)
    )
    plain = build_set_model("multi_deep_sets", symmetries=False)
    assert plain.augment(batch) is batch
