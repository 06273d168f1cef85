import copy
import dataclasses
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from helpers.command import hepsets
from helpers.hepmc_text import hepmc_text
from helpers.random_candidates import random_candidates
from helpers.small_filter import beam_events, small_card, small_filter, small_model

from hepsets.core.events import Events, write_parquet
from hepsets.deploy.filter.card import save_card
from hepsets.deploy.filter.event_filter import EventFilter
from hepsets.learn.files import save
from hepsets.learn.tables.boosted_trees import BoostedTreesConfig, fit_trees
from hepsets.select.variables.continuum import VARIABLES

EVENTS = beam_events(80, 3)


@pytest.fixture
def run(tmp_path):
    """The folder of a run with one model."""
    models = tmp_path / "run" / "models"
    models.mkdir(parents=True)
    save(small_model(), models / "deep_sets_pdg.safetensors")
    save_card(small_card(), models / "deep_sets_pdg.card.json")
    write_parquet(EVENTS, tmp_path / "events.parquet")
    return tmp_path / "run"


def test_a_model_of_a_run_becomes_a_filter_that_scores_alike(monkeypatch, capsys, run, tmp_path):
    out = tmp_path / "filter.onnx"
    code, text, err = hepsets(
        monkeypatch, capsys, "export", run, "--model", "deep_sets_pdg", "--out", out,
        "--data", tmp_path / "events.parquet",
    )  # fmt: skip
    assert code == 0, err
    assert "scores of 80 events differ" in text
    exported, direct = EventFilter.load(out), EventFilter.load(small_filter())
    assert np.array_equal(exported.weights(EVENTS), direct.weights(EVENTS))


def test_generated_events_are_compared_where_none_are_given(monkeypatch, capsys, run, tmp_path):
    code, text, err = hepsets(
        monkeypatch, capsys, "export", run, "--model", "deep_sets_pdg", "--out", tmp_path / "filter.onnx"
    )
    assert code == 0, err
    assert "scores of 1000 events differ" in text


def test_a_run_without_model_or_card_is_refused(monkeypatch, capsys, run, tmp_path):
    for name, message in (("gcn", "one of deep_sets_pdg"), ("deep_sets_pdg", "no filter card")):
        code, _, err = hepsets(
            monkeypatch, capsys, "export", run, "--model", name, "--out", tmp_path / "f.onnx"
        )
        assert code == 2
        assert message in err
        assert err.count("\n") == 1
        (run / "models" / "deep_sets_pdg.card.json").unlink(missing_ok=True)
    assert not (tmp_path / "f.onnx").exists()


@pytest.mark.parametrize("ending", ["safetensors", "card.json"])
def test_a_file_of_another_model_is_refused(monkeypatch, capsys, run, tmp_path, ending):
    for each in ("safetensors", "card.json"):
        shutil.copy(run / "models" / f"deep_sets_pdg.{each}", run / "models" / f"deep_sets.{each}")
    if ending == "safetensors":  # the card says what the file is called
        card = dataclasses.replace(small_card(), model="deep_sets")
        save_card(card, run / "models" / "deep_sets.card.json")
    code, _, err = hepsets(
        monkeypatch, capsys, "export", run, "--model", "deep_sets", "--out", tmp_path / "f.onnx"
    )
    assert (code, err.count("\n")) == (2, 1)
    assert "expected model and card of 'deep_sets'" in err
    assert not (tmp_path / "f.onnx").exists()


def test_the_card_of_another_training_of_the_same_model_is_refused(monkeypatch, capsys, run, tmp_path):
    other = copy.deepcopy(small_model())
    with torch.no_grad():
        next(other.parameters()).add_(0.01)
    save(other, run / "models" / "deep_sets_pdg.safetensors")
    code, _, err = hepsets(
        monkeypatch, capsys, "export", run, "--model", "deep_sets_pdg", "--out", tmp_path / "f.onnx"
    )
    assert (code, err.count("\n")) == (2, 1)
    assert "another training" in err
    assert not (tmp_path / "f.onnx").exists()


def test_trees_are_refused_as_what_they_are(monkeypatch, capsys, run, tmp_path):
    trees = run / "models" / "tagged" / "bdt.safetensors"
    trees.parent.mkdir()
    events = random_candidates(300, seed=1)
    config = BoostedTreesConfig(trees=3, threads=1)
    save(fit_trees(events, events.columns["R2"] > 0.5, VARIABLES, config=config)[0], trees)
    code, _, err = hepsets(
        monkeypatch, capsys, "export", run, "--model", "tagged/bdt", "--out", tmp_path / "f.onnx"
    )
    assert (code, err.count("\n")) == (2, 1)
    assert "one that is EventModel" in err


