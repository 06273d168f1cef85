"""Whether events look like the model's: good ones do, bad ones do not and are told why, few cannot tell."""

import re
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from hepsets.core.event_frame import EventFrame
from hepsets.evaluate.estimates import event_verdict
from hepsets.evaluate.estimates.agreement import Agreement, CellFit
from hepsets.evaluate.estimates.agreement import Test as Comparison
from hepsets.evaluate.estimates.event_mistakes import Mistake
from hepsets.evaluate.estimates.event_verdict import (
    EXCLUDED,
    FALSE_ALARM,
    LIKELIER,
    MENDED,
    Cause,
    Judge,
    Verdict,
)
from hepsets.evaluate.estimates.flat_background import FlatShare
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


class Told(Judge):
    """A judge who is told what the comparison and the likelihoods say."""

    def told(self, p_value, *gains, tests=(), flat=None):
        fit = CellFit(0.0, 0.0, 0.0)
        object.__setattr__(self, "flat", flat)
        object.__setattr__(
            self, "said", (Agreement(p_value, tests, fit), dict(zip("abc", gains, strict=False)))
        )
        return self

    def _compare(self, frame, reference):
        assert FOLDED_CHI in frame
        assert reference is self.reference
        return self.said[0]

    def _gains(self, frame):
        assert FOLDED_CHI in frame
        return self.said[1]

    def _flat(self, frame, agreement):
        assert agreement is self.said[0]
        return self.flat

    def _causes(self, frame, agreement):
        assert FOLDED_CHI in frame
        assert agreement is self.said[0]
        return (Cause("chi", "turn it", 0.5, 0.25),), 7


def of(number):
    return EventFrame({"chi": np.linspace(-1, 1, number)})


def test_the_answer_follows_from_the_p_value_and_the_mistakes_that_are_not_excluded():
    told = Told("simulated", None, (), "0-20", (-3, 2)).told
    out, just = -EXCLUDED - 0.01, -EXCLUDED + 0.01
    assert told(0.25, out, out).verdict(of(100)) == Verdict("yes", 0.25, ())
    assert told(1e-3, out).verdict(of(100)).answer == "yes"
    few = told(0.25, out).verdict(of(99))
    assert few == Verdict(
        "cannot tell", 0.25, ("99 events do not exclude that a part of the variables is left out",)
    )
    unsure = told(0.25, just, out, LIKELIER - 0.01).verdict(of(5000))
    assert unsure == Verdict("cannot tell", 0.25, ("5000 events do not exclude that a; or that c",))
    assert told(1e-9, out).verdict(of(9)) == Verdict("cannot tell", 1e-9, ("9 events are too few",))
    assert told(1e-9, out, tests=(Comparison(1e-9, "odd"),)).verdict(of(10)).answer == "no"
    likely = told(0.25, LIKELIER + 2, LIKELIER + 0.3, out).verdict(of(50))
    assert likely.reasons == ("they are e^13 times as likely if a",)
    assert (likely.answer, likely.p_value, likely.tried) == ("no", 0.25, 7)
    assert [cause.name for cause in likely.causes] == ["chi"]


def flat(p_value=0.4, log_gain=0.1, upper95=0.24):
    return FlatShare(0.12, upper95, -0.6, p_value, log_gain, -0.9)


def test_flat_background_is_judged_by_its_likelihood_ratio():
    told = Told("simulated", None, (), "0-20", (-3, 2)).told
    out = -EXCLUDED - 0.01
    assert told(0.25, out, flat=flat()).verdict(of(100)) == Verdict("yes", 0.25, (), flat=flat())
    better = flat(p_value=FALSE_ALARM / 2, log_gain=6.0)
    unsure = told(0.25, out, flat=better).verdict(of(500))
    assert (unsure.answer, unsure.flat) == ("cannot tell", better)
    assert unsure.reasons[0].startswith(
        "500 events do not exclude that 12 % of them are background that is flat in the angles"
    )
    sure = flat(p_value=1e-6, log_gain=LIKELIER + 1)
    found = told(0.25, out, flat=sure).verdict(of(500))
    assert (found.answer, found.tried, found.flat) == ("no", 7, sure)
    assert found.reasons == (
        "they are e^12 times as likely if 12 % of them are background that is flat in the angles",
    )
    # events that the tests refuse are not asked
    assert told(1e-9, tests=(Comparison(1e-9, "odd"),), flat=sure).verdict(of(50)).flat is None


