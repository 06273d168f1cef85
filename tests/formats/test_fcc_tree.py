"""Trees of FCC-ee courses become particles and vertices in our units; nothing odd gets lost or in unseen."""

import awkward as ak
import numpy as np
import pytest
import uproot
from helpers.fcc_files import PARTICLES, VERTICES, odd_columns, plain_columns, write_columns

from hepsets.core.errors import InputError
from hepsets.core.particle_kinds import ParticleKind, VertexKind
from hepsets.formats import event_lists, root_files
from hepsets.formats.fcc_tree import iter_fcc_trees, read_fcc_trees

SUFFIXES = pytest.mark.parametrize("suffix", [".root", ".parquet"])


def flat(columns, name):
    return ak.to_numpy(ak.flatten(columns[name]))


@SUFFIXES
def test_lengths_become_cm_and_chi2_is_that_of_the_fit(tmp_path, suffix):
    columns = plain_columns()
    found = read_fcc_trees(write_columns(tmp_path / f"Zbb{suffix}", columns)).events
    particles, vertices = found.particles.particles, found.vertices.particles
    assert found.particles.multiplicity.tolist() == PARTICLES
    assert found.vertices.multiplicity.tolist() == VERTICES
    np.testing.assert_allclose(vertices["x"], flat(columns, "Vertex_x") / 10, rtol=1e-6)
    np.testing.assert_allclose(vertices["cov_z_z"], 9e-8, rtol=1e-5)  # (3 µm)²
    ndf = 2 * flat(columns, "Vertex_ntracks") - 3
    np.testing.assert_allclose(vertices["chi2"], flat(columns, "Vertex_chi2") * ndf, rtol=1e-6)
    assert vertices["ndf"].tolist() == ndf.tolist()
    np.testing.assert_allclose(particles["energy"], flat(columns, "Particle_e"), rtol=1e-6)
    assert particles["true_pdg"].tolist() == flat(columns, "Particle_ID").tolist()
    assert particles["is_track"].tolist() == (flat(columns, "Particle_q") != 0).tolist()
    assert found.columns["flavour"].tolist() == [5] * 4
    assert found.columns["thrust_y"].tolist() == columns["Thrust_y"].tolist()


@SUFFIXES
def test_kinds_are_what_a_detector_would_say(tmp_path, suffix):
    found = read_fcc_trees(write_columns(tmp_path / f"a{suffix}", plain_columns())).events
    hadron, electron, muon, photon, neutral = ParticleKind
    assert found.particles.particles["kind"].tolist() == [
        *(hadron, hadron, photon, muon, muon, electron, hadron, hadron, neutral, photon)
    ]
    primary, displaced = VertexKind.PRIMARY, VertexKind.DISPLACED
    assert found.vertices.particles["kind"].tolist() == [
        *(primary, displaced, primary, primary, displaced, primary)
    ]
    assert found.particles.particles["vertex"].tolist() == [0, 1, -1, 0, 0, 0, 1, 1, -1, -1]


@SUFFIXES
def test_what_files_of_this_kind_cannot_tell_is_absent(tmp_path, suffix):
    found = read_fcc_trees(write_columns(tmp_path / f"a{suffix}", plain_columns())).events
    for name in ("d0", "cov_d0_d0", "n_clusters", "flight_time", "track_length", "origin"):
        assert name not in found.particles.particles
    assert "cov_x_y" not in found.vertices.particles
    assert {"thrust", "flavour", "quark_cos"}.isdisjoint(found.columns)  # "a" says no flavour


@SUFFIXES
def test_odd_values_of_real_files_are_kept_masked_and_counted(tmp_path, suffix):
    sample = read_fcc_trees(write_columns(tmp_path / f"Zss{suffix}", odd_columns()))
    events, counts = sample.events, sample.counts
    assert events.columns["has_thrust_errors"].tolist() == [False, True, True, True]
    assert events.columns["thrust_x_err"].tolist() == [0.0, 4.0e6, 3.0, 28.0]
    particles, vertices = events.particles.particles, events.vertices.particles
    assert vertices["z"][1] == pytest.approx(44_900.0)
    assert vertices["chi2"][1] == pytest.approx(3.0e7)  # three tracks
    assert vertices["is_valid"].tolist() == [True, True, True, True, False]
    assert vertices["cov_x_x"][4] == 0.0
    assert particles["energy"][5] == 3000.0
    assert particles["mass"][2] == pytest.approx(-1e-5)
    assert particles["vertex"][7] == -1
    assert particles["is_valid"].all()
    assert events.vertices.multiplicity.tolist() == [2, 1, 2, 0]
    for table in (particles, vertices, events.columns):
        assert all(np.isfinite(column).all() for column in table.values())
    assert {name: count for name, count in counts.masked.items() if count} == {
        "thrust errors that are no numbers": 1,
        "particles whose vertex is not in their event": 1,
        "vertices of less than two tracks, or with position, errors, χ² or mass no numbers": 1,
    }
    assert {name: count for name, count in counts.kept.items() if count} == {
        "thrust errors above 1": 3,
        "particles above 91.2 GeV": 1,
        "particles of negative mass": 1,
        "particles of unknown identity (0)": 1,
        "particles that belong to no vertex": 3,
        "vertices beyond 1 m": 1,
        "vertices of χ² per degree of freedom above 1000": 1,
        "events without a vertex": 1,
        "events without a displaced vertex": 2,
    }
    assert counts.lines()[0] == "4 events with 10 particles and 5 vertices"


