import numpy as np
import pytest
import uproot
from helpers.jet_events import jet_events

from hepsets.core.particle_sets import ParticleSets
from hepsets.core.vertexed_events import VertexedEvents
from hepsets.formats.jet_variables import IMPACT, KINDS, NO_TRACK
from hepsets.formats.jets import write_jets
from hepsets.represent.vertexed_events.constituents import CONSTITUENT, VECTOR, constituents
from hepsets.represent.vertexed_events.geometry import Geometry
from hepsets.represent.vertexed_events.hemispheres import hemispheres


def test_variables_are_those_of_the_trees_of_jets(tmp_path):
    events, path = jet_events(12, seed=4, displaced=0.1), tmp_path / "jets.root"
    write_jets(events, path)
    with uproot.open(path) as file:
        tree = file["tree"].arrays(filter_name="pfcand_*")
    halves = hemispheres(events)
    found, offsets = constituents(Geometry(halves)), halves.particles.offsets
    assert {*CONSTITUENT, *VECTOR} <= set(found) <= set(tree.fields)
    for number, jet in enumerate(tree):
        own = slice(*offsets[number : number + 2])
        order = np.argsort(-found["pfcand_e"][own])
        assert len(jet["pfcand_e"]) == len(order)
        for name, values in found.items():
            assert values[own][order] == pytest.approx(np.asarray(jet[name]), rel=1e-4, abs=1e-9), name


def test_particles_without_a_track_say_so_and_missing_columns_are_no_error():
    events = jet_events(8)
    kept = ("px", "py", "pz", "energy", "charge", "vertex")
    few = {name: column for name, column in events.particles.particles.items() if name in kept}
    bare = VertexedEvents(
        ParticleSets(few, events.particles.offsets, events.particles.columns), events.vertices
    )
    found = constituents(Geometry(hemispheres(bare)))
    assert all(np.isfinite(values).all() for values in found.values())
    assert all((found[name] == NO_TRACK).all() for name in IMPACT)
    assert (sum(found[name] for name in KINDS) == 1).all()
    assert (found["pfcand_dndx"] == 0).all()
