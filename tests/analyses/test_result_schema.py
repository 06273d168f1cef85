"""The schema of ``result.json``, and that its check finds what is wrong."""

from __future__ import annotations

import pytest
from helpers.json_schema import problems, result_schema

RESULT = {
    "analysis": "delta-c9",
    "scale": "quick",
    "seed": 1,
    "config_sha256": "0" * 64,
    "versions": {"hepsets": "1"},
    "elapsed_s": 1.5,
    "metrics": {
        "results": [],
        "linearity": [],
        "bound": [
            {
                "level": "generator", "window": "0-20", "events": 8000, "delta_c9": 0.0,
                "sigma": 0.1, "sigma_attainable": 0.1,
            },
        ],
        "calibration": [],
        "q2_shift": [],
        "efficiency": {"value": 0.4, "se": 0.1},
    },
}  # fmt: skip


def test_a_result_is_valid():
    assert problems(RESULT, result_schema()) == []


def test_of_another_packages_analysis_the_metrics_are_its_own():
    assert problems(RESULT | {"analysis": "theirs", "metrics": {"theirs": [1]}}, result_schema()) == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"seed": -1}, ["$.seed is -1, below 0"]),
        ({"seed": 1.5}, ["$.seed is 1.5, not integer"]),
        ({"config_sha256": "x"}, ["$.config_sha256 is 'x', not like ^[0-9a-f]{64}$"]),
        ({"more": 1}, ["$.more is not known"]),
        ({"metrics": {**RESULT["metrics"], "bound": [{}]}}, 6),
        ({"metrics": {**RESULT["metrics"], "efficiency": 0.4}}, 1),
    ],
)
def test_what_is_wrong_is_named(wrong, said):
    found = problems(RESULT | wrong, result_schema())
    assert len(found) == said if isinstance(said, int) else found == said
