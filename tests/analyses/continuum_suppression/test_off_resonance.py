"""Off-resonance data in a run: read and scaled, to train against or to reweight simulation to."""

import dataclasses

import numpy as np
import pytest
import uproot
from helpers.own_candidates import MAP, branches, write_root
from helpers.random_candidates import random_candidates

from hepsets.analyses import runs
from hepsets.analyses.continuum_suppression.config import BDT, Config, DataConfig, OffResonanceConfig
from hepsets.analyses.continuum_suppression.metrics import _off_resonance_metrics
from hepsets.analyses.continuum_suppression.off_resonance import (
    _refuse_cancelling,
    apply_off_resonance,
    as_background,
    content,
    left_on_data,
    read_off_resonance,
)
from hepsets.analyses.continuum_suppression.off_resonance_page import off_resonance_sections
from hepsets.analyses.continuum_suppression.own_sets import read_off_resonance_sets, with_variables
from hepsets.analyses.continuum_suppression.recovery import Recovered
from hepsets.analyses.continuum_suppression.samples import Pair, Samples
from hepsets.analyses.continuum_suppression.training import Training, load, train
from hepsets.analyses.runs import RunOptions
from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.core.particle_sets import ParticleSets, read_particle_sets, write_particle_sets
from hepsets.core.purpose import Purpose
from hepsets.formats.column_names import BASF2_NAMES
from hepsets.learn.tables.boosted_trees import BoostedTreesConfig
from hepsets.learn.tables.density_ratio import RatioConfig
from hepsets.report.page import FigureFiles
from hepsets.select.variables.continuum import VARIABLES
from hepsets.simulate.belle2 import BELLE2

SCALE = BELLE2.beams.energy / (BELLE2.beams.energy - 0.06)
N = 3000


def variables(n, seed, shift=0.0):
    """Thirty numbers; R2 of continuum data is larger than that of simulation by ``shift``."""
    random = np.random.default_rng(seed)
    found = {name: random.normal(size=n) for name in VARIABLES}
    found["R2"] += 1.0 + shift
    return found


def simulated(n, seed, purpose):
    columns = variables(n, seed)
    label = np.arange(n) % 2 == 0
    columns["R2"] -= label
    columns |= {
        "label": label,
        "weight": np.ones(n),
        "mbc": np.random.default_rng(seed).uniform(5.24, 5.29, n),
    }
    return ParticleSets({"px": np.zeros(0)}, np.zeros(n + 1, dtype=int), columns, purpose)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """An ntuple taken below the resonance, whose continuum is not that of simulation."""
    path = tmp_path_factory.mktemp("off") / "off.root"
    found = {BASF2_NAMES[name]: column for name, column in variables(N, 3, 0.5).items()}
    found["Mbc"] = np.random.default_rng(4).uniform(5.24, 5.29, N) / SCALE
    found["Mbc"][:10] = 5.2
    with uproot.recreate(path) as file:
        file.mktree("tree", dict.fromkeys(found, "f8"))
        file["tree"].extend(found)
    return (str(path),)


@pytest.fixture
def config(files):
    return Config(
        data=DataConfig(train=("a.root",), off_resonance=files),
        models=(BDT,),
        comparisons=("shape_only",),
        trees=BoostedTreesConfig(trees=60, threads=1),
        off_resonance=OffResonanceConfig(ratio=RatioConfig(folds=3)),
        studies=(),
    )


@pytest.fixture(scope="module")
def samples():
    pair = Pair(simulated(5000, 1, Purpose.TRAINING), simulated(5000, 2, Purpose.TEST), None)
    return Samples({"own": pair}, {}, None, {})


def with_columns(events, **columns):
    columns = {name: np.broadcast_to(column, len(events)) for name, column in columns.items()}
    return ParticleSets(events.particles, events.offsets, {**events.columns, **columns}, events.purpose)


def applied_to(config, samples, folder):
    """As a run does it: read before anything is made, then applied."""
    return apply_off_resonance(config, samples, read_off_resonance(config), folder)


def of_sets(path, **more):
    """A run's configuration with such a file beside generated events, or with a map."""
    data = DataConfig(train=("a.root",) if "sets" in more else (), off_resonance=(str(path),))
    return Config(data=data, comparisons=("shape_only",), **more)


def test_momenta_of_an_ntuple_are_scaled_and_ratios_are_not(config, samples):
    at = dataclasses.replace(config, off_resonance=OffResonanceConfig(below=0.0))
    found, as_taken = (
        as_background(read_off_resonance(one), samples.lead.train).columns for one in (config, at)
    )
    assert found["mbc"] == pytest.approx(SCALE * as_taken["mbc"])
    assert found["mm2"] == pytest.approx(SCALE**2 * as_taken["mm2"])
    assert np.array_equal(found["R2"], as_taken["R2"])
    assert not found["label"].any()
    assert set(found) == set(samples.lead.train.columns)


