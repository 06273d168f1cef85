"""A tiny run of continuum suppression, from generation to the report."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pyarrow.parquet as pq
import pytest
import tomli_w
from helpers.command import hepsets
from helpers.json_schema import problems, result_schema
from helpers.own_candidates import MAP, write_root
from helpers.own_candidates import branches as own_branches
from helpers.random_candidates import random_candidates
from helpers.redrawn import redrawn
from helpers.shown import says_and_draws
from helpers.tiny_run import tiny_run

from hepsets.analyses import continuum_suppression
from hepsets.analyses.continuum_suppression import SCALES, Config, about
from hepsets.analyses.continuum_suppression.comparison import compare_models, is_better, score_of
from hepsets.analyses.continuum_suppression.config import (
    BDT,
    OURS,
    TAG_BDT,
    DataConfig,
    DiscoConfig,
    check,
)
from hepsets.analyses.continuum_suppression.samples import get_samples, quality_cut
from hepsets.analyses.continuum_suppression.training import Training, class_weights, load, train_all
from hepsets.analyses.continuum_suppression.trust import nominal_part
from hepsets.core import config as configuration
from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.core.particle_sets import ParticleSets, read_particle_sets, write_particle_sets
from hepsets.core.run import RunFolder
from hepsets.evaluate.scores.background_at import background_at
from hepsets.evaluate.scores.classification import classify
from hepsets.learn.files import load as load_model
from hepsets.learn.tables.boosted_trees import BoostedTreesConfig
from hepsets.learn.training.config import FitConfig
from hepsets.select.variables.continuum import VARIABLES
from hepsets.simulate.belle2 import SHIFTS

pytest.importorskip("pythia8mc")

TINY = Config(
    scale="quick",
    data=DataConfig(
        train_events=500, test_events=500, shifted_events=200, rho_rho_signal_events=200, keep=True
    ),
    comparisons=("shape_only", "quality_80", "rho_rho", "tagged"),
    training_seeds=2,
    seed_models=(BDT, TAG_BDT),
    models=(BDT, TAG_BDT, "multi_deep_sets", OURS),
    fit=FitConfig(epochs=2, learning_rate=5e-3),
    trees=BoostedTreesConfig(trees=40),
    studies=("unseen_modes", "shifted_detector", "disco", "importance"),
    unseen_modes=("anti-D0 pi+",),
    trust_models=(BDT, "multi_deep_sets"),
    disco=DiscoConfig(strengths=(1.0,)),
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Folder and result of a tiny run."""
    return tiny_run(continuum_suppression, "continuum-suppression", TINY, tmp_path_factory)


@pytest.fixture(scope="module")
def samples(finished):
    """The events of the tiny run, which it has left in its folder."""
    return get_samples(TINY, finished[0] / "events")


def test_what_each_model_says_of_each_test_event_is_kept(finished, samples):
    folder, result = finished
    assert {path.stem for path in (folder / "predictions").iterdir()} == set(TINY.comparisons)
    found = pq.read_table(folder / "predictions" / "tagged.parquet")
    assert found.column_names == ["event_number", "label", "weight", *TINY.models]
    test = samples.pairs["tagged"].test
    np.testing.assert_array_equal(found["event_number"].to_numpy(), test.columns["event_number"])
    again = classify(found["label"].to_numpy(), found[OURS].to_numpy(), found["weight"].to_numpy())
    assert again.auc.value == pytest.approx(result.comparisons["tagged"].by_name[OURS].auc.value, abs=1e-5)


