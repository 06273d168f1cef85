"""Users' candidates come out in GeV, cm and ps whatever they are in, or are refused; losses are told."""

from pathlib import Path

import numpy as np
import pytest
import uproot

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.formats.lhcb_ntuple import read_candidates

GOLDEN = Path(__file__).with_name("coursework.csv")
MM_PER_PS = 0.299792458


def davinci(n=50, seed=1):
    """Branches of a DaVinci ntuple, in MeV, mm and ns."""
    rng = np.random.default_rng(seed)
    mass, p, time = rng.normal(5367, 20, n), rng.gamma(4, 25e3, n), rng.exponential(1.5, n) + 0.2
    return {
        "Bs_MM": mass,
        "Bs_P": p,
        "Bs_PT": p / 10,
        "Bs_TAU": time * 1e-3,
        "Bs_FD_OWNPV": p / mass * time * MM_PER_PS * rng.normal(1, 0.01, n),
        "Bs_IP_OWNPV": rng.exponential(0.02, n),
        "Ds_MM": rng.normal(1968, 7, n),
        "Pi_ID": rng.choice([-211, 211], n),
        "Pi_ProbNNpi": rng.uniform(size=n),
        "eventNumber": np.arange(n),
    }


def write(path, columns, tree="DecayTree"):
    with uproot.recreate(path) as file:
        file.mktree(tree, {name: column.dtype for name, column in columns.items()})
        file[tree].extend(columns)
    return path


def test_the_golden_file_of_the_coursework_is_read_to_the_last_digit():
    table = read_candidates(GOLDEN, preset="coursework")
    first = {name: column[0] for name, column in table.columns.items()}
    assert first["bs_mass"] == pytest.approx(5.3787010, abs=1e-9)
    assert first["ds_mass"] == pytest.approx(1.9621453, abs=1e-9)
    assert first["bs_p"] == pytest.approx(30.30147, abs=1e-9)
    assert first["bs_flight_distance"] == pytest.approx(0.0951706, abs=1e-9)
    assert first["decay_time"] == pytest.approx(0.561908, abs=1e-9)
    assert first["bs_ip_chi2"] == pytest.approx(2.82133, abs=1e-9)
    assert first["bachelor_prob_nn_pi"] == pytest.approx(0.462848, abs=1e-9)
    assert first["year"] == 2016
    assert table.units == {"energy": "MeV", "length": "mm", "time": "ps"}
    assert (table.rows, len(table), table.dropped) == (12, 10, 2)
    assert table.not_finite == {"bs_ip": 1, "bachelor_prob_nn_k": 1}
    (note,) = table.notes()
    assert note == ("2 of 12 candidates left out: missing values (Bs_ImpactParameter 1, Pi_ProbNNk 1)")


def test_the_coursework_s_features_are_all_in_its_golden_file():
    features = {
        *(f"bs_{name}" for name in ("pt", "ip", "ip_chi2", "flight_distance", "flight_chi2", "dira", "doca")),
        *(f"ds_{name}" for name in ("pt", "ip_chi2", "flight_distance", "flight_chi2", "doca")),
        *(f"bachelor_{name}" for name in ("pt", "ip_chi2", "prob_nn_pi", "chi2_per_ndf")),
        "decay_time",
    }
    assert features <= set(read_candidates(GOLDEN, preset="coursework").columns)


def test_a_davinci_ntuple_comes_out_in_gev_cm_and_ps(tmp_path):
    raw = davinci()
    table = read_candidates(write(tmp_path / "d.root", raw), preset="davinci")
    assert table.units == {"energy": "MeV", "length": "mm", "time": "ns"}
    assert table.columns["bs_mass"] == pytest.approx(raw["Bs_MM"] / 1e3)
    assert table.columns["decay_time"] == pytest.approx(raw["Bs_TAU"] * 1e3)
    assert table.columns["bs_ip"] == pytest.approx(raw["Bs_IP_OWNPV"] / 10)
    assert set(table.columns["bachelor_charge"]) == {-1, 1}
    assert table.notes() == ()


