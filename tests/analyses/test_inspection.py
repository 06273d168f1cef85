"""What files are, what they lack, and what would make them fit."""

import tomllib

import awkward as ak
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uproot
from helpers.hepmc_text import hepmc_text
from helpers.random_events import random_events
from helpers.toy_corpus import toy_events, toy_trunk

from hepsets.analyses.inspection import _LISTS, SPELLINGS, inspect_file
from hepsets.core.errors import InputError
from hepsets.core.particle_sets import ParticleSets, write_particle_sets
from hepsets.core.record import checksum_of_file
from hepsets.formats.candidate_map import CandidateMap
from hepsets.formats.column_names import VARIABLES
from hepsets.generate.kstmumu import density

EVENTS = random_events(5)


def told(path):
    return "\n".join(inspect_file(path).lines())


def test_events_without_labels_say_how_they_get_them(tmp_path):
    pq.write_table(EVENTS.to_arrow(), tmp_path / "e.parquet")
    text = told(tmp_path / "e.parquet")
    assert "5 events: particles" in text
    assert "smart-background: lacks a column label" in text
    assert "hepsets simulate" in text
    pq.write_table(
        EVENTS.to_arrow().append_column("passes", pa.array([0, 1, 0, 1, 1])), tmp_path / "e.parquet"
    )
    assert "call passes so" in told(tmp_path / "e.parquet")
    labelled = EVENTS.with_columns(label=np.arange(5) % 2 == 0)
    pq.write_table(labelled.to_arrow(), tmp_path / "e.parquet")
    assert "smart-background: fits" in told(tmp_path / "e.parquet")


def test_candidates_with_lists_of_particles_get_the_map_of_their_sets(tmp_path):
    names = [f"ROE_trk_{tail}" for tail in ("px", "py", "pz", "charge", "kaonID")]
    lists = {name: pa.array([[1.0], [], [2.0]]) for name in names}
    pq.write_table(pa.table({**lists, "Mbc": np.zeros(3)}), tmp_path / "c.parquet")
    text = told(tmp_path / "c.parquet")
    assert "continuum-suppression: lacks a label" in text
    begin = text.index("[sets.roe_tracks]")
    proposed = tomllib.loads(text[begin:])
    tails = ("px", "py", "pz", "charge", "kaonID")
    keys = ("px", "py", "pz", "charge", "kaon")
    expected = {key: f"ROE_trk_{tail}" for key, tail in zip(keys, tails, strict=True)}
    assert proposed == {"sets": {"roe_tracks": expected}, "data": {"frame": "laboratory"}}
    assert "# no candidate_tracks: taken as empty" in text
    pq.write_table(pa.table({**lists, "isSignal": np.zeros(3)}), tmp_path / "c.parquet")
    assert "continuum-suppression: fits" in told(tmp_path / "c.parquet")


@pytest.mark.parametrize("suffix", ["parquet", "root"])
def test_lists_of_names_that_say_nothing_are_told_with_a_map_to_be_filled_in(tmp_path, suffix):
    lists = {name: [[1.0], [], [2.0, 3.0]] for name in ("a1", "b1", "c1")}
    path = tmp_path / f"m.{suffix}"
    if suffix == "parquet":
        pq.write_table(pa.table({**lists, "n": [1, 0, 2]}), path)
    else:
        with uproot.recreate(path) as file:
            file.mktree("t", {**dict.fromkeys(lists, "var * float64"), "n": "int32"})
            file["t"].extend(
                {**{name: ak.Array(one) for name, one in lists.items()}, "n": np.array([1, 0, 2])}
            )
    text = told(path)
    assert "lists of numbers: a1, b1, c1" in text
    assert "continuum-suppression: lacks names that say what its lists are" in text
    assert "flavour-tagging: lacks px, py, pz, charge, q\n" in text
    begin = text.index("# lists of the file: a1, b1, c1\n")
    proposed = tomllib.loads(text[begin : text.index("flavour-tagging:")])
    assert proposed["sets"] == {"roe_tracks": dict.fromkeys(("px", "py", "pz", "charge"), "")}
    with pytest.raises(InputError, match="an empty name in the map; expected what the file calls it"):
        CandidateMap(proposed["sets"])


@pytest.mark.parametrize("kind", ["int8", "int32", "int64", "uint16", "float32", "bool"])
def test_lists_of_any_numbers_are_lists(tmp_path, kind):
    with uproot.recreate(tmp_path / "m.root") as file:
        file.mktree("t", {"charge": f"var * {kind}", "px": "var * float64"})
        file["t"].extend(
            {"charge": ak.values_astype(ak.Array([[1], [1, 0]]), kind), "px": ak.Array([[1.0], [2.0, 3.0]])}
        )
    assert "lists of numbers: charge, px" in told(tmp_path / "m.root")


