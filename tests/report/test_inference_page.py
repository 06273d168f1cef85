import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.evaluate.goodness_of_fit import GoodnessOfFit
from hepsets.evaluate.inference_summary import Inference
from hepsets.report.inference_page import write_inference_page


def inference(**changes) -> Inference:
    points = np.linspace(-2, 1, 301)
    values = {
        "delta_c9": -0.8,
        "interval68": (-0.9, -0.7),
        "interval95": (-1.0, -0.6),
        "simulation_se": 0.01,
        "theory": {"form factors": 0.16, "subleading": 0.24, "total": 0.29},
        "events": 7990,
        "events_given": 8000,
        "background_fraction": 0.5,
        "curve_delta_c9": points,
        "curve_log_likelihood": -0.5 * ((points + 0.8) / 0.1) ** 2,
        "goodness_of_fit": GoodnessOfFit(
            99.0, 63, 0.0025, np.array([100, 130]), np.array([105.0, 105.0]), "chi ≥ 1", 2.4
        ),
        "level": "background",
        "window": "0-20",
        "warnings": ("Ten events are left out.", "The events are <few>."),
    }
    return Inference(**values | changes)


def test_the_page_has_the_result_its_limits_and_the_warnings(tmp_path):
    path = tmp_path / "page.html"
    write_inference_page(path, inference(), {"events": "mine.parquet"})
    shown = " ".join(path.read_text().split())
    for text in (
        "−0.80 ± 0.10",
        "± 0.29",
        "mine.parquet",
        "There are 2 warnings",
        "Ten events are left out.",
        "The events are &lt;few&gt;.",
        "chi ≥ 1, with a pull of +2.4; 1 cells",
        "theory: form factors",
        "<svg",
    ):
        assert text in shown, text
    assert "http" not in path.read_text().replace("http://www.w3.org", "")


def test_a_page_of_few_events_at_a_limit_of_the_model(tmp_path):
    path = tmp_path / "page.html"
    few = inference(
        goodness_of_fit=None, background_fraction=None, warnings=(), interval68=(-2.0, 1.0), events=3
    )
    write_inference_page(path, few, {})
    assert "p of the fit" not in path.read_text()
    with pytest.raises(InputError, match="no folder"):
        write_inference_page(tmp_path / "no" / "page.html", few, {})
