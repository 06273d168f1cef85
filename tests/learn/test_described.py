"""A trained model says on one screen what it is, how it was trained and with which options."""

import numpy as np
import pytest
import torch
from helpers.random_events import muon_label, random_events
from helpers.shown import fits_on_a_screen

import hepsets as hs
from hepsets.core.pdg import PdgMap
from hepsets.learn.data_sets.estimator import NetworkEstimator
from hepsets.learn.data_sets.exact_likelihood import ExactLikelihood
from hepsets.learn.decay_trees.recipe import build_model
from hepsets.learn.particle_sets.recipe import build_set_model
from hepsets.learn.registry import recipes
from hepsets.learn.vertexed_events.recipe import build_vertexed_model
from hepsets.learn.whole_events.model import build_whole_event_model

EVENTS = random_events(120, seed=5, mean_particles=8)
BUILD = {
    "decay_trees": lambda name: build_model(name, PdgMap.fit(EVENTS.particles["pdg"])),
    "particle_sets": build_set_model,
    "vertexed_events": build_vertexed_model,
    "whole_events": build_whole_event_model,
}


def test_a_network_tells_its_area_on_validation_events_with_its_error():
    model = hs.fit("deep_sets_pdg", EVENTS, muon_label(EVENTS), epochs=2, options={"units": 4})
    said = fits_on_a_screen(model).splitlines()
    assert said[0] == f"deep_sets_pdg: a model of decay trees, {model.n_parameters:,} parameters"
    assert said[1].startswith("trained on 90 events, best epoch ")
    assert "AUC 0." in said[1]
    assert " ± 0." in said[1]
    assert said[1].endswith("on 30 validation events")
    assert "units = 4" in said[2]
    soft = hs.fit("deep_sets", EVENTS, np.tile([0.2, 0.9], 60), epochs=1)
    assert "AUC" not in repr(soft)


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in BUILD for name in recipes(kind)])
def test_every_network_fits_on_a_screen(kind, name):
    assert fits_on_a_screen(BUILD[kind](name)).startswith(f"{name}: a model of {kind.replace('_', ' ')}, ")


class Line(NetworkEstimator):
    name = "line"

    def tensors(self):
        return {"slope": torch.zeros(3)}


def test_so_do_trees_an_estimator_and_a_filter():
    sets = hs.ParticleSets({"px": np.zeros(400)}, np.arange(401), {"R2": np.arange(400) / 400})
    trees = hs.fit("boosted_trees", sets, np.arange(400) > 200, options={"variables": ["R2"]}, trees=3)
    assert fits_on_a_screen(trees).startswith("bdt: a model of tables, 3 trees\nvariables: R2\n")
    assert fits_on_a_screen(Line()) == "line: a model of data sets, 3 numbers"
    exact = ExactLikelihood.__new__(ExactLikelihood)
    exact.name = "exact"
    assert fits_on_a_screen(exact).endswith(", 0 numbers")
    keep = hs.load_filter("all_skims")
    assert f"{len(keep.skims)} skims: {keep.skims[0]}, " in fits_on_a_screen(keep)
