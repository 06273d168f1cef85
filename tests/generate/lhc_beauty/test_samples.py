"""Samples of beauty at the LHC: reproducible, whole forced decays, parton events that nothing else shares."""

import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.core.events import PARTICLE_COLUMNS, Events
from hepsets.core.lorentz import mass_squared
from hepsets.core.masses import M_BS
from hepsets.generate.lhc_beauty import samples
from hepsets.generate.lhc_beauty.samples import SAMPLES, LhcConfig, generate_lhc, generate_lhc_block

pytest.importorskip("pythia8mc")


def identical(left, right):
    return np.array_equal(left.offsets, right.offsets) and all(
        np.array_equal(left.particles[name], right.particles[name]) for name in PARTICLE_COLUMNS
    )


@pytest.fixture(scope="module")
def signal():
    return generate_lhc_block("bs_dspi", 3, 0, 300).validate()


def test_a_block_does_not_depend_on_what_was_generated_before():
    first = generate_lhc_block("b0_dpi", 7, 3, 30)
    generate_lhc_block("b0_dpi", 7, 4, 10)
    again = generate_lhc_block("b0_dpi", 7, 3, 30)
    assert identical(first, again)
    assert identical(first[:12], generate_lhc_block("b0_dpi", 7, 3, 12))


def test_events_do_not_depend_on_the_number_of_workers(monkeypatch):
    monkeypatch.setattr(samples, "BLOCK_EVENTS", 40)
    one = Events.concatenate(list(generate_lhc("lb_lcpi", 60, seed=3)))
    assert len(one) == 60
    assert identical(one[:40], generate_lhc_block("lb_lcpi", 3, 0, 40))
    assert identical(one[40:], generate_lhc_block("lb_lcpi", 3, 1, 20))


def test_the_forced_decay_is_whole_and_conserves_momentum(signal):
    p = signal.particles
    leaf = np.ones(signal.n_particles, dtype=bool)
    inner = signal.mothers != np.arange(signal.n_particles)
    leaf[signal.mothers[inner]] = False
    top = signal.offsets[:-1] + signal.columns["signal"]
    assert (np.abs(p["pdg"][top]) == 531).all()
    root = signal.mothers.copy()
    of_signal = np.zeros(signal.n_particles, dtype=bool)
    of_signal[top] = True
    for _ in range(6):
        of_signal |= of_signal[root]
    momentum = np.column_stack([p[name] for name in ("px", "py", "pz", "energy")]).astype(np.float64)
    final = of_signal & leaf
    total = np.stack(
        [
            np.bincount(signal.event_of_particle[final], momentum[final, k], minlength=len(signal))
            for k in range(4)
        ],
        axis=1,
    )
    assert total == pytest.approx(momentum[top], rel=1e-5, abs=1e-4)
    assert np.sqrt(mass_squared(total)) == pytest.approx(M_BS, abs=0.05)  # single precision at a TeV
    assert np.sqrt(mass_squared(total)).mean() == pytest.approx(M_BS, abs=1e-4)
    found = np.abs(p["pdg"][final]).reshape(len(signal), 4)
    assert (np.sort(found, axis=1) == [211, 211, 321, 321]).all()


def test_the_decay_vertex_is_where_the_decay_time_says(signal):
    p, c = signal.particles, signal.columns
    top = signal.offsets[:-1] + c["signal"]
    daughter = np.searchsorted(signal.mothers, top)  # any daughter: found by its mother
    daughter = np.array(
        [np.flatnonzero((signal.mothers == t) & (np.arange(len(signal.mothers)) != t))[0] for t in top]
    )
    place = np.column_stack([p[axis][daughter] - c[f"pv_{axis}"] for axis in "xyz"])
    momentum = np.linalg.norm([p[name][top] for name in ("px", "py", "pz")], axis=0)
    time = np.linalg.norm(place, axis=1) * M_BS / momentum / 0.0299792458
    assert time == pytest.approx(c["decay_time_true"], rel=2e-3, abs=1e-3)
    charm = np.sign(p["pdg"][daughter][np.abs(p["pdg"][daughter]) == 431])
    assert (charm == -c["flavour_decayed"][np.abs(p["pdg"][daughter]) == 431]).all()


def test_events_of_one_parton_event_share_its_number_and_place_and_no_other_does(signal):
    c = signal.columns
    numbers, counts = np.unique(c["underlying_event"], return_counts=True)
    assert len(numbers) > 5
    assert counts.max() > 5  # hadronised and decayed again
    for number in numbers:
        assert len(np.unique(c["pv_z"][c["underlying_event"] == number])) == 1
    others = [generate_lhc_block("bs_dspi", 3, 1, 60), generate_lhc_block("bs_dspi", 4, 0, 60)]
    others.append(generate_lhc_block("lhcb_bbbar", 3, 0, 60))
    for other in others:
        assert not set(numbers) & set(other.columns["underlying_event"])


def test_generic_events_have_no_forced_decay_and_about_one_b_hadron_forwards():
    events = generate_lhc_block("lhcb_bbbar", 5, 0, 200)
    assert (events.columns["signal"] == -1).all()
    assert (events.columns["decay_mode"] == -1).all()
    assert 0.7 < events.columns["beauty"].mean() < 1.7
    once = generate_lhc_block("lhcb_bbbar", 5, 0, 40, LhcConfig(rehadronisations=1))
    assert len(np.unique(once.columns["underlying_event"])) > 20


def test_an_unknown_sample_is_answered_with_the_known_ones():
    with pytest.raises(InputError, match=f"'zbb'.*{', '.join(SAMPLES)}"):
        generate_lhc("zbb", 1, seed=1)
    with pytest.raises(InputError, match="0 events in a block"):
        generate_lhc_block("bs_dspi", 1, 0, 0)
