"""A tiny run of the flavour analysis, from generation to the report, and one on a user's files."""

from __future__ import annotations

import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
import pytest
from helpers.json_schema import problems, result_schema
from helpers.redrawn import redrawn
from helpers.shown import says_and_draws
from helpers.tiny_run import tiny_run

from hepsets.analyses import z_flavour
from hepsets.analyses.z_flavour import SCALES, Config
from hepsets.analyses.z_flavour.about import OURS, TREES
from hepsets.analyses.z_flavour.blocks import blocks_of
from hepsets.analyses.z_flavour.cells import CELLS, FLAVOUR_OF, SAMPLE_INPUTS
from hepsets.analyses.z_flavour.comparison import compare
from hepsets.analyses.z_flavour.config import DataConfig, LookConfig, ScanConfig, SeedsConfig, check
from hepsets.analyses.z_flavour.other_seeds import repeat_trainings
from hepsets.analyses.z_flavour.samples import get_samples
from hepsets.analyses.z_flavour.summary import not_converged
from hepsets.analyses.z_flavour.training import train_all, trainings
from hepsets.core import config as configuration
from hepsets.core.errors import InputError
from hepsets.core.purpose import Purpose
from hepsets.core.run import RunFolder
from hepsets.learn.tables.class_trees import ClassTreesConfig
from hepsets.learn.training.config import FitConfig
from hepsets.learn.training.history import History

pytest.importorskip("pythia8mc")

