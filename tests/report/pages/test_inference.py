import re

import numpy as np
import pytest
from helpers.inferences import inference

from hepsets.core.errors import InputError
from hepsets.evaluate.estimates.event_verdict import Cause, Verdict
from hepsets.evaluate.estimates.flat_background import FlatShare
from hepsets.evaluate.estimates.goodness_of_fit import GoodnessOfFit
from hepsets.evaluate.estimates.summary import Limit
from hepsets.report.pages.inference import write_inference_page


def suspicious(**changes):
    """An inference whose events hardly look like the simulation."""
    values = {
        "interval95": (-1.0, -0.6),
        "simulation_se": 0.01,
        "background_fraction": 0.5,
        "goodness_of_fit": GoodnessOfFit(
            99.0, 63, 0.0025, np.array([100, 130]), np.array([105.0, 105.0]), "chi ≥ 1", 2.4
        ),
        "warnings": ("Ten events are left out.", "The events are <few>."),
    }
    return inference(**values | changes)


def test_the_page_has_the_result_its_limits_and_the_warnings(tmp_path):
    path = tmp_path / "page.html"
    write_inference_page(path, suspicious(), {"events": "mine.parquet"})
    shown = re.sub(r'<a class="term"[^>]*>([^<]*)</a>', r"\1", " ".join(path.read_text().split()))
    for text in (
        "−0.80 ± 0.10",
        "Yes: nothing in the tests below contradicts it.",
        "± 0.29",
        "mine.parquet",
        "There are 2 warnings",
        "Ten events are left out.",
        "The events are &lt;few&gt;.",
        "chi ≥ 1, with a pull of +2.4; 1 cell is off",
        "theory: form factors",
        "<svg",
    ):
        assert text in shown, text
    assert "http" not in path.read_text().replace("http://www.w3.org", "")


def test_a_page_says_how_much_flat_background_is_not_excluded(tmp_path):
    path = tmp_path / "page.html"
    flat = FlatShare(0.1, 0.24, -0.6, 0.2, 0.3, -0.7)
    write_inference_page(path, suspicious(verdict=Verdict("yes", 0.45, (), flat=flat)), {})
    shown = re.sub(r"<[^>]*>", "", " ".join(path.read_text().split()))
    assert "Yes, but up to 24 % of background that is flat in the angles cannot be excluded" in shown
    assert "Yes: nothing" not in shown
    write_inference_page(path, suspicious(verdict=Verdict("cannot tell", 0.45, ("few",), flat=flat)), {})
    assert "Besides, up to 24 % of background" in re.sub(r"<[^>]*>", "", path.read_text())


def test_a_page_of_few_events_at_a_limit_of_the_model(tmp_path):
    path = tmp_path / "page.html"
    few = suspicious(
        goodness_of_fit=None, background_fraction=None, warnings=(), interval68=(None, 1.0), events=3
    )
    write_inference_page(path, few, {})
    assert "p of the fit" not in path.read_text()
    edge = suspicious(interval68=None, interval95=None, limit95=Limit("at least", 1.89), delta_c9=2.0)
    write_inference_page(path, edge, {})
    assert "≥ 1.89" in path.read_text()
    with pytest.raises(InputError, match="no folder"):
        write_inference_page(tmp_path / "no" / "page.html", few, {})


def test_a_page_of_events_unlike_the_model_has_no_estimate_but_the_cause(tmp_path):
    cause = Cause("chi is in units of <π>", "multiply chi by π", 0.4, -0.1)
    path = tmp_path / "page.html"
    write_inference_page(path, suspicious(verdict=Verdict("no", 1e-20, ("p < 1e-15",), (cause,), 14)), {})
    shown = " ".join(path.read_text().split())
    assert "not to be used" in shown
    assert "chi is in units of &lt;π&gt;" in shown
    assert "14 causes were tried" in shown
    assert "−0.80 ± 0.10" not in shown
    write_inference_page(path, suspicious(verdict=Verdict("no", 1e-20, (), (), 40)), {})
    assert "None of 40 causes" in path.read_text()
    odd = Verdict("no", 1e-20, ("no event has chi above 1, 50 expected",), (), 40)
    write_inference_page(path, suspicious(verdict=odd), {})
    assert "50 expected. Cause: not known" in " ".join(path.read_text().split())
