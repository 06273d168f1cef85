"""`hepsets infer delta-c9`: every kind of file a user may have, and what is said about unusable ones."""

import json
import pickle
import sys

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import uproot
from helpers.command import hepsets
from helpers.tiny_delta_c9 import among_background, decays, tiny_model, tiny_run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hepsets.generate.kstmumu.density import VARIABLES

TRUE = -0.8


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run with two models."""
    return tiny_run(tmp_path_factory.mktemp("runs") / "run", tiny_model(), tiny_model("background"))


@pytest.fixture(scope="module")
def table():
    """Generated decays, with a column that is of no use here."""
    events = decays(3000, TRUE, 5).select_columns(VARIABLES).to_arrow()
    return events.append_column("year", pa.array(["2026"] * len(events)))


@pytest.fixture
def infer(monkeypatch, capsys, run):
    def command(*arguments):
        return hepsets(monkeypatch, capsys, "infer", "delta-c9", "--model", run, *arguments)

    return command


def refused(outcome, *messages):
    code, text, err = outcome
    assert code == 2, err
    assert text == ""
    assert err.count("\n") == 1
    for message in messages:
        assert message in err


def test_parquet_and_csv_say_the_same(infer, table, tmp_path):
    pq.write_table(table, tmp_path / "events.parquet")
    pa.csv.write_csv(table, tmp_path / "events.csv")
    records = []
    for name in ("events.parquet", "events.csv"):
        out, curve, page = tmp_path / "out.json", tmp_path / "curve.csv", tmp_path / "page.html"
        code, text, err = infer(
            tmp_path / name, "--level", "generator", "--out", out, "--curve", curve, "--report", page
        )
        assert (code, err) == (0, "")
        records.append(json.loads(out.read_text()))
    first, second = records
    assert first["delta_c9"] == pytest.approx(second["delta_c9"], abs=1e-6)
    low, high = first["interval68"]
    assert abs(first["delta_c9"] - TRUE) < 4 * (high - low) / 2
    assert first["analysis"] == "delta-c9"
    assert first["verdict"] == "yes"
    assert text.startswith("The events look like the model: yes")
    assert first["level"] == "generator"
    assert first["warnings"] == []
    assert set(first["theory"]) == {"form factors", "subleading", "total"}
    assert first["model"]["seed"] == 1
    assert f"ΔC9 = −{-first['delta_c9']:.3f}" in text
    assert "goodness of fit: χ²" in text
    assert "theory about ± 0." in text
    rows = np.loadtxt(curve, delimiter=",", skiprows=1)
    assert rows[np.argmax(rows[:, 1]), 0] == pytest.approx(first["delta_c9"], abs=1e-3)
    shown = " ".join(page.read_text().split())
    assert "<svg" in shown
    assert "events lie where the model was trained" in shown


def test_events_unlike_the_model_end_with_exit_code_3_and_all_files(infer, table, tmp_path):
    chi = pa.array(table["chi"].to_numpy() / np.pi)
    wrong = table.set_column(table.column_names.index("chi"), "chi", chi)
    pq.write_table(wrong, tmp_path / "events.parquet")
    out, page = tmp_path / "out.json", tmp_path / "page.html"
    code, text, err = infer(
        tmp_path / "events.parquet", "--level", "generator", "--out", out, "--report", page
    )
    assert (code, err) == (3, "")
    assert text.startswith("The events do NOT look like the model")
    assert "likely cause: chi is in units of π" in text.splitlines()[1]
    record = json.loads(out.read_text())
    assert record["verdict"] == "no"
    assert record["causes"][0]["name"] == "chi is in units of π"
    assert record["causes"][0]["p_value"] > 0.01
    assert record["verdict_p_value"] < 1e-9
    shown = " ".join(page.read_text().split())
    assert "The numbers on this page are not to be used" in shown
    assert "multiply chi by π" in shown


def test_levels_are_told_by_the_columns(infer, table, tmp_path):
    pq.write_table(table, tmp_path / "decays.parquet")
    code, text, err = infer(tmp_path / "decays.parquet")
    assert code == 0, err
    assert "generator level" in text
    assert "warning: The events are taken for true decays" in text
    among_background(3000, TRUE, 6).write_parquet(tmp_path / "measured.parquet")
    code, text, err = infer(tmp_path / "measured.parquet")
    assert code == 0, err
    assert "background level" in text
    assert "% of them background" in text
    assert "taken for" not in text
    code, text, err = infer(tmp_path / "decays.parquet", "--level", "background")
    assert code == 0, err
    assert "warning: Without mbc, delta_e, m_kpi background is told" in text


def test_pickles_are_read_only_when_trusted(infer, table, tmp_path, monkeypatch):
    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("code from a pickle was executed",))

    path = tmp_path / "events.pkl"
    path.write_bytes(pickle.dumps(Bomb()))
    refused(infer(path), "may run any code", "--trust-pickle")
    monkeypatch.setitem(sys.modules, "pandas", None)
    refused(infer(path, "--trust-pickle"), 'pip install "hepsets[pickle]"')


def test_a_trusted_pickle_says_what_parquet_says(infer, table, tmp_path):
    pandas = pytest.importorskip("pandas")
    pq.write_table(table, tmp_path / "events.parquet")
    pandas.DataFrame({name: table[name].to_numpy() for name in VARIABLES}).to_pickle(tmp_path / "events.pkl")
    options = ("--level", "generator", "--window", "0-20")
    code, text, err = infer(tmp_path / "events.pkl", "--trust-pickle", *options)
    assert code == 0, err
    assert text == infer(tmp_path / "events.parquet", *options)[1]


def test_columns_are_found_under_names_of_their_own(infer, table, tmp_path):
    names = {"q_squared": "q2", "costheta_K": "ctk"}
    own = table.rename_columns([names.get(name, name) for name in table.column_names])
    pq.write_table(table, tmp_path / "ours.parquet")
    pq.write_table(own, tmp_path / "yours.parquet")
    pairs = [option for name, yours in names.items() for option in ("--column", f"{name}={yours}")]
    options = ("--level", "generator")
    code, text, err = infer(tmp_path / "yours.parquet", *options, *pairs)
    assert code == 0, err
    assert text == infer(tmp_path / "ours.parquet", *options)[1]
    yours = tmp_path / "yours.parquet"
    refused(infer(yours), "no column q_squared, costheta_K (it has q2", "--column q_squared=NAME")
    refused(infer(yours, *pairs, "--column", "q_squared=chi"), "two --column for q_squared")
    refused(infer(yours, "--column", "q2"), "NAME=YOURS")
    refused(infer(yours, "--column", "charm=q2"), "'charm'", "one of q_squared")


def test_models_that_are_not_there_are_named(infer, table, tmp_path, monkeypatch, capsys):
    path = tmp_path / "events.parquet"
    pq.write_table(table, path)
    there = "--level background --window 0-20; --level generator --window 0-20"
    refused(infer(path, "--level", "detector"), "no model detector", there)
    refused(infer(path, "--window", "1-19"), "no model 1-19", there)
    refused(infer(path, "--window", "0–20"), there)
    refused(hepsets(monkeypatch, capsys, "infer", "delta-c9", "--model", tmp_path, path), "holds no model")
    refused(
        hepsets(monkeypatch, capsys, "infer", "z-flavour", "--model", tmp_path, path), "z-flavour", "delta-c9"
    )


def test_nothing_is_overwritten_or_written_where_it_cannot_be(infer, table, tmp_path):
    path = tmp_path / "events.parquet"
    pq.write_table(table, path)
    before = path.read_bytes()
    refused(infer(path, "--out", path), "is also the input")
    refused(infer(path, "--out", tmp_path / "a", "--curve", tmp_path / "a"), "is also --out")
    refused(infer(path, "--report", tmp_path), "is a folder")
    refused(infer(path, "--out", tmp_path / "no" / "a.json"), "no folder")
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_unusable_events_are_refused_in_one_line(infer, table, tmp_path):
    refused(infer(tmp_path / "no.parquet"), "no file")
    refused(infer(tmp_path / "events.root"), "no such file")
    refused(infer(tmp_path / "events.txt"), ".parquet, .csv, .pkl")
    path = tmp_path / "events.csv"
    frame = {name: table[name].to_numpy().copy() for name in VARIABLES}
    frame["costheta_K"][:17] = np.nan
    pa.csv.write_csv(pa.table(frame), path)
    refused(infer(path), "17 of 3000 events with costheta_K that is not finite", "leave these rows out")
    path.write_text(",".join(VARIABLES) + "\n1,0.1,,0.2\n")
    refused(infer(path), "column 'costheta_K'")
    path.write_text(",".join(VARIABLES) + "\n")
    refused(infer(path), "no events")


def test_a_root_file_says_the_same_as_parquet(infer, table, tmp_path):
    pq.write_table(table, tmp_path / "events.parquet")
    columns = {name: table[name].to_numpy() for name in VARIABLES}
    with uproot.recreate(tmp_path / "events.root") as file:
        file["decays"] = columns | {"mbc_of_something": np.zeros(len(table))}
        file["others"] = {"run": np.arange(3)}
    found = []
    for name in ("events.parquet", "events.root", "events.root:decays"):
        code, text, err = infer(tmp_path / name, "--level", "generator")
        assert code == 0, err
        found.append(text)
    assert found[0] == found[1] == found[2]
    refused(infer(tmp_path / "events.root:others", "--level", "generator"), "no column q_squared")


def test_a_cut_on_q_squared_is_told(infer, table, tmp_path):
    pq.write_table(table, tmp_path / "events.parquet")
    out = tmp_path / "out.json"
    code, text, err = infer(
        tmp_path / "events.parquet", "--level", "generator", "--q-squared", "1.1-6", "--out", out
    )
    assert code == 0, err
    record = json.loads(out.read_text())
    assert record["window"] == "0-20, cut to 1.1 to 6 GeV²"
    assert record["events"] < record["events_given"]
    assert "cut to 1.1 to 6" in text
    refused(infer(tmp_path / "events.parquet", "--level", "generator", "--q-squared", "6"), "LOW-HIGH")
    refused(
        infer(tmp_path / "events.parquet", "--level", "generator", "--q-squared", "1-30"), "part of a window"
    )


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60), st.integers(0, 2000), st.sampled_from(["parquet", "csv"]))
def test_broken_files_never_give_a_traceback(infer, table, tmp_path, noise, place, kind):
    path = tmp_path / f"events.{kind}"
    if kind == "csv":
        pa.csv.write_csv(table[:30], path)
    else:
        pq.write_table(table[:30], path)
    whole = path.read_bytes()
    place %= len(whole)
    path.write_bytes(whole[:place] + noise + whole[place + len(noise) :])
    code, _, err = infer(path, "--level", "generator")
    assert code in (0, 2, 3)
    assert err.count("\n") == (code == 2)
