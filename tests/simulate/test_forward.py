"""The forward spectrometer: acceptance, covariances that are those of what is drawn, one vertex per event."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.lhcb_tracks import fired, shot

from hepsets.core.errors import InputError
from hepsets.core.events import Events
from hepsets.simulate.forward import SEEN, see_lhc_events
from hepsets.simulate.lhcb import LHCB

N = 10_000


def test_a_track_depends_on_seed_event_number_and_trial_alone():
    events = shot(211, 20.0, 40)
    whole = see_lhc_events(events, seed=3, event_numbers=np.arange(40), detector=LHCB)
    part = see_lhc_events(events[10:20], seed=3, event_numbers=np.arange(10, 20), detector=LHCB)
    begin, end = whole.offsets[10], whole.offsets[20]
    assert all(
        np.array_equal(part.particles[name], whole.particles[name][begin:end]) for name in part.particles
    )
    again = see_lhc_events(events, seed=3, event_numbers=np.arange(40), trial=1, detector=LHCB)
    assert not np.array_equal(again.particles["d0"][:10], whole.particles["d0"][:10])
    assert set(whole.particles) == set(SEEN.names) - {"particle"}


@pytest.mark.parametrize(
    ("momentum", "pt", "place", "share"),
    [
        (20.0, 2.0, (0, 0, 0), 0.96),
        (20.0, 0.09, (0, 0, 0), 0.0),  # too small a p_T
        (1.5, 0.3, (0, 0, 0), 0.0),  # does not get through the magnet
        (20.0, 8.0, (0, 0, 0), 0.0),  # η = 1.5
        (150.0, 1.0, (0, 0, 0), 0.0),  # η = 5.7
        (20.0, 2.0, (0.1, 0, 5.0), 0.96),
        (20.0, 2.0, (3.0, 0, 5.0), 0.0),  # begins outside of the vertex detector
        (20.0, 2.0, (0, 0, 60.0), 0.0),
    ],
)
def test_tracks_are_found_where_the_detector_is(momentum, pt, place, share):
    seen = fired(211, momentum, 4000, detector=LHCB, pt=pt, place=place)
    assert seen.n_particles / len(seen) == pytest.approx(share, abs=0.012)


@pytest.mark.parametrize("place", [(0.0, 0.0, 0.0), (0.03, -0.05, 1.5)])
def test_track_parameters_have_the_covariance_that_they_say(place):
    seen = fired(211, 15.0, N, detector=LHCB, pt=1.2, place=place)
    p = seen.particles
    phi = np.arctan2(*(shot(211, 15.0, N, pt=1.2).particles[name] for name in ("py", "px")))
    phi = phi[seen.event_of_particle]
    slope = np.sqrt(15.0**2 - 1.2**2) / 1.2
    x, y, z = place
    true = {
        "d0": y * np.cos(phi) - x * np.sin(phi),
        "phi": phi,
        "z0": z - (x * np.cos(phi) + y * np.sin(phi)) * slope,
        "tan_lambda": slope,
    }
    off = {name: p[name] - value for name, value in true.items()}
    off["phi"] = np.remainder(off["phi"] + np.pi, 2 * np.pi) - np.pi
    for name, difference in off.items():
        pull = difference / np.sqrt(p[f"cov_{name}_{name}"])
        assert pull.std() == pytest.approx(1, abs=0.04)
        assert pull.mean() == pytest.approx(0, abs=0.05)
    for first, second in (("d0", "phi"), ("z0", "tan_lambda")):
        cov = (off[first] * off[second]).mean()
        assert cov == pytest.approx(p[f"cov_{first}_{second}"].mean(), rel=0.08)


def test_without_scattering_the_direction_is_exact_and_charges_are_right():
    still = replace(LHCB, tracker=replace(LHCB.tracker, impact_slope=0.0))
    seen = fired(-211, 20.0, 500, detector=still)
    truth = shot(-211, 20.0, 500)
    phi = np.arctan2(truth.particles["py"], truth.particles["px"])[seen.event_of_particle]
    assert seen.particles["phi"] == pytest.approx(phi, abs=1e-6)
    assert (seen.particles["charge"] == -1).all()
    assert (seen.particles["kind"] == 0).all()
    assert (fired(13, 20.0, 50, detector=still).particles["kind"] == 2).all()


def test_the_primary_vertex_has_pulls_of_width_one_and_more_tracks_make_it_better():
    one = shot(211, 20.0, 30)
    crowd = Events(
        one.particles
        | {"index": np.arange(30, dtype=np.int32), "mother_index": np.arange(30, dtype=np.int32)},
        np.array([0, 30]),
    )
    few = see_lhc_events(shot(211, 20.0, N), seed=1, event_numbers=np.arange(N), detector=LHCB)
    for axis, error in (("x", "primary_xy_err"), ("y", "primary_xy_err"), ("z", "primary_z_err")):
        pull = few.columns[f"primary_{axis}"] / few.columns[error]
        assert pull.std() == pytest.approx(1, abs=0.03)
    many = see_lhc_events(crowd, seed=1, event_numbers=np.array([0]), detector=LHCB)
    assert many.columns["primary_z_err"][0] == pytest.approx(71e-4 * np.sqrt(25 / 30))
    assert few.columns["primary_z_err"][0] == pytest.approx(71e-4 * np.sqrt(5))


def test_event_numbers_of_another_shape_are_refused():
    with pytest.raises(InputError, match=r"\(3,\).*\(5,\)"):
        see_lhc_events(shot(211, 20.0, 5), seed=1, event_numbers=np.arange(3), detector=LHCB)