def with_value(columns, name, place, value):
    """The columns with one entry of a list changed."""
    entries = flat(columns, name).copy()
    entries = entries.astype(type(value)) if entries.dtype.kind != type(value).__name__[0] else entries
    entries[place] = value
    return {**columns, name: ak.unflatten(entries, ak.num(columns[name]))}


IMPOSSIBLE = {
    "vertices whose errors are not above 0": [("Vertex_xerr", 0.0), ("Vertex_zerr", -0.003)],
    "vertices of negative χ²": [("Vertex_chi2", -1.0)],
    "vertices whose isPV is neither 0 nor 1": [("Vertex_isPV", 2), ("Vertex_isPV", -1)],
    "vertices beyond 10 km, or of masses above 10⁶ GeV": [("Vertex_m", 1e38), ("Vertex_x", -1e20)],
    "vertices of less than two tracks, or with position, errors, χ² or mass no numbers": [
        ("Vertex_ntracks", 1),
        ("Vertex_m", np.inf),
        ("Vertex_yerr", 1e300),
    ],
    "particles of momenta, energies or masses above 10⁶ GeV": [("Particle_px", 1e38), ("Particle_m", 1e38)],
    "particles of more than 2 charges": [("Particle_q", -3)],
    "particles whose four-momentum is no numbers": [("Particle_e", 1e300), ("Particle_pz", np.nan)],
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("what", "name", "value"),
    [(what, name, value) for what, cases in IMPOSSIBLE.items() for name, value in cases],
)
def test_what_no_collision_makes_is_masked_by_its_name_and_changes_no_other_entry(
    tmp_path, what, name, value
):
    columns = plain_columns()
    clean = read_fcc_trees(write_columns(tmp_path / "a.root", columns))
    found = read_fcc_trees(write_columns(tmp_path / "b.root", with_value(columns, name, 1, value)))
    assert {key: n for key, n in found.counts.masked.items() if n} == {what: 1}
    tables = [(one.events.particles.particles, one.events.vertices.particles) for one in (found, clean)]
    spoilt, whole = (tables[i][name.startswith("Vertex")] for i in (0, 1))
    assert np.flatnonzero(~spoilt["is_valid"]).tolist() == [1]
    others = np.arange(len(spoilt["is_valid"])) != 1
    assert all(np.array_equal(spoilt[key][others], whole[key][others]) for key in whole)
    assert len(found.events.valid().vertices.particles["x"]) == 6 - name.startswith("Vertex")


def test_events_of_no_or_several_primary_vertices_are_counted(tmp_path):
    none = with_value(plain_columns(), "Vertex_isPV", 0, 0)
    both = with_value(none, "Vertex_isPV", 4, 1)
    kept = read_fcc_trees(write_columns(tmp_path / "a.root", both)).counts.kept
    assert kept["events of vertices without a primary one"] == 1
    assert kept["events of several primary vertices, of which the first counts"] == 1


@SUFFIXES
def test_an_axis_that_is_none_is_masked_and_a_long_one_made_a_unit_vector(tmp_path, suffix):
    columns = plain_columns()
    columns["Thrust_x"] = np.array([np.nan, 0.0, 3.0, 1.0])
    columns["Thrust_y"] = columns["Thrust_z"] = np.array([0.0, 0.0, 4.0, 0.0])
    columns["Thrust_z"] = np.zeros(4)
    sample = read_fcc_trees(write_columns(tmp_path / f"a{suffix}", columns))
    found = sample.events.columns
    assert found["has_thrust_axis"].tolist() == [False, False, True, True]
    assert found["thrust_x"].tolist() == [0.0, 0.0, pytest.approx(0.6), 1.0]
    assert found["thrust_x_err"][2] == pytest.approx(0.6)
    assert sample.counts.masked["thrust axes that are no direction"] == 2
    assert sample.counts.kept["thrust axes whose length was not 1 and is now"] == 1


@SUFFIXES
def test_errors_and_masses_may_be_missing(tmp_path, suffix):
    columns = {
        name: column
        for name, column in plain_columns().items()
        if "err" not in name or name.startswith("Vertex")
    }
    columns.pop("Particle_m")
    found = read_fcc_trees(write_columns(tmp_path / f"a{suffix}", columns)).events
    assert "thrust_x_err" not in found.columns
    assert "mass" not in found.particles.particles


