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


@pytest.mark.parametrize("cut", [0.5, 0.6])
def test_a_rate_at_a_cut_of_each_run_has_no_sigma(tmp_path, cut):
    def model(threshold, rate):
        return {
            "name": "m",
            "threshold": threshold,
            "true_positive_rate": rate,
            "true_positive_rate_se": 0.01,
        }

    one = a_run(tmp_path / "a", "", models=[model(0.5, 0.3)])
    two = a_run(tmp_path / "b", "", models=[model(cut, 0.1)])
    found = compare_runs(one, two)
    (rate,) = found.headline()
    assert (rate.sigmas is None) == (cut != 0.5)
    assert ("cut: no σ" in "\n".join(found.lines())) == (cut != 0.5)


def test_bins_are_one_line_with_chi2_of_the_same_edges_alone(tmp_path):
    def study(edges, gains):
        return [{"name": "m", "edges": edges, "gain": gains, "gain_se": [0.3, 0.4], "passing": [5, 6]}]

    first = a_run(tmp_path / "a", "", bins=study([0, 1, 2], [1.0, 1.0]))
    same = compare_runs(first, a_run(tmp_path / "b", "", bins=study([0, 1, 2], [1.0, 1.0 + 0.4 * 8**0.5])))
    (gain,) = same.lists
    assert (gain.metric, gain.bins, same.differences) == ("bins[m].gain", 2, ())
    assert math.isclose(gain.chi2, 4.0, rel_tol=1e-6)
    other = compare_runs(first, a_run(tmp_path / "c", "", bins=study([0, 1, 3], [1.0, 2.0])))
    assert [each.bins for each in other.lists] == [0, 0]


def test_the_headline_names_a_model_once_and_leaves_studies_out(tmp_path):
    def metrics(auc, mean):
        model = {
            "name": "m",
            "auc": auc,
            "auc_se": 0.01,
            "auc_mean": mean,
            "auc_mean_se": 0.01,
            "events": auc,
        }
        part = {"gain": auc, "gain_se": 0.1}
        return {"models": [model], "studies": {"a": part}}

    once = compare_runs(
        a_run(tmp_path / "a", "", **metrics(0.5, 0.5)), a_run(tmp_path / "b", "", **metrics(0.6, 0.6))
    )
    assert [each.metric for each in once.headline()] == ["models[m].auc"]
    thrice = compare_runs(tmp_path / "a", a_run(tmp_path / "c", "", **metrics(0.6, 0.7)))
    assert [each.metric for each in thrice.headline()] == ["models[m].auc_mean"]
    assert "studies.a.gain" in "\n".join(thrice.lines(everything=True))


def test_runs_of_two_analyses_are_not_compared(tmp_path):
    one = a_run(tmp_path / "a", "", auc=1.0)
    two = a_run(tmp_path / "b", "", analysis="delta-c9", auc=1.0)
    with pytest.raises(InputError, match="two runs of one analysis"):
        compare_runs(one, two)
    with pytest.raises(InputError, match="finished run"):
        compare_runs(one, tmp_path / "none")
