import json

import numpy as np
import pytest
from inferences import inference

from hepsets.evaluate.inference_summary import HALF_CHI2_95, interval


def test_lines_hold_every_number_and_end_with_the_warnings():
    assert inference().lines() == [
        "ΔC9 = −0.800  +0.100 −0.100  (68 %: −0.900 to −0.700; 95 %: −0.996 to −0.604)",
        "besides: simulation ± 0.012, theory about ± 0.29 (form factors 0.16, subleading 0.24)",
        "events: 7990 of 8000, 52.3 % of them background",
        "goodness of fit: χ² = 70.0 for 63 cells, p = 0.25",
        "model: morphing, background level, q² window 0-20",
        "warning: Ten events are left out.",
    ]
    plain = inference(background_fraction=None, goodness_of_fit=None, warnings=(), delta_c9=-0.0001).lines()
    assert plain[0].startswith("ΔC9 = 0.000")
    assert plain[2:4] == ["events: 7990 of 8000", "goodness of fit: none"]
    assert len(plain) == 5


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