def test_a_yes_does_not_stand_alone_where_flat_background_is_not_excluded():
    line = Verdict("yes", 0.45, (), flat=flat()).lines()
    assert line == [
        "The events look like the model: yes, but (p = 0.45): up to 24 % of background that is flat in the "
        "angles cannot be excluded (95 %); it would move ΔC9 by up to −0.6; if the sample is not free of it, "
        "subtract it or take a model among background (--level background)"
    ]
    assert Verdict("yes", 0.45, (), flat=flat(upper95=0.09)).lines() == [
        "The events look like the model: yes (p = 0.45)"
    ]
    unsure = Verdict("cannot tell", 0.45, ("few",), flat=flat()).lines()
    assert unsure[1].startswith("besides, up to 24 % of background")
    assert Verdict("no", 1e-9, ("odd",), flat=flat()).not_excluded is None


def test_a_p_value_below_5_per_cent_is_a_warning_unless_the_answer_is_no():
    assert Verdict("yes", 0.05, (), flat=flat(p_value=0.05)).warnings() == []
    assert Verdict("yes", 0.02, (), flat=flat(p_value=0.01)).warnings() == [
        "One good data set in 50 looks as unlike the model as these events do (p = 0.02).",
        "12 % of background that is flat in the angles fits better than none (p = 0.01); ΔC9 would be about "
        "−0.90 then.",
    ]
    assert Verdict("no", 1e-9, (), flat=flat(p_value=1e-9)).warnings() == []


def with_background(signal, background, seed):
    """Decays at ΔC9 = −0.8 with background that is flat in the angles and falls in q²."""
    rng = np.random.default_rng(seed)
    q_squared = rng.exponential(5.0, 10 * background)
    q_squared = q_squared[WINDOWS["0-20"].contains(q_squared) & (q_squared > 0.1) & (q_squared < 19)]
    flat = {
        "q_squared": q_squared[:background],
        "costheta_mu": rng.uniform(-1, 1, background),
        "costheta_K": rng.uniform(-1, 1, background),
        "chi": rng.uniform(-np.pi, np.pi, background),
    }
    decays = sample_decays(signal, -0.8, seed)
    return EventFrame({name: np.r_[decays[name], flat[name]].astype(np.float32) for name in VARIABLES})


def test_a_fifth_of_flat_background_never_gets_a_plain_yes_and_many_events_name_it():
    for seed in range(6):
        few = judge().verdict(with_background(400, 100, seed))
        assert few.answer != "yes" or (few.not_excluded and few.flat.upper95 > 0.2), few
    found = judge().verdict(with_background(1600, 400, 3))
    assert found.answer == "no"
    assert "background that is flat in the angles" in found.causes[0].name
    assert found.causes[0].delta_c9 == pytest.approx(-0.8, abs=0.4)


def test_a_small_p_value_is_explained_by_the_longest_empty_range_and_the_most_striking_test():
    told = Told("simulated", None, (), "0-20", (-3, 2)).told
    tests = (
        Comparison(1e-9, "cells"),
        Comparison(1e-8, "an empty range", "chi", (0.0, 1.0)),
        Comparison(1e-7, "another", "chi", (1.0, 2.0)),
        Comparison(0.5, "a normal one", "chi", (2.0, 3.0)),
    )
    assert told(4e-9, tests=tests).verdict(of(50)).reasons == ("p = 4e-09", "an empty range", "cells")
    assert told(4e-9, tests=tests[1:2]).verdict(of(50)).reasons == ("p = 4e-09", "an empty range")
    assert told(1e-20, tests=(tests[0], tests[3])).verdict(of(50)).reasons == ("p < 1e-15", "cells")
    # 3e-4 is not striking among four
    weak = (tests[0], Comparison(3e-4, "an empty range", "chi", (0.0, 1.0)), *tests[2:])
    assert told(4e-9, tests=(weak[0], weak[1], weak[3], weak[3])).verdict(of(50)).reasons == (
        "p = 4e-09",
        "cells",
    )


