"""EDM4hep files become reconstructed events in our units, by either naming convention.

Real files are no part of this repository. ``EDM4HEP_FILES`` may name a folder of them: the samples of
coffea's tests (``test_FCC_Winter2023.root`` …) were read so.
"""

import os
from contextlib import nullcontext
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
from helpers.edm4hep_files import NAMES, VERTICES, Tree, branches, write_flat
from helpers.jet_events import jet_events

from hepsets.core.errors import InputError
from hepsets.core.particle_kinds import ParticleKind, VertexKind
from hepsets.core.reconstructed import COVARIANCE, TRACK_PARAMETERS
from hepsets.core.units import SPEED_OF_LIGHT
from hepsets.formats import edm4hep
from hepsets.formats.edm4hep import read_edm4hep
from hepsets.formats.edm4hep_layout import Collections

CONVENTIONS = pytest.mark.parametrize("convention", NAMES)
EVENTS = jet_events(6)


@pytest.fixture
def read(monkeypatch):
    """Reads branches in memory as if they were a file's."""

    def call(found, name="Zbb.root", **options):
        monkeypatch.setattr(edm4hep, "opened", lambda path: nullcontext(path))
        monkeypatch.setattr(edm4hep, "trees_of", lambda file: {"events": Tree(found)})
        return read_edm4hep(name, **options)

    return call


def change(found, name, place, value):
    flat = np.array(ak.flatten(found[name]))
    flat[place] = value
    found[name] = ak.unflatten(flat, ak.num(found[name]))


@CONVENTIONS
@pytest.mark.parametrize("states", [1, 4])
def test_particles_get_their_own_tracks_in_our_units(read, convention, states):
    found = read(branches(EVENTS, convention, states=states)).events.particles
    seen = EVENTS.particles.particles
    assert found.offsets.tolist() == EVENTS.particles.offsets.tolist()
    for name in ("px", "energy", "charge", "kind", "is_track", *TRACK_PARAMETERS, *COVARIANCE):
        np.testing.assert_allclose(found.particles[name], seen[name], rtol=1e-5, atol=1e-12, err_msg=name)
    assert found.columns["flavour"].tolist() == [5] * 6
    assert found.columns["event_number"].tolist() == list(range(6))


@CONVENTIONS
def test_clusters_and_times_come_with_lengths(read, convention):
    found = read(branches(EVENTS, convention)).events.particles.particles
    tracks = EVENTS.particles.particles["is_track"]
    assert (found["has_clusters"] == tracks).all()
    np.testing.assert_allclose(found["track_length"][tracks], 160.0)
    np.testing.assert_allclose(found["n_clusters"][tracks], 1600.0)  # 1000 per m
    np.testing.assert_allclose(
        found["flight_time"][tracks], 7.0
    )  # written in seconds, as fast simulation does
    assert not found["has_flight_time"][~tracks].any()


@CONVENTIONS
def test_vertices_have_their_members_and_covariances(read, convention):
    sample = read(branches(EVENTS, convention))
    vertices, particles = sample.events.vertices.particles, sample.events.particles.particles
    np.testing.assert_allclose(vertices["z"], EVENTS.vertices.particles["z"], rtol=1e-6)
    assert (vertices["kind"] == VertexKind.PRIMARY).all()
    assert [float(vertices[f"cov_{n}"][0]) for n in ("x_x", "x_y", "y_y", "x_z", "y_z", "z_z")] == [
        pytest.approx(value / 100) for value in range(1, 7)
    ]
    assert (particles["vertex"] == np.where(particles["is_track"], 0, -1)).all()
    tracks = np.add.reduceat(particles["is_track"], EVENTS.particles.offsets[:-1])
    assert vertices["n_tracks"].tolist() == tracks.tolist()
    assert ("ndf" in vertices) is (convention == "named")