TINY = Config(
    scale="quick",
    data=DataConfig(train_per_class=160, more_test_per_class=60, keep=True),
    cells=("published", "found", "hemispheres"),
    models=("fcnn", "deep_sets", TREES, OURS),
    published_fit=FitConfig(epochs=2, batch=32),
    fit=FitConfig(epochs=3, batch=32, learning_rate=3e-3),
    trees=ClassTreesConfig(trees=15),
    look=LookConfig(closure_samples=2, events=8, trials=2, learning_shares=(0.2, 0.5), vertexed_events=60),
    studies=("detector", "seeds"),
    seeds=SeedsConfig(cells=("found", "seeded"), models=("deep_sets",), trainings=2),
    scan=ScanConfig(
        first_layer_radius=(2.2,),
        first_layer_resolution=(),
        counting_efficiency=(),
        time_resolution=(0.3,),
        train_per_class=40,
        test_per_class=60,
        model=TREES,
        trainings=2,
    ),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return tiny_run(z_flavour, "z-flavour", TINY, tmp_path_factory)


def test_what_each_tagger_says_of_each_test_event_is_kept(made) -> None:
    folder, result = made
    assert {path.stem for path in (folder / "predictions").iterdir()} == set(TINY.cells)
    for name, cell in result.cells.items():
        found = pq.read_table(folder / "predictions" / f"{name}.parquet")
        classes = CELLS[name].classes
        chosen = np.argmax(
            [found[f"{OURS}_{each}" if name != "published" else f"fcnn_{each}"] for each in classes], axis=0
        )
        truth = np.array([FLAVOUR_OF[each] for each in classes])
        np.testing.assert_array_equal(found["flavour"].to_numpy(), truth[cell.truth])
        right = np.mean(truth[chosen] == found["flavour"].to_numpy())
        by_name = {model.name: model for model in cell.models}
        model = by_name[OURS if name != "published" else "fcnn"]
        assert right == pytest.approx(model.quality[len(classes)].accuracy.value, abs=1e-9)


def test_a_run_tells_flavours_and_keeps_to_the_schema(made) -> None:
    folder, result = made
    record = json.loads((folder / "result.json").read_text())
    assert problems(record, result_schema()) == []
    metrics = record["metrics"]
    named = {(model["name"], model["world"], model["classes"]): model for model in metrics["models"]}
    assert set(named) == {
        ("fcnn", "published", 3),
        ("deep_sets", "published", 3),
        *((name, "found", classes) for name in ("deep_sets", TREES, OURS) for classes in (3, 4)),
    }
    assert named[TREES, "found", 3]["accuracy"] > 0.7
    assert named[OURS, "found", 4]["accuracy"] < named[OURS, "found", 3]["accuracy"]
    assert {model["name"] for model in metrics["hemisphere_models"]} == {TREES, OURS}
    assert {point["level"] for point in metrics["working_points"]} == {"event", "hemisphere"}
    assert result.best.name == OURS


def test_a_run_looks_closer_at_our_tagger(made) -> None:
    folder, result = made
    metrics = json.loads((folder / "result.json").read_text())["metrics"]
    assert metrics["vertexing"]["b_efficiency"] > 0.5
    assert metrics["limit"]["events"] == 32
    assert metrics["limit"]["limit"] > 0.3
    gain = metrics["limit"]["limit"] - metrics["limit"]["single"]
    assert metrics["limit"]["gain"] == pytest.approx(gain)
    assert metrics["limit"]["gain_se"] >= 0
    assert metrics["learning_curve"]["events_per_class"] == [32, 80, 160]
    assert metrics["learning_curve"]["extrapolated_low"] <= metrics["learning_curve"]["extrapolated"]
    assert "found" in result.look.curves
    assert {one["input"].split(":")[0] for one in metrics["importance"]} == {"particles", "vertices"}
    page = (folder / "report.html").read_text()
    assert "Working points beside published taggers" in page
    assert "60 GeV" in page
    assert "<!-- simulation -->" in page
    if result.look.closure is not None:  # so few events may not tell R_b
        assert abs(metrics["r_b"]["value"] - metrics["r_b"]["truth"]) < 5 * metrics["r_b"]["se"]


def test_tables_tell_which_networks_had_not_converged() -> None:
    def trained(model: str, best: int) -> SimpleNamespace:
        return SimpleNamespace(name=model, history=History((0.9, 0.7, 0.6), (0.9, 0.8, 0.7), best))

    told = not_converged(SimpleNamespace(models=[trained(TREES, 2), trained(OURS, 2), trained("fcnn", 1)]))
    assert OURS in told
    assert TREES not in told
    assert "fcnn" not in told
    assert not_converged(SimpleNamespace(models=[trained("fcnn", 1)])) == ""


def test_a_run_sees_its_events_again_with_other_detectors(made) -> None:
    folder, _ = made
    scanned = json.loads((folder / "result.json").read_text())["metrics"]["detector_scan"]
    tried = {(one["setting"], one.get("value"), one["trained_on"], one["training_seed"]) for one in scanned}
    assert tried == {
        ("first_layer_radius", 1.37, "itself", 1),
        ("first_layer_radius", 2.2, "itself", 1),
        ("first_layer_radius", 2.2, "planned", 1),
        ("time_resolution", 0.03, "itself", 1),
        ("time_resolution", 0.3, "itself", 1),
        ("time_resolution", 0.3, "planned", 1),
        ("planned", None, "itself", 2),
    }
    assert all(one["efficiency_low"] <= one["efficiency"] <= one["efficiency_high"] for one in scanned)
    assert (folder / "figures" / "detectors.svg").exists() or list((folder / "figures").glob("detectors.*"))
    assert "What other detectors would give" in (folder / "report.html").read_text()


def test_trainings_with_other_seeds_stand_beside_the_own_one(made) -> None:
    folder, _ = made
    metrics = json.loads((folder / "result.json").read_text())["metrics"]
    own = {(model["name"], model["world"], model["classes"]): model for model in metrics["models"]}
    assert [(one["name"], one["classes"]) for one in metrics["seeds"]] == [("deep_sets", 4), ("deep_sets", 3)]
    for one in metrics["seeds"]:
        first, second = one["accuracies"]
        assert one["seeds"] == [1, 2]
        assert first == own["deep_sets", "found", one["classes"]]["accuracy"]
        assert one["accuracy"] == pytest.approx((first + second) / 2)
        assert one["spread"] == pytest.approx(abs(first - second) / 2**0.5)
        assert one["accuracy_se"] > one["spread"]  # 1.84 / √2 of it, and the test events
    points = {
        (point["flavour"], point["against"], point["mistag"]): point["efficiency"]
        for point in metrics["working_points"]
        if (point["model"], point["world"], point["level"]) == ("deep_sets", "found", "event")
    }
    repeated = metrics["seeds"][0]["working_points"]
    assert len(repeated) > 0
    for one in repeated:
        assert one["efficiencies"][0] == points[one["flavour"], one["against"], one["mistag"]]
    assert metrics["seeds"][1]["working_points"] == []
    assert {name for one in metrics["seed_neighbours"] for name in (one["higher"], one["lower"])} == {
        "deep_sets",
        TREES,
        OURS,
    }
    assert "Trainings with other seeds" in (folder / "report.html").read_text()
    assert "Not told apart in found" in (folder / "tables.md").read_text()


def test_trainings_of_other_seeds_that_are_there_are_not_made_again(made, monkeypatch) -> None:
    folder, result = made
    assert [path.name for path in (folder / "models" / "seeds").iterdir()] == ["2"]
    monkeypatch.setattr("hepsets.analyses.z_flavour.training.fit", lambda *_, **__: pytest.fail("trained"))
    samples = get_samples(TINY, folder / "events").by_name
    _, scores = compare(samples, train_all(TINY, samples, folder / "models"))
    assert repeat_trainings(TINY, samples, scores, folder / "models" / "seeds") == result.seeds


@pytest.mark.validate
def test_the_page_is_drawn_again_from_what_was_kept(made, tmp_path, monkeypatch) -> None:
    folder, _ = made
    one, again = redrawn(folder, z_flavour, tmp_path, monkeypatch)
    assert one == again


def test_a_run_that_is_resumed_makes_nothing_again(made, tmp_path, monkeypatch) -> None:
    folder, _ = made
    monkeypatch.setattr("hepsets.analyses.z_flavour.samples.make_block", lambda block: pytest.fail("made"))
    samples = get_samples(TINY, folder / "events").by_name
    assert samples["found"].count(Purpose.TRAINING) == 4 * 160
    assert samples["found"].count(Purpose.TEST) == 4 * (10 + 60)


def test_examples_serve_one_purpose_and_hemispheres_stay_together(made) -> None:
    folder, _ = made
    sample = get_samples(TINY, folder / "events").by_name["hemispheres"]
    parts = [sample.load(purpose, ("b", "c")) for purpose in Purpose]
    assert [part.purpose for part in parts] == list(Purpose)
    events = [set(part.event.tolist()) for part in parts]
    assert not events[0] & events[1]
    assert not events[0] & events[2]
    for part in parts:
        assert (np.bincount(part.event)[np.unique(part.event)] == 2).all()
        assert (part.charge[::2] == -part.charge[1::2]).all()
        assert set(part.flavour.tolist()) == {0, 1}


def test_models_need_no_more_than_what_is_kept_of_events() -> None:
    from hepsets.learn.vertexed_events.recipe import build_vertexed_model

    for training in trainings(Config()):
        if training.model != TREES:
            cell = CELLS[training.cell]
            spec = build_vertexed_model(
                training.model, style=cell.style, identification=cell.identification
            ).spec
            kept = SAMPLE_INPUTS[cell.sample]
            assert set(spec.particles) <= set(kept.particles)
            assert set(spec.vertices) <= set(kept.vertices)


def test_every_scale_is_a_configuration() -> None:
    for values in SCALES.values():
        check(configuration.from_mapping(Config, configuration.merge({}, values)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"models": ("unheard_of",)}, "some of fcnn"),
        ({"cells": ("found", "found")}, "each once"),
        ({"data": DataConfig(shares=(0.5, 0.3, 0.3))}, "add up to 1"),
        ({"data": DataConfig(test=("Zbb.root",))}, "give --data"),
        ({"fit": FitConfig(seed=3)}, "one seed for the run"),
        ({"studies": ("detector",), "data": DataConfig(train=("Zbb.root",))}, "other detectors can see"),
        ({"scan": ScanConfig(first_layer_radius=(9.0,))}, "scan.first_layer_radius = 9.0"),
    ],
)
def test_what_cannot_be_meant_is_refused(change, message) -> None:
    with pytest.raises(InputError, match=message):
        check(dataclasses.replace(Config(), **change))


