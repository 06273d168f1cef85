"""The user's own candidates: labels, what joins the models, what is told of Mbc, and what is refused."""

import dataclasses

import numpy as np
import pytest
from helpers.own_candidates import MAP, branches, write_parquet, write_root
from helpers.random_candidates import random_candidates

from hepsets.analyses.continuum_suppression.analysis import with_what_files_tell
from hepsets.analyses.continuum_suppression.config import Config, DataConfig, check, map_of
from hepsets.analyses.continuum_suppression.own_sets import (
    network_options,
    read_own,
    told_of_map,
    told_of_mbc,
    tree_columns,
)
from hepsets.core.errors import InputError
from hepsets.formats.candidate_map import CandidateMap
from hepsets.learn.particle_sets.recipe import build_set_model
from hepsets.select.variables.continuum import VARIABLES
from hepsets.select.variables.own_frames import OWN_VARIABLES

EVENTS = random_candidates(120, seed=5, mean_particles=8.0)
UNLABELLED = MAP.without("label")
WEIGHTED = dataclasses.replace(MAP, columns={**MAP.columns, "weight": "w"})


def write(folder, name="mine.root", events=EVENTS, **more):
    return str(write_root(folder / name, branches(events) | more))


def test_a_label_by_name_says_what_is_signal(tmp_path):
    found = read_own(MAP, [write(tmp_path)], None)
    np.testing.assert_array_equal(found.events.columns["label"], EVENTS.columns["label"])
    assert set(VARIABLES) | set(OWN_VARIABLES) <= set(found.events.columns)


def test_files_say_it_by_a_word_or_by_their_names(tmp_path):
    signal, continuum = write(tmp_path, "my_signal.root"), write(tmp_path, "b.root", EVENTS[:50])
    found = read_own(UNLABELLED, [signal, f"continuum={continuum}"], None)
    assert found.events.columns["label"].tolist() == [True] * 120 + [False] * 50
    assert f"{signal}: 120 candidates that all count as signal" in found.told


def test_a_label_that_is_nan_counts_as_background_and_is_told(tmp_path):
    truth = np.where(np.arange(120) < 3, np.nan, EVENTS.columns["label"])
    path = write(tmp_path, truth=truth)
    found = read_own(MAP, [path], None)
    assert not found.events.columns["label"][:3].any()
    assert f"{path}: 3 candidates whose label is NaN, taken as background" in found.told


def test_by_the_names_of_basf2_wrong_candidates_are_neither(tmp_path):
    kind = np.arange(120) % 3
    more = {"isSignal": (kind == 0).astype(float), "isContinuumEvent": (kind == 1).astype(float)}
    found = read_own(UNLABELLED, [write(tmp_path, **more)], None)
    assert len(found.events) == 80
    assert found.events.columns["label"].sum() == 40
    assert any("40 candidates that are neither" in line for line in found.told)


def test_weights_by_name_are_kept(tmp_path):
    found = read_own(WEIGHTED, [write(tmp_path, w=np.linspace(-1, 2, 120))], None)
    np.testing.assert_array_equal(found.events.columns["weight"], np.linspace(-1, 2, 120))


def test_quantities_and_variables_of_ones_own_join_all_models_that_can_see_them():
    sets = {**MAP.sets, "roe_tracks": {**MAP.sets["roe_tracks"], "n_cdc": "hits"}}
    of_map = dataclasses.replace(MAP, sets=sets, variables=("R2",))
    assert tree_columns("bdt", of_map) == (*VARIABLES, "yours:R2")
    for name in ("multi_deep_sets", "multi_deep_sets_before", "learned_moments", "deep_sets", "combined"):
        options = network_options(name, of_map)
        seen = {spec.name: "yours:n_cdc" in spec.features for spec in options["sets"]}
        assert seen in (
            {"particles": True}, {"particles": True, "candidate": False},
            {"rest_tracks": True, "rest_photons": False, "signal_tracks": False,
             "signal_photons": False, "candidate": False},
        )  # fmt: skip
        assert options["event_features"][-1] == "yours:R2"
        model = build_set_model(name.removesuffix("_before"), **options)
        assert model.event_features == options["event_features"]
    assert network_options("fixed_mlp", of_map)["event_features"] == (*VARIABLES, "yours:R2")
    assert "quantities of your own" in told_of_map(of_map)[-2]