@CONVENTIONS
def test_the_strongest_link_says_what_a_particle_was(read, convention):
    names, found = NAMES[convention], branches(EVENTS, convention)
    assert (read(found).events.particles.particles["true_pdg"] == 321).all()
    second = {key: ak.concatenate([found[names[key]]] * 2, axis=1) for key in ("seen", "true", "weight")}
    found |= {names[key]: array for key, array in second.items()}
    found[names["true"]] = ak.concatenate(
        [second["true"][:, ::2] * 0, second["true"][:, 1::2] * 0 + 1], axis=1
    )
    found[names["weight"]] = ak.values_astype(found[names["true"]] == 0, np.float32)
    change(found, "Particle.PDG", EVENTS.particles.offsets[:-1] + 1, 2212)
    assert set(read(found).events.particles.particles["true_pdg"]) <= {321, 2212}
    found.pop(names["seen"])
    assert "true_pdg" not in read(found).events.particles.particles


@CONVENTIONS
def test_broken_relations_and_numbers_are_masked_and_counted(read, convention):
    names, found = NAMES[convention], branches(EVENTS, convention)
    tracks = np.flatnonzero(EVENTS.particles.particles["is_track"])
    change(found, names["track"], 0, 999)
    change(found, f"{names['states']}.D0", -1, np.nan)
    change(found, "ReconstructedParticles.energy", 0, np.inf)
    change(found, names["true"], 1, 10_000)
    change(found, f"{VERTICES}.chi2", 2, np.nan)
    change(found, f"{names['states']}.referencePoint.x", 1, 5.0)
    sample = read(found)
    particles = sample.events.particles.particles
    assert particles["is_track"].sum() == len(tracks) - 3
    assert not particles["is_valid"][0]
    assert particles["true_pdg"][1] == 0
    assert sample.events.vertices.particles["is_valid"].tolist() == [True, True, False, True, True, True]
    masked = {what: count for what, count in sample.counts.masked.items() if count}
    assert masked["particles whose track is not in their event"] == 1
    assert masked["tracks whose parameters are no numbers"] == 1
    assert masked["tracks whose parameters are not those towards the origin"] == 1
    assert masked["charged particles without a track"] == 3
    assert masked["links to particles that are not there"] == 1
    for table in (particles, sample.events.vertices.particles):
        assert all(np.isfinite(column).all() for column in table.values())


@pytest.mark.filterwarnings("error")
@CONVENTIONS
def test_what_no_collision_makes_is_masked_by_its_name(read, convention):
    found = branches(EVENTS, convention)
    change(found, "ReconstructedParticles.charge", 0, -5)
    change(found, "ReconstructedParticles.momentum.x", 1, 1e38)
    change(found, f"{VERTICES}.chi2", 2, -1.0)
    change(found, f"{VERTICES}.position.x", 3, 1e20)
    sample = read(found)
    assert np.flatnonzero(~sample.events.particles.particles["is_valid"]).tolist() == [0, 1]
    assert sample.events.vertices.particles["is_valid"].tolist() == [True, True, False, False, True, True]
    masked = {what for what, count in sample.counts.masked.items() if count == 1}
    assert {
        "particles of more than 2 charges",
        "particles of momenta, energies or masses above 10⁶ GeV",
        "vertices of negative χ²",
        "vertices beyond 10 km",
    } <= masked


def test_fast_simulation_tells_leptons_and_photons_by_mass(read):
    found = branches(EVENTS, "numbered")
    kind = EVENTS.particles.particles["kind"]
    masses = np.array([0.13957, 0.000511, 0.10566, 0.0, 0.4976])[kind].astype(np.float32)
    found["ReconstructedParticles.mass"] = ak.unflatten(masses, EVENTS.particles.multiplicity)
    found.pop(NAMES["numbered"]["type"])
    assert read(found).events.particles.particles["kind"].tolist() == kind.tolist()
    assert {ParticleKind.PHOTON, ParticleKind.ELECTRON} <= set(kind.tolist())


def test_what_a_file_lacks_is_absent_and_vertices_may_be_none(read):
    found = {
        name: array
        for name, array in branches(EVENTS, "named").items()
        if name.startswith("ReconstructedParticles")
    }
    events = read(found, "events.root").events
    assert {"d0", "n_clusters", "true_pdg"}.isdisjoint(events.particles.particles)
    assert events.vertices.n_particles == 0
    assert (events.particles.particles["vertex"] == -1).all()
    assert "flavour" not in events.columns