def test_a_model_in_a_folder_of_the_run_is_exported_with_the_card_beside_it(
    monkeypatch, capsys, run, tmp_path
):
    folder = run / "models" / "study"
    folder.mkdir()
    for ending in ("safetensors", "card.json"):
        (run / "models" / f"deep_sets_pdg.{ending}").rename(folder / f"deep_sets_pdg.{ending}")
    code, _, err = hepsets(
        monkeypatch, capsys, "export", run, "--model", "study/deep_sets_pdg", "--out", tmp_path / "f.onnx",
        "--data", tmp_path / "events.parquet",
    )  # fmt: skip
    assert code == 0, err


def test_filtering_tells_counts_and_writes_a_page(monkeypatch, capsys, run, tmp_path):
    strange = EVENTS.particles["pdg"].copy()
    strange[EVENTS.offsets[4] + 1] = 9_900_441
    events = Events({**EVENTS.particles, "pdg": strange}, EVENTS.offsets)
    (tmp_path / "events.hepmc").write_bytes(hepmc_text(events))
    out, page = tmp_path / "kept.hepmc", tmp_path / "page.html"
    code, text, err = hepsets(
        monkeypatch, capsys, "filter", "--model", small_filter(), tmp_path / "events.hepmc", "--out", out,
        "--report", page, "--seed", 3,
    )  # fmt: skip
    assert code == 0, err
    assert text == ""  # it belongs to the events
    assert "of 80 events kept" in err
    assert "1 events lie outside the training domain" in err
    assert "9900441 (1)" in err
    shown = " ".join(page.read_text().split())
    assert "80 generated events" in shown
    assert "9900441" in shown
    assert "1.5 √P(pass)" in shown


def test_a_filter_that_saves_nothing_says_so_where_it_is_made_run_and_checked(
    monkeypatch, capsys, run, tmp_path
):
    card = small_card()
    (skim,) = card.skims
    card = dataclasses.replace(
        card, skims=(dataclasses.replace(skim, rule=dataclasses.replace(skim.rule, floor=1.0)),)
    )
    save_card(card, run / "models" / "deep_sets_pdg.card.json")
    model, events = tmp_path / "filter.onnx", tmp_path / "events.parquet"
    line = "warning: nothing is saved: for hadronic_b0 the floor is 1 (the best on validation events)"
    export = ("export", run, "--model", "deep_sets_pdg", "--out", model, "--data", events)
    keep = ("filter", events, "--model", model, "--out", tmp_path / "kept.parquet")
    for words in (export, (*keep, "--report", tmp_path / "page.html")):
        code, _, err = hepsets(monkeypatch, capsys, *words)
        assert code == 0, err
        assert err.count(line) == 1
    assert "nothing is saved" in (tmp_path / "page.html").read_text()
    write_parquet(beam_events(400, 3).with_columns(label=np.arange(400) % 2), events)
    code, out, err = hepsets(monkeypatch, capsys, "check-filter", model, "--full", events)
    assert line in out, err
    assert (code, "NOTHING TESTED" in out) == (4, True)
    code, _, err = hepsets(monkeypatch, capsys, *keep, "--floor", "0.1")
    assert (code, "nothing is saved" in err) == (0, False)


@pytest.mark.parametrize("mode", ["importance", "threshold", "score"])
def test_modes_are_chosen_by_name(monkeypatch, capsys, run, tmp_path, mode):
    code, _, err = hepsets(
        monkeypatch, capsys, "filter", "--model", small_filter(), tmp_path / "events.parquet",
        "--out", tmp_path / "kept.parquet", "--mode", mode, "--report", tmp_path / "page.html",
    )  # fmt: skip
    assert code == 0, err
    assert ("biased" in err) == (mode == "threshold")
    column = "hepsets_score_hadronic_b0" if mode == "score" else "hepsets_hadronic_b0"
    kept = pq.read_table(tmp_path / "kept.parquet")
    assert (len(kept) == len(EVENTS)) == (mode == "score")
    assert column in kept.column_names


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--mode", "best"], "one of importance, threshold, score"),
        (["--form", "cubic"], "one of root, logistic"),
        (["--floor", "0"], "floor 0"),
        (["--threshold", "0.9"], "a threshold in mode importance"),
        (["--mode", "threshold", "--floor", "0.5"], "a floor in mode threshold"),
        (["--mode", "score", "--form", "logistic"], "a form logistic in mode score"),
        (["--mode", "threshold", "--renumber"], "renumbering in mode threshold"),
        (["--model", "nowhere.onnx"], "cannot be read"),
        (["--model", "events.parquet"], "no ONNX file"),
        (["--report", "no/folder/page.html"], "no folder"),
    ],
)
def test_a_bad_option_gives_one_line_and_no_output(monkeypatch, capsys, run, tmp_path, arguments, message):
    monkeypatch.chdir(tmp_path)
    options = ["filter", "events.parquet", "--out", "kept.parquet"]
    options += [] if "--model" in arguments else ["--model", str(small_filter())]
    code, _, err = hepsets(monkeypatch, capsys, *options, *arguments)
    assert code == 2
    assert message in err
    assert err.count("\n") == 1
    assert not (tmp_path / "kept.parquet").exists()
