"""Mbc must not be in what a model of sets sees of background, whatever the model; found in the registry."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from helpers.moving_candidates import FASTEST, moved
from helpers.pooled_sets import predictability, trees_predict
from helpers.random_candidates import random_candidates
from helpers.scale_from_charm import energies_from_charm

from hepsets.analyses.continuum_suppression.sample import ContinuumSampleConfig, make_continuum_sample
from hepsets.core.particle_sets import ParticleSets
from hepsets.learn.particle_sets.recipe import build_set_model
from hepsets.learn.registry import recipes
from hepsets.learn.training.score import logits_of
from hepsets.represent.particle_sets.features import (
    ALL_PARTICLES,
    DIRECTION,
    FIVE_SETS,
    FIVE_SETS_PUBLISHED,
    OWN_THRUST,
    SetSpec,
)
from hepsets.select.variables.continuum import VARIABLES, continuum_variables
from hepsets.select.variables.own_frames import own_frame_variables
from hepsets.simulate.belle2 import BELLE2

MOST = 0.05
"""Largest R² with which Mbc may be predicted."""

LEAKING = {
    "multi_deep_sets_cm": "the published inputs: directions and p / max p of the daughters in the "
    "collision's frame tell |sum p| / sum |p|, where max p drops out, and so the candidate's momentum "
    "(R² 0.95)"
}
"""Models that the contract leaves out, with the reason; that they do leak is tested too."""


def background(events: int) -> ParticleSets:
    """Continuum events with a candidate, as the detector sees them, with all variables."""
    pytest.importorskip("pythia8mc")
    config = ContinuumSampleConfig(signal_events=0, background_events=events, seed=11)
    made = make_continuum_sample(config).events
    sqrt_s = BELLE2.beams.energy
    return made.with_columns(**continuum_variables(made, sqrt_s), **own_frame_variables(made, sqrt_s))


@pytest.fixture(scope="module")
def events() -> ParticleSets:
    return background(3000)


def r_squared(events: ParticleSets, name: str, **options: Any) -> float:
    return predictability(build_set_model(name, **options), events, events.columns["mbc"].astype(np.float64))


@pytest.mark.parametrize("name", [name for name in recipes("particle_sets") if name not in LEAKING])
def test_mbc_cannot_be_predicted_from_what_a_model_sees(events: ParticleSets, name: str) -> None:
    assert r_squared(events, name) < MOST


@pytest.mark.parametrize("name", LEAKING)
def test_the_same_regressor_finds_mbc_in_the_published_inputs(events: ParticleSets, name: str) -> None:
    assert r_squared(events, name) > 0.5


BESIDE_OWN_FRAMES = {
    "the daughters in the collision's frame": {"sets": (*FIVE_SETS[:2], *FIVE_SETS_PUBLISHED[2:])},
    "the usual thrust axis": {
        "sets": (
            *ALL_PARTICLES,
            SetSpec(
                "candidate", (*DIRECTION, *OWN_THRUST, "thrust_x", "thrust_y", "thrust_z"), ("candidate",)
            ),
        )
    },
    "the usual thirty variables": {"event_features": VARIABLES},
    "the rest of event in the collision's frame": {"sets": (*FIVE_SETS_PUBLISHED[:2], *FIVE_SETS[2:])},
}
"""What looks as harmless as the published inputs did."""


@pytest.mark.parametrize("what", BESIDE_OWN_FRAMES)
def test_it_finds_mbc_where_one_frame_is_left_beside_the_other(events: ParticleSets, what: str) -> None:
    assert r_squared(events, "multi_deep_sets", **BESIDE_OWN_FRAMES[what]) > MOST


@pytest.mark.parametrize("name", [name for name in recipes("particle_sets") if name != "fixed_mlp"])
def test_a_score_does_not_depend_on_how_fast_the_candidate_is(name: str) -> None:
    model = build_set_model(name).eval()
    some = random_candidates(60, seed=3)
    model.fit_inputs(model.prepare(some))
    with torch.no_grad():  # far from the flat start, so that scores differ and mistakes show
        for parameter in model.network.parameters():
            parameter.mul_(1.5)
    slow, fast = (logits_of(model, model.prepare(moved(some, speed))) for speed in (0.0, FASTEST))
    change = float((slow - fast).abs().max())
    assert slow.std() > 1e-2
    assert (change > 1e-2) if name in LEAKING else (change < 1e-4)


@pytest.mark.validate
def test_what_is_told_of_mbc_and_delta_e_on_many_events() -> None:
    many = background(12_000)
    found = {}
    kinds = {name: (name, {}) for name in recipes("particle_sets")}
    kinds |= {f"beside own frames, {what}": ("multi_deep_sets", c) for what, c in BESIDE_OWN_FRAMES.items()}
    for kind, (name, options) in kinds.items():
        model = build_set_model(name, **options)
        found[kind], delta_e = (
            predictability(model, many, many.columns[observable].astype(np.float64))
            for observable in ("mbc", "delta_e")
        )
        print(f"{kind:60} R² of Mbc {found[kind]:.3f}, of Delta E {delta_e:.3f}")
    assert all(
        (r_squared > MOST) == (kind in LEAKING or "beside" in kind) for kind, r_squared in found.items()
    )


@pytest.mark.validate
def test_the_mass_of_a_charm_meson_tells_delta_e_but_not_mbc() -> None:
    many = background(12_000)
    seen = energies_from_charm(many)
    seen[~np.isfinite(seen)] = np.nan
    few = np.bincount(many.event_of_particle, many.particles["from_candidate"], minlength=len(many)) <= 5
    for what, chosen in (("all", np.full(len(many), True)), ("at most five daughters", few)):
        mbc, delta_e = (
            trees_predict(seen[chosen], many.columns[observable][chosen].astype(np.float64))
            for observable in ("mbc", "delta_e")
        )
        print(f"{what}, {chosen.sum()} events: R² of Mbc {mbc:.3f}, of Delta E {delta_e:.3f}")
        assert mbc < MOST
        assert delta_e > 2 * MOST
