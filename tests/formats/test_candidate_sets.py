"""A user's candidates with lists of particles: the same sets whatever the file, and what is refused."""

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers.own_candidates import MAP, branches, write_parquet, write_root
from helpers.random_candidates import candidates_of_sizes, random_candidates

from hepsets.core.errors import InputError
from hepsets.core.particle_sets import ParticleSets
from hepsets.formats.candidate_map import CandidateMap
from hepsets.formats.candidate_sets import Collision, iter_candidates
from hepsets.simulate.belle2 import BELLE2

BEAMS = Collision(BELLE2.beams.velocity, BELLE2.beams.energy)
EVENTS = random_candidates(80, seed=3, mean_particles=10.0)


def read(path, of_map=MAP, **options):
    pieces = list(iter_candidates(path, of_map, BEAMS, **options))
    sets = ParticleSets.concatenate([piece.sets for piece in pieces])
    counts = pieces[0].counts
    for piece in pieces[1:]:
        counts += piece.counts
    return sets, np.concatenate([piece.complete for piece in pieces]), counts


def sorted_by_momentum(sets):
    order = np.lexsort([sets.particles["px"], sets.event_of_particle])
    return {name: column[order] for name, column in sets.particles.items()}


@pytest.mark.parametrize("frame", ["laboratory", "centre_of_mass"])
@pytest.mark.parametrize("write", [write_root, write_parquet])
def test_the_sets_come_back_from_either_file_and_frame(tmp_path, frame, write):
    found, complete, counts = read(
        write(tmp_path / f"mine.{'root' if write is write_root else 'parquet'}", branches(EVENTS, frame)),
        dataclasses.replace(MAP, frame=frame),
    )
    assert complete.all()
    assert (counts.candidates, counts.particles, counts.masked) == (80, EVENTS.n_particles, {})
    np.testing.assert_array_equal(found.offsets, EVENTS.offsets)
    before, after = sorted_by_momentum(EVENTS), sorted_by_momentum(found)
    for name in ("px", "py", "pz", "energy", "charge", "from_candidate", "electron", "kaon", "dr", "dz"):
        np.testing.assert_allclose(after[name], before[name], atol=2e-6, err_msg=name)
    for name in ("candidate_px", "candidate_energy", "candidate_charge", "label"):
        np.testing.assert_allclose(found.columns[name], EVENTS.columns[name], atol=1e-5, err_msg=name)


def test_the_candidate_is_the_sum_of_its_daughters_where_it_is_not_given(tmp_path):
    path = write_root(tmp_path / "mine.root", branches(EVENTS))
    found = read(path, CandidateMap(MAP.sets, {"label": "truth"}))[0]
    own = EVENTS.particles["from_candidate"]
    for name in ("px", "py", "pz", "energy", "charge"):
        summed = np.bincount(
            EVENTS.event_of_particle[own], EVENTS.particles[name][own], minlength=len(EVENTS)
        )
        np.testing.assert_allclose(found.columns[f"candidate_{name}"], summed, atol=2e-5)


def polar(x, y, z):
    p = [np.sqrt(a**2 + b**2 + c**2) for a, b, c in zip(x, y, z, strict=True)]
    pt = [np.hypot(a, b) for a, b in zip(x, y, strict=True)]
    cosine = [c / size for c, size in zip(z, p, strict=True)]
    phi = [np.arctan2(b, a) for a, b in zip(x, y, strict=True)]
    return {
        "p": p,
        "pt": pt,
        "cos_theta": cosine,
        "theta": [np.arccos(c) for c in cosine],
        "phi": phi,
        "pz": z,
    }


@pytest.mark.parametrize(
    "way", [("p", "theta", "phi"), ("p", "cos_theta", "phi"), ("pt", "theta", "phi"), ("pt", "phi", "pz")]
)
def test_momenta_and_angles_are_the_same_momenta(tmp_path, way):
    given = branches(EVENTS)
    given |= {f"own_{k}": v for k, v in polar(*(given[f"rc_{a}"] for a in ("px", "py", "pz"))).items()}
    path = write_root(tmp_path / "mine.root", given)
    sets = {**MAP.sets, "roe_clusters": {key: f"own_{key}" for key in way}}
    found = read(path, dataclasses.replace(MAP, sets=sets))[0]
    before, after = sorted_by_momentum(read(path)[0]), sorted_by_momentum(found)
    for name in ("px", "py", "pz", "energy"):
        np.testing.assert_allclose(after[name], before[name], atol=1e-5)


