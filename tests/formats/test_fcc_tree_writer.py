"""What is written as a tree of FCC-ee courses has their columns, types and units, and reads back."""

import awkward as ak
import numpy as np
import pytest
import uproot
from helpers.fcc_files import odd_columns, plain_columns, write_columns

from hepsets.core.errors import InputError
from hepsets.core.vertexed_events import VertexedEvents
from hepsets.formats.fcc_tree import read_fcc_trees
from hepsets.formats.fcc_tree_writer import write_fcc_tree
from hepsets.formats.recognise import Format, recognise

SUFFIXES = pytest.mark.parametrize("suffix", [".root", ".parquet"])


def columns_of(path):
    array = ak.from_parquet(path) if path.suffix == ".parquet" else uproot.open(path)["events"].arrays()
    return {name: array[name] for name in ak.fields(array)}


@SUFFIXES
def test_all_columns_have_the_names_types_and_numbers_of_the_file_that_was_read(tmp_path, suffix):
    source = write_columns(tmp_path / f"Zbb{suffix}", plain_columns())
    path = tmp_path / f"again{suffix}"
    write_fcc_tree(read_fcc_trees(source).events, path)
    before, after = columns_of(source), columns_of(path)
    assert set(after) == set(before)
    assert "nParticle" in after
    for name in before:
        one, other = ak.flatten(before[name], axis=None), ak.flatten(after[name], axis=None)
        assert str(ak.type(after[name])).replace("?", "") == str(ak.type(before[name])).replace("?", ""), name
        np.testing.assert_allclose(ak.to_numpy(other), ak.to_numpy(one), rtol=2e-6, atol=1e-7, err_msg=name)


@SUFFIXES
def test_odd_values_read_back_as_they_were(tmp_path, suffix):
    source = write_columns(tmp_path / f"Zss{suffix}", odd_columns())
    first = read_fcc_trees(source)
    path = tmp_path / f"ss{suffix}"
    write_fcc_tree(first.events, path)
    again = read_fcc_trees(path)
    for one, other in (
        (first.events.particles.particles, again.events.particles.particles),
        (first.events.vertices.particles, again.events.vertices.particles),
        (first.events.columns, again.events.columns),
    ):
        assert set(one) == set(other)
        for name in one:
            if name == "chi2":  # NaN in the file says that a vertex is not valid
                one[name][~one["is_valid"]] = 0
            np.testing.assert_allclose(other[name], one[name], rtol=1e-6, err_msg=name)
    assert again.counts.kept["vertices beyond 1 m"] == 1
    assert recognise(path) is Format.FCC_TREE


@SUFFIXES
def test_a_stream_of_tables_is_one_file(tmp_path, suffix):
    events = read_fcc_trees(write_columns(tmp_path / f"Zcc{suffix}", plain_columns())).events
    path = tmp_path / f"cc{suffix}"
    write_fcc_tree((events[i : i + 1] for i in range(4)), path)
    again = read_fcc_trees(path).events
    assert again.particles.particles["px"].tolist() == events.particles.particles["px"].tolist()
    assert again.columns["thrust_z"].tolist() == events.columns["thrust_z"].tolist()


def test_without_further_identification_every_charged_hadron_is_a_pion(tmp_path):
    events = read_fcc_trees(write_columns(tmp_path / "a.root", plain_columns())).events
    particles = events.particles.select_particles(np.ones(10, dtype=bool))
    table = {name: column for name, column in particles.particles.items() if name not in ("mass", "true_pdg")}
    blind = VertexedEvents(type(particles)(table, particles.offsets, particles.columns), events.vertices)
    write_fcc_tree(blind, tmp_path / "b.root", identification="none")
    found = columns_of(tmp_path / "b.root")
    assert ak.flatten(found["Particle_ID"]).tolist() == [*(211, -211, 22, 13, -13, 11, -211, 211, 130, 22)]
    e, p = ak.flatten(found["Particle_e"]), ak.flatten(found["Particle_p"])
    assert np.sqrt(e[1] ** 2 - p[1] ** 2) == pytest.approx(0.13957, abs=1e-5)  # the kaon
    with pytest.raises(InputError, match="no particle columns true_pdg"):
        write_fcc_tree(blind, tmp_path / "c.root")
    write_fcc_tree(
        VertexedEvents(
            type(particles)(
                {n: c for n, c in particles.particles.items() if n != "mass"},
                particles.offsets,
                particles.columns,
            ),
            events.vertices,
        ),
        tmp_path / "d.root",
    )
    mass = ak.flatten(columns_of(tmp_path / "d.root")["Particle_m"])
    assert mass.tolist()[:3] == [pytest.approx(0.13957, abs=1e-5), pytest.approx(0.49368, abs=1e-5), 0.0]


def test_a_particle_along_the_axis_has_roots_eta(tmp_path):
    columns = plain_columns()
    for name in ("Particle_px", "Particle_py"):
        columns[name] = columns[name] * 0
    events = read_fcc_trees(write_columns(tmp_path / "a.root", columns)).events
    write_fcc_tree(events, tmp_path / "b.root")
    eta = ak.flatten(columns_of(tmp_path / "b.root")["Particle_eta"])
    assert np.abs(eta).tolist() == [1e10] * 10


@SUFFIXES
def test_nothing_stands_there_after_a_failure(tmp_path, suffix):
    events = read_fcc_trees(write_columns(tmp_path / "a.root", plain_columns())).events

    def parts():
        yield events
        raise OSError("the next table cannot be made")

    with pytest.raises(OSError, match="next table"):
        write_fcc_tree(parts(), tmp_path / f"b{suffix}")
    left = {name: column for name, column in events.vertices.particles.items() if name != "chi2"}
    broken = VertexedEvents(events.particles, type(events.vertices)(left, events.vertices.offsets))
    with pytest.raises(InputError, match="no vertex columns chi2"):
        write_fcc_tree(broken, tmp_path / f"b{suffix}")
    assert [path.name for path in tmp_path.iterdir()] == ["a.root"]
