"""A user's sets: our layout, lists side by side in parquet and ROOT, masked and counted."""

import awkward as ak
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uproot
from helpers.random_whole_events import random_whole_events

from hepsets.core.errors import InputError
from hepsets.core.particle_sets import write_particle_sets
from hepsets.formats.whole_event_files import read_whole_events
from hepsets.represent.whole_events.features import particle_features
from hepsets.simulate.belle2 import BELLE2

VELOCITY = BELLE2.beams.velocity


def lists(sets, names):
    return {name: ak.unflatten(sets.particles[name], sets.multiplicity) for name in names}


def test_our_own_layout_is_read_as_it_was_written(tmp_path):
    sets = random_whole_events(30, seed=1)
    write_particle_sets(sets, tmp_path / "sets.parquet")
    found, counts = read_whole_events([tmp_path / "sets.parquet"], VELOCITY)
    assert np.array_equal(particle_features(found), particle_features(sets))
    assert np.array_equal(found.columns["q"], sets.columns["q"])
    assert (counts.events, counts.particles, dict(counts.masked)) == (30, sets.n_particles, {})


def test_a_root_file_of_other_names_is_read_through_a_map(tmp_path):
    sets = random_whole_events(25, seed=2)
    names = list(sets.particles)
    with uproot.recreate(tmp_path / "b.root") as file:
        branches = {f"trk_{name}": one for name, one in lists(sets, names).items()}
        file["tree"] = {**branches, "isB0": (sets.columns["q"] > 0).astype(np.int32)}
    columns = {name: f"trk_{name}" for name in names} | {"q": "isB0"}
    found, counts = read_whole_events([f"{tmp_path}/b.root:tree"], VELOCITY, columns)
    assert np.array_equal(found.columns["q"], sets.columns["q"])
    assert particle_features(found) == pytest.approx(particle_features(sets), abs=1e-5)
    assert not counts.masked


def test_clusters_may_stand_in_lists_of_their_own_and_what_lacks_is_counted(tmp_path):
    sets = random_whole_events(20, seed=3)
    is_track = sets.particles["charge"] != 0
    tracks, clusters = sets.select_particles(is_track), sets.select_particles(~is_track)
    table = {
        **lists(tracks, ["px", "py", "pz", "charge", "kaon", "pion"]),
        **{f"cluster_{name}": one for name, one in lists(clusters, ["px", "py", "pz", "energy"]).items()},
        "q": 511 * sets.columns["q"].astype(np.int64),
    }
    arrow = {
        name: ak.to_arrow(one, extensionarray=False) if name != "q" else one for name, one in table.items()
    }
    pq.write_table(pa.table(arrow), tmp_path / "flat.parquet")
    found, counts = read_whole_events([tmp_path / "flat.parquet"], VELOCITY)
    assert found.n_particles == sets.n_particles
    assert np.array_equal(found.multiplicity, sets.multiplicity)
    assert (found.particles["charge"] != 0).sum() == is_track.sum()
    assert np.isfinite(particle_features(found)).all()
    assert any("electron" in line for line in counts.lines())


def test_momenta_of_the_laboratory_are_boosted(tmp_path):
    sets = random_whole_events(20, seed=4)
    write_particle_sets(sets, tmp_path / "sets.parquet")
    found, _ = read_whole_events([tmp_path / "sets.parquet"], VELOCITY, frame="laboratory")
    assert found.particles["pz"].mean() < sets.particles["pz"].mean() - 0.05


def test_what_is_no_number_is_masked_and_counted(tmp_path):
    sets = random_whole_events(10, seed=5)
    sets.particles["d0"][:3] = np.nan
    write_particle_sets(sets, tmp_path / "sets.parquet")
    found, counts = read_whole_events([tmp_path / "sets.parquet"], VELOCITY)
    assert (found.particles["d0"][:3] == 0).all()
    assert sum(counts.masked.values()) == 3


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"q": "flavour"}, "flavour"),
        ({"px": "Track_px"}, "Track_px"),
        ({"q": "event_label"}, "labels such as"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, columns, said):
    sets = random_whole_events(10, seed=6)
    sets = sets.with_columns(event_label=np.full(len(sets), 7))
    write_particle_sets(sets, tmp_path / "sets.parquet")
    with pytest.raises(InputError, match=said):
        read_whole_events([tmp_path / "sets.parquet"], VELOCITY, columns)


def test_a_file_without_labels_is_refused(tmp_path):
    sets = random_whole_events(10, seed=7)
    columns = {name: sets.columns[name] for name in ()}
    write_particle_sets(type(sets)(sets.particles, sets.offsets, columns), tmp_path / "sets.parquet")
    with pytest.raises(InputError, match="no label q"):
        read_whole_events([tmp_path / "sets.parquet"], VELOCITY)
