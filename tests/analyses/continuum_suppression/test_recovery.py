"""How much off-resonance data bring back of what wrong simulation costs."""

from types import SimpleNamespace

import numpy as np
import pytest
from helpers.random_candidates import random_candidates

from hepsets.analyses.continuum_suppression import recovery
from hepsets.analyses.continuum_suppression.config import (
    BDT,
    Config,
    OffResonanceConfig,
    RecoveryConfig,
    check,
)
from hepsets.analyses.continuum_suppression.recovery import study_recovery
from hepsets.analyses.continuum_suppression.samples import Pair, Samples
from hepsets.core.errors import InputError
from hepsets.core.purpose import Purpose
from hepsets.learn.tables.boosted_trees import BoostedTreesConfig
from hepsets.learn.tables.density_ratio import RatioConfig
from hepsets.select.variables.continuum import VARIABLES

N = 3000
CONFIG = Config(
    comparisons=("shape_only",),
    studies=("off_resonance",),
    trees=BoostedTreesConfig(trees=150, threads=1, patience=15, learning_rate=0.1),
    off_resonance=OffResonanceConfig(ratio=RatioConfig(folds=3)),
    recovery=RecoveryConfig(mismodelled=("fragmentation",), seeds=2, resamplings=60),
)
SIGNAL, RIGHT, WRONG = (0.0, 0.0), (1.2, 0.0), (0.0, 1.6)
"""Where R2 and mm2 of signal lie, those of right continuum, and those of a wrong simulation."""


def events(centre, n, seed):
    """Candidates whose variables are noise, but for two of them."""
    random = np.random.default_rng(seed)
    columns = {name: np.zeros(n) for name in VARIABLES}
    columns |= {"R2": random.normal(centre[0], 1, n), "mm2": random.normal(centre[1], 1, n)}
    sets = random_candidates(n, seed=seed, mean_particles=4)
    return sets.with_columns(**columns, label=np.full(n, centre == SIGNAL), weight=np.ones(n))


@pytest.fixture
def samples():
    def sample(seed, purpose):
        parts = [events(centre, N, seed + place) for place, centre in enumerate((SIGNAL, RIGHT))]
        return type(parts[0]).concatenate(parts).used_for(purpose)

    pair = Pair(sample(1, Purpose.TRAINING), sample(3, Purpose.TEST), None)
    return Samples({"shape_only": pair}, {}, None, {})


def test_reweighting_brings_back_what_a_wrong_simulation_costs(samples, tmp_path, monkeypatch):
    made = {"data": events(RIGHT, N, 5), "fragmentation": events(WRONG, 2 * N, 6)}
    (tmp_path / "events").mkdir()

    def streams(configs, *, workers):
        assert configs["data"].below == 0.06
        assert configs["fragmentation"].fragmentation == "strong"
        assert configs["data"].first_block != configs["fragmentation"].first_block
        return {name: SimpleNamespace(events={"tag": made[name]}) for name in configs}

    monkeypatch.setattr(recovery, "make_streams", streams)
    # as if their variables had been computed: particles of these are noise
    monkeypatch.setattr(recovery, "as_background", lambda one, like: one)
    monkeypatch.setattr(recovery, "scaled_sets", lambda one, on, below: one)
    (found,) = study_recovery(CONFIG, samples, tmp_path)
    assert (found.mismodelling, found.model, found.seeds) == ("fragmentation", BDT, 2)
    assert found.gap.value > 5 * found.gap.se
    assert found.reweighted.value > 0.7
    assert found.data.value == pytest.approx(1.0, abs=0.15)
    assert 0 < found.reweighted.se < 0.3
    assert 0 < found.effective_size < found.events
    again = study_recovery(CONFIG, samples, tmp_path)  # what is there is not made again
    assert again[0].left == found.left


def test_an_unknown_fragmentation_or_detector_is_refused_before_anything_is_done():
    with pytest.raises(InputError, match="fragmentation 'soft'"):
        check(Config(recovery=RecoveryConfig(fragmentation="soft")))
    with pytest.raises(InputError, match="detector shift 'blind'"):
        check(Config(recovery=RecoveryConfig(detector="blind")))
    with pytest.raises(InputError, match="the study off_resonance for rho_rho alone"):
        check(Config(comparisons=("rho_rho",), studies=("off_resonance",)))
