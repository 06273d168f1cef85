"""`hepsets fit-mass`: anyone's spectrum becomes a figure and numbers, bad input one line."""

import json

import numpy as np
import pytest
from helpers.command import hepsets
from helpers.toy_spectra import peak_on_exponential, spectrum_of

from hepsets.core.event_frame import EventFrame


@pytest.fixture
def fit_mass(monkeypatch, capsys):
    def command(*arguments):
        return hepsets(monkeypatch, capsys, "fit-mass", *arguments)

    return command


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A spectrum in MeV and GeV, simulated signal, a background's sample, and odd columns."""
    folder = tmp_path_factory.mktemp("spectra")
    mass = spectrum_of(peak_on_exponential())[0]
    rng = np.random.default_rng(1)
    columns = {
        "Bs_M": 1e3 * mass,
        "bs_mass": mass,
        "ds_mode": np.arange(len(mass)) % 2,
        "w": rng.uniform(0.5, 1.5, len(mass)),
        "with_nan": np.where(np.arange(len(mass)) < 5, np.nan, mass),
        "all_nan": np.full(len(mass), np.nan),
        "mixed": np.where(np.arange(len(mass)) % 5, mass, 1e3 * mass),
        "one": np.where(np.arange(len(mass)) % 9, 5.3, 5.4),
    }
    EventFrame(columns).write_parquet(folder / "data.parquet")
    EventFrame({"bs_mass": rng.normal(5.367, 0.013, 2000)}).write_parquet(folder / "sim.parquet")
    EventFrame({"bs_mass": rng.normal(5.28, 0.03, 500)}).write_parquet(folder / "d_pi.parquet")
    EventFrame({"bs_mass": np.full(500, 5.28)}).write_parquet(folder / "one.parquet")
    return folder


DATA = "{data}"
GAUSSIAN = ("--model", "gaussian+exponential")


def test_a_spectrum_becomes_numbers_and_a_figure(tmp_path, fit_mass, files):
    out = tmp_path / "fit"
    code, said, err = fit_mass(
        files / "data.parquet", "--column", "Bs_M", "--unit", "MeV", "--range", "5200:5800", *GAUSSIAN,
        "--toys", 3, "--out", out,
    )  # fmt: skip
    assert (code, err) == (0, "")
    assert sorted(file.name for file in out.iterdir()) == ["mass_fit.json", "mass_fit.png", "pulls.png"]
    record = json.loads((out / "mass_fit.json").read_text())
    assert abs(record["signal"] - 1000) < 4 * record["signal_se"]
    assert abs(record["mean"] - 5.367) < 4 * record["mean_se"]
    assert "χ²/ndf" in said
    assert (out / "mass_fit.png").read_bytes()[:4] == b"\x89PNG"


def test_simulation_template_and_categories_go_together(tmp_path, fit_mass, files):
    code, said, _ = fit_mass(
        files / "data.parquet", "--column", "bs_mass", "--range", "5.2:5.8", "--category", "ds_mode",
        "--model", "gaussian+exponential+d_pi", "--template", f"d_pi={files / 'd_pi.parquet'}",
        "--simulation", files / "sim.parquet", "--out", tmp_path / "fit",
    )  # fmt: skip
    assert code == 0
    assert "MeV in category 0, " in said
    assert "MeV in category 1" in said
    names = [one["name"] for one in json.loads((tmp_path / "fit/mass_fit.json").read_text())["parameters"]]
    assert {"signal[0]", "signal[1]", "d_pi[0]", "width_scale[1]", "mean"} <= set(names)


def test_weights_and_events_left_out_are_told(tmp_path, fit_mass, files):
    _, said, _ = fit_mass(
        files / "data.parquet", "--column", "with_nan", "--weight", "w", *GAUSSIAN, "--out", tmp_path / "fit"
    )
    assert "note: 5 of" in said
    assert "not finite" in said
    assert "sandwich" in said