def test_energies_are_worked_out_with_the_mass_of_the_most_probable_species(tmp_path):
    sets = {name: {k: v for k, v in one.items() if k != "energy"} for name, one in MAP.sets.items()}
    found = read(write_root(tmp_path / "mine.root", branches(EVENTS, "centre_of_mass")),
                 dataclasses.replace(MAP, sets=sets, frame="centre_of_mass"))[0]  # fmt: skip
    p = found.particles
    mass2 = p["energy"].astype(float) ** 2 - sum(p[a].astype(float) ** 2 for a in ("px", "py", "pz"))
    masses = np.array([0.000511, 0.10566, 0.13957, 0.49368, 0.93827])
    probable = np.stack([p[name] for name in ("electron", "muon", "pion", "kaon", "proton")])
    expected = np.where(p["charge"] != 0, masses[probable.argmax(axis=0)], 0)
    np.testing.assert_allclose(mass2, expected**2, atol=2e-5)


def test_a_pion_that_the_map_does_not_name_has_what_the_kaon_leaves(tmp_path):
    gone = ("energy", "pion", "electron", "muon", "proton")
    sets = {name: {k: v for k, v in one.items() if k not in gone} for name, one in MAP.sets.items()}
    p = read(write_root(tmp_path / "mine.root", branches(EVENTS, "centre_of_mass")),
             dataclasses.replace(MAP, sets=sets, frame="centre_of_mass"))[0].particles  # fmt: skip
    mass2 = p["energy"].astype(float) ** 2 - sum(p[a].astype(float) ** 2 for a in ("px", "py", "pz"))
    expected = np.where(p["charge"] != 0, np.where(p["kaon"] > 0.5, 0.49368, 0.13957), 0)
    np.testing.assert_allclose(mass2, expected**2, atol=2e-5)


def test_what_is_no_number_is_masked_or_left_out_and_counted(tmp_path):
    given = branches(EVENTS)
    first = next(i for i, one in enumerate(given["rt_kaon"]) if len(one))
    given["rt_kaon"][first] = np.full_like(given["rt_kaon"][first], np.nan)
    given["rc_px"] = [np.where(np.arange(len(one)) == 0, np.nan, one) for one in given["rc_px"]]
    with_daughter = next(i for i, one in enumerate(given["bt_px"]) if len(one))
    given["bt_px"][with_daughter] = np.full_like(given["bt_px"][with_daughter], np.inf)
    given["mine"] = np.where(np.arange(80) == 7, np.nan, 1.0)
    path = write_root(tmp_path / "mine.root", given)
    found, complete, counts = read(path, dataclasses.replace(MAP, variables=("mine",)))
    assert np.flatnonzero(~complete).tolist() == sorted({with_daughter, 7})
    told = "\n".join(counts.lines())
    assert f"masked: {len(given['rt_kaon'][first])} entries of roe_tracks.kaon" in told
    lost = sum(len(one) > 0 for one in given["rc_px"])
    assert f"masked: {lost} particles of roe_clusters without a momentum" in told
    assert "2 candidates not used (candidate_tracks without a momentum 1, mine not finite 1)" in told
    assert np.isfinite(found.particles["kaon"]).all()


def test_tracks_without_a_charge_are_no_clusters_but_left_out_and_their_candidates_not_used(tmp_path):
    given = branches(EVENTS)
    given["rt_charge"] = [np.where(np.arange(len(one)) == 0, np.nan, one) for one in given["rt_charge"]]
    with_daughter = next(i for i, one in enumerate(given["bt_px"]) if len(one))
    given["bt_charge"][with_daughter] = np.full(len(given["bt_charge"][with_daughter]), np.nan)
    found, complete, counts = read(write_root(tmp_path / "mine.root", given))
    assert np.flatnonzero(~complete).tolist() == [with_daughter]
    told = "\n".join(counts.lines())
    lost = sum(len(one) > 0 for one in given["rt_px"])
    assert f"masked: {lost} tracks of roe_tracks without a charge, left out" in told
    assert "1 candidates not used (candidate_tracks without a charge 1)" in told
    neutral = EVENTS.particles["charge"] == 0
    assert (found.particles["charge"] == 0).sum() == neutral.sum()


