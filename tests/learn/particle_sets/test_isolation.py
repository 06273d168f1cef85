import numpy as np
import pytest
from helpers.isolated_candidates import best_area, isolated_candidates
from sklearn.metrics import log_loss, roc_auc_score

from hepsets.core.errors import InputError
from hepsets.core.particle_sets import ParticleSets
from hepsets.learn.files import load, save
from hepsets.learn.particle_sets.isolation import (
    CLASSIC,
    TRACKS,
    IsolationConfig,
    fit_isolation,
    isolation_sets,
)
from hepsets.learn.tables.folds import TrainingPart, hold_families
from hepsets.learn.training.config import FitConfig
from hepsets.learn.training.score import score

CONFIG = IsolationConfig(
    units=16, dropout=0.0, fit=FitConfig(epochs=8, batch=64, learning_rate=5e-3, device="cpu")
)
CANDIDATES, LABELS, GROUPS = isolated_candidates(1500, seed=1)
TEST, TRUTH, _ = isolated_candidates(1500, seed=2)
NETWORK = fit_isolation(TrainingPart(CANDIDATES, LABELS, np.ones(1500), GROUPS, 0), CONFIG)


def test_the_network_finds_the_tracks_that_fit_the_vertex() -> None:
    """All that can be known is their number, whose area under the ROC curve is that of two Poisson
    numbers."""
    assert roc_auc_score(TRUTH, NETWORK.score(TEST)) == pytest.approx(best_area(), abs=0.03)


def test_training_stops_by_families_that_it_did_not_see() -> None:
    train, held = hold_families(GROUPS, LABELS, CONFIG.fit.validation_fraction, CONFIG.fit.seed)
    assert not np.isin(GROUPS[held], GROUPS[train]).any()
    loss = log_loss(LABELS[held], NETWORK.score(CANDIDATES[held]).astype(float))
    assert loss == pytest.approx(min(one.validation_loss for one in NETWORK.result.history), rel=1e-5)
    assert len(NETWORK.result.train_indices) == len(train)


def test_order_and_mirrored_tracks_do_not_matter() -> None:
    order = np.random.default_rng(3).permutation(TEST.n_particles)
    order = order[np.argsort(TEST.event_of_particle[order], kind="stable")]
    mirrored = {name: column[order] for name, column in TEST.particles.items()}
    mirrored["delta_phi"] = -mirrored["delta_phi"]
    other = ParticleSets(mirrored, TEST.offsets, TEST.columns)
    np.testing.assert_allclose(NETWORK.score(other), NETWORK.score(TEST), atol=1e-5)


def test_a_candidate_and_its_antiparticle_score_alike() -> None:
    flipped = ParticleSets(
        {**TEST.particles, "charge": -TEST.particles["charge"]},
        TEST.offsets,
        {**TEST.columns, "bachelor_charge": -TEST.columns["bachelor_charge"]},
    )
    np.testing.assert_array_equal(NETWORK.score(flipped), NETWORK.score(TEST))


def test_a_candidate_without_other_tracks_has_a_score() -> None:
    alone = TEST.select_particles(np.zeros(TEST.n_particles, dtype=bool))
    assert np.isfinite(NETWORK.score(alone)).all()


def test_features_are_what_they_are_called() -> None:
    sets = isolation_sets(TEST)
    p, own = sets.particles, TEST.event_of_particle
    np.testing.assert_allclose(np.exp(p["log_pt"]), TEST.particles["pt"])
    np.testing.assert_allclose(np.exp(p["log_pt_share"]) * TEST.columns["bs_pt"][own], TEST.particles["pt"])
    np.testing.assert_allclose(np.hypot(p["px"], p["py"]), TEST.particles["pt"])
    np.testing.assert_allclose(np.exp(p["log_vertex_chi2"]), np.maximum(TEST.particles["vertex_chi2"], 1e-3))
    np.testing.assert_array_equal(
        p["like_sign"] > 0, TEST.particles["charge"] == TEST.columns["bachelor_charge"][own]
    )
    assert (p["abs_delta_phi"] >= 0).all()
    assert set(TRACKS.features) < set(p)
    assert set(CLASSIC) == set(sets.columns)
    np.testing.assert_allclose(
        np.exp(sets.columns["log_chi2_with_one_more"]), np.maximum(TEST.columns["chi2_with_one_more"], 1e-3)
    )


def test_a_saved_network_scores_alike(tmp_path) -> None:
    save(NETWORK.model, tmp_path / "isolation.safetensors")
    again = load(tmp_path / "isolation.safetensors")
    np.testing.assert_array_equal(score(again, isolation_sets(TEST)), NETWORK.score(TEST))


def test_classic_variables_are_seen_if_asked_for() -> None:
    """Told the answer by a classic variable, the network takes it."""
    columns = {**CANDIDATES.columns, "cone_asymmetry": np.where(LABELS, 1.0, -1.0)}
    told = ParticleSets(CANDIDATES.particles, CANDIDATES.offsets, columns)
    part = TrainingPart(told, LABELS, np.ones(1500), GROUPS, 0)
    fit = FitConfig(epochs=2, batch=64, learning_rate=5e-3, device="cpu")
    network = fit_isolation(part, IsolationConfig(units=8, classic=True, fit=fit))
    assert roc_auc_score(LABELS, network.score(told)) > 0.99
    assert roc_auc_score(LABELS, fit_isolation(part, IsolationConfig(units=8, fit=fit)).score(told)) < 0.95


@pytest.mark.parametrize("kind", ["particles", "columns"])
def test_what_is_missing_is_named(kind) -> None:
    table = dict(getattr(TEST, kind))
    name = "vertex_chi2" if kind == "particles" else "bs_pt"
    del table[name]
    parts = {"particles": TEST.particles, "columns": TEST.columns, kind: table}
    with pytest.raises(InputError, match=f"candidates without {name}"):
        isolation_sets(ParticleSets(parts["particles"], TEST.offsets, parts["columns"]))