def test_blocks_hold_all_events() -> None:
    assert list(blocks_of(2300, 7)) == [(7, 1000), (8, 1000), (9, 300)]


def test_a_users_files_are_read_split_and_tagged(made, tmp_path) -> None:
    from helpers.toy_z_events import events_of_sizes

    from hepsets.formats.fcc_tree_writer import write_fcc_tree

    names = []
    for flavour, name in ((5, "Zbb"), (4, "Zcc"), (3, "Zss")):
        path = tmp_path / f"{name}.parquet"
        events = events_of_sizes([12] * 120, seed=flavour, flavours=(flavour,))
        events.particles.particles["charge"][:flavour] = 7
        write_fcc_tree(events, path)
        names.append(str(path))
    config = dataclasses.replace(
        TINY,
        data=DataConfig(train=tuple(names)),
        cells=("published", "seeded", "found"),
        models=("deep_sets",),
        studies=(),
    )
    with RunFolder(tmp_path / "run", config) as folder:
        result = z_flavour.run(config, folder)
        page = (folder.path / "report.html").read_text()
    assert set(result.cells) == {"published", "seeded"}
    assert result.cells["seeded"].counts == (288, 54, 18)
    assert result.counts is not None
    assert result.counts.masked["particles of more than 2 charges"] == 5 + 4 + 3
    assert "What the files hold" in page
    assert "particles of more than 2 charges" in page


def test_its_result_tells_the_headline_with_errors_and_draws_it(made):
    says_and_draws(made[1])