def test_models_that_were_trained_twice_tell_mean_and_spread_of_each_event(finished):
    folder, result = finished
    found = pq.read_table(folder / "predictions" / "shape_only.parquet").to_pydict()
    for model in (BDT, TAG_BDT):
        assert np.isfinite(found[f"{model}_mean"]).all()
        assert np.mean(found[f"{model}_spread"]) > 0.001
        assert np.abs(np.subtract(found[f"{model}_mean"], found[model])).max() > 0
    assert f"{OURS}_mean" not in found
    assert [one.name for one in result.ensembles["shape_only"]] == [BDT, TAG_BDT]
    assert {one["model"] for one in result.metrics["ensembles"]["shape_only"]} == {BDT, TAG_BDT}
    assert (folder / "figures" / "reliability.png").exists()


def test_the_metrics_have_the_names_that_tools_read(finished):
    folder, _ = finished
    metrics = json.loads((folder / "result.json").read_text())["metrics"]
    for model in metrics["models"]:
        assert {
            "name",
            "auc",
            "auc_se",
            "background_at_90",
            "background_at_90_se",
            "mbc_distance_correlation",
            "sculpting_p_value",
        } <= set(model)
    assert set(metrics["gain_over_bdt_at_90"]) == {TAG_BDT, "multi_deep_sets", OURS}
    assert set(metrics["gain_over_bdt_at_90"][OURS]) == {"value", "se"}
    for name in TINY.comparisons:
        found = metrics["comparisons"][name]
        assert set(found["gain_over_bdt_at_90"]) == {TAG_BDT, "multi_deep_sets", OURS}
        assert set(found["gain_over_bdt_with_tag_at_90"]) == {BDT, "multi_deep_sets", OURS}
        assert found["events"]["test"]["background"] > 0
    assert metrics["models"] == metrics["comparisons"]["tagged"]["models"]
    seeds = metrics["comparisons"]["shape_only"]["training_seeds"]
    assert set(seeds) == {TAG_BDT}
    assert len(seeds[TAG_BDT]["gains_over_bdt_at_90"]) == 2
    shifts = {(row["model"], row["shift"]) for row in metrics["shifted_detector"]}
    assert shifts == {(model, shift) for model in TINY.models for shift in ("nominal", *SHIFTS)}
    assert all({"model", "mode", "signal_efficiency"} <= set(row) for row in metrics["unseen_modes"])


def test_signal_and_background_are_told_apart(finished):
    _, result = finished
    for name in ("shape_only", "tagged"):
        assert all(model.auc.value > 0.7 for model in result.comparisons[name].models)


def test_the_gain_is_one_minus_the_ratio_of_backgrounds(finished):
    _, result = finished
    for comparison in result.comparisons.values():
        left = {model.name: model.left.background.value for model in comparison.models}
        for model in comparison.models:
            assert model.gain.value == pytest.approx(1 - left[model.name] / left[BDT])
            if model.name != TAG_BDT:
                assert model.gain_over_tag.value == pytest.approx(1 - left[model.name] / left[TAG_BDT])


def test_the_first_seed_is_that_of_the_table(finished):
    _, result = finished
    for model in result.models:
        assert (model.name == TAG_BDT) == bool(model.seed_gains)
        assert not model.seed_gains or model.seed_gains[0] == pytest.approx(model.gain.value)


def test_wrong_candidates_stand_against_wrong_ones(samples):
    for events in (samples.pairs["shape_only"].train, samples.pairs["shape_only"].test):
        assert not events.columns["is_correct"].any()
        assert events.columns["label"].any()


def test_the_cut_keeps_its_share_of_the_training_signal(samples):
    """Exactly in training events; in test events it lies where it comes to lie."""
    cut, whole = samples.pairs["quality_80"], samples.pairs["tagged"]
    share = {}
    for purpose in ("train", "test"):
        before, after = getattr(whole, purpose).columns, getattr(cut, purpose).columns
        weight = before["weight"][before["label"]]
        assert (after["signal_probability"] >= cut.cut).all()
        share[purpose] = after["weight"][after["label"]].sum() / weight.sum()
        spread = 1.5 * weight.max() / weight.sum() if purpose == "train" else 0.1
        assert share[purpose] == pytest.approx(0.8, abs=spread)
    assert share["test"] != pytest.approx(share["train"], abs=1e-6)
    kept = [(~pair.test.columns["label"]).sum() for pair in (cut, whole)]
    assert kept[0] < 0.4 * kept[1]


