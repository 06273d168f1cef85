"""Hemispheres become jets in the convention of FCCAnalyses, and jets are read back in our units."""

import awkward as ak
import numpy as np
import pytest
import uproot
from helpers.fcc_files import plain_columns, write_columns
from helpers.jet_events import jet_events

from hepsets.core.errors import InputError
from hepsets.core.particle_sets import ParticleSets
from hepsets.core.vertexed_events import VertexedEvents
from hepsets.formats.fcc_tree import read_fcc_trees
from hepsets.formats.jets import is_jet_tree, iter_jets, read_jets, write_jets


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    events = jet_events(8)
    path = tmp_path_factory.mktemp("jets") / "jets.root"
    write_jets(events, path)
    with uproot.open(path) as file:
        tree = file["tree"]
        assert is_jet_tree(tree.keys())
        return events, path, tree.arrays()


def test_every_particle_is_in_one_of_two_jets_with_the_energy_of_all(written):
    events, _, jets = written
    assert len(jets) == 2 * len(events)
    both = ak.to_numpy(jets.jet_npfcand).reshape(-1, 2).sum(1)
    assert both.tolist() == events.particles.multiplicity.tolist()
    energy = np.add.reduceat(events.particles.particles["energy"], events.particles.offsets[:-1])
    np.testing.assert_allclose(ak.to_numpy(jets.jet_e).reshape(-1, 2).sum(1), energy, rtol=1e-5)
    np.testing.assert_allclose(ak.sum(jets.pfcand_erel, axis=1), 1, rtol=1e-5)
    assert (ak.to_numpy(jets.jet_hemisphere) == np.tile([1, -1], len(events))).all()
    assert ak.all(jets.pfcand_e[:, :-1] >= jets.pfcand_e[:, 1:])


def test_what_is_not_valid_is_in_no_jet(tmp_path):
    events = jet_events(4)
    valid = np.arange(events.particles.n_particles) % 4 > 0
    seen = {**events.particles.particles, "is_valid": valid}
    primary = {**events.vertices.particles, "is_valid": np.zeros(events.vertices.n_particles, dtype=bool)}
    marked = VertexedEvents(
        ParticleSets(seen, events.particles.offsets, events.columns),
        ParticleSets(primary, events.vertices.offsets),
    )
    write_jets(marked, tmp_path / "jets.root")
    write_jets(marked.valid(), tmp_path / "valid.root")
    jets, others = (read_jets(tmp_path / name) for name in ("jets.root", "valid.root"))
    assert jets.n_particles == valid.sum()
    for name in ("energy", "d0"):
        np.testing.assert_array_equal(jets.particles[name], others.particles[name])


def test_labels_are_those_of_the_event_and_the_quark_is_in_one_hemisphere(written):
    events, _, jets = written
    assert ak.to_numpy(jets.recojet_isB)[:8].tolist() == [1, 1, 0, 0, 0, 0, 0, 0]
    assert ak.to_numpy(jets.recojet_isQ)[:8].tolist() == [0, 0, 0, 0, 0, 0, 1, 1]
    cosine = ak.to_numpy(jets.jet_quark_cos).reshape(-1, 2)
    np.testing.assert_allclose(cosine[:, 0], events.columns["quark_cos"])
    np.testing.assert_allclose(cosine[:, 0], -cosine[:, 1])


def test_what_was_written_is_read_in_our_units(written):
    events, path, _ = written
    jets = read_jets(path)
    seen, found = events.particles.particles, jets.particles
    mine, theirs = np.argsort(seen["energy"]), np.argsort(found["energy"])
    for name in ("px", "py", "pz", "energy", "charge", "kind", "is_track"):
        np.testing.assert_allclose(found[name][theirs], seen[name][mine], rtol=1e-5, atol=1e-6, err_msg=name)
    for name in ("cov_d0_d0", "cov_omega_omega", "cov_d0_z0", "cov_phi_omega", "cov_z0_tan_lambda"):
        np.testing.assert_allclose(found[name][theirs], seen[name][mine], rtol=1e-5, err_msg=name)
    assert np.abs(found["d0"]).max() < 1e-4  # all tracks come from the primary vertex
    hadrons = found["kind"] == 0
    np.testing.assert_allclose(found["dndx"][hadrons], 10.0)
    assert jets.columns["flavour"].tolist() == np.repeat([5, 4, 3, 1, 5, 4, 3, 1], 2).tolist()
    assert jets.columns["event_number"].tolist() == np.repeat(events.columns["event_number"], 2).tolist()
    np.testing.assert_allclose(
        np.hypot(jets.columns["jet_px"], jets.columns["jet_py"])[0],
        np.hypot(*(np.bincount(jets.event_of_particle, found[name])[0] for name in ("px", "py"))),
        rtol=1e-5,
    )


def test_events_come_as_a_stream_and_go_as_one(tmp_path, written):
    events, path, _ = written
    write_jets((events[i : i + 3] for i in (0, 3, 6)), tmp_path / "again.root")
    one, other = read_jets(path), ParticleSets.concatenate(list(iter_jets(tmp_path / "again.root")))
    for name, column in one.particles.items():
        assert other.particles[name].tolist() == column.tolist()


def test_files_of_courses_give_kinematics_alone(tmp_path):
    events = read_fcc_trees(write_columns(tmp_path / "Zbb.root", plain_columns())).events
    write_jets(events, tmp_path / "jets.root")
    jets = read_jets(tmp_path / "jets.root")
    assert {"d0", "dndx", "time_of_flight_mass"}.isdisjoint(jets.particles)
    assert jets.columns["flavour"].tolist() == [5] * 8
    assert 0 in jets.multiplicity  # a hemisphere without particles is a jet without constituents


def test_events_without_a_thrust_axis_are_refused_and_leave_no_file(tmp_path):
    events = jet_events(2)
    columns = {n: c for n, c in events.columns.items() if n != "thrust_z"}
    particles = ParticleSets(events.particles.particles, events.particles.offsets, columns)
    with pytest.raises(InputError, match="no columns thrust_z"):
        write_jets(VertexedEvents(particles, events.vertices), tmp_path / "jets.root")
    with pytest.raises(InputError, match="no events"):
        write_jets(iter([]), tmp_path / "jets.root")
    assert list(tmp_path.iterdir()) == []


def test_trees_of_others_need_no_labels_but_kinds(tmp_path, written):
    *_, jets = written
    columns = {
        name: jets[name] for name in ak.fields(jets) if not name.startswith(("recojet", "event", "jet_n"))
    }
    with uproot.recreate(tmp_path / "Zcc.root") as file:
        file["tree"] = columns
    assert read_jets(tmp_path / "Zcc.root").columns["flavour"].tolist() == [4] * 16
    columns.pop("pfcand_isMu")
    with uproot.recreate(tmp_path / "Zcc.root") as file:
        file["tree"] = columns
    with pytest.raises(InputError, match=r"lacks pfcand_isMu \(for kinds of particles\)"):
        read_jets(tmp_path / "Zcc.root")
    columns |= {"pfcand_isMu": jets.pfcand_isMu, "pfcand_e": jets.pfcand_e * np.nan}
    with uproot.recreate(tmp_path / "Zcc.root") as file:
        file["tree"] = columns
    with pytest.raises(InputError, match="energy = nan in event 0; expected finite"):
        read_jets(tmp_path / "Zcc.root")