def test_simulation_is_reweighted_to_the_data_and_what_judges_was_not_looked_at(config, samples, tmp_path):
    applied = applied_to(config, samples, tmp_path)
    told, pair = applied.told, applied.samples.lead
    assert told.train_events + told.held_events == N - 10  # ten lie outside the window of Mbc
    assert len(applied.held) == told.held_events
    assert told.held_events == pytest.approx(0.3 * N, rel=0.1)
    background = ~pair.train.columns["label"]
    weight, r2 = pair.train.columns["weight"], pair.train.columns["R2"]
    assert 1.3 < np.average(r2[background], weights=weight[background]) < 1.6  # 1.5 with many more data
    assert (weight[~background] == 1).all()
    assert 0.6 * told.simulated_events < told.effective_size < 0.95 * told.simulated_events
    closure = {one.variable: one for one in told.closures}
    assert closure["R2"].p_before < 1e-6
    assert closure["R2"].chi2_after < 0.3 * closure["R2"].chi2_before
    assert told.before.auc.value > 0.58
    assert told.after.auc.value - 0.5 < 0.5 * (told.before.auc.value - 0.5)
    assert "less like data" not in told.warning


def test_weights_that_make_it_worse_are_told(config, samples, tmp_path, caplog):
    """Simulation to train on lacks a shift that test simulation has already: weights shift it twice."""
    test = samples.lead.test
    right = with_columns(test, R2=test.columns["R2"] + 0.5 * ~test.columns["label"])
    pair = dataclasses.replace(samples.lead, test=right)
    found = applied_to(config, dataclasses.replace(samples, pairs={"own": pair}), tmp_path).told
    assert found.before.auc.value < 0.53
    assert found.after.auc.value > 0.56
    assert "less like data" in found.warning
    assert found.warning in caplog.text
    assert _off_resonance_metrics(found)["warning"] == found.warning
    (section,) = off_resonance_sections(config, found, (), FigureFiles(tmp_path))
    assert section.content[0] == f"Warning: {found.warning}."
    closing = dataclasses.replace(found, after=dataclasses.replace(found.before, p_value=0.3))
    assert closing.warning == ""
    open_ = dataclasses.replace(
        found, before=found.after, after=dataclasses.replace(found.after, p_value=1e-6)
    )
    assert "can still be told from data" in open_.warning
    assert dataclasses.replace(found, use="train").warning == ""


def test_candidates_of_one_event_of_the_data_are_on_one_side(config, samples, tmp_path):
    data = as_background(read_off_resonance(config), samples.lead.train)
    event = np.arange(len(data)) // 3
    like = with_columns(samples.lead.train, event_number=np.arange(5000))
    pair = dataclasses.replace(samples.lead, train=like, test=with_columns(samples.lead.test, event_number=0))
    numbered = dataclasses.replace(samples, pairs={"own": pair})
    applied = apply_off_resonance(config, numbered, with_columns(data, event_number=event), tmp_path)
    candidates = np.bincount(applied.held.columns["event_number"].astype(int))
    assert np.isin(candidates, (0, 3)).mean() > 0.99  # but for candidates outside the window of Mbc
    assert (candidates == 3).sum() > 100


def test_data_train_in_place_of_simulated_continuum(config, samples, tmp_path):
    config = dataclasses.replace(config, off_resonance=OffResonanceConfig(use="train"))
    applied = applied_to(config, samples, tmp_path)
    found = applied.samples.lead.train
    assert (~found.columns["label"]).sum() == applied.told.train_events
    assert found.columns["label"].sum() == samples.lead.train.columns["label"].sum()
    assert applied.samples.lead.test is samples.lead.test
    train(config, Training(BDT, "own"), found, tmp_path)
    trained = {Training(BDT, "own"): load(Training(BDT, "own"), tmp_path)}
    left = left_on_data(config, applied, trained).left[BDT]
    assert 0.2 < left.value < 0.7  # R2 of data is 1.5 standard deviations from that of signal
    assert left.se > 0


def with_numbers(n, seed):
    """Candidates with what hepsets writes of each."""
    sets = random_candidates(n, seed=seed, mean_particles=10.0).with_columns(
        weight=np.ones(n), mbc=np.full(n, 5.25), delta_e=np.zeros(n), mode=np.zeros(n, np.int16),
        charm_mode=np.zeros(n, np.int16), signal_probability=np.ones(n),
    )  # fmt: skip
    return sets[sets.columns["candidate_energy"] < 10]


