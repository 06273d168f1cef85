"""Off-resonance data in a run: read and scaled, to train against or to reweight simulation to."""

import dataclasses

import numpy as np
import pytest
import uproot
from helpers.own_candidates import MAP, branches, write_root
from helpers.random_candidates import random_candidates

from hepsets.analyses.continuum_suppression.config import BDT, Config, DataConfig, OffResonanceConfig
from hepsets.analyses.continuum_suppression.off_resonance import (
    _refuse_negative,
    apply_off_resonance,
    content,
    left_on_data,
    read_off_resonance,
)
from hepsets.analyses.continuum_suppression.off_resonance_page import off_resonance_sections
from hepsets.analyses.continuum_suppression.own_sets import read_off_resonance_sets, with_variables
from hepsets.analyses.continuum_suppression.recovery import Recovered
from hepsets.analyses.continuum_suppression.samples import Pair, Samples
from hepsets.analyses.continuum_suppression.training import Training, load, train
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


def test_momenta_of_an_ntuple_are_scaled_and_ratios_are_not(files, samples):
    found = read_off_resonance(files, None, 0.06, samples.lead.train).columns
    as_taken = read_off_resonance(files, None, 0.0, samples.lead.train).columns
    assert found["mbc"] == pytest.approx(SCALE * as_taken["mbc"])
    assert found["mm2"] == pytest.approx(SCALE**2 * as_taken["mm2"])
    assert np.array_equal(found["R2"], as_taken["R2"])
    assert not found["label"].any()
    assert set(found) == set(samples.lead.train.columns)


def test_simulation_is_reweighted_to_the_data_and_what_judges_was_not_looked_at(config, samples, tmp_path):
    applied = apply_off_resonance(config, samples, tmp_path)
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


def test_data_train_in_place_of_simulated_continuum(config, samples, tmp_path):
    config = dataclasses.replace(config, off_resonance=OffResonanceConfig(use="train"))
    applied = apply_off_resonance(config, samples, tmp_path)
    found = applied.samples.lead.train
    assert (~found.columns["label"]).sum() == applied.told.train_events
    assert found.columns["label"].sum() == samples.lead.train.columns["label"].sum()
    assert applied.samples.lead.test is samples.lead.test
    train(config, Training(BDT, "own"), found, tmp_path)
    trained = {Training(BDT, "own"): load(Training(BDT, "own"), tmp_path)}
    left = left_on_data(config, applied, trained).left[BDT]
    assert 0.2 < left.value < 0.7  # R2 of data is 1.5 standard deviations from that of signal
    assert left.se > 0


def test_candidates_with_particles_are_scaled_and_get_their_variables(tmp_path):
    sets = random_candidates(40, seed=5).with_columns(
        weight=np.ones(40), mbc=np.full(40, 5.25), candidate_energy=np.full(40, 5.2)
    )
    write_particle_sets(sets, tmp_path / "off.parquet")
    found = read_off_resonance((str(tmp_path / "off.parquet"),), None, 0.06, sets)
    assert found.columns["mbc"] == pytest.approx(SCALE * 5.25)
    assert found.particles["px"] == pytest.approx(SCALE * sets.particles["px"], rel=1e-5)
    assert not np.array_equal(found.columns["R2"], sets.columns["R2"])
    assert (
        content(found)["n_tracks"].sum() + content(found)["n_clusters"].sum()
        == (~found.particles["from_candidate"]).sum()
    )
    with pytest.raises(InputError, match="an ntuple beside events with particles"):
        read_off_resonance(("a.root",), None, 0.06, sets)
    assert read_particle_sets(tmp_path / "off.parquet").columns["mbc"][0] == 5.25


def test_lists_of_particles_are_read_by_the_map_of_the_data_on_resonance(tmp_path):
    sets = random_candidates(60, seed=6).with_columns(
        weight=np.ones(60), mbc=np.full(60, 5.25), delta_e=np.zeros(60)
    )
    sets = sets[sets.columns["candidate_energy"] < 10]
    found = {name: column for name, column in branches(sets).items() if name != "truth"}
    path = write_root(tmp_path / "off.root", found)
    raw = read_off_resonance_sets(MAP, (str(path),), None, 0.06)
    moved = read_off_resonance((str(path),), None, 0.06, with_variables(as_simulated(raw)), MAP)
    assert moved.columns["mbc"] == pytest.approx(SCALE * 5.25)
    assert moved.particles["px"] == pytest.approx(SCALE * raw.particles["px"], rel=1e-5)
    assert not moved.columns["label"].any()


def as_simulated(sets):
    return sets.with_columns(label=np.arange(len(sets)) % 2 == 0)


def test_too_few_data_are_refused(config, samples, tmp_path):
    config = dataclasses.replace(config, data=dataclasses.replace(config.data, test_share=0.01))
    with pytest.raises(InputError, match=r"to judge with in own; .* more lie outside the Mbc"):
        apply_off_resonance(config, samples, tmp_path)


def test_data_that_are_the_runs_own_events_are_refused(config, samples, tmp_path):
    config = dataclasses.replace(
        config, data=dataclasses.replace(config.data, train=(f"continuum={config.data.off_resonance[0]}",))
    )
    with pytest.raises(InputError, match="as off-resonance data and with --data"):
        apply_off_resonance(config, samples, tmp_path)


@pytest.mark.parametrize("sign", [0, -1])
def test_data_whose_weights_cancel_are_refused_by_their_file(sign):
    good = simulated(10, 1, Purpose.TEST)
    bad = good.with_columns(weight=np.full(10, float(sign)))
    _refuse_negative(good, good, "off.root")
    with pytest.raises(InputError, match=r"off\.root: weights of candidates that judge add to (0|-10);"):
        _refuse_negative(good, bad, "off.root")


def test_the_page_tells_clipping_effective_size_and_closure(config, samples, tmp_path):
    found = dataclasses.replace(
        apply_off_resonance(config, samples, tmp_path).told, left={BDT: Measured(0.2, 0.01)}
    )
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