def test_a_cut_is_never_chosen_on_test_events(samples):
    with pytest.raises(InputError, match="test events where a cut is chosen"):
        quality_cut(samples.pairs["tagged"].test, 0.8)


def test_models_are_never_judged_on_training_events(finished, samples):
    folder, _ = finished
    pair = samples.pairs["tagged"]
    trained = {Training(BDT, "tagged"): load(Training(BDT, "tagged"), folder / "models")}
    wrong = dataclasses.replace(pair, test=pair.train)
    with pytest.raises(InputError, match="training events where models are judged"):
        compare_models(dataclasses.replace(TINY, models=(BDT,)), "tagged", wrong, trained)


def test_events_have_the_thirty_variables_and_both_classes(finished, samples):
    folder, _ = finished
    train_events = read_particle_sets(folder / "events" / "correct_training.parquet")
    assert set(VARIABLES) <= set(train_events.columns)
    label = train_events.columns["label"]
    assert label.sum() >= 250
    assert (~label).sum() >= 250
    for pair in samples.pairs.values():
        numbers = [set(events.columns["event_number"].tolist()) for events in (pair.train, pair.test)]
        assert not numbers[0] & numbers[1]


def test_classes_weigh_the_same_in_training(samples):
    events = samples.lead.train
    weights, label = class_weights(events), events.columns["label"]
    assert weights[label].sum() == pytest.approx(weights[~label].sum())
    assert weights.mean() == pytest.approx(1)


def test_saved_models_leave_the_background_of_the_report(finished, samples):
    folder, result = finished
    for name, comparison in result.comparisons.items():
        for model in comparison.models:
            again = load(Training(model.name, name), folder / "models").model
            test = samples.pairs[name].test
            label, weight = test.columns["label"], test.columns["weight"].astype(np.float64)
            left = background_at(label, score_of(again, test), weight, TINY.signal_efficiency)
            assert left.background.value == pytest.approx(model.left.background.value, abs=1e-6)


def test_models_do_not_depend_on_how_many_are_trained_at_once(finished, samples, tmp_path):
    folder, _ = finished
    config = dataclasses.replace(
        TINY, models=(BDT, "multi_deep_sets"), studies=("disco",), training_seeds=1, comparisons=("tagged",)
    )
    events = folder / "events" / "correct_training.parquet"
    pair = dataclasses.replace(samples.pairs["tagged"], train_file=events)
    samples = dataclasses.replace(samples, pairs={"tagged": pair})
    two = train_all(config, samples, tmp_path, workers=2)
    assert [training.file for training in two] == [
        f"tagged/{name}" for name in (BDT, "multi_deep_sets", "multi_deep_sets_disco_1")
    ]
    test = samples.pairs["tagged"].test
    for training, trained in two.items():
        alone = load(training, folder / "models").model
        np.testing.assert_array_equal(score_of(trained.model, test), score_of(alone, test))


def test_the_nominal_detector_is_judged_on_the_events_that_the_shifted_ones_saw(samples):
    test = samples.pairs["tagged"].test
    middle = {
        kind: np.median(test.columns["event_number"][test.columns["sample"] == kind])
        for kind in set(test.columns["sample"].tolist())
    }
    first = test.columns["event_number"] <= np.array([middle[kind] for kind in test.columns["sample"]])
    nominal = nominal_part(dataclasses.replace(samples, shifted={"none": test[first]}))
    assert 0.4 < len(nominal) / len(test) < 0.6
    np.testing.assert_array_equal(nominal.columns["event_number"], test.columns["event_number"][first])