@pytest.mark.parametrize(
    ("energy", "length", "time"),
    [("GeV", "cm", "ps"), ("MeV", "cm", "fs"), ("GeV", "mm", "ns"), ("MeV", "µm", "ps")],
)
def test_units_are_seen_not_believed(tmp_path, energy, length, time):
    raw = davinci()
    wanted = read_candidates(write(tmp_path / "d.root", raw), preset="davinci")
    per_mev, per_mm, per_ns = (
        {"GeV": 1e-3, "MeV": 1}[energy],
        {"cm": 0.1, "mm": 1, "µm": 1e3}[length],
        {"ps": 1e3, "ns": 1, "fs": 1e6}[time],
    )
    other = {
        name: column
        * (per_mev if name.endswith(("M", "_P", "_PT")) else 1)
        * (per_mm if name.endswith("OWNPV") else 1)
        * (per_ns if name == "Bs_TAU" else 1)
        for name, column in raw.items()
    }
    table = read_candidates(write(tmp_path / "o.root", other), preset="davinci")
    assert table.units == {"energy": energy, "length": length, "time": time}
    for name, column in wanted.columns.items():
        assert table.columns[name] == pytest.approx(column, rel=1e-6)


def test_units_that_do_not_fit_each_other_are_refused(tmp_path):
    raw = davinci()
    for name, column, told in (
        ("Bs_P", raw["Bs_P"] / 1e3, "Bs_P with a median of .* beside Bs_MM in MeV"),
        ("Ds_MM", raw["Ds_MM"] / 1e3, "Ds_MM with a median"),
        ("Bs_MM", raw["Bs_MM"] / 1e6, "masses and momenta in MeV or GeV"),
        ("Bs_TAU", raw["Bs_TAU"] / 1e3, "decay times in ps, ns or fs"),
        ("Bs_FD_OWNPV", raw["Bs_FD_OWNPV"] * 300, "flights in mm or cm"),
    ):
        file = write(tmp_path / f"{name}.root", {**raw, name: column})
        with pytest.raises(InputError, match=told):
            read_candidates(file, preset="davinci")


def test_lengths_that_nothing_can_confirm_are_told(tmp_path):
    raw = davinci()
    del raw["Bs_TAU"]
    table = read_candidates(write(tmp_path / "d.root", raw), preset="davinci")
    assert table.notes() == ("length taken to be in mm: nothing in the file can confirm it",)


def test_missing_columns_are_named_with_what_is_called_alike(tmp_path):
    raw = {name.replace("Bs_", "B0s_"): column for name, column in davinci().items()}
    file = write(tmp_path / "d.root", raw)
    with pytest.raises(InputError, match=r"no column for bs_ip_chi2 .*looked for Bs_IPCHI2_OWNPV"):
        read_candidates(file, preset="davinci", needed=("bs_mass", "bs_ip_chi2"))
    raw = {name.replace("Bs_", "lab0_"): column for name, column in davinci().items()}
    file = write(tmp_path / "lab.root", raw)
    with pytest.raises(InputError, match=r"similar: (\w+, )*lab0_MM"):
        read_candidates(file, preset="davinci")
    table = read_candidates(file, preset="davinci", own={"bs": "lab0"})
    assert table.found["bs_mass"] == "lab0_MM"
    with pytest.raises(InputError, match="looked for lab0_DTF"):
        read_candidates(file, preset="davinci", own={"bs": "lab0", "bs_pt": "lab0_DTF"})


