"""Whether events look like the model's: good ones do, bad ones do not and are told why, few cannot tell."""

import re
from functools import lru_cache

import numpy as np
import pytest

from hepsets.core.event_frame import EventFrame
from hepsets.evaluate.estimates.event_verdict import Judge
from hepsets.evaluate.estimates.goodness_of_fit import CellModel
from hepsets.evaluate.estimates.reference_events import FOLDED_CHI, ReferenceEvents, with_folded_chi
from hepsets.generate.kstmumu.density import VARIABLES, WINDOWS
from hepsets.generate.kstmumu.sampler import sample_decays
from hepsets.learn.data_sets.truth_ratios import TruthRatios


@lru_cache(maxsize=1)
def judge() -> Judge:
    frame = EventFrame.concatenate(
        [sample_decays(10_000, value, 900 + k) for k, value in enumerate((-2.0, -1.2, -0.5, 0.2, 1.1))]
    )
    truth = TruthRatios.of(frame, WINDOWS["0-20"])
    cells = CellModel.of(with_folded_chi(frame), truth, variables=(*VARIABLES[:-1], FOLDED_CHI))
    reference = ReferenceEvents.of(frame, truth, VARIABLES, 1).with_folded_chi()
    return Judge(reference, cells, VARIABLES, "0-20", (-3.0, 2.0))


def decays(n, delta_c9, seed, change=lambda frame: frame):
    """So many decays after a mistake was made."""
    made = change(sample_decays(8 * n, delta_c9, seed))
    assert len(made) >= n
    return made[:n]


def negative(*names):
    return lambda frame: frame.with_columns(**{name: -frame[name] for name in names})


def column(name, function):
    return lambda frame: frame.with_columns(**{name: function(frame[name])})


def inside(window):
    return lambda frame: frame[WINDOWS[window].contains(frame["q_squared"])]


def between(low, high):
    return lambda frame: frame[(frame["q_squared"] > low) & (frame["q_squared"] < high)]


MISTAKES = {
    "cosθ_ℓ has the other sign": negative("costheta_mu"),
    "cosθ_K has the other sign": negative("costheta_K"),
    "both cosθ_ℓ and cosθ_K": negative("costheta_mu", "costheta_K"),
    "angles of B̄⁰ are not CP-flipped": lambda f: f.with_columns(
        costheta_mu=f["costheta_mu"] * np.where(f["flavour"] < 0, -1, 1)
    ),
    "swapped": lambda f: f.with_columns(costheta_mu=f["costheta_K"], costheta_K=f["costheta_mu"]),
    "chi is in units of π": column("chi", lambda chi: chi / np.pi),
    "chi is in turns": column("chi", lambda chi: chi / 2 / np.pi),
    "chi is given without its sign": column("chi", np.abs),
    "cosθ_ℓ is given without its sign": column("costheta_mu", np.abs),
    "cosθ_K is given without its sign": column("costheta_K", np.abs),
    "q_squared is the mass of the muon pair": column("q_squared", np.sqrt),
    "the window 1-19": inside("1-19"),
    "the window 0-20-nonresonant": inside("0-20-nonresonant"),
    "only q² from 1.1": between(1.1, 6.0),
    "events are left out with q_squared from": lambda f: f[(f["q_squared"] < 10) | (f["q_squared"] > 13)],
    "events are left out with costheta_K below": lambda f: f[f["costheta_K"] > -0.8],
}


@pytest.mark.parametrize("name", MISTAKES)
def test_every_mistake_is_found_out_and_named(name):
    for number, truth in enumerate((-1.5, 0.0)):
        found = judge().verdict(decays(1500, truth, 40 + number, MISTAKES[name]))
        assert found.answer == "no"
        assert any(name in cause.name for cause in found.causes[:2]), found
        assert all(cause.p_value >= 0.01 for cause in found.causes)
        assert found.tried >= 12
        assert found.lines()[0].startswith("The events do NOT look like the model")


@pytest.mark.parametrize("edge", [-0.8, -0.5])
def test_the_edge_of_what_is_left_out_is_named(edge):
    found = judge().verdict(decays(1500, 0.0, 40, lambda f: f[f["costheta_K"] > edge]))
    named = re.search(r"costheta_K below (-[\d.]+)", found.causes[0].name)
    assert named is not None
    assert float(named[1]) == pytest.approx(edge, abs=0.01)  # where the first event lies


def test_good_events_look_like_the_model_at_every_delta_c9_and_hardly_ever_otherwise():
    answers, p_values = [], []
    for number in range(80):
        n, truth = (60, 180, 700, 4000)[number % 4], (-1.5, -0.8, 0.0, 1.0)[number // 4 % 4]
        found = judge().verdict(sample_decays(n, truth, 6000 + number))
        answers.append((n, found.answer))
        p_values.append(found.p_value)
    assert not [answer for answer in answers if answer[1] == "no"]
    assert {answer for n, answer in answers if n >= 700} == {"yes"}
    assert np.mean(np.array(p_values) < 0.05) < 0.15


def test_few_events_cannot_tell_and_say_what_they_do_not_exclude():
    found = judge().verdict(sample_decays(20, 0.0, 1))
    assert found.answer == "cannot tell"
    assert "20 events do not exclude that the angles of B̄⁰ are not CP-flipped" in found.lines()[0]
    for seed in range(8):
        assert judge().verdict(sample_decays(40, -0.8, seed)).answer == "cannot tell"
    assert judge().verdict(sample_decays(3, 0.0, 1)).reasons == ("3 events are too few",)


def test_an_empty_part_of_q2_is_seen_in_180_events():
    for seed in range(5):
        found = judge().verdict(decays(180, 0.0, 70 + seed, between(1.1, 6.0)))
        assert found.answer == "no"
        assert found.p_value < 1e-9
        assert any("only q² from 1.1" in cause.name for cause in found.causes)


def test_two_mistakes_at_once_are_named_together():
    both = decays(1500, -0.8, 3, lambda f: between(1.1, 6.0)(MISTAKES["chi is in units of π"](f)))
    found = judge().verdict(both)
    assert found.answer == "no"
    assert any("chi is in units of π, and" in cause.name for cause in found.causes)


def test_what_no_mistake_explains_is_said_to_be_unknown():
    random = np.random.default_rng(1)
    noise = EventFrame(
        {
            "q_squared": random.uniform(4, 6, 3000),
            "costheta_mu": random.choice([-0.5, 0.5], 3000),
            "costheta_K": random.uniform(-1, 1, 3000),
            "chi": random.normal(0, 0.3, 3000),
        }
    )
    found = judge().verdict(noise)
    assert (found.answer, found.causes) == ("no", ())
    assert "not known; none of" in found.lines()[1]


def test_neither_order_nor_repetition_in_the_reference_matters():
    events = sample_decays(2000, -0.8, 12)
    shuffled = events[np.random.default_rng(2).permutation(2000)]
    assert judge().verdict(events) == judge().verdict(shuffled)


def test_the_reference_is_read_as_it_was_written(tmp_path):
    reference = judge().reference
    reference.save(tmp_path / "reference.safetensors")
    again = ReferenceEvents.load(tmp_path / "reference.safetensors")
    np.testing.assert_array_equal(again.shares, reference.shares)
    assert all((again.frame[name] == reference.frame[name]).all() for name in VARIABLES)