def test_candidates_with_particles_are_scaled_and_get_their_variables(tmp_path):
    sets = with_numbers(300, 5)
    write_particle_sets(sets, tmp_path / "off.parquet")
    found = as_background(read_off_resonance(of_sets(tmp_path / "off.parquet")), sets)
    assert found.columns["mbc"] == pytest.approx(SCALE * 5.25)
    assert found.particles["px"] == pytest.approx(SCALE * sets.particles["px"], rel=1e-5)
    assert not np.array_equal(found.columns["R2"], sets.columns["R2"])
    assert (
        content(found)["n_tracks"].sum() + content(found)["n_clusters"].sum()
        == (~found.particles["from_candidate"]).sum()
    )
    with pytest.raises(InputError, match="an ntuple beside events with particles"):
        read_off_resonance(of_sets("a.root"))
    assert read_particle_sets(tmp_path / "off.parquet").columns["mbc"][0] == 5.25


def test_candidates_without_what_hepsets_writes_of_them_are_refused_before_anything_is_made(tmp_path):
    sets = with_numbers(300, 5)
    few = {name: column for name, column in sets.particles.items() if name != "dr"}
    columns = {name: column for name, column in sets.columns.items() if name != "mode"}
    write_particle_sets(ParticleSets(few, sets.offsets, columns), tmp_path / "off.parquet")
    with pytest.raises(InputError, match=r"candidates without dr, mode; .*by one column map"):
        read_off_resonance(of_sets(tmp_path / "off.parquet"))


def write_data(path, sets, **more):
    """Such candidates as data have them: lists under other names, no truth."""
    found = {name: column for name, column in branches(sets).items() if name != "truth"}
    return write_root(path, found | more)


def test_lists_of_particles_are_read_by_the_map_of_the_data_on_resonance(tmp_path):
    path = write_data(tmp_path / "off.root", with_numbers(320, 6))
    raw = read_off_resonance_sets(MAP, (str(path),), None, 0.06)
    config = of_sets(path, sets=MAP.sets)
    config = dataclasses.replace(config, data=dataclasses.replace(config.data, columns=dict(MAP.columns)))
    moved = as_background(read_off_resonance(config), with_variables(as_simulated(raw)))
    assert moved.columns["mbc"] == pytest.approx(SCALE * 5.25)
    assert moved.particles["px"] == pytest.approx(SCALE * raw.particles["px"], rel=1e-5)
    assert not moved.columns["label"].any()


def test_weights_and_numbers_that_the_map_names_may_be_missing_in_data(tmp_path, caplog):
    """Simulation has weights of its own, data have none: each counts once, and that is told."""
    sets = with_numbers(80, 7)
    of_map = dataclasses.replace(MAP, columns={**MAP.columns, "weight": "w", "event_number": "evt"})
    path = str(write_data(tmp_path / "off.root", sets))
    assert (read_off_resonance_sets(of_map, (path,), None, 0.06).columns["weight"] == 1).all()
    assert "lacks w: every candidate counts once" in caplog.text
    own = str(write_data(tmp_path / "own.root", sets, w=np.linspace(-1, 3, len(sets))))
    found = read_off_resonance_sets(of_map, (own, path), None, 0.06)
    assert found.columns["weight"][: len(sets)] == pytest.approx(np.linspace(-1, 3, len(sets)))
    assert (found.columns["weight"][len(sets) :] == 1).all()
    without = {name: column for name, column in branches(sets).items() if name not in ("truth", "Mbc")}
    path = str(write_root(tmp_path / "bare.root", without))
    with pytest.raises(
        InputError, match=r"lacks Mbc \(for data\.columns\.mbc\).*leave out of it what the file"
    ):
        read_off_resonance_sets(of_map, (path,), None, 0.06)


def test_a_branch_of_weights_that_an_ntuple_of_data_lacks_counts_as_ones(config, samples, caplog):
    config = dataclasses.replace(config, data=dataclasses.replace(config.data, weight="sw"))
    found = as_background(read_off_resonance(config), samples.lead.train)
    assert (found.columns["weight"] == 1).all()
    assert "lacks sw: every candidate counts once" in caplog.text


def as_simulated(sets):
    return sets.with_columns(label=np.arange(len(sets)) % 2 == 0)


def test_too_few_data_are_refused(config, samples, tmp_path):
    config = dataclasses.replace(config, data=dataclasses.replace(config.data, test_share=0.01))
    with pytest.raises(InputError, match=r"to judge with in own; .* more lie outside the Mbc"):
        applied_to(config, samples, tmp_path)