def test_two_collections_of_vertices_stand_one_after_the_other(read):
    found = branches(EVENTS, "named")
    other = {
        name.replace(VERTICES, "BuildUpVertices"): array for name, array in found.items() if VERTICES in name
    }
    found |= other
    found["BuildUpVertices.type"] = found["BuildUpVertices.type"] * 2  # the bit of secondary vertices
    found["PrimaryVertices.particles_end"] = found["PrimaryVertices.particles_end"] * 0
    events = read(found).events
    assert events.vertices.multiplicity.tolist() == [2] * 6
    assert events.vertices.particles["kind"].tolist() == [0, 1] * 6
    particles = events.particles.particles
    assert (particles["vertex"] == np.where(particles["is_track"], 1, -1)).all()
    chosen = read(found, collections=Collections(vertices=("PrimaryVertices",))).events
    assert chosen.vertices.multiplicity.tolist() == [1] * 6


def test_collections_that_are_not_there_are_named(read):
    found = branches(EVENTS, "named")
    with pytest.raises(InputError, match="no collection Mine of tracks"):
        read(found, collections=Collections(tracks="Mine"))
    found.pop("ReconstructedParticles.charge")
    with pytest.raises(InputError, match=r"lacks ReconstructedParticles\.charge \(for particles\)"):
        read(found)
    with pytest.raises(InputError, match="no reconstructed particles"):
        read({"MCParticles.PDG": found["Particle.PDG"]})
    found = branches(EVENTS, "numbered")
    found.pop("EFlowTrack_1.omega")
    with pytest.raises(InputError, match=r"lacks EFlowTrack_1\.omega \(for tracks\)"):
        read(found)
    found = branches(EVENTS, "numbered")
    found["ReconstructedParticles.energy"] = found["ReconstructedParticles.energy"][:, 1:]
    with pytest.raises(InputError, match="entries and ReconstructedParticles"):
        read(found)


@CONVENTIONS
def test_trees_on_disk_are_read_as_far_as_uproot_can_write_them(tmp_path, convention):
    found = branches(EVENTS, convention)
    path = write_flat(tmp_path / "Zss.root", found)
    events = read_edm4hep(path, flavour_needed=True).events
    seen = EVENTS.particles.particles
    np.testing.assert_allclose(events.particles.particles["d0"], seen["d0"], rtol=1e-5, atol=1e-12)
    assert "cov_d0_d0" not in events.particles.particles
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(InputError, match="cannot be read as a ROOT file"):
        read_edm4hep(path)


REAL = sorted(Path(os.environ.get("EDM4HEP_FILES", "/nowhere")).glob("*.root"))


@pytest.mark.skipif(not REAL, reason="EDM4HEP_FILES names no folder of EDM4hep files")
@pytest.mark.parametrize("path", REAL, ids=lambda path: path.name)
def test_in_real_files_curvature_is_momentum_and_flight_time_is_mass(path):
    try:
        events = read_edm4hep(path).events
    except InputError as error:
        pytest.skip(str(error))
    seen = {name: column.astype(float) for name, column in events.particles.particles.items()}
    tracks = seen["is_track"] > 0
    pt = np.hypot(seen["px"], seen["py"])
    field = (seen["omega"] * pt * seen["charge"])[tracks] / (SPEED_OF_LIGHT * 1e-4)
    assert np.median(field) == pytest.approx(np.round(np.median(field), 1), abs=1e-3)
    assert np.percentile(field, 90) == pytest.approx(np.median(field), rel=1e-3)
    turned = np.angle(np.exp(1j * (np.arctan2(seen["py"], seen["px"]) - seen["phi"])))[tracks]
    assert np.abs(turned).max() < 1e-5
    if "flight_time" in seen:
        timed = (seen["has_flight_time"] > 0) & (np.hypot(pt, seen["pz"]) < 1)
        beta = seen["flight_length"] / SPEED_OF_LIGHT / np.where(timed, seen["flight_time"], 1)
        mass = np.hypot(pt, seen["pz"]) * np.sqrt(np.maximum(1 / np.where(timed, beta, 1) ** 2 - 1, 0))
        pions = timed & (np.abs(seen["true_pdg"]) == 211)
        assert np.median(mass[pions]) == pytest.approx(0.1396, abs=0.003)