def test_what_root_calls_vectors_are_lists_and_vectors_of_vectors_are_not():
    for kind in ("std::vector<std::int64_t>", "std::vector<int>", "std::vector<unsigned int>", "float[]"):
        assert _LISTS.fullmatch(kind)
    for kind in ("std::vector<std::vector<float>>", "std::string", "float[3]", "double"):
        assert not _LISTS.fullmatch(kind)


def test_lists_that_are_quantities_of_no_known_set_are_put_into_one_to_be_seen_to(tmp_path):
    names = [f"mu_{tail}" for tail in ("px", "py", "pz", "charge")] + ["x_E", "x_theta", "x_phi"]
    lists = {name: pa.array([[1.0], [], [2.0]]) for name in (*names, "odd")}
    pq.write_table(pa.table(lists), tmp_path / "m.parquet")
    text = told(tmp_path / "m.parquet")
    proposed = tomllib.loads(text[text.index("# lists of the file") : text.index("flavour-tagging:")])
    assert proposed["sets"]["roe_tracks"]["charge"] == "mu_charge"
    assert proposed["sets"]["roe_clusters"] == {"energy": "x_E", "theta": "x_theta", "phi": "x_phi"}
    assert "[sets.roe_tracks]  # are they? else candidate_tracks" in text
    CandidateMap(proposed["sets"])


def test_sets_for_flavour_tagging_are_known_as_such(tmp_path):
    lists = {name: pa.array([[1.0], [], [2.0]]) for name in ("px", "py", "pz", "charge")}
    pq.write_table(pa.table({**lists, "q": [1, -1, 1]}), tmp_path / "m.parquet")
    assert "flavour-tagging: fits\n  hepsets run flavour-tagging --data" in told(tmp_path / "m.parquet")


def test_hepmc_is_counted_and_sent_to_the_filter(tmp_path):
    (tmp_path / "e.hepmc").write_bytes(hepmc_text(EVENTS))
    text = told(tmp_path / "e.hepmc")
    assert "5 events" in text
    assert "hepsets filter" in text


def test_events_that_cannot_be_read_do_not_fit(tmp_path):
    events = random_events(5).with_columns(label=np.arange(5) % 2 == 0)
    table = events.to_arrow()
    lists = ak.to_list(ak.from_arrow(table))
    lists[0]["particles"][0]["mother_index"] = -1  # a root of other conventions
    ak.to_parquet(ak.from_iter(lists), tmp_path / "e.parquet")
    text = told(tmp_path / "e.parquet")
    assert "smart-background: lacks the index of a particle in the same event" in text
    assert "mother_index -1 of particle 0 in event 0 points nowhere" in text


def test_candidates_with_their_particles_are_off_resonance_data_or_for_a_model(tmp_path):
    p = {name: np.ones(4, np.float32) for name in ("px", "py", "pz", "energy", "charge", "from_candidate")}
    sets = ParticleSets(p, np.array([0, 2, 4]), {"mbc": np.full(2, 5.28)})
    write_particle_sets(sets, tmp_path / "off.parquet")
    text = told(tmp_path / "off.parquet")
    assert "continuum-suppression: fits" in text
    assert "--off-resonance" in text


def test_lists_that_the_proposed_map_leaves_out_are_named(tmp_path):
    names = [f"roe_trk_{tail}" for tail in ("px", "py", "pz", "q", "pidK")]
    pq.write_table(pa.table({name: pa.array([[1.0], []]) for name in names}), tmp_path / "c.parquet")
    assert "# lists that no name says what they are: roe_trk_pidK" in told(tmp_path / "c.parquet")


def test_decays_in_a_root_file_get_their_column_map_and_need_no_run(tmp_path):
    with uproot.recreate(tmp_path / "d.root") as file:
        file.mktree("t", dict.fromkeys(("q2", "ctl", "ctk", "phi"), "float64"))
        file["t"].extend({name: np.zeros(3) for name in ("q2", "ctl", "ctk", "phi")})
    text = told(tmp_path / "d.root")
    assert "d.root:t --column q_squared=q2 --column costheta_mu=ctl --column costheta_K=ctk" in text
    assert "--model" not in text