def test_a_blinded_fit_tells_the_same_offset_each_time(tmp_path, fit_mass, files):
    told = []
    for word, name in (("Bonn", "a"), ("Bonn", "b"), ("Siegen", "c")):
        fit_mass(
            files / "data.parquet", "--column", "bs_mass", *GAUSSIAN, "--blind", word,
            "--set", "start.mean=5.367", "--out", tmp_path / name,
        )  # fmt: skip
        told.append(json.loads((tmp_path / name / "mass_fit.json").read_text())["signal"])
    assert told[0] == told[1]
    assert told[0] != pytest.approx(told[2], rel=1e-3)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--column", "Bs_m"), "did you mean Bs_M"),
        (("--column", "Bs_M"), "--unit MeV"),
        (("--column", "Bs_M", "--unit", "MeV", "--range", "5.2:5.8"), "range in the same unit"),
        (("--column", "bs_mass", "--range", "6:7"), "change --range"),
        (("--column", "bs_mass", "--range", "6"), "LOW:HIGH"),
        (("--column", "bs_mass", "--range", "5.8:5.2"), "below the upper"),
        (("--column", "all_nan"), "is finite"),
        (("--column", "bs_mass", "--unit", "TeV"), "one of GeV, MeV"),
        (("--column", "bs_mass", "--model", "gauss+exponential"), "gaussian, double_gaussian"),
        (("--column", "bs_mass", "--template", "d_pi"), "NAME=FILE"),
        (("--column", "bs_mass", "--set", "toy=3"), "did you mean 'toys'"),
        (("--column", "bs_mass", "--blind", "x"), "blinding without a region"),
        (("--column", "bs_mass", "--category", "w"), "whole numbers"),
        (("--column", "bs_mass", "--blind", "x", "--set", "blind_region=[5300,5440]"), "a part of the range"),
        (("--column", "bs_mass", "--set", "limits.mean=[5.5,5.3]"), "a lower limit below the upper"),
        (("--column", "bs_mass", "--simulation", DATA), "data.parquet twice"),
        (("--column", "bs_mass", "--model", "gaussian+b", "--template", f"b={DATA}"), "data.parquet twice"),
        (("--column", "bs_mass", "--simulation", "none.parquet"), "none.parquet"),
        (("--column", "bs_mass", "--set", "own=['widths']"), "did you mean width"),
        (("--column", "mixed"), "1000 times the others"),
        (("--column", "one"), "half or more have one mass"),
        (("--column", "bs_mass", "--simulation", "{one}"), "simulated decays of which half or more"),
        (("--column", "bs_mass", "--model", "gaussian+b", "--template", "b={one}"), "a template's sample of"),
    ],
)
def test_what_cannot_be_fitted_gives_one_line_and_no_folder(tmp_path, fit_mass, files, arguments, said):
    arguments = [
        word.replace(DATA, str(files / "data.parquet")).replace("{one}", str(files / "one.parquet"))
        for word in arguments
    ]
    code, out, err = fit_mass(files / "data.parquet", *arguments, "--out", tmp_path / "fit")
    assert (code, out) == (2, "")
    assert said in err
    assert len(err.strip().splitlines()) == 1
    assert not (tmp_path / "fit").exists()


def test_a_folder_that_is_there_is_not_written_into(tmp_path, fit_mass, files):
    (tmp_path / "fit").mkdir()
    code, _, err = fit_mass(files / "data.parquet", "--column", "bs_mass", "--out", tmp_path / "fit")
    assert code == 2
    assert "exists" in err


def test_a_folder_that_cannot_be_made_is_refused_before_the_fit(tmp_path, fit_mass, files):
    out = files / "data.parquet" / "fit"
    code, said, err = fit_mass(files / "sim.parquet", "--column", "nothing", "--out", out)
    assert (code, said) == (2, "")
    assert "data.parquet is no folder" in err


def test_masses_that_are_missing_are_left_out_and_told(tmp_path, fit_mass, files):
    mass = spectrum_of(peak_on_exponential())[0]
    text = "bs_mass\n" + "".join(f"{one!r}\n" if k % 20 else "nan\n" for k, one in enumerate(mass.tolist()))
    (tmp_path / "d.csv").write_text(text.replace("nan", '""'))
    _, said, _ = fit_mass(tmp_path / "d.csv", "--column", "bs_mass", *GAUSSIAN, "--out", tmp_path / "fit")
    assert f"note: {len(mass[::20])} of {len(mass)} events left out: mass or weight is not finite" in said


def test_gev_that_are_called_mev_are_doubted(tmp_path, fit_mass, files):
    _, said, _ = fit_mass(
        files / "data.parquet", "--column", "bs_mass", "--unit", "MeV", *GAUSSIAN, "--out", tmp_path / "fit"
    )
    assert "is the column in GeV?" in said
