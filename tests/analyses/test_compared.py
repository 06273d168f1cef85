"""Two runs beside each other."""

import json
import math

import pytest

from hepsets.analyses.compared import compare_runs
from hepsets.core.errors import InputError


def a_run(folder, config, **metrics):
    folder.mkdir()
    (folder / "config.toml").write_text(config)
    analysis = metrics.pop("analysis", "smart-background")
    (folder / "result.json").write_text(json.dumps({"analysis": analysis, "metrics": metrics}))
    return folder


def test_a_difference_has_the_error_of_independent_runs(tmp_path):
    model = {"name": "sweep", "auc": 0.90, "auc_se": 0.003, "loss": 0.5}
    one = a_run(
        tmp_path / "a", "seed = 1\n[fit]\nepochs = 3", models=[model], limit={"value": 4.0, "se": 0.3}
    )
    two = a_run(
        tmp_path / "b",
        "seed = 2\n[fit]\nepochs = 3",
        models=[{"name": "other", "auc": 0.5}, {**model, "auc": 0.91, "auc_se": 0.004}],
        limit={"value": 4.0, "se": 0.3},
    )
    found = compare_runs(one, two)
    assert found.settings == {"seed": (1, 2)}
    (auc,) = found.differences
    assert auc.metric == "models[sweep].auc"
    assert math.isclose(auc.difference.value, 0.01, rel_tol=1e-6)
    assert math.isclose(auc.difference.se, 0.005, rel_tol=1e-6)
    assert math.isclose(auc.sigmas, 2.0, rel_tol=1e-6)
    assert found.same == 2
    assert found.alone == ((), ("models[other].auc",))
    text = "\n".join(found.lines())
    assert "seed: 1 | 2" in text
    assert "0.0100 ± 0.0050  +2.0" in text


def test_runs_of_two_analyses_are_not_compared(tmp_path):
    one = a_run(tmp_path / "a", "", auc=1.0)
    two = a_run(tmp_path / "b", "", analysis="delta-c9", auc=1.0)
    with pytest.raises(InputError, match="two runs of one analysis"):
        compare_runs(one, two)
    with pytest.raises(InputError, match="finished run"):
        compare_runs(one, tmp_path / "none")