def test_an_unseen_mode_is_seen_by_nobody_in_training(finished):
    folder, result = finished
    assert (folder / "models" / "tagged" / "bdt_without_anti-D0_pi+.safetensors").is_file() == bool(
        result.trust.unseen
    )


def test_the_report_has_every_plot(finished):
    folder, _ = finished
    html = (folder / "report.html").read_text()
    assert "<!-- simulation -->" in html
    for title in (
        "Shape only",
        "All comparisons",
        "B⁺ → ρ⁺ρ⁰",
        "The thirty variables",
        "Independence of Mbc",
        "Another detector",
    ):
        assert title in html
    figures = {path.stem for path in (folder / "figures").glob("*.png")}
    assert {
        "background",
        "ratio",
        "ratio_tagged",
        "gains",
        "variables",
        "correlations",
        "sculpting",
        "disco",
        "shifted_detectors",
        "importance_bdt",
        "importance_multi_deep_sets",
        "calibration",
        "training",
        "training_trees",
    } <= figures
    assert "http://" not in html.replace("http://www.w3.org", "")


def test_the_tables_of_the_documentation_are_written(finished):
    folder, result = finished
    text = (folder / "tables.md").read_text()
    assert text.count("### ") == len(TINY.comparisons)
    for model in result.comparisons["rho_rho"].models:
        assert f"{100 * model.left.background.value:.2f} ± {100 * model.left.background.se:.2f}" in text


def test_neighbours_within_two_errors_are_named(finished):
    """As told by influences made up for it: gains of 0.04 and 0.4 with an error of 0.03."""
    _, result = finished
    one = result.models[0]

    def model(name, background):
        noise = np.zeros(1000)
        noise[made_up.index(name)] = 0.03 * 0.5 / np.sqrt(2)
        left = dataclasses.replace(one.left, background=Measured(background, 0.0), influence=noise)
        return dataclasses.replace(one, name=name, left=left, gain=Measured(0.0, 0.0), seed_gains=())

    made_up = ("best", "next", "last")
    models = tuple(model(name, left) for name, left in zip(made_up, (0.48, 0.5, 0.8), strict=True))
    found = dataclasses.replace(result.lead, models=models)
    assert found.not_told_apart == [("best", "next")]
    assert is_better(models[1], models[2])
    wide = dataclasses.replace(models[1], seed_gains=(-0.3, 0.0, 0.3))  # seeds alone can make it
    assert not is_better(wide, models[2])


@pytest.mark.parametrize("scale", SCALES)
def test_every_scale_is_a_complete_configuration(scale):
    values = configuration.merge(SCALES[scale], {"scale": scale})
    config = configuration.from_mapping(Config, values)
    check(config)
    assert config.data.test_events >= 1000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"models": ("multi_deep_sets",)}, "bdt"),
        ({"models": (BDT, "gcn_stack")}, "gcn_stack"),
        ({"comparisons": ()}, "shape_only"),
        ({"comparisons": ("tagged", "tagged")}, "each once"),
        ({"unseen_modes": ("B0 -> J/psi KS",)}, "unseen_modes"),
        ({"disco": DiscoConfig(model=BDT), "studies": ("disco",)}, "no such penalty"),
        ({"data": DataConfig(test=("a.root",))}, "--data"),
        ({"fit": FitConfig(seed=3)}, "one seed"),
    ],
)
def test_what_cannot_be_run_is_refused_at_once(change, message):
    with pytest.raises(InputError, match=message):
        check(dataclasses.replace(Config(), **change))


def write_ntuple(path, seed, **more):
    """600 candidates whose thirty variables tell a little about signal."""
    uproot = pytest.importorskip("uproot")
    rng = np.random.default_rng(seed)
    signal = np.arange(600) % 2 == 0
    columns = {}
    for variable in VARIABLES:
        branch = variable
        if variable.startswith("cleoCone"):
            branch = f"CleoConeCS__bo{variable[8:]}__bc"
        elif variable[:2] in ("et", "mm", "hs", "ho"):
            branch = f"KSFWVariables__bo{variable}__bc"
        columns[branch] = rng.normal(0.4 * signal, 1.0)
    columns |= {"Mbc": rng.uniform(5.24, 5.29, 600), "deltaE": rng.uniform(-0.2, 0.2, 600)}
    columns["isSignal"] = signal.astype(np.float64)
    columns |= more
    with uproot.recreate(path) as file:
        file["tree"] = columns
    return str(path)


