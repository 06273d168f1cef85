"""A tiny run of flavour tagging, from generation to the report, and one on a user's sets."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from helpers.json_schema import problems, result_schema
from helpers.random_whole_events import random_whole_events
from helpers.redrawn import redrawn
from helpers.shown import says_and_draws
from helpers.tiny_run import tiny_run
from helpers.toy_corpus import toy_events, toy_trunk

from hepsets.analyses import flavour_tagging
from hepsets.analyses.flavour_tagging import SCALES, Config
from hepsets.analyses.flavour_tagging.about import DEEP_SETS, MODELS, OURS, TREES, TRUNK_MODEL
from hepsets.analyses.flavour_tagging.closer_look import exchanged
from hepsets.analyses.flavour_tagging.config import DataConfig, check
from hepsets.analyses.flavour_tagging.figures import STYLES
from hepsets.analyses.flavour_tagging.training import NetworkTagger, chosen_events, network_of, trainings
from hepsets.core import config as configuration
from hepsets.core.errors import InputError
from hepsets.core.particle_sets import write_particle_sets
from hepsets.core.run import RunFolder
from hepsets.learn.tables.boosted_trees import BoostedTreesConfig
from hepsets.learn.training.config import FitConfig

pytest.importorskip("pythia8mc")

TINY = Config(
    scale="quick",
    data=DataConfig(train_events=500, validation_events=250, test_events=300, keep=True),
    units=16,
    rounds=1,
    fit=FitConfig(epochs=3, batch=64, learning_rate=5e-3, device="cpu"),
    trees=BoostedTreesConfig(trees=15, patience=5, depth=3, learning_rate=0.2, threads=1),
    training_seeds=2,
    seed_models=(OURS,),
    learning_shares=(0.3,),
    learning_models=(OURS,),
    learning_steps=5,
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return tiny_run(flavour_tagging, "flavour-tagging", TINY, tmp_path_factory)


def test_a_run_tags_and_keeps_to_the_schema(made):
    folder, result = made
    record = json.loads((folder / "result.json").read_text())
    assert problems(record, result_schema()) == []
    found = {one["model"]: one for one in record["metrics"]["flavour_tagging"]}
    assert tuple(found) == MODELS
    assert found[OURS]["effective_efficiency"] > 4 * found[OURS]["se"]
    assert found[OURS]["seed_spread"] > 0
    assert "gain_over_trees" not in found[TREES]
    assert record["metrics"]["tag_sides"] == {"training": 1000, "validation": 500, "test": 600}
    assert len(result.look.learning) == 2


def test_ours_is_odd_and_others_are_not(made):
    found = {one.name: one.asymmetry for one in made[1].models}
    assert found[OURS] < 1e-6
    assert found[DEEP_SETS] > 1e-2
    assert found[TREES] > 1e-2


def test_a_tagger_starts_from_a_trunk_or_has_its_architecture(tmp_path):
    sets, trunk = random_whole_events(20), toy_trunk(toy_events(20)[1])
    trunk.save(tmp_path / "trunk.safetensors")
    of_trunk = dataclasses.replace(TINY, trunk=str(tmp_path / "trunk.safetensors"), tune="head")
    started, fresh = (network_of(config, TRUNK_MODEL, 1) for config in (of_trunk, TINY))
    assert started.started
    assert not fresh.started
    assert started.n_parameters < fresh.n_parameters  # the head alone is trained
    for network in (started, fresh):
        logits = NetworkTagger(network).logits(sets)
        assert logits.shape == (20,)
        assert np.isfinite(logits).all()
    assert TRUNK_MODEL in STYLES
    check(dataclasses.replace(of_trunk, models=(*MODELS, TRUNK_MODEL)))


def test_truth_replaced_by_garbage_changes_no_tag(made):
    assert made[1].look.truth_changes == 0


def test_perfect_leptons_are_worth_their_share(made):
    decays = made[1].look.decays
    lepton = decays.categories[0]
    assert lepton.name == "lepton"
    assert lepton.right.value == 1
    assert lepton.perfect.value == pytest.approx(lepton.share.value, abs=1e-9)
    assert lepton.perfect.value < decays.together.value < 0.8
    assert 0.1 < decays.silent.value < 0.4


def test_what_the_detector_loses_it_loses_step_by_step(made):
    folder, result = made
    steps = {one.name: one for one in result.look.lost.steps}
    assert steps["true"].power == result.look.decays.together
    assert steps["true"].power.value > steps["accepted"].power.value > steps["found"].power.value
    assert steps["found"].power.value > steps["identified"].power.value > 0
    assert steps["tagger"].power == result.best.power.binned
    shares = [one.share.value for one in result.look.lost.fates if one.category == "slow pion"]
    assert sum(shares) == pytest.approx(1)
    assert shares[1] > 0.2  # half of them leave no track
    lost = json.loads((folder / "result.json").read_text())["metrics"]["lost_points"]
    assert [one["step"] for one in lost["steps"]] == list(steps)
    assert {"power", "gain"} <= set(lost["perfect_identification"])
    assert "Where the points go" in (folder / "report.html").read_text()
    assert {"lost_points", "fates"} <= {path.stem for path in (folder / "figures").iterdir()}


def test_the_report_is_drawn_again_from_what_was_kept(made, tmp_path, monkeypatch):
    folder, _ = made
    page = (folder / "report.html").read_text()
    assert "B⁰ or B̄⁰?" in page
    assert "GFlaT" in page
    assert "<!-- simulation -->" in page
    assert {path.stem for path in (folder / "figures").iterdir()} >= {"tags", "calibration", "efficiencies"}
    assert (folder / "predictions" / "test.parquet").exists()
    before, after = redrawn(folder, flavour_tagging, tmp_path, monkeypatch)
    assert before == after


def test_a_users_sets_run_without_truth(tmp_path):
    sets = random_whole_events(500, seed=1)
    sets.particles["z0"][:2] = np.nan
    write_particle_sets(sets, tmp_path / "mine.parquet")
    config = dataclasses.replace(
        TINY,
        data=DataConfig(train=(str(tmp_path / "mine.parquet"),)),
        models=(OURS,),
        training_seeds=1,
        learning_shares=(),
        importance_repeats=0,
    )
    with RunFolder(tmp_path / "run", config) as folder:
        result = flavour_tagging.run(config, folder)
        folder.finish("flavour-tagging", "quick", 1, result.metrics)
    assert result.look.decays is None
    assert result.look.lost is None
    assert sum(result.counts.masked.values()) >= 2
    assert "masked" in (tmp_path / "run" / "report.html").read_text()
    record = json.loads((tmp_path / "run" / "result.json").read_text())
    assert problems(record, result_schema()) == []


def test_exchanged_columns_are_those_of_other_tracks():
    sets = random_whole_events(40, seed=2)
    found = exchanged(sets, ("kaon",), np.random.default_rng(1))
    track = sets.particles["charge"] != 0
    assert not np.array_equal(found.particles["kaon"], sets.particles["kaon"])
    assert np.array_equal(np.sort(found.particles["kaon"][track]), np.sort(sets.particles["kaon"][track]))
    assert np.array_equal(found.particles["pion"], sets.particles["pion"])


def test_a_share_holds_both_tag_sides_of_its_events():
    sets = random_whole_events(200, seed=3).with_columns(event_number=np.arange(200) // 2)
    some = chosen_events(sets, 0.3, 1)
    assert len(some) == 60
    assert (np.bincount(some.columns["event_number"])[np.unique(some.columns["event_number"])] == 2).all()


def test_scales_are_configurations_and_what_cannot_be_is_refused():
    for scale, values in SCALES.items():
        found = configuration.from_mapping(Config, configuration.merge({"scale": scale}, values))
        check(found)
        assert len(trainings(found)) >= len(MODELS)
    with pytest.raises(InputError, match="models"):
        check(dataclasses.replace(TINY, models=("unheard_of",)))
    with pytest.raises(InputError, match="test files alone"):
        check(dataclasses.replace(TINY, data=DataConfig(test=("x.parquet",))))
    with pytest.raises(InputError, match="one seed"):
        check(dataclasses.replace(TINY, fit=dataclasses.replace(TINY.fit, seed=3)))


def test_its_result_tells_the_headline_with_errors_and_draws_it(made):
    says_and_draws(made[1])
