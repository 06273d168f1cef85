import json

import numpy as np
import pytest
from helpers.inferences import inference

from hepsets.evaluate.estimates.event_verdict import Cause, Verdict
from hepsets.evaluate.estimates.summary import HALF_CHI2_95, Limit, interval, intervals_of
from hepsets.learn.data_sets.quadratic_likelihood import DeltaC9Fit


def test_lines_hold_every_number_and_end_with_the_warnings():
    assert inference().lines() == [
        "The events look like the model: yes (p = 0.31)",
        "ΔC9 = −0.800  +0.100 −0.100  (68 %: −0.900 to −0.700; 95 %: −0.996 to −0.604)",
        "besides: simulation ± 0.012, theory about ± 0.29 (form factors 0.16, subleading 0.24)",
        "events: 7990 of 8000, 52.3 % of them background",
        "goodness of fit: χ² = 70.0 for 63 cells, p = 0.25",
        "model: morphing, background level, q² window 0-20",
        "warning: Ten events are left out.",
    ]
    plain = inference(background_fraction=None, goodness_of_fit=None, warnings=(), delta_c9=-0.0001).lines()
    assert plain[1].startswith("ΔC9 = 0.000")
    assert plain[3:5] == ["events: 7990 of 8000", "goodness of fit: none"]
    assert len(plain) == 6


def test_at_the_edge_of_the_model_there_is_a_limit_and_no_interval():
    at_edge = inference(delta_c9=2.0, interval68=None, interval95=None, limit95=Limit("at least", 1.89))
    assert at_edge.lines()[1] == (
        "ΔC9 at least 1.890 (95 %); the likelihood rises to the limit of the model, 2.000"
    )
    record = json.loads(json.dumps(at_edge.record()))
    assert record["limit95"] == {"side": "at least", "value": 1.89}
    assert (record["interval68"], record["interval95"]) == (None, None)
    one_side = inference(interval95=(None, -0.6))
    assert "95 %: below −0.600" in one_side.lines()[1]
    assert json.loads(json.dumps(one_side.record()))["interval95"] == [None, -0.6]


def test_a_fit_at_a_limit_of_the_model_has_a_one_sided_limit():
    points = np.linspace(-3, 2, 2001)
    # a parabola whose top lies one beyond: (1 + x)² − 1 = 2.706 · 0.3²
    reach = np.sqrt(1 + 2.7055 * 0.3**2) - 1
    for centre, side, value in ((3.0, "at least", 2.0 - reach), (-4.0, "at most", -3 + reach)):
        curve = -0.5 * ((points - centre) / 0.3) ** 2
        top = int(np.argmax(curve))
        fit = DeltaC9Fit(
            points[top], points[top] - 0.1, points[top], np.nan, 8, points, curve - curve[top], at_limit=True
        )
        found = intervals_of(fit, (-3.0, 2.0))
        assert (found["interval68"], found["interval95"]) == (None, None)
        assert (found["limit95"].side, found["limit95"].value) == (side, pytest.approx(value, abs=2e-3))


def test_a_verdict_stands_first_and_what_explains_it():
    cause = Cause("chi is in units of π", "multiply chi by π", 0.4, -0.1)
    bad = inference(verdict=Verdict("no", 1e-20, ("p < 1e-15",), (cause,), 14))
    assert bad.lines()[:3] == [
        "The events do NOT look like the model: p < 1e-15",
        "likely cause: chi is in units of π (p = 0.4): multiply chi by π",
        "not to be used: ΔC9 = −0.800  +0.100 −0.100  (68 %: −0.900 to −0.700; 95 %: −0.996 to −0.604)",
    ]
    record = bad.record()
    assert (record["verdict"], record["causes"][0]["remedy"], record["causes_tried"]) == (
        "no",
        "multiply chi by π",
        14,
    )


def test_the_record_is_json_with_null_for_what_is_not_known():
    record = json.loads(json.dumps(inference().record(), allow_nan=False))
    assert record["goodness_of_fit"]["worst_cell"] == "q_squared < 6"
    assert record["interval95"] == [-0.996, -0.604]
    without = inference(background_fraction=None, goodness_of_fit=None).record()
    assert without["background_fraction"] is None
    assert without["goodness_of_fit"] is None


def test_the_curve_is_written_whole(tmp_path):
    path = tmp_path / "curve.csv"
    found = inference()
    found.write_curve(path)
    assert path.read_text().startswith("delta_c9,log_likelihood\n")
    rows = np.loadtxt(path, delimiter=",", skiprows=1)
    np.testing.assert_allclose(rows[:, 0], found.curve_delta_c9, atol=1e-6)
    np.testing.assert_allclose(rows[:, 1], found.curve_log_likelihood, atol=1e-6)


