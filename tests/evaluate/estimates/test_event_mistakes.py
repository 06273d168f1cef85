"""Each mistake, made in three simulated events."""

import numpy as np
import pytest

from hepsets.core.event_frame import EventFrame
from hepsets.evaluate.estimates.agreement import Test as Comparison
from hepsets.evaluate.estimates.event_mistakes import (
    DISTORTIONS,
    MIRRORS,
    Mistake,
    only_between,
    parts_left_out,
    together,
    unit_of_q_squared,
    windows_within,
)
from hepsets.evaluate.estimates.reference_events import ReferenceEvents
from hepsets.generate.kstmumu.density import WINDOWS

Q2, MU, KAON, CHI = np.array(
    [[4.0, 9, 16], [0.5, -0.25, -1], [0.75, 0.125, -0.5], [1.0, -2, 3]], dtype=np.float32
)


def three():
    columns = {"q_squared": Q2, "costheta_mu": MU, "costheta_K": KAON, "chi": CHI}
    return ReferenceEvents(EventFrame(columns), np.ones((4, 3)))


MADE = {
    "cosθ_ℓ has the other sign": {"costheta_mu": -MU},
    "cosθ_K has the other sign, or chi is turned by π": {"costheta_K": -KAON},
    "both cosθ_ℓ and cosθ_K have the other sign": {"costheta_mu": -MU, "costheta_K": -KAON},
    "cosθ_ℓ and cosθ_K are swapped": {"costheta_mu": KAON, "costheta_K": MU},
    "chi is in units of π": {"chi": CHI / np.pi},
    "chi is in turns": {"chi": CHI / (2 * np.pi)},
    "chi is given without its sign": {"chi": np.abs(CHI)},
    "cosθ_ℓ is given without its sign": {"costheta_mu": np.abs(MU)},
    "cosθ_K is given without its sign": {"costheta_K": np.abs(KAON)},
    "q_squared is the mass of the muon pair": {"q_squared": np.sqrt(Q2)},
}


@pytest.mark.parametrize("name", MADE)
def test_a_mistake_changes_its_columns_and_no_others(name):
    (mistake,) = (one for one in (*MIRRORS, *DISTORTIONS) if one.name == name)
    made, true = mistake.make(three()), three()
    for column in true.frame.columns:
        assert made.frame[column] == pytest.approx(MADE[name].get(column, true.frame[column])), column
    assert mistake.fitted == 0


def test_unflipped_angles_are_those_of_both_mesons():
    (mistake,) = (one for one in MIRRORS if "CP-flipped" in one.name)
    made = mistake.make(three())
    assert made.frame["costheta_mu"].tolist() == [*MU, *-MU]
    assert made.frame["costheta_K"].tolist() == [*KAON, *KAON]
    assert (made.shares == 0.5).all()


@pytest.mark.parametrize(
    ("q_squared", "said"),
    [
        ([4e6, 9e6, 16e6], "divide by 10⁶: taken as in MeV², 100 % of the events lie in the window"),
        ([2e3, 3e3, 4e3], "divide by 1000 and square: taken as a mass in MeV, 100 % of"),
        ([2e3, 3e3, 1e5], "divide by 1000 and square: taken as a mass in MeV, 67 % of"),
        ([2e3, 1e5], "check the units"),
        ([-4e6, -9e6], "check the units"),
        ([1.0, 1.0], "check the units"),
    ],
)
def test_the_unit_that_brings_most_events_into_the_window_is_named(q_squared, said):
    assert unit_of_q_squared(np.array(q_squared), WINDOWS["1-19"]).startswith(said)


def test_windows_that_hold_all_events_may_have_been_cut():
    found = windows_within("0-20", WINDOWS, np.array([4.0, 5.0]))
    names = [name for name, window in WINDOWS.items() if window.contains(np.array([4.0, 5.0])).all()]
    assert [one.name for one in found] == [
        f"the events are those of the window {n}" for n in names if n != "0-20"
    ]
    assert windows_within("1-19", WINDOWS, np.array([0.5, 5.0]))[0].name.endswith("window 0-20")
    (cut,) = (one for one in found if one.name.endswith("window 1-19"))
    wide = three().changed(q_squared=lambda _: np.array([0.5, 9, 16], dtype=np.float32))
    kept = WINDOWS["1-19"].contains(wide.frame["q_squared"])
    assert 0 < kept.sum() < 3
    assert cut.make(wide).frame["q_squared"].tolist() == wide.frame["q_squared"][kept].tolist()
    assert cut.remedy == "take a model of that window: --window 1-19"


def test_runs_without_events_are_cut_one_by_one_and_together():
    tests = (
        Comparison(1e-9, "no event has q_squared from 8 to 10, 5 expected", "q_squared", (8.0, 10.0)),
        Comparison(1e-5, "no event has costheta_K below -0.5, 3 expected", "costheta_K", (-np.inf, -0.25)),
        Comparison(1e-3, "no event has chi above 2, 3 expected", "chi", (2.0, np.inf)),
        Comparison(1e-9, "70 % of the events have chi up to 1, 40 % expected", "chi"),
    )
    found = parts_left_out(tests)
    said = ["q_squared from 8 to 10", "costheta_K below -0.5"]
    said.append(" and ".join(said))
    assert [one.name for one in found] == [f"events are left out with {what}" for what in said]
    assert [one.make(three()).frame["q_squared"].tolist() for one in found] == [[4, 16], [4, 9], [4]]
    assert [one.fitted for one in found] == [2, 2, 4]
    assert len(parts_left_out(tests[:1])) == 1
    assert parts_left_out(tests[2:]) == []
    ends = (Comparison(1e-9, "no event has q_squared from 4 to 9, 5 expected", "q_squared", (4.0, 9.0)),)
    assert len(parts_left_out(ends)[0].make(three())) == 3  # events at the ends were there


def test_only_the_covered_part_of_q_squared_is_left():
    found = only_between(np.array([12.0, 4.0, 9.0]))
    assert found.name == "only q² from 4 to 12 GeV² is covered"
    assert found.fitted == 2
    assert found.make(three()).frame["q_squared"].tolist() == [4, 9]
    assert only_between(np.array([9.0, 16.0])).make(three()).frame["q_squared"].tolist() == [9, 16]


def test_two_mistakes_are_made_one_after_the_other():
    half = Mistake("half", "twice", lambda e: e.changed(chi=lambda chi: chi / 2), fitted=1)
    shift = Mistake("shift", "back", lambda e: e.changed(chi=lambda chi: chi + 1), fitted=2)
    both = together(half, shift)
    assert (both.name, both.remedy, both.fitted) == ("half, and shift", "twice; back", 3)
    assert both.make(three()).frame["chi"].tolist() == [1.5, 0, 2.5]