def test_a_verdict_is_a_few_lines():
    assert Verdict("yes", 0.312, ()).lines() == ["The events look like the model: yes (p = 0.31)"]
    unsure = Verdict("cannot tell", 0.3, ("few", "odd")).lines()
    assert unsure == ["Do the events look like the model: cannot tell (few; odd)"]
    unknown = Verdict("no", 1e-9, ("p = 1e-09", "odd"), (), 12).lines()
    assert unknown == [
        "The events do NOT look like the model: p = 1e-09; odd",
        "cause: not known; none of 12 mistakes that were tried explains them",
    ]
    causes = tuple(Cause(name, "mend it", 0.256, 0.0) for name in "abcd")
    assert Verdict("no", 1e-9, ("odd",), causes, 12).lines() == [
        "The events do NOT look like the model: odd",
        *(f"likely cause: {name} (p = 0.26): mend it" for name in "abc"),
        "(12 causes were tried; 4 explain the events)",
    ]
    assert len(Verdict("no", 1e-9, ("odd",), causes[:1], 12).lines()) == 2
    assert Verdict("no", 1e-9, ("odd",), causes[:2], 12).lines()[-1].startswith("(12 causes were tried; 2")


def small_judge(chi, cosine):
    """Of simulated events with these angles, in the two halves of cosθ_K, and nothing known of ΔC9."""
    n = len(chi)
    frame = EventFrame(
        {
            "q_squared": np.full(n, 4.0, dtype=np.float32),
            "costheta_mu": np.zeros(n, dtype=np.float32),
            "costheta_K": np.asarray(cosine, dtype=np.float32),
            "chi": np.asarray(chi, dtype=np.float32),
        }
    )
    nothing = np.zeros(2)
    cells = CellModel(("costheta_K",), np.array([0.0]), np.zeros((3, 2)), nothing, nothing, nothing)
    shares = np.stack([np.ones(n), *np.zeros((3, n))])
    reference = ReferenceEvents(frame, shares).with_folded_chi()
    return Judge(reference, cells, ("costheta_K",), "0-20", (-3.0, 2.0))


def test_the_gain_of_a_mistake_is_its_likelihood_ratio_in_all_cells_less_what_simulation_fluctuates():
    """Three of four simulated events have a positive cosine, as have 5 of 20 events."""
    simulated = small_judge(np.zeros(400), np.repeat([0.5, 0.5, 0.5, -0.5], 100))
    events = simulated.reference.frame[np.r_[0:5, 300:315]]
    gains = simulated._gains(events)
    both = 10 * np.log(3) * 400 / 420
    signs = [name for name, gain in gains.items() if gain == pytest.approx(both, abs=1e-6)]
    assert [name[:7] for name in signs] == ["cosθ_K ", "both co"]
    assert gains["cosθ_ℓ has the other sign"] == pytest.approx(0)
    assert len(gains) == 5
    alone = simulated._gains(simulated.reference.frame[300:])
    assert sorted(alone.values())[-1] == pytest.approx(100 * np.log(3) * 400 / 500, abs=1e-6)


