"""A run of continuum suppression whose recommended model sculpts Mbc says so before anything else."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import expit

from hepsets.analyses.continuum_suppression import print_summary
from hepsets.analyses.continuum_suppression.comparison import ClassCounts, ComparisonResult
from hepsets.analyses.continuum_suppression.config import BDT, OURS
from hepsets.analyses.continuum_suppression.page import _crown
from hepsets.analyses.continuum_suppression.recommended import recommended, sculpting_warning
from hepsets.evaluate.scores.background_at import background_at, background_gain
from hepsets.evaluate.scores.classification import classify
from hepsets.evaluate.scores.sculpting import measure_sculpting

RANDOM = np.random.default_rng(4)
LABEL = RANDOM.random(6000) < 0.5
MBC = np.where(LABEL, RANDOM.normal(5.2795, 0.003, 6000), RANDOM.uniform(5.24, 5.29, 6000))
LOGIT = LABEL + RANDOM.normal(size=6000)
HONEST, SCULPTING = expit(LOGIT), expit(LOGIT - 100 * np.abs(MBC - 5.2795))


def judged(name: str, scores: np.ndarray) -> SimpleNamespace:
    left = background_at(LABEL, scores)
    quality = classify(LABEL, scores)
    return SimpleNamespace(
        name=name,
        left=left,
        auc=quality.auc,
        gain=background_gain(left, background_at(LABEL, HONEST)),
        gain_over_tag=None,
        seed_spread=None,
        seed_gains=(),
        dependence={},
        sculpting={"mbc": measure_sculpting("mbc", MBC, LABEL, scores)},
    )


def run_of(*models: SimpleNamespace) -> SimpleNamespace:
    """A run with one comparison."""
    counts = ClassCounts.of(SimpleNamespace(columns={"label": LABEL}))
    comparisons = {"tagged": ComparisonResult("tagged", counts, counts, None, models)}
    return SimpleNamespace(comparisons=comparisons, off_resonance=None, samples=SimpleNamespace(told=()))


@pytest.mark.parametrize("name", [OURS, BDT])
def test_the_first_line_says_that_the_recommended_model_sculpts(name, capsys) -> None:
    others = [] if name == BDT else [judged(BDT, HONEST)]
    print_summary(run_of(*others, judged(name, SCULPTING)))
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith(f"WARNING: {name}, the recommended model, sculpts Mbc (p = ")


def test_weights_of_off_resonance_data_that_do_not_close_are_told_first(capsys) -> None:
    run = run_of(judged(BDT, SCULPTING))
    run.off_resonance = SimpleNamespace(warning="the weights do not close")
    print_summary(run)
    assert capsys.readouterr().out.splitlines()[0] == "WARNING: the weights do not close."


def test_a_run_whose_recommended_model_leaves_mbc_alone_begins_with_its_table(capsys) -> None:
    # another model may sculpt: it is not the one that anybody is told to use
    models = (judged(BDT, SCULPTING), judged(OURS, HONEST))
    assert recommended(models).name == OURS
    print_summary(run_of(*models))
    assert "WARNING" not in capsys.readouterr().out


def test_a_p_value_that_is_not_a_number_warns_and_missing_mbc_does_not() -> None:
    strange = SimpleNamespace(name=BDT, sculpting={"mbc": SimpleNamespace(p_value=float("nan"))})
    assert sculpting_warning([strange])
    assert not sculpting_warning([SimpleNamespace(name=BDT, sculpting={})])


def test_no_model_is_called_best_that_was_trained_once() -> None:
    once, often = judged(OURS, expit(3 * LOGIT)), judged(OURS, expit(3 * LOGIT))
    often.seed_gains, often.seed_spread = (0.3, 0.3), 0.001
    worse = judged(BDT, expit(RANDOM.normal(size=6000)))
    said = [_crown(run_of(worse, model).comparisons["tagged"], model) for model in (once, often)]
    assert said == [
        "Each model was trained once, so none is called best.",
        "No other model leaves as little (two paired errors).",
    ]