def test_data_that_are_the_runs_own_events_are_refused(config, samples, tmp_path):
    config = dataclasses.replace(
        config, data=dataclasses.replace(config.data, train=(f"continuum={config.data.off_resonance[0]}",))
    )
    with pytest.raises(InputError, match="as off-resonance data and with --data"):
        applied_to(config, samples, tmp_path)


@pytest.mark.parametrize("sign", [0, -1])
def test_data_whose_weights_cancel_are_refused_by_their_file(sign):
    _refuse_cancelling(np.ones(10), "off.root", "judge")
    with pytest.raises(InputError, match=r"off\.root: weights of candidates that judge add to (0|-10);"):
        _refuse_cancelling(np.full(10, float(sign)), "off.root", "judge")


def signed(samples):
    """Some simulated continuum with a negative weight, as a generator of higher order has it."""

    def changed(events):
        weight = np.where(events.columns["label"] | (np.arange(len(events)) % 11 > 0), 1.0, -1.0)
        return events.with_columns(weight=weight)

    pair = samples.lead
    pair = dataclasses.replace(pair, train=changed(pair.train), test=changed(pair.test))
    return dataclasses.replace(samples, pairs={"own": pair})


def test_simulation_of_negative_weight_is_not_reweighted_and_the_way_round_works(config, samples, tmp_path):
    samples = signed(samples)
    with pytest.raises(InputError, match=r"with a negative weight.*--set off_resonance\.use=train"):
        applied_to(config, samples, tmp_path)
    way_round = dataclasses.replace(config, off_resonance=OffResonanceConfig(use="train"))
    applied = applied_to(way_round, samples, tmp_path)
    assert (applied.samples.lead.train.columns["weight"] > 0).all()
    assert applied.told.before.auc.value > 0.58


@pytest.mark.parametrize("what", ["candidates to train", "lacks Mbc", "outside the Mbc", "a negative weight"])
def test_a_run_that_is_refused_for_its_off_resonance_data_leaves_no_folder(tmp_path, what):
    """Also where the user's own candidates were read before, and where data only fail beside them."""
    given = branches(with_numbers(420, 8))
    given["w"] = np.where(np.arange(len(given["dE"])) % 9 == 0, -1.0, 1.0)
    if what != "outside the Mbc":
        given |= {"Mbc": 5.25 + 0.01 * given["w"] * 5, "dE": 8 * given["w"]}
    own = write_root(tmp_path / "own.root", given)
    found = branches(with_numbers(90 if what == "candidates to train" else 420, 9))
    off = {name: one for name, one in found.items() if name != "Mbc" or what != "lacks Mbc"}
    off = write_root(tmp_path / "off.root", off)
    options = RunOptions(
        scale="quick", train=(str(own),), off_resonance=(str(off),),
        settings={"sets": MAP.sets, "data": {"columns": {**MAP.columns, "weight": "w"}}},
    )  # fmt: skip
    with pytest.raises(InputError, match=what):
        runs.run("continuum-suppression", options, out=tmp_path / "runs" / "new")
    assert {path.name for path in tmp_path.iterdir()} == {"own.root", "off.root"}


def test_what_is_refused_without_the_runs_events_is_refused_before_they_are_made(config):
    few = dataclasses.replace(config.data, off_resonance=())
    assert read_off_resonance(dataclasses.replace(config, data=few)) is None
    alone = Config(data=DataConfig(off_resonance=("off.parquet",)), comparisons=("rho_rho",))
    with pytest.raises(InputError, match="off-resonance data for rho_rho alone"):
        read_off_resonance(alone)


def test_the_page_tells_clipping_effective_size_and_closure(config, samples, tmp_path):
    found = dataclasses.replace(applied_to(config, samples, tmp_path).told, left={BDT: Measured(0.2, 0.01)})
    one = {
        way: Measured(value, 0.01)
        for way, value in zip(("wrong", "right", "reweighted", "data"), (0.3, 0.2, 0.21, 0.2), strict=True)
    }
    recovered = Recovered(
        "fragmentation",
        BDT,
        3,
        one,
        Measured(0.1, 0.01),
        Measured(0.9, 0.1),
        Measured(1.0, 0.1),
        1000,
        700.0,
        3,
    )
    closure, recovery = off_resonance_sections(config, found, (recovered,), FigureFiles(tmp_path))
    assert f"{found.clipped:,} of {found.simulated_events:,} weights were clipped" in closure.content[0]
    assert f"effective number of simulated events is {found.effective_size:,.0f}" in closure.content[0]
    assert {path.stem for path in tmp_path.rglob("*.png")} == {
        "off_resonance_chi2",
        "off_resonance_shapes",
        "recovery",
    }
    assert "strong" in recovery.content[0]
