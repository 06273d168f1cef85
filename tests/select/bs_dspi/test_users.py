"""Users' candidates get the columns that theirs imply, by our own formulas; what is lacking is told."""

import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.formats.lhcb_ntuple import CandidateTable
from hepsets.select.bs_dspi.candidates import AROUND, DAUGHTERS
from hepsets.select.bs_dspi.hypotheses import NON_RESONANT, masses_by_hypothesis
from hepsets.select.bs_dspi.users import users_candidates


def table(**columns):
    columns = {"bs_mass": np.array([5.3, 5.4, 5.5]), **columns}
    return CandidateTable(columns, {name: name for name in columns}, 3, {}, {"energy": "GeV"})


def test_momenta_of_all_tracks_give_the_masses_for_vetoes():
    rng = np.random.default_rng(1)
    momenta = rng.normal(0, 1, (3, 4, 3))
    momenta[..., 2] += 20
    columns = {
        f"{track}_p{axis}": momenta[:, k, place]
        for k, track in enumerate(DAUGHTERS)
        for place, axis in enumerate("xyz")
    }
    made = users_candidates(table(**columns), signal=False)
    for name, column in masses_by_hypothesis(momenta[:, :3], momenta[:, 3:]).items():
        assert np.array_equal(made.candidates.columns[name], column)
    assert not any("momenta" in note for note in made.notes)


def test_what_is_not_there_is_told_and_not_invented():
    made = users_candidates(table(), signal=False)
    c = made.candidates.columns
    assert (c["ds_mode"] == NON_RESONANT).all()
    assert "category" not in c
    assert (users_candidates(table(), signal=True).candidates.columns["category"] == 0).all()
    assert (c["weight"] == 1).all()
    assert "dplus_mass" not in c
    assert "decay_time" not in c
    assert len(made.notes) == 2
    assert "no vetoes" in made.notes[0]
    assert "several folds" in made.notes[1]
    assert set(made.candidates.particles) == set(AROUND)
    assert len(made.candidates) == 3


def test_flight_and_momentum_give_the_decay_time_and_components_the_momentum():
    pz = np.array([60.0, 90.0, 120.0])
    components = {"bs_px": np.full(3, 3.0), "bs_py": np.full(3, 4.0), "bs_pz": pz}
    made = users_candidates(table(bs_flight_distance=np.full(3, 1.0), **components), signal=False)
    c = made.candidates.columns
    assert c["bs_pt"] == pytest.approx(5)
    assert c["bs_p"] == pytest.approx(np.sqrt(25 + pz**2))
    assert c["decay_time"] == pytest.approx(c["bs_mass"] / c["bs_p"] / 0.0299792458)
    own = users_candidates(
        table(decay_time=np.ones(3), bs_flight_distance=np.ones(3), **components), signal=False
    )
    assert (own.candidates.columns["decay_time"] == 1).all()


def test_candidates_of_one_collision_are_one_family():
    numbers = {"run_number": np.array([1.0, 2.0, 2.0]), "event_number": np.array([7.0, 7.0, 7.0])}
    family = users_candidates(table(**numbers), signal=False).candidates.columns["underlying_event"]
    assert family[1] == family[2] != family[0]


def test_numbers_of_events_that_no_integer_holds_make_families_all_the_same(recwarn):
    made = users_candidates(table(event_number=np.array([1.8e19, 1.8e19, 1.7e19])), signal=False)
    assert made.candidates.columns["event_number"].tolist() == [1, 1, 0]
    assert not recwarn.list


def test_the_least_impact_parameter_is_that_of_all_tracks_or_of_none():
    columns = {f"{track}_ip_chi2": np.full(3, 10.0 + k) for k, track in enumerate(DAUGHTERS)}
    assert (users_candidates(table(**columns), signal=False).candidates.columns["min_ip_chi2"] == 10).all()
    del columns["kaon_os_ip_chi2"]
    assert "min_ip_chi2" not in users_candidates(table(**columns), signal=False).candidates.columns


def test_weights_that_differ_are_refused_and_not_forgotten():
    with pytest.raises(InputError, match=r"weights from 0\.5 to 2 in weight.*leave the column weight out"):
        users_candidates(table(weight=np.array([1.0, 0.5, 2.0])), signal=True)
    made = users_candidates(table(weight=np.full(3, 0.7)), signal=False)
    assert (made.candidates.columns["weight"] == 1).all()
    for one in (0.0, -1.0):
        with pytest.raises(InputError, match="weights from"):
            users_candidates(table(weight=np.full(3, one)), signal=False)