def test_a_piece_at_a_time_is_the_same_as_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(root_files, "STEP", 2)
    monkeypatch.setattr(event_lists, "BATCH_EVENTS", 3)
    for suffix, sizes in ((".root", [2, 2]), (".parquet", [3, 1])):
        path = write_columns(tmp_path / f"Zcc{suffix}", odd_columns())
        pieces = list(iter_fcc_trees(path))
        assert [len(piece.events) for piece in pieces] == sizes
        whole = read_fcc_trees(path)
        assert whole.counts == sum((piece.counts for piece in pieces[1:]), pieces[0].counts)
        assert whole.events.columns["event_number"].tolist() == [0, 1, 2, 3]


def test_files_follow_one_another_and_say_their_flavours(tmp_path):
    for name in ("Zbb", "Zss"):
        write_columns(tmp_path / f"{name}.root", plain_columns())
    write_columns(tmp_path / "mine.root", plain_columns(), tree="z")
    found = read_fcc_trees([tmp_path / "Z*.root", f"c={tmp_path}/mine.root:z"]).events
    assert found.columns["flavour"].tolist() == [5] * 4 + [3] * 4 + [4] * 4
    assert found.columns["event_number"].tolist() == list(range(12))
    with pytest.raises(InputError, match="no flavour in the name"):
        read_fcc_trees(tmp_path / "mine.root", flavour_needed=True)


@SUFFIXES
@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda c: c.pop("Particle_px"), r"lacks Particle_px \(for particles\)"),
        (lambda c: (c.pop("Vertex_x"), c.pop("Thrust_z")), "Thrust_z .for hemispheres.*Vertex_x .for vert"),
        (lambda c: c.update(Particle_q=c["Particle_q"] * 1000), "Particle_q holds 1000"),
        (lambda c: c.update(Particle_ID=np.arange(4)), "Particle_ID holds one entry per event"),
        (lambda c: c.update(Thrust_x=c["Particle_px"]), "Thrust_x holds lists"),
        (lambda c: c.update(Particle_e=c["Particle_e"][:, :1]), "Particle_px has|Particle_m has|entries"),
    ],
)
def test_a_file_that_is_not_what_it_seems_is_refused_in_one_line(tmp_path, suffix, spoil, reason):
    columns = plain_columns()
    spoil(columns)
    path = tmp_path / f"a{suffix}"
    if suffix == ".parquet":
        ak.to_parquet(ak.to_packed(ak.Array(columns)), path)
    else:
        with uproot.recreate(path) as file:
            file["events"] = columns
    with pytest.raises(InputError, match=reason) as error:
        read_fcc_trees(path)
    assert "\n" not in str(error.value)


def test_whole_numbers_may_come_as_floats_but_not_halves(tmp_path):
    columns = plain_columns()
    columns["Particle_ID"] = columns["Particle_ID"] * 1.0
    ak.to_parquet(ak.to_packed(ak.Array(columns)), tmp_path / "a.parquet")
    assert read_fcc_trees(tmp_path / "a.parquet").events.particles.particles["true_pdg"][1] == -321
    columns["Particle_ID"] = columns["Particle_ID"] + 0.5
    ak.to_parquet(ak.to_packed(ak.Array(columns)), tmp_path / "b.parquet")
    with pytest.raises(InputError, match=r"Particle_ID holds 211\.5; expected whole numbers"):
        read_fcc_trees(tmp_path / "b.parquet")


def test_lengths_that_the_counter_belies_are_refused(tmp_path):
    columns = {**plain_columns(), "nParticle": np.array([3, 2, 4, 2])}
    ak.to_parquet(ak.to_packed(ak.Array(columns)), tmp_path / "a.parquet")
    with pytest.raises(InputError, match="nParticle 2 in one event"):
        read_fcc_trees(tmp_path / "a.parquet")


@SUFFIXES
def test_cut_empty_and_foreign_files_are_refused(tmp_path, suffix):
    path = write_columns(tmp_path / f"a{suffix}", plain_columns())
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(InputError):
        read_fcc_trees(path)
    path.write_bytes(b"")
    with pytest.raises(InputError, match="cannot be read"):
        read_fcc_trees(path)
    with pytest.raises(InputError, match="no such file"):
        read_fcc_trees(tmp_path / "none.root")
    write_columns(path, {name: column[:0] for name, column in plain_columns().items()})
    with pytest.raises(InputError, match=r"empty|no events"):
        read_fcc_trees(path)


def test_trees_are_chosen_by_name_where_several_could_be_meant(tmp_path):
    path = tmp_path / "a.root"
    columns = plain_columns()
    with uproot.recreate(path) as file:
        file["one"] = file["two"] = columns
        file["other"] = {"R2": np.ones(3)}
    with pytest.raises(InputError, match=r"several trees.*one, two"):
        read_fcc_trees(path)
    assert len(read_fcc_trees(f"{path}:two").events) == 4
    with pytest.raises(InputError, match=r"lacks .*Particle_px"):
        read_fcc_trees(f"{path}:other")
    with pytest.raises(InputError, match="holds no tree 'none'"):
        read_fcc_trees(f"{path}:none")