def test_the_tree_of_candidates_is_found_among_others_and_chosen_among_several(tmp_path):
    with uproot.recreate(tmp_path / "d.root") as file:
        for tree, columns in (("Lumi/LumiTuple", {"L": np.ones(3)}), ("B/DecayTree", davinci())):
            file.mktree(tree, {name: column.dtype for name, column in columns.items()})
            file[tree].extend(columns)
    assert len(read_candidates(tmp_path / "d.root", preset="davinci")) == 50
    with uproot.update(tmp_path / "d.root") as file:
        file.mktree("C/DecayTree", {name: column.dtype for name, column in davinci().items()})
        file["C/DecayTree"].extend(davinci(seed=2))
    with pytest.raises(InputError, match="several trees: B/DecayTree, C/DecayTree"):
        read_candidates(tmp_path / "d.root", preset="davinci")
    assert len(read_candidates(f"{tmp_path / 'd.root'}:C/DecayTree", preset="davinci")) == 50


def test_several_files_make_one_sample_if_they_hold_the_same(tmp_path):
    one = write(tmp_path / "1.root", davinci(seed=1))
    EventFrame(davinci(seed=2)).write_parquet(tmp_path / "2.parquet")
    both = read_candidates([one, tmp_path / "2.parquet"], preset="davinci")
    assert len(both) == both.rows == 100
    less = davinci()
    del less["Bs_PT"]
    with pytest.raises(InputError, match="differ in Bs_PT"):
        read_candidates([one, write(tmp_path / "3.root", less)], preset="davinci")
    ps = davinci()
    ps["Bs_TAU"] = ps["Bs_TAU"] * 1e3
    with pytest.raises(InputError, match="files of the same units"):
        read_candidates([one, write(tmp_path / "4.root", ps)], preset="davinci")
    with pytest.raises(InputError, match="no files"):
        read_candidates([], preset="davinci")


def test_only_what_is_wanted_is_read_and_must_be_there(tmp_path):
    raw = davinci()
    raw["Bs_IP_OWNPV"][:] = np.nan
    file = write(tmp_path / "d.root", raw)
    table = read_candidates(file, preset="davinci", wanted=["bs_pt", "bs_dira"])
    assert set(table.columns) == {"bs_mass", "bs_pt"}
    with pytest.raises(InputError, match=r"none of 50 candidates has all values.*Bs_IP_OWNPV 50"):
        read_candidates(file, preset="davinci")


def test_a_mass_in_two_units_is_refused_though_its_median_is_fine(tmp_path):
    raw = davinci(200)
    raw["Bs_MM"][::10] /= 1e3
    with pytest.raises(InputError, match=r"20 of 200 values of Bs_MM are 0\.001 times the others"):
        read_candidates(write(tmp_path / "d.root", raw), preset="davinci")


def test_a_file_of_another_preset_is_not_read_by_half():
    """DaVinci's names know the masses, momenta and identification of the coursework's, and little else."""
    with pytest.raises(InputError, match=r"of preset davinci, \d+ of coursework; .*data.preset=coursework"):
        read_candidates(GOLDEN, preset="davinci")


def test_candidates_that_are_there_twice_are_refused(tmp_path):
    raw = davinci()
    EventFrame(raw).write_parquet(tmp_path / "copy.parquet")
    with pytest.raises(InputError, match=r"50 of 100 candidates in .* are there before, equal in all 10"):
        read_candidates([write(tmp_path / "d.root", raw), tmp_path / "copy.parquet"], preset="davinci")
    rounded = {"Bs_M": np.round(raw["Bs_MM"]), "Pi_ID": raw["Pi_ID"]}
    assert len(read_candidates(write(tmp_path / "r.root", rounded), preset="davinci")) == 50


def test_candidates_without_a_value_or_with_one_beyond_single_precision_are_left_out_and_told(tmp_path):
    raw = davinci()
    raw["Bs_MM"][:5] = np.nan
    raw["Ds_MM"][:2] = 1e300
    empty = ",".join(raw) + "\n"
    for row in zip(*raw.values(), strict=True):
        empty += ",".join("" if value != value else repr(float(value)) for value in row) + "\n"
    (tmp_path / "d.csv").write_text(empty)
    table = read_candidates(tmp_path / "d.csv", preset="davinci")
    assert table.notes() == ("5 of 50 candidates left out: missing values (Bs_MM 5, Ds_MM 2)",)