def test_decays_of_other_names_get_their_column_map(tmp_path):
    (tmp_path / "d.csv").write_text("q2,cosThetaL,cos_theta_k,phi\n1,0.1,0.2,0.3\n2,0.1,0.2,0.3\n")
    text = told(tmp_path / "d.csv")
    assert "2 events" in text
    for pair in ("q_squared=q2", "costheta_mu=cosThetaL", "costheta_K=cos_theta_k", "chi=phi"):
        assert f"--column {pair}" in text
    (tmp_path / "d.csv").write_text('"q2","cosThetaL","cos_theta_k","phi"\n1,0.1,0.2,0.3\n')
    assert "--column q_squared=q2 --column costheta_mu=cosThetaL" in told(tmp_path / "d.csv")
    (tmp_path / "d.csv").write_text("q2,cosThetaL,mass\n1,0.1,5.2\n")
    assert "delta-c9: lacks costheta_K, chi" in told(tmp_path / "d.csv")


def test_an_ntuple_of_one_tree_that_fits_and_one_that_lacks_truth(tmp_path):
    columns = {name: np.zeros(3) for name in VARIABLES}
    with uproot.recreate(tmp_path / "n.root") as file:
        for tree, more in (("good", {"isSignal": np.zeros(3)}), ("data", {}), ("empty", {})):
            own = {**columns, **more} if tree != "empty" else {"R2": np.zeros(3)}
            own = {_basf2(name): column for name, column in own.items()}
            file.mktree(tree, dict.fromkeys(own, "float64"))
            file[tree].extend(own)
    found = {(one.analysis, one.lacks[:12]) for one in inspect_file(tmp_path / "n.root").verdicts}
    assert {("continuum-suppression", ""), ("continuum-suppression", "isSignal or ")} < found
    (only,) = inspect_file(tmp_path / "n.root:good").verdicts
    assert only.how.endswith("n.root:good")
    with pytest.raises(InputError, match="no tree"):
        inspect_file(tmp_path / "n.root:none")


def test_lists_of_a_decay_tree_are_told_alike_in_parquet_and_root(tmp_path):
    lists = {name: ak.Array([[1.0, 2.0], [3.0]]) for name in ("mc_px", "mc_py", "mc_pz", "mc_E", "mc_q")}
    lists |= {name: ak.Array([[1, 2], [3]]) for name in ("mc_pdg", "mc_mother")}
    with uproot.recreate(tmp_path / "d.root") as file:
        file.mktree("t", {name: f"var * {ak.type(one).content.content}" for name, one in lists.items()})
        file["t"].extend(lists)
    pq.write_table(pa.table({name: one.to_list() for name, one in lists.items()}), tmp_path / "d.parquet")
    of_root, of_parquet = (inspect_file(tmp_path / name).verdicts for name in ("d.root", "d.parquet"))
    assert of_root == of_parquet
    (only,) = of_root  # neither a rest of the event nor tracks are read out of it
    assert only.analysis == "smart-background"
    assert "files-of-another-layout" in only.how


def test_particles_of_other_names_get_their_map(tmp_path):
    names = [
        *(f"Bs0_{name}" for name in ("M", "P", "PT", "IPCHI2_OWNPV", "FDCHI2_OWNPV")),
        *(f"Ds_{name}" for name in ("M", "P", "PT", "FDCHI2_ORIVX")),
    ]
    pq.write_table(pa.table({name: [1.0] for name in names}), tmp_path / "l.parquet")
    text = told(tmp_path / "l.parquet")
    assert "--set data.columns.bs=Bs0" in text
    assert "bs-dspi: lacks bachelor" in text


def test_a_table_of_anything_else_fits_nothing(tmp_path):
    pq.write_table(pa.table({"x": [1.0]}), tmp_path / "x.parquet")
    assert "no analysis reads such a file" in told(tmp_path / "x.parquet")


def _basf2(name):
    if name.startswith(("et", "mm2", "hso", "hoo")):
        return f"KSFWVariables__bo{name}__bc"
    return f"CleoConeCS__bo{name[-1]}__bc" if name.startswith("cleoCone") else name


def test_spellings_are_of_the_variables_of_decays():
    assert tuple(SPELLINGS) == density.VARIABLES


def test_a_trunk_says_what_it_was_trained_for_and_who_starts_from_it(tmp_path):
    path = tmp_path / "t.safetensors"
    toy_trunk(toy_events(20)[1]).save(
        path,
        objective={"masked": 1.0, "contrastive": 0.0, "supervised": 0.3},
        samples=["mixed", "uubar"],
        weights=6032,
        events_trained=9000,
    )
    text = told(path)
    assert "a pre-trained trunk, masked and supervised: 6032 weights (16 units, 1 layers)" in text
    assert "9000 events shown of mixed, uubar" in text
    assert checksum_of_file(path) in text
    for name in ("continuum-suppression", "flavour-tagging", "smart-background"):
        assert f"{name}: fits\n  hepsets run {name} --trunk {path}" in text
    toy_trunk(toy_events(20)[1]).save(path)
    with pytest.raises(InputError, match="a trunk whose card lacks 'objective'"):
        inspect_file(path)