def test_millimetres_may_be_the_centimetres_of_another_detector_but_are_told(tmp_path):
    given = branches(EVENTS)
    assert read(write_root(tmp_path / "mine.root", given))[2].warnings == ()
    given["rt_dr"] = [10 * one for one in given["rt_dr"]]
    told = read(write_root(tmp_path / "mm.root", given))[2].lines()
    assert told[-1].startswith("WARNING: ")
    assert "sets.roe_tracks.dr (rt_dr): half of the tracks are beyond 0.3" in told[-1]


def test_numbers_that_float32_cannot_hold_count_as_none(tmp_path):
    """What is infinite once it is narrowed would reach the models as NaN."""
    given = branches(EVENTS) | {"mine": np.where(np.arange(80) == 7, 1e300, 1.0)}
    given["hits"] = [np.where(np.arange(len(one)) == 0, 1e30, 1.0) for one in given["bt_px"]]
    for name in ("rt_energy", "rt_dr"):
        given[name] = [np.where(np.arange(len(one)) == 0, 1e300, one.astype(float)) for one in given[name]]
    given["rc_energy"] = [-one for one in given["rc_energy"]]
    sets = {**MAP.sets, "candidate_tracks": {**MAP.sets["candidate_tracks"], "hits": "hits"}}
    of_map = dataclasses.replace(MAP, sets=sets, variables=("mine",))
    found, complete, counts = read(write_root(tmp_path / "mine.root", given), of_map)
    assert np.flatnonzero(~complete).tolist() == [7]
    assert all(np.isfinite(column).all() for column in found.particles.values())
    tracks = sum(len(one) > 0 for one in given["rt_px"])
    told = "\n".join(counts.lines())
    assert f"{tracks} entries of roe_tracks.dr that are no numbers" in told
    assert f"{tracks} entries of roe_tracks.energy that are no energies below 1000 GeV" in told
    negative = sum(map(len, given["rc_px"]))
    assert f"{negative} entries of roe_clusters.energy that are no energies" in told


def test_a_candidate_with_empty_sets_is_read(tmp_path):
    events = candidates_of_sizes([6, 0, 3])
    found, complete, counts = read(write_root(tmp_path / "mine.root", branches(events)))
    assert found.multiplicity.tolist() == [6, 0, 3]
    assert complete.all()
    assert counts.empty["roe_tracks"] >= 1


def test_quantities_of_ones_own_stay_as_they_are_and_are_0_elsewhere(tmp_path):
    given = branches(EVENTS)
    given["hits"] = [np.arange(1.0, len(one) + 1) for one in given["rt_px"]]
    path = write_parquet(tmp_path / "mine.parquet", {**given, "R2": np.linspace(0, 1, 80)})
    sets = {**MAP.sets, "roe_tracks": {**MAP.sets["roe_tracks"], "n_cdc": "hits"}}
    found = read(path, dataclasses.replace(MAP, sets=sets, variables=("R2",)))[0]
    own = found.particles["yours:n_cdc"]
    in_set = ~found.particles["from_candidate"] & (found.particles["charge"] != 0)
    assert (own[in_set] > 0).all()
    assert not own[~in_set].any()
    np.testing.assert_array_equal(found.columns["yours:R2"], np.linspace(0, 1, 80))


def test_the_usual_names_of_basf2_are_found_unless_they_are_not_asked_for(tmp_path):
    given = branches(EVENTS) | {"__event__": np.arange(80), "deltaE": np.full(80, np.nan)}
    path = write_root(tmp_path / "mine.root", given)
    of_map = CandidateMap(MAP.sets, MAP.columns | {"delta_e": "deltaE"}).without("delta_e")
    found, complete, counts = read(path, of_map)
    assert found.columns["event_number"].tolist() == list(range(80))
    assert not complete.any()
    assert counts.incomplete == {"delta_e not finite": 80}
    assert read(path, of_map, usual=False)[1].all()


def changed(**other):
    return {**branches(EVENTS), **other}