def test_intervals_of_a_parabola_are_its_standard_deviations():
    found = inference()
    for fall, width in ((0.5, 0.1), (HALF_CHI2_95, 0.196)):
        low, high = interval(found.curve_delta_c9, found.curve_log_likelihood, fall)
        assert (low, high) == (pytest.approx(-0.8 - width, abs=2e-4), pytest.approx(-0.8 + width, abs=2e-4))


def test_intervals_end_where_the_curve_does_and_at_the_first_crossing():
    points = np.linspace(-1, 0.2, 601)
    assert interval(points, -2 * points**2, 0.5) == (pytest.approx(-0.5, abs=1e-3), 0.2)
    points = np.linspace(-1, 3, 801)
    hills = np.maximum(-20 * points**2, -0.2 - 20 * (points - 2) ** 2)  # a second hill, a little lower
    assert interval(points, hills, 0.5)[1] == pytest.approx(np.sqrt(0.5 / 20), abs=1e-3)


def test_the_record_has_these_names():
    cause = Cause("chi is in units of π", "multiply chi by π", 0.4, -0.1)
    found = inference(
        verdict=Verdict("no", 1e-20, ("p < 1e-15",), (cause,), 14), limit95=Limit("at least", 1.5)
    )
    assert found.record() == {
        "schema": "hepsets-delta-c9-result-2",
        "analysis": "delta-c9",
        "verdict": "no",
        "verdict_p_value": 1e-20,
        "reasons": ["p < 1e-15"],
        "causes": [
            {"name": "chi is in units of π", "remedy": "multiply chi by π", "p_value": 0.4, "delta_c9": -0.1}
        ],
        "causes_tried": 14,
        "flat_background": None,
        "level": "background",
        "window": "0-20",
        "delta_c9": -0.8,
        "interval68": [-0.9, -0.7],
        "interval95": [-0.996, -0.604],
        "limit95": {"side": "at least", "value": 1.5},
        "simulation_se": 0.012,
        "theory": {"form factors": 0.16, "subleading": 0.24, "total": 0.29},
        "events": 7990,
        "events_given": 8000,
        "background_fraction": 0.523,
        "goodness_of_fit": {
            "chi2": 70.0,
            "ndof": 63,
            "p_value": 0.25,
            "worst_cell": "q_squared < 6",
            "worst_pull": 0.5,
        },
        "warnings": ["Ten events are left out."],
    }


@pytest.mark.parametrize(
    ("ends68", "ends95", "said"),
    [
        ((-0.9, None), (None, None), "(68 %: above −0.900; 95 %: all that the model knows)"),
        ((None, -0.7), (0.0, None), "(68 %: below −0.700; 95 %: above 0.000)"),
    ],
)
def test_errors_are_left_out_where_an_end_is_not_known(ends68, ends95, said):
    assert inference(interval68=ends68, interval95=ends95).estimate() == f"ΔC9 = −0.800  {said}"


def normal_fit(centre, low, high):
    points = np.linspace(-3, 2, 2001)
    curve = -0.5 * ((points - centre) / 0.3) ** 2
    return DeltaC9Fit(centre, low, high, np.nan, 8, points, curve, at_limit=False)


@pytest.mark.parametrize(
    ("centre", "low", "high", "ends68", "ends95"),
    [
        (0.0, -0.3, 0.3, (-0.3, 0.3), (-0.588, 0.588)),
        (0.0, -0.9, 0.9, (-0.9, 0.9), (-0.9, 0.9)),
        (1.9, 1.6, 2.0, (1.6, None), (1.312, None)),
        (-2.9, -2.9995, -2.6, (None, -2.6), (None, -2.312)),
        (1.5, 1.2, 1.9985, (1.2, 1.9985), (0.912, None)),
    ],
)
def test_intervals_have_no_end_where_the_model_ends(centre, low, high, ends68, ends95):
    found = intervals_of(normal_fit(centre, low, high), (-3.0, 2.0))
    assert set(found) == {"interval68", "interval95", "limit95"}
    assert found["limit95"] is None
    for ends, expected in ((found["interval68"], ends68), (found["interval95"], ends95)):
        for end, value in zip(ends, expected, strict=True):
            assert end is None if value is None else end == pytest.approx(value, abs=1e-3)


def test_ends_lie_between_the_points_of_a_coarse_curve():
    points, values = np.arange(-1.0, 4), np.array([-10.0, -4, 0, -1, -9])
    assert interval(points, values, 2.0) == (0.5, 2.125)
