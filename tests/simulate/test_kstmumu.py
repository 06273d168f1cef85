"""Candidates of B⁰ → K*⁰μ⁺μ⁻: what the detector does to the variables, and what it must not do."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import ks_2samp

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.core.masses import M_B0
from hepsets.core.random_stream import start
from hepsets.generate.beams import BeamConfig, draw_b_pairs
from hepsets.simulate.belle2 import BELLE2
from hepsets.simulate.kstmumu import (
    CANDIDATE_COLUMNS,
    MEASURED,
    TRACKS,
    _beam_record,
    _produce,
    see_decays,
)


def flat_decays(n, seed=1, **fixed):
    """Decays spread evenly over the variables."""
    rng = np.random.default_rng(seed)
    columns = {
        "q_squared": rng.uniform(0.1, 19.0, n),
        "costheta_mu": rng.uniform(-1, 1, n),
        "costheta_K": rng.uniform(-1, 1, n),
        "chi": rng.uniform(-np.pi, np.pi, n),
        "flavour": rng.choice(np.array([1, -1], dtype=np.int8), n),
    }
    return EventFrame(columns | {name: np.full(n, value) for name, value in fixed.items()})


@pytest.fixture(scope="module")
def seen():
    return see_decays(flat_decays(20_000), 1)


SHARP = replace(
    BELLE2,
    tracker=replace(
        BELLE2.tracker,
        momentum_pt=0,
        momentum_scattering=0,
        angle_constant=0,
        angle_scattering=0,
        tail_fraction=0,
        kink_smearing=0,
    ),
)
"""It loses particles, but measures momenta without error."""


def difference(frame, name):
    distance = frame[name] - frame[f"truth_{name}"]
    return (distance + np.pi) % (2 * np.pi) - np.pi if name == "chi" else distance


def test_a_detector_without_errors_measures_the_truth():
    seen = see_decays(flat_decays(2000), 1, detector=SHARP)
    assert len(seen) > 500
    for name in MEASURED:  # up to the turn in the field, over the flight of the B
        assert np.quantile(np.abs(difference(seen, name)), 0.99) < 1e-3
    assert np.abs(seen["delta_e"]).max() < 0.03  # the spread of the beams


def test_a_decay_depends_on_its_number_and_not_on_the_batch():
    decays = flat_decays(300)
    whole = see_decays(decays, 5)
    parts = EventFrame.concatenate(
        [see_decays(decays[:100], 5), see_decays(decays[100:], 5, first_event=100)]
    )
    assert list(whole.columns) == list(parts.columns)
    for name in whole.columns:
        np.testing.assert_array_equal(whole[name], parts[name])
    assert not np.array_equal(whole["mbc"][:50], see_decays(decays, 6)["mbc"][:50])


def test_mbc_peaks_at_the_mass_and_delta_e_at_zero(seen):
    low, middle, high = np.quantile(seen["mbc"], [0.16, 0.5, 0.84])
    assert middle == pytest.approx(M_B0, abs=3e-4)
    assert 0.002 < (high - low) / 2 < 0.0035
    low, middle, high = np.quantile(seen["delta_e"], [0.16, 0.5, 0.84])
    assert middle == pytest.approx(0, abs=1e-3)
    assert 0.008 < (high - low) / 2 < 0.015


def test_measured_variables_are_unbiased_and_sharp(seen):
    for name, width in zip(MEASURED, (0.06, 0.004, 0.006, 0.012), strict=True):
        distance = difference(seen, name)
        half = np.quantile(np.abs(distance), 0.683)
        assert 0.1 * width < half < width
        assert abs(np.median(distance)) < 0.1 * half


def test_the_vertex_of_four_tracks_has_the_chi2_of_one_point():
    without_tails = replace(BELLE2, tracker=replace(BELLE2.tracker, tail_fraction=0.0))
    seen = see_decays(flat_decays(20_000), 2, detector=without_tails)
    assert np.median(seen["vertex_chi2"]) == pytest.approx(4.35 / 5, rel=0.05)
    assert seen["vertex_chi2"].mean() == pytest.approx(1.0, rel=0.05)


def test_both_flavours_are_seen_alike(seen):
    decays = flat_decays(20_000)
    for flavour in (1, -1):
        made, kept = (decays["flavour"] == flavour).sum(), (seen["flavour"] == flavour).sum()
        assert kept / made == pytest.approx(len(seen) / len(decays), abs=4 * 0.5 / np.sqrt(made))


def test_tracks_lie_within_the_acceptance(seen):
    for track in TRACKS:
        assert (seen[f"costheta_{track}"] < np.cos(np.radians(13))).all()
        assert (seen[f"costheta_{track}"] > np.cos(np.radians(154))).all()
        assert (seen[f"dr_{track}"] >= 0).all()
        assert ((seen[f"identification_{track}"] >= 0) & (seen[f"identification_{track}"] <= 1)).all()
    assert np.isfinite([seen[name] for name in CANDIDATE_COLUMNS]).all()


def test_muons_and_kaons_are_identified(seen):
    assert np.median(seen["identification_mu_plus"]) > 0.9
    assert np.median(seen["identification_k"]) > 0.9


def test_other_columns_stay_with_their_decay():
    decays = flat_decays(500, delta_c9=-0.8).with_columns(number=np.arange(500))
    seen = see_decays(decays, 3)
    assert (seen["delta_c9"] == -0.8).all()
    assert seen["is_signal"].all()
    for name in MEASURED:
        np.testing.assert_array_equal(seen[f"truth_{name}"], decays[name][seen["number"]])


def test_the_b_flies_as_that_of_the_generator():
    beams, n = BeamConfig(), 4000
    stream, b, collision, work = np.zeros(1, dtype=np.uint64), np.zeros(4), np.zeros(4), np.zeros(4)
    record, made = _beam_record(beams), np.empty((n, 4))
    for event in range(n):
        start(stream, 1, event, 0)
        _produce(stream, record, b, collision, work)
        made[event] = b
    pairs = draw_b_pairs(np.random.default_rng(1), beams, n, pdg=511, mass=M_B0, mean_life=0.0015)
    for component in range(4):
        assert ks_2samp(made[:, component], pairs.momentum[:, 0, component]).pvalue > 1e-3


@pytest.mark.parametrize(
    ("name", "value"),
    [("q_squared", 0.04), ("q_squared", 22.0), ("costheta_K", 1.1), ("chi", np.nan), ("flavour", 0)],
)
def test_decays_that_cannot_be_are_refused(name, value):
    with pytest.raises(InputError, match=name.split("_")[0].replace("costheta", "cosine")):
        see_decays(flat_decays(10, **{name: value}), 1)


def test_a_missing_column_is_named():
    with pytest.raises(InputError, match="chi"):
        see_decays(flat_decays(10).select_columns(["q_squared", "costheta_mu", "costheta_K", "flavour"]), 1)