DAMAGE = {
    "a missing branch": (
        lambda: {k: v for k, v in branches(EVENTS).items() if k != "rt_pz"}, "lacks rt_pz.*roe_tracks.pz"),
    "lists of other lengths": (
        lambda: changed(rt_charge=[one[1:] for one in branches(EVENTS)["rt_charge"]]),
        "lists of the same length"),
    "numbers in place of lists": (lambda: changed(rt_px=np.zeros(80)), "holds one entry per event"),
    "lists in place of numbers": (lambda: changed(truth=branches(EVENTS)["rt_px"]), "truth holds lists"),
    "texts": (lambda: changed(truth=np.array(["a"] * 80)), "truth holds"),
    "a charge of two": (
        lambda: changed(rt_charge=[2 * one for one in branches(EVENTS)["rt_charge"]]), "charge holds -?2"),
    "momenta in MeV": (lambda: {
        k: [1000 * x for x in v] if k.endswith(("px", "py", "pz", "energy")) and k[0] != "B" else v
        for k, v in branches(EVENTS).items()}, "convert MeV to GeV"),
    "an Mbc in MeV": (lambda: changed(Mbc=np.full(80, 5280.0)), "Mbc of a median candidate.*MeV to GeV"),
    "candidates in MeV": (
        lambda: changed(**{f"B_{k}": 1000 * changed()[f"B_{k}"] for k in ("px", "py", "pz", "energy")}),
        "B_energy of a median candidate.*MeV to GeV"),
    "a ΔE in MeV": (lambda: changed(dE=np.full(80, 60.0)), "dE of a median candidate.*MeV to GeV"),
    "impact parameters in micrometres": (
        lambda: changed(rt_dr=[1e4 * one for one in changed()["rt_dr"]]),
        r"sets.roe_tracks.dr \(rt_dr\): half of the tracks are beyond .*convert micrometres or mill"),
    "those of daughters along the beam": (
        lambda: changed(bt_dz=[1e4 * one for one in changed()["bt_dz"]]),
        r"sets.candidate_tracks.dz \(bt_dz\)"),
    "percents": (lambda: changed(rt_kaon=[100 * one for one in changed()["rt_kaon"]]), "divide percents"),
    "another frame": (lambda: branches(EVENTS, "centre_of_mass"), "set data.frame = 'centre_of_mass'"),
}  # fmt: skip


@pytest.mark.parametrize("write", [write_root, write_parquet])
@pytest.mark.parametrize("what", DAMAGE)
def test_broken_files_are_refused_in_one_line(tmp_path, write, what):
    make, message = DAMAGE[what]
    found = make()
    if "truth" in found and isinstance(found["truth"], np.ndarray) and found["truth"].dtype.kind == "U":
        found["truth"] = list(found["truth"])
    path = tmp_path / f"mine.{'root' if write is write_root else 'parquet'}"
    with pytest.raises(InputError, match=message) as refused:
        read(write(path, found))
    assert "\n" not in str(refused.value)


def test_a_file_of_the_laboratory_is_not_taken_for_one_of_the_centre_of_mass(tmp_path):
    path = write_root(tmp_path / "mine.root", branches(EVENTS))
    with pytest.raises(InputError, match=r"set data\.frame = 'laboratory'"):
        read(path, dataclasses.replace(MAP, frame="centre_of_mass"))


def test_angles_in_degrees_are_refused(tmp_path):
    given = branches(EVENTS)
    given |= {f"own_{k}": v for k, v in polar(*(given[f"rc_{a}"] for a in ("px", "py", "pz"))).items()}
    given["own_theta"] = [np.degrees(one) for one in given["own_theta"]]
    sets = {**MAP.sets, "roe_clusters": {key: f"own_{key}" for key in ("p", "theta", "phi")}}
    with pytest.raises(InputError, match="angles in radians"):
        read(write_root(tmp_path / "mine.root", given), dataclasses.replace(MAP, sets=sets))


def test_of_several_trees_that_with_the_lists_is_read(tmp_path):
    import uproot

    path = write_root(tmp_path / "mine.root", branches(EVENTS))
    with uproot.update(path) as file:
        file["other"] = {"y": np.arange(3)}
    assert len(read(path)[0]) == 80
    with pytest.raises(InputError, match="lacks"):
        read(f"{path}:other")


def test_nulls_in_parquet_are_refused(tmp_path):
    given = {name: pa.array(list(column)) for name, column in branches(EVENTS).items()}
    given["B_px"] = pa.array([None, *given["B_px"].to_pylist()[1:]], pa.float64())
    pq.write_table(pa.table(given), tmp_path / "mine.parquet")
    with pytest.raises(InputError, match="B_px has 1 nulls"):
        read(tmp_path / "mine.parquet")
