"""An inference of ΔC9 as a user would get it, with any of its parts changed."""

import numpy as np

from hepsets.evaluate.estimates.event_verdict import Verdict
from hepsets.evaluate.estimates.goodness_of_fit import GoodnessOfFit
from hepsets.evaluate.estimates.summary import Inference


def inference(**changes) -> Inference:
    points = np.linspace(-2, 1, 301)
    values = {
        "verdict": Verdict("yes", 0.31, ()),
        "limit95": None,
        "delta_c9": -0.8,
        "interval68": (-0.9, -0.7),
        "interval95": (-0.996, -0.604),
        "simulation_se": 0.012,
        "theory": {"form factors": 0.16, "subleading": 0.24, "total": 0.29},
        "events": 7990,
        "events_given": 8000,
        "background_fraction": 0.523,
        "curve_delta_c9": points,
        "curve_log_likelihood": -0.5 * ((points + 0.8) / 0.1) ** 2,
        "goodness_of_fit": GoodnessOfFit(
            70.0, 63, 0.25, np.array([100, 110]), np.array([105.0, 105.0]), "q_squared < 6", 0.5
        ),
        "level": "background",
        "window": "0-20",
        "warnings": ("Ten events are left out.",),
    }
    return Inference(**values | changes)