def test_an_ntuple_feeds_the_models_on_the_thirty_variables(tmp_path):
    train, test = (write_ntuple(tmp_path / f"{seed}.root", seed) for seed in (1, 2))
    config = dataclasses.replace(
        TINY,
        data=DataConfig(train=(train,), test=(test,)),
        models=(BDT, "fixed_mlp", "deep_sets"),
    )
    folder = tmp_path / "run"
    with RunFolder(folder, config) as run_folder:
        result = continuum_suppression.run(config, run_folder)
        run_folder.finish("continuum-suppression", config.scale, config.seed, result.metrics)
    assert [model.name for model in result.models] == [BDT, "fixed_mlp"]
    assert result.models[0].auc.value > 0.8
    page = (folder / "report.html").read_text()
    assert len(page) > 100_000
    assert "<!-- simulation -->" not in page  # nobody knows it of one's own files


@pytest.mark.parametrize("numbered", [True, False])
def test_one_ntuple_is_split_by_event_and_keeps_its_weights(tmp_path, numbered):
    weight = 1.0 + np.arange(600)
    more = {"__event__": np.arange(600) // 2} if numbered else {}  # two candidates each
    path = write_ntuple(tmp_path / "mine.root", 1, __weight__=weight, **more)
    found = get_samples(dataclasses.replace(TINY, data=DataConfig(train=(path,))), tmp_path / "events").lead
    train, test = (part.columns["weight"].astype(int) - 1 for part in (found.train, found.test))
    assert sorted([*train, *test]) == list(range(600))
    assert 0.2 < len(test) / 600 < 0.4
    if numbered:
        assert not set(train // 2) & set(test // 2)


def test_a_users_lists_of_particles_give_the_scores_of_our_own_path(samples, tmp_path, monkeypatch, capsys):
    """From jagged branches of other names in the laboratory, by a map, to a branch with the score."""
    uproot = pytest.importorskip("uproot")
    pair = samples.pairs["tagged"]
    for name, label in (("signal", True), ("continuum", False)):
        given = own_branches(pair.train[pair.train.columns["label"] == label])
        write_root(tmp_path / f"{name}.root", given)
    write_root(tmp_path / "test.root", own_branches(pair.test))
    of_map = MAP.without("label").record()
    toml = {"sets": of_map["sets"], "data": {"columns": of_map["columns"]}, "fit": {"epochs": 2}}
    toml |= {"models": [BDT, "multi_deep_sets"], "trees": {"trees": 40}, "training_seeds": 1}
    (tmp_path / "map.toml").write_text(tomli_w.dumps(toml))
    monkeypatch.chdir(tmp_path)
    words = ("--data", "signal.root", "--data", "continuum.root", "--workers", "1", "--out", "run")
    code, out, err = hepsets(monkeypatch, capsys, "run", about.name, "--config", "map.toml", *words)
    assert code == 0, err
    assert "candidates that all count as signal" in out
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert problems(result, result_schema()) == []
    assert any("signal.root" in line for line in result["metrics"]["told"])
    assert all(model["auc"] > 0.7 for model in result["metrics"]["models"])
    assert "Your files" in (tmp_path / "run" / "report.html").read_text()
    for name, most in ((BDT, 5e-3), ("multi_deep_sets", 2e-6)):
        words = ("run", "test.root", "--name", f"own/{name}", "--out", f"{name}.root")
        code, _, err = hepsets(monkeypatch, capsys, "apply", *words)
        assert code == 0, err
        with uproot.open(tmp_path / f"{name}.root") as file:
            found = file["B0"]["score"].array(library="np")
        model = load_model(tmp_path / "run" / "models" / "own" / f"{name}.safetensors")
        difference = np.abs(found - score_of(model, pair.test))
        assert np.quantile(difference, 0.9) < 2e-6
        assert difference.mean() < most  # a tree may fall on the other side of a cut by rounding


def test_what_is_wrong_with_a_users_lists_is_said_in_one_line(samples, tmp_path, monkeypatch, capsys):
    given = own_branches(samples.pairs["tagged"].train)
    del given["rt_py"]
    write_root(tmp_path / "mine.root", given)
    (tmp_path / "map.toml").write_text(tomli_w.dumps({"sets": MAP.record()["sets"]}))
    words = ("--data", tmp_path / "mine.root", "--config", tmp_path / "map.toml", "--out", tmp_path / "run")
    code, _, err = hepsets(monkeypatch, capsys, "run", about.name, *words)
    assert code == 2
    assert "lacks rt_py (for sets.roe_tracks.py)" in err
    assert err.strip().count("\n") == 0
    assert not (tmp_path / "run").exists()
    assert not (tmp_path / "run.partial").exists()


def test_a_file_that_was_trained_on_is_no_test(tmp_path):
    """Case 04: by name, by link and by content, even of a single candidate among others."""
    uproot = pytest.importorskip("uproot")
    train, test = (write_ntuple(tmp_path / f"{seed}.root", seed) for seed in (1, 2))
    link = tmp_path / "link.root"
    link.symlink_to(train)
    mixed = tmp_path / "mixed.root"
    with uproot.open(train) as one, uproot.open(test) as other, uproot.recreate(mixed) as out:
        tables = [file["tree"].arrays(library="np") for file in (other, one)]
        out["tree"] = {n: np.concatenate([tables[0][n], tables[1][n][:1]]) for n in tables[0]}
    for path, message in (
        (train, "for training and for testing"),
        (link, "for training and for testing"),
        (mixed, "1 of 601 events"),
    ):
        config = dataclasses.replace(TINY, data=DataConfig(train=(train,), test=(str(path),)))
        with pytest.raises(InputError, match=message):
            get_samples(config, tmp_path / "events")
    assert get_samples(dataclasses.replace(TINY, data=DataConfig(train=(train,), test=(test,))), tmp_path)


def test_generated_test_events_that_were_trained_on_are_refused(tmp_path):
    """As if both rounds of the generator were one: a single shared event is enough."""
    events = {name: random_candidates(50, seed=seed) for seed, name in enumerate(("training", "test"))}
    config = dataclasses.replace(TINY, comparisons=("shape_only",), studies=())
    write_particle_sets(events["training"], tmp_path / "wrong_training.parquet")
    write_particle_sets(events["test"], tmp_path / "wrong_test.parquet")
    pair = get_samples(config, tmp_path).lead
    assert (pair.train.purpose, pair.test.purpose) == ("training", "test")
    shared = ParticleSets.concatenate([events["test"], events["training"][:1]])
    write_particle_sets(shared, tmp_path / "wrong_test.parquet")
    with pytest.raises(InputError, match="1 of 51 events of its test sample are in the training sample"):
        get_samples(config, tmp_path)


@pytest.mark.validate
def test_the_report_is_drawn_again_byte_for_byte_without_computing(finished, tmp_path, monkeypatch):
    first, again = redrawn(finished[0], continuum_suppression, tmp_path, monkeypatch)
    assert again == first


def test_the_result_is_what_the_shipped_schema_says(finished):
    assert problems(json.loads((finished[0] / "result.json").read_text()), result_schema()) == []


def test_its_result_tells_the_headline_with_errors_and_draws_it(finished):
    says_and_draws(finished[1])