def test_what_gives_mbc_away_is_told(tmp_path):
    given = branches(EVENTS)
    energy = np.sqrt(np.maximum(27.9 - given["Mbc"] ** 2, 0))
    own = {"fast": energy, "harmless": np.random.default_rng(1).normal(size=120)}
    given["speed"] = [np.full(len(one), energy[i]) for i, one in enumerate(given["bt_px"])]
    sets = {**MAP.sets, "candidate_tracks": {**MAP.sets["candidate_tracks"], "speed": "speed"}}
    of_map = dataclasses.replace(MAP, sets=sets, variables=("fast", "harmless"))
    events = read_own(of_map, [str(write_root(tmp_path / "mine.root", given | own))], None).events
    told = told_of_mbc(events, of_map, ("bdt", "multi_deep_sets_cm"))
    warned = [line.split()[1] for line in told if line.startswith("WARNING")]
    assert warned == ["multi_deep_sets_cm", "yours:fast", "the"]
    assert "the mean yours:speed of candidate_tracks" in told[-1]


def test_without_mbc_it_is_said_that_sculpting_is_not_known(tmp_path):
    of_map = MAP.without("mbc", "delta_e")
    given = {key: column for key, column in branches(EVENTS).items() if key not in ("Mbc", "dE")}
    events = read_own(of_map, [str(write_root(tmp_path / "mine.root", given))], None).events
    assert "not known" in told_of_mbc(events, of_map, ("bdt",))[-1]


@pytest.mark.parametrize(
    ("of_map", "more", "message"),
    [
        (UNLABELLED, {}, "does not say what is signal"),
        (MAP, {"truth": np.full(120, 3)}, "truth holds 3"),
        (MAP, {"truth": np.ones(120)}, "candidates of one class"),
        (WEIGHTED, {"w": np.full(120, np.inf)}, "weights that are not finite"),
        (WEIGHTED, {"w": np.zeros(120)}, "weights of signal that add to 0"),
        (MAP, {name: [np.zeros(0)] * 120 for name in MAP.sets["roe_tracks"].values()}, "roe_tracks is empty"),
    ],
)  # fmt: skip
def test_candidates_that_cannot_be_trained_on_are_refused(tmp_path, of_map, more, message):
    with pytest.raises(InputError, match=message):
        read_own(of_map, [write(tmp_path, **more)], None)


def test_files_with_other_columns_than_the_first_are_refused(tmp_path):
    one, other = write(tmp_path, "a.root"), write(tmp_path, "b.root", __event__=np.arange(120))
    with pytest.raises(InputError, match=r"b\.root and .*a\.root differ in event_number"):
        read_own(MAP, [one, other], None)
    given = branches(EVENTS)
    del given["rt_dz"]
    write_parquet(tmp_path / "c.parquet", given)
    with pytest.raises(InputError, match=r"c\.parquet lacks rt_dz \(for sets\.roe_tracks\.dz\)"):
        read_own(MAP, [one, str(tmp_path / "c.parquet")], None)


def test_a_run_of_own_sets_takes_the_models_that_these_can_feed():
    config = Config(data=DataConfig(train=("a.root",)), sets=MAP.sets)
    found = with_what_files_tell(config)
    assert set(config.models) - set(found.models) == {"bdt_with_tag"}
    assert found.studies == ("importance",)
    check(config)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": DataConfig()}, "sets without files"),
        ({"trunk": "trunk.safetensors"}, "a trunk for sets"),
        (
            {"sets": {}, "data": DataConfig(train=("a.root",), variables=("x",))},
            "data.variables without sets",
        ),
        ({"sets": {"tracks": {}}}, "a set 'tracks'"),
    ],
)
def test_settings_that_do_not_belong_together_are_refused_at_once(change, message):
    config = Config(data=DataConfig(train=("a.root",)), sets=MAP.sets)
    with pytest.raises(InputError, match=message):
        check(dataclasses.replace(config, **change))


def test_off_resonance_data_stand_beside_sets_of_the_users():
    data = DataConfig(train=("a.root",), off_resonance=("o.root",), columns=dict(MAP.columns))
    config = Config(data=data, sets=MAP.sets)
    assert with_what_files_tell(config).data.off_resonance == ("o.root",)
    check(config)


def test_a_map_is_that_of_the_settings():
    data = DataConfig(columns=dict(MAP.columns), variables=("x",), frame="centre_of_mass")
    expected = CandidateMap(MAP.sets, MAP.columns, ("x",), "centre_of_mass")
    assert map_of(Config(data=data, sets=MAP.sets)) == expected
    assert map_of(Config()) is None