def test_mistakes_explain_the_events_in_the_order_of_their_likelihood_less_what_they_fit(monkeypatch):
    monkeypatch.setattr(event_verdict, "LEAST_REFERENCE", 0)
    simulated = small_judge(np.zeros(400), np.linspace(-0.5, 1.5, 400))
    events = simulated.reference.frame[::10].with_columns(costheta_K=np.linspace(-1, 1, 40))

    def shifted(by, fitted=0):
        return Mistake(
            f"{by} {fitted}", "back", lambda e: e.changed(costheta_K=lambda c: c - np.float32(by)), fitted
        )

    few = Mistake("few", "more", lambda e: shifted(0.5).make(e).where(np.arange(len(e)) < 99))
    enough = Mistake(
        "enough",
        "more",
        lambda e: shifted(0.5).make(e).where(np.arange(400) % (1 + 3 * (np.arange(400) < 385)) == 0),
    )
    far = Mistake("far", "back", shifted(-1.0).make)
    found = simulated._explaining(events, [shifted(0.5, 2), far, few, enough, shifted(0.5)])
    # the fitted two cost e⁶, more than a ratio of 20
    assert [cause.name for cause in found] == ["0.5 0", "enough"]
    assert found[0].remedy == "back"
    assert found[0].p_value > 0.9
    assert -3 <= found[0].delta_c9 <= 2
    assert simulated._explaining(events, [shifted(0.5, 2)])[0].name == "0.5 2"
    assert simulated._explaining(events, [far]) == ()


def test_pairs_are_tried_where_no_single_mistake_explains_the_events(monkeypatch):
    simulated = small_judge(np.zeros(200), np.linspace(-1, 1, 200))
    asked = []

    def explaining(self, frame, mistakes, least=MENDED):
        assert len(frame) == 200
        assert least == (FALSE_ALARM if len(asked) % 2 == 0 else MENDED)
        asked.append([mistake.name for mistake in mistakes])
        return () if len(asked) == 1 else (Cause(mistakes[0].name, "", 1.0, 0.0),)

    monkeypatch.setattr(Judge, "_explaining", explaining)
    run = Comparison(1e-9, "no event has chi above 2, 9 expected", "chi", (2.0, np.inf))
    agreement = Agreement(1e-9, (run,), CellFit(0.0, 0.0, 0.0))
    frame = simulated.reference.frame.with_columns(q_squared=np.full(200, 0.5))
    causes, tried = simulated._causes(frame, agreement)
    single, pairs = asked
    parts = [name for name in single if "window" in name or "only" in name or "left out" in name]
    flat = [name for name in single if "flat in the angles" in name]
    assert len(flat) == 5
    assert len(single) == 11 + len(parts) + len(flat)
    assert "the events are those of the window 0-20" not in parts
    assert [part[:10] for part in parts[-2:]] == ["only q² fr", "events are"]
    assert len(pairs) == 11 * len(parts)
    assert tried == len(single) + len(pairs)
    assert causes[0].name == pairs[0] == f"cosθ_ℓ has the other sign, and {parts[0]}"
    assert simulated._causes(frame, agreement)[1] == len(single)


def test_a_single_mistake_that_is_hardly_believed_comes_before_pairs_but_not_before_a_good_one(monkeypatch):
    simulated = small_judge(np.zeros(400), np.linspace(-0.5, 1.5, 400))
    monkeypatch.setattr(event_verdict, "LEAST_REFERENCE", 0)
    doubtful, good = (Mistake(name, "", lambda e: e) for name in ("doubtful", "good"))
    agreement = Agreement(1e-9, (), CellFit(0.0, 0.0, 0.0))
    p_values = iter((0.004, 0.004, 0.004, 0.3))
    monkeypatch.setattr(Judge, "_compare", lambda *_: replace(agreement, p_value=next(p_values)))
    frame = simulated.reference.frame[::10]
    assert simulated._explaining(frame, [doubtful]) == ()
    assert [each.p_value for each in simulated._explaining(frame, [doubtful], FALSE_ALARM)] == [0.004]
    assert [each.name for each in simulated._explaining(frame, [doubtful, good], FALSE_ALARM)] == ["good"]


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
